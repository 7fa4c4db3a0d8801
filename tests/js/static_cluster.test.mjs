// Clients that genesis lists, where real replicas run: nobody joins, and sessions go on.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import {
  attachStatic,
  Cluster,
  Credential,
  openStatic,
} from "../../client-js/src/index.js";
import { DevCluster, program } from "./dev_cluster.mjs";

const anna = await Credential.generated();
const bert = await Credential.generated();
let replicas, cluster;

before(async () => {
  replicas = await DevCluster.start(fileURLToPath(new URL("application", import.meta.url)), {
    clients: [
      { principal: "station Anna", role: "guest", key: anna.publicKey },
      { principal: "station Bert", role: "guest", key: bert.publicKey },
    ],
  });
  cluster = await openStatic(replicas.genesis);
});
after(async () => {
  cluster?.close();
  await replicas?.stop();
});

test("genesis of format 2 is read, and is the same cluster to others", async () => {
  const file = join(replicas.folder, "cluster", "genesis.json");
  const verified = execFileSync(program, ["genesis", "verify", file], { encoding: "utf8" });
  assert.ok(verified.includes(cluster.fingerprint), verified);
  assert.deepEqual(
    cluster.clients.map(({ principal, role }) => [principal, role]),
    [
      ["administrator", "admin"],
      ["station Anna", "guest"],
      ["station Bert", "guest"],
    ],
  );
  await assert.rejects(Cluster.open(replicas.genesis), { code: "bad_genesis" });
  const altered = JSON.parse(replicas.genesis);
  altered.clients.pop();
  const other = await openStatic(altered).catch((error) => error);
  assert.notEqual(other.fingerprint, cluster.fingerprint);
  const without = { ...altered, clients: undefined };
  await assert.rejects(openStatic(without), { code: "bad_genesis" });
});

test("a listed client asks without joining, and again when it starts anew", async () => {
  const client = await attachStatic(cluster, { credential: anna });
  assert.equal(client.principal, "station Anna");
  assert.equal(client.role, "guest");
  assert.equal(client.sessionId, 2);
  const answer = await client.call("sign", { text: "one" }, { linger: 3000 });
  assert.deepEqual(answer.agreement, { agreed: [0, 1, 2, 3], differed: [], silent: [] });
  await Promise.all(
    Array.from({ length: 100 }, (_, i) => client.call("sign", { text: `more ${i}` })),
  );
  await client.leave();
  assert.equal(client.ended, "left");
  const anew = await openStatic(JSON.parse(replicas.genesis));
  const again = await attachStatic(anew, { credential: anna });
  await again.call("sign", { text: "anew" });
  const written = await again.query("SELECT count(*) FROM entries");
  anew.close();
  assert.equal(written.value(), 102, "each once, by numbers with gaps");
});

test("two listed clients share a cluster's connections", async () => {
  const clients = await Promise.all(
    [anna, bert].map((credential) => attachStatic(cluster, { credential })),
  );
  const answers = await Promise.all(
    clients.map((client) => client.call("sign", { text: client.principal })),
  );
  assert.equal(answers.length, 2);
  for (const client of clients) await client.leave();
});

test("whom genesis does not list is nobody, and cannot join", async () => {
  await assert.rejects(attachStatic(cluster, { credential: await Credential.generated() }), {
    code: "not_listed",
  });
  await assert.rejects(attachStatic(cluster, {}), { code: "not_listed" });
  await assert.rejects(
    cluster.join({ credential: anna, timeout: 5000 }),
    (error) => error.code === "static_clients",
  );
});

test("where requests are signed, those of one moment share a signature that real replicas take", async () => {
  const application = fileURLToPath(new URL("application", import.meta.url));
  const signed = await DevCluster.start(application, { set: ["requests=signed"] });
  let group;
  try {
    group = await Cluster.open(signed.genesis);
    const client = await group.join({ name: "Carla" });
    const checked = async () => {
      const all = [0, 1, 2, 3].map(async (id) => (await fetch(`${signed.url(id)}status`)).json());
      return (await Promise.all(all)).reduce((sum, one) => sum + one.signatures_checked, 0);
    };
    const before = await checked();
    const asked = 48;
    const calls = Array.from({ length: asked }, (_, i) => client.call("sign", { text: `${i}` }));
    for (const { agreement } of await Promise.all(calls)) assert.ok(agreement.agreed.length >= 2);
    const cost = (await checked()) - before;
    assert.ok(cost > 0 && cost < 4 * (asked / 2), `${cost} signatures checked, of 4 x ${asked}`);
  } finally {
    group?.close();
    await signed.stop();
  }
});
