// The client against real replicas: `prytany dev` as processes, one of them killed and restarted.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import {
  ApplicationError,
  Client,
  Cluster,
  Credential,
  explainCall,
  explainSql,
  explainTransaction,
  fastCall,
  fastQuery,
  oneConnection,
  Real,
  real,
  Refused,
  subscribe,
  transaction,
  Usage,
  watch,
} from "../../client-js/src/index.js";
import { DevCluster, program } from "./dev_cluster.mjs";

let replicas, cluster;

before(async () => {
  replicas = await DevCluster.start(fileURLToPath(new URL("application", import.meta.url)));
  cluster = await Cluster.open(replicas.genesis);
});
after(async () => {
  cluster?.close();
  await replicas?.stop();
});

test("joins, calls, and every replica agrees", async () => {
  const client = await cluster.join({ name: "Anna" });
  assert.equal(client.role, "guest");
  const answer = await client.call("sign", { text: "Καλημέρα" }, { linger: 3000 });
  assert.deepEqual(answer.agreement, { agreed: [0, 1, 2, 3], differed: [], silent: [] });
  assert.equal(answer.changes, 1);
  assert.ok(Math.abs(answer.agreedUs / 1000 - Date.now()) < 60_000);
  const entries = await cluster.read("entries");
  assert.equal(entries.rows[0].text, "Καλημέρα");
  await client.leave();
  await assert.rejects(client.call("sign", { text: "late" }), Refused);
});

test("calls are tagged: replicas check no signature of theirs", async () => {
  const checked = async () =>
    (await statuses()).reduce((sum, { signatures_checked }) => sum + signatures_checked, 0);
  const client = await cluster.join();
  await client.call("sign", { text: "the key is shown" }, { linger: 3000 });
  const before = await checked();
  for (let i = 0; i < 20; ++i) await client.call("sign", { text: `tagged ${i}` });
  const more = (await checked()) - before;
  // Signed they were 80, one at each replica; checkpoints and words for stragglers are a few.
  assert.ok(more < 40, `${more} signatures`);
  await client.leave();
});

const statuses = () =>
  Promise.all([0, 1, 2, 3].map(async (id) => (await fetch(`${replicas.url(id)}status`)).json()));
async function until(condition, what) {
  for (const end = Date.now() + 20_000; !(await condition()); )
    if (Date.now() > end) assert.fail(`waited in vain: ${what}`);
    else await new Promise((resolve) => setTimeout(resolve, 20));
}

test("reads that are not ordered see what was written before, and take no number", async () => {
  const client = await cluster.join();
  for (let i = 0; i < 10; ++i) {
    await client.call("sign", { text: `read ${i}` });
    const before = await client.query("SELECT max(id) AS newest FROM entries");
    const { rows, seq, agreedUs, agreement } = await fastCall(client, "entries");
    assert.equal(rows[0].text, `read ${i}`);
    assert.ok(seq >= before.seq - 1 && agreedUs > 0 && agreement.agreed.length >= 3);
    const { newest } = (await fastQuery(client, "SELECT max(id) AS newest FROM entries")).one();
    assert.equal(newest, before.one().newest);
  }
  const first = (await client.query("SELECT 1")).seq;
  for (let i = 0; i < 10; ++i) await fastQuery(client, "SELECT ?", [i]);
  // Those that are out of step for a moment are ordered after all: they are few.
  const ordered = (await client.query("SELECT 1")).seq - first - 1;
  assert.ok(ordered < 8, `${ordered} of 10 were ordered`);
  await assert.rejects(fastQuery(client, "DELETE FROM entries"), { code: "not_read_only" });
  await assert.rejects(fastCall(client, "nothing"), { code: "unknown_procedure" });
  await client.leave();
});

