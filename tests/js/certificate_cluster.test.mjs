// Joining with an X.509 certificate where real replicas run examples/guild.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { X509Certificate } from "node:crypto";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { Cluster, joinWithCertificate, Refused } from "../../client-js/src/index.js";
import { makeAuthority, makeMember, memberKinds } from "./certificates.mjs";
import { DevCluster, program } from "./dev_cluster.mjs";

const authority = makeAuthority("The guild's own");
let replicas, cluster;
before(async () => {
  replicas = await DevCluster.start(
    fileURLToPath(new URL("../../examples/guild", import.meta.url)),
  );
  cluster = await Cluster.open(replicas.genesis);
  const { fingerprint256 } = new X509Certificate(authority.pem);
  execFileSync(program, [
    "call",
    "trust_authority",
    `fingerprint=${fingerprint256.replace(/:/g, "").toLowerCase()}`,
    "name=the guild's own",
    `certificate=${authority.pem}`,
    "--cluster",
    join(replicas.folder, "cluster", "genesis.json"),
    "--key",
    join(replicas.folder, "cluster", "admin.key"),
  ]);
});
after(async () => {
  cluster?.close();
  await replicas?.stop();
});

for (const [kind, options] of memberKinds)
  test(`a member with a certificate and a key of ${kind} joins`, async () => {
    const member = makeMember(authority, `Anna of ${kind}`, kind, options);
    const client = await joinWithCertificate(cluster, member);
    assert.equal(client.principal, `member:cn=anna of ${kind}`);
    assert.equal((await client.call("write_note", { text: "hello" })).changes, 1);
    await client.leave();
  });

test("another authority's certificates, and others' keys, are refused", async () => {
  const [anna, eve] = ["Anna", "Eve"].map((name) => makeMember(authority, name, "ed25519"));
  const stranger = makeMember(makeAuthority(), "Anna", "ed25519");
  for (const [shown, code] of [
    [stranger, "untrusted_issuer"],
    [{ certificate: anna.certificate, key: eve.key }, "not_bound"],
  ])
    await assert.rejects(
      joinWithCertificate(cluster, shown),
      (error) => error instanceof Refused && error.code === code,
      code,
    );
});
