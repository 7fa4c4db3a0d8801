// Joining with an X.509 certificate. (certificate_cluster.test.mjs has real replicas.)
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { afterEach, test } from "node:test";
import { concat, fromHex, toHex } from "../../client-js/src/bytes.js";
import { word } from "../../client-js/src/crypto.js";
import { Cluster, joinWithCertificate, Refused, Usage } from "../../client-js/src/index.js";
import { makeAuthority, makeMember, memberKinds } from "./certificates.mjs";
import { FakeGroup } from "./fake_replicas.mjs";

const cleanup = [];
afterEach(async () => {
  for (const act of cleanup.splice(0).reverse()) await act();
});
async function fakes() {
  const group = await FakeGroup.start();
  cleanup.push(() => group.stop());
  const cluster = await Cluster.open(group.genesis, { timeout: 5000 });
  cleanup.push(() => cluster.close());
  return { group, cluster };
}
const ordered = ({ replicas }) =>
  replicas.flatMap(({ heard }) => heard).find(({ operation }) => operation)?.operation;
const authority = makeAuthority();

for (const [kind, options] of memberKinds)
  test(`a key of ${kind} signs the join, and what f+1 found is ordered`, async () => {
    const { group, cluster } = await fakes();
    const member = makeMember(authority, "Anna", kind, options);
    // ECDSA's numbers are now and then shorter than 32 bytes, or look negative.
    for (let i = 0; i < (kind === "ec" ? 12 : 1); ++i) {
      const client = await joinWithCertificate(cluster, member);
      assert.equal(client.principal, "somebody");
      await client.leave();
    }
    const { type, identity, begin, tokens } = ordered(group);
    assert.equal(type, "identified_join");
    assert.deepEqual([identity.kind, identity.subject], ["certificate", "CN=Anna"]);
    assert.equal(begin.identification.kind, "certificate");
    assert.equal(tokens.length, 2);
    assert.ok(!JSON.stringify(ordered(group)).includes("chain"), "certificates are not ordered");
  });

test("a key that no script can read serves, too, and intermediate certificates go along", async () => {
  const { group, cluster } = await fakes();
  const { publicKey, privateKey } = await crypto.subtle.generateKey(
    { name: "ECDSA", namedCurve: "P-256" },
    false,
    ["sign", "verify"],
  );
  const spki = Buffer.from(await crypto.subtle.exportKey("spki", publicKey));
  const own = authority.issue("Bert", { export: () => spki });
  const client = await joinWithCertificate(cluster, {
    certificate: `Bert's:\n${own}${authority.pem}`,
    key: privateKey,
  });
  assert.equal(ordered(group).identity.subject, "CN=Bert");
  const { proof } = group.replicas[0].heard.find(({ type }) => type === "identify");
  assert.equal(proof.chain.length, 2);
  await client.leave();
});

test("a certificate is of no use with another key", async () => {
  const { cluster } = await fakes();
  const [anna, eve] = ["Anna", "Eve"].map((name) => makeMember(authority, name, "ed25519"));
  await assert.rejects(
    joinWithCertificate(cluster, { certificate: anna.certificate, key: eve.key }),
    (error) => error instanceof Refused && error.code === "not_bound",
  );
});

test("what the key signs is what the vectors say", () => {
  const golden = (name) =>
    JSON.parse(readFileSync(new URL(`../vectors/${name}.json`, import.meta.url), "utf8"));
  const { cluster } = golden("requests");
  const one = Object.values(golden("session")).find((each) => each.certificate_signed_bytes);
  const said = concat([word("prytany certificate"), fromHex(cluster), fromHex(one.digest)]);
  assert.equal(toHex(said), one.certificate_signed_bytes);
});

test("what is no certificate or no key is refused before anything is sent", async () => {
  const { group, cluster } = await fakes();
  const { certificate, key } = makeMember(authority, "Anna", "ed25519");
  const huge = `-----BEGIN CERTIFICATE-----\n${"A".repeat(6000)}\n-----END CERTIFICATE-----\n`;
  for (const bad of ["", undefined, key, certificate.repeat(5), huge])
    await assert.rejects(
      joinWithCertificate(cluster, { certificate: bad, key }),
      (error) => error instanceof Usage && error.code === "bad_certificate",
      String(bad).slice(0, 40),
    );
  const { privateKey } = await crypto.subtle.generateKey("X25519", false, ["deriveBits"]);
  const broken = key.replace(/[A-Za-z0-9]{8}\n-----END/, "AAAAAAAA\n-----END").slice(0, 60);
  for (const bad of ["", undefined, certificate, privateKey, broken])
    await assert.rejects(
      joinWithCertificate(cluster, { certificate, key: bad }),
      (error) => error instanceof Usage && error.code === "bad_key",
      String(bad).slice(0, 40),
    );
  assert.ok(!group.replicas.some(({ heard }) => heard.some(({ type }) => type === "identify")));
});