test("with one connection replicas serve as before, also when the gateway is killed", async () => {
  const own = await Cluster.open(replicas.genesis);
  try {
    const client = await own.join();
    const road = oneConnection(client);
    const isAlone = () => own.replicas.filter(({ connected }) => connected).length === 1;
    await until(() => road.gateway !== null && isAlone(), "one connection");
    for (let i = 0; i < 50; ++i) {
      const answer = await client.call("sign", { text: `through ${i}` });
      assert.ok(answer.agreement.agreed.length >= 2);
    }
    const many = Array.from({ length: 200 }, (_, i) => client.call("sign", { text: `many ${i}` }));
    assert.equal(new Set((await Promise.all(many)).map((answer) => answer.one().id)).size, 200);
    await until(() => road.gateway !== null && isAlone(), "one connection");
    const { gateway } = road;
    replicas.kill(gateway);
    const { id } = (await client.call("sign", { text: "after the kill" })).one();
    replicas.restart(gateway);
    await until(() => road.gateway !== null && isAlone(), "another gateway");
    const { rows } = await client.call("entries");
    const once = rows.filter(({ text }) => text === "after the kill");
    assert.deepEqual(once, [{ id, text: "after the kill" }]);
    assert.ok(own.replicas.every(({ standing: { differed } }) => differed === 0));
    await until(async () => (await own.status()).every(({ reachable }) => reachable), "all of them");
    await client.leave();
  } finally {
    own.close();
  }
});

test("the application's errors and SQL's come with their codes", async () => {
  const client = await cluster.join();
  await assert.rejects(
    client.call("sign", { text: "" }),
    (error) =>
      error instanceof ApplicationError &&
      error.code === "empty" &&
      error.procedure === "sign" &&
      error.statement === 1,
  );
  for (const [ask, code] of [
    [() => client.call("nothing"), "unknown_procedure"],
    [() => client.call("sign"), "missing_parameter"],
    [() => client.call("sign", { text: 5 }), "wrong_type"],
    [() => client.query("DELETE FROM entries"), "not_read_only"],
    [() => client.execute("SELEKT"), "SQLITE_ERROR"],
    [() => cluster.read("sign", { text: "x" }), "unknown_procedure"],
  ])
    await assert.rejects(
      ask,
      (error) => error instanceof ApplicationError && error.code === code,
      code,
    );
  await client.leave();
});

test("a transaction runs what its conditions say, and all or nothing of it", async () => {
  const client = await cluster.join();
  await client.execute("CREATE TABLE purse(id INTEGER PRIMARY KEY, coins CHECK(coins >= 0))");
  await client.execute("INSERT INTO purse VALUES(1, 10), (2, 0)");
  const move = (coins) =>
    transaction(client, [
      { sql: "UPDATE purse SET coins = coins - ? WHERE id = 1", positional: [coins], mayFail: true },
      {
        sql: "UPDATE purse SET coins = coins + ? WHERE id = 2",
        positional: [coins],
        when: { ok: 0 },
      },
      { sql: "SELECT sum(coins) FROM purse" },
    ]);
  const [taken, given, sum] = await move(7);
  assert.deepEqual([taken.changes, given.changes, sum.value()], [1, 1, 10]);
  const [refused, skipped] = await move(7);
  assert.equal(refused.code, "SQLITE_CONSTRAINT_CHECK");
  assert.ok(skipped.skipped);
  await assert.rejects(
    transaction(client, [
      { sql: "DELETE FROM purse" },
      { sql: "SELECT ensure(false, 'NO', 'not so')" },
    ]),
    ({ code, statement }) => code === "NO" && statement === 2,
  );
  const left = await client.query("SELECT coins FROM purse ORDER BY id");
  assert.deepEqual(left.values, [[3], [7]]);
  await client.leave();
});

test("what a call and a transaction would cost is told, and nothing is changed", async () => {
  const client = await cluster.join();
  const sign = await explainCall(client, "sign", { text: "never" }, { linger: 3000 });
  assert.equal(sign.statements.length, 4);
  assert.ok(sign.statements.every(({ steps, pages }) => steps > 0 && pages >= 0));
  assert.ok(sign.charged > 0 && sign.charged < sign.budget);
  assert.deepEqual([sign.error, sign.agreement.agreed], [null, [0, 1, 2, 3]]);
  assert.equal((await explainCall(client, "sign", { text: "" })).error.code, "empty");
  await assert.rejects(explainCall(client, "nothing"), { code: "unknown_procedure" });
  const steps = await explainTransaction(client, [
    { sql: "SELECT ensure(false, 'NO', 'not so')", mayFail: true },
    { sql: "DELETE FROM entries", when: { error: 0 } },
    { sql: "SELECT count(*) FROM entries", when: { ok: 0 } },
  ]);
  assert.deepEqual(
    steps.statements.map(({ sql }) => sql.split(" ")[0]),
    ["SELECT", "DELETE"],
  );
  assert.equal(steps.error, null);
  const { error } = await explainSql(client, "DELETE FROM entries", { readOnly: true });
  assert.equal(error.code, "not_read_only");
  assert.ok(!(await cluster.read("entries")).rows.some(({ text }) => text === "never"));
  await client.leave();
});

test("values survive SQLite exactly, and batches are one transaction", async () => {
  const client = await cluster.join();
  const values = [
    2n ** 63n - 1n,
    -(2n ** 63n),
    real(-0),
    0.1,
    "a\0b 🏛",
    new Uint8Array([0, 1, 255]),
    null,
    real(1e300),
  ];
  const {
    values: [row],
  } = await client.query("SELECT ?, ?, ?, ?, ?, ?, ?, ?", values);
  assert.deepEqual(
    row,
    values.map((value) => (value instanceof Real ? value.value : value)),
  );
  assert.ok(Object.is(row[2], -0));
  await assert.rejects(
    client.batch([
      "INSERT INTO entries(guest, text) VALUES ('x', 'gone')",
      "INSERT INTO nowhere VALUES (1)",
    ]),
    { code: "SQLITE_ERROR", statement: 2 },
  );
  const [, count] = await client.batch([
    { sql: "SELECT 1" },
    { sql: "SELECT count(*) FROM entries WHERE text = :t", named: { t: "gone" } },
  ]);
  assert.equal(count.value(), 0);
  await client.leave();
});

test("one live session per principal: the older is ended, and told", async () => {
  const credential = await Credential.generated();
  const older = await cluster.join({ credential });
  const ends = [];
  older.addEventListener("end", ({ reason }) => ends.push(reason));
  const newer = await cluster.join({ credential });
  assert.equal(older.principal, newer.principal);
  for (let i = 0; i < 200 && older.ended === null; ++i)
    await new Promise((resolve) => setTimeout(resolve, 10));
  assert.deepEqual([older.ended, ends], ["replaced", ["replaced"]]);
  await newer.leave();
});

test("an administrator's key file and a code join, too", async () => {
  const pem = replicas.file("admin.key");
  const admin = await Client.join({
    genesis: replicas.genesis,
    credential: await Credential.pem(pem),
    name: "desk",
  });
  assert.equal(admin.role, "admin");
  assert.match(admin.principal, /^admin:[0-9a-f]{16}\/desk$/);
  await admin.leave();
  const code = "7Q4M-0123-4567-89AB-CDEF-GHJK-MN";
  const credential = await Credential.code(code, cluster);
  const voter = await cluster.join({ credential });
  assert.equal(voter.principal, credential.publicKey); // "anyone": the principal is the key
  await voter.leave();
});

test("a replica is killed and comes back: nothing is lost, nothing runs twice", async () => {
  const client = await cluster.join();
  const count = async () =>
    (
      await client.query("SELECT count(*) FROM entries WHERE guest = ?", [client.principal])
    ).value();
  const signing = [];
  for (let i = 0; i < 30; ++i) {
    signing.push(client.call("sign", { text: `entry ${i}` }));
    if (i === 10) replicas.kill(2);
    await signing.at(-1);
  }
  assert.equal(await count(), 30);
  assert.deepEqual(
    (await client.call("sign", { text: "without" }, { linger: 100 })).agreement.silent,
    [2],
  );
  const status = await cluster.status();
  assert.deepEqual(
    status.map(({ reachable }) => reachable),
    [true, true, false, true],
  );

  replicas.restart(2);
  for (let i = 0; i < 1000 && !cluster.replicas[2].connected; ++i)
    await new Promise((resolve) => setTimeout(resolve, 10));
  assert.ok(cluster.replicas[2].connected);
  assert.equal(await count(), 31);
  await client.leave();
});

/** So many of them. */
async function take(subscription, many) {
  const taken = [];
  while (taken.length < many) taken.push((await subscription.next()).value);
  return taken;
}
/** Its position, once it has one. */
async function begun(subscription) {
  while (subscription.position === undefined) await new Promise((go) => setTimeout(go, 10));
  return subscription.position;
}

test("changes come in order while the primary is killed, and again after a position", async () => {
  const writer = await cluster.join();
  const reader = await Client.join({ genesis: replicas.genesis });
  const seen = subscribe(reader, { topics: ["entries"] });
  const start = await begun(seen);
  const told = take(seen, 30);
  const [{ primary }] = await cluster.status();
  for (let i = 0; i < 30; ++i) {
    if (i === 10) replicas.kill(primary);
    await writer.call("sign", { text: `change ${i}` });
  }
  const changes = await told;
  assert.deepEqual(
    changes.map(({ position, value }) => [position, value]),
    Array.from({ length: 30 }, (_, i) => [start + i + 1, `change ${i}`]),
  );
  assert.ok(changes.every(({ topic, missed, seq }) => topic === "entries" && !missed && seq > 0));
  assert.equal(seen.position, start + 30);
  await seen.return();
  assert.deepEqual(await seen.next(), { done: true, value: undefined });

  replicas.restart(primary);
  const again = subscribe(reader, { topics: ["entries"], after: start + 28 });
  assert.deepEqual(
    (await take(again, 2)).map(({ value }) => value),
    ["change 28", "change 29"],
  );
  await writer.call("sign", { text: "more" });
  for await (const { value } of again) {
    assert.equal(value, "more");
    break;
  }
  await reader.leave();
  await writer.leave();
});

test("a procedure is watched: its answer now, and after each change", async () => {
  const client = await cluster.join();
  const newest = [];
  for await (const { rows } of watch(client, "entries", {}, { topics: ["entries"] })) {
    newest.push(rows[0]?.text);
    if (newest.length === 3) break;
    await client.call("sign", { text: `watched ${newest.length}` });
  }
  assert.deepEqual(newest.slice(1), ["watched 1", "watched 2"]);
  await client.leave();
});

test("a subscription ends with its session, and when the caller or the cluster wants it", async () => {
  const client = await cluster.join();
  const news = subscribe(client, { topics: ["entries"] });
  await begun(news);
  await client.call("sign", { text: "new" });
  assert.equal((await news.next()).value.value, "new");
  await assert.rejects(subscribe(client, { topics: ["weather"] }).next(), {
    code: "unknown_topic",
  });
  const controller = new AbortController();
  const waiting = subscribe(client, { topics: ["entries"], signal: controller.signal }).next();
  controller.abort();
  await assert.rejects(waiting, { name: "AbortError" });
  for (const options of [undefined, {}, { topics: [] }, { topics: "entries" }, { topics: [5] }])
    assert.throws(() => subscribe(client, options), Usage);
  assert.throws(() => subscribe(client, { topics: ["entries"], after: -1 }), Usage);
  await client.leave();
  await assert.rejects(news.next(), Refused);
});

test("sixteen sessions over the same four connections", async () => {
  const clients = await Promise.all(Array.from({ length: 16 }, () => cluster.join()));
  assert.equal(new Set(clients.map(({ sessionId }) => sessionId)).size, 16);
  const answers = await Promise.all(
    clients.map((client, i) => client.call("sign", { text: `many ${i}` })),
  );
  assert.equal(new Set(answers.map((answer) => answer.one().id)).size, 16);
  await Promise.all(clients.map((client) => client.leave()));
});

test("prytany-liar names what it can lie about by words alone", () => {
  const help = execFileSync(`${program}-liar`, ["--help"], { encoding: "utf8" });
  const [, listed] = /--lie LIE:\{([^}]*)\}/.exec(help);
  const lies = "abstain checkpoints ended equivocate fetches flood heavy join pages poison receipt refusal silence slow status tally token view-changes withhold";
  assert.equal(listed.split(",").join(" "), lies);
  assert.doesNotMatch(help, /->\d|ENUM/);
  for (const lie of lies.split(" ")) assert.ok(help.includes(`${lie} (`), lie);
});
