// Joining with an ID token, and replicas that lie about what is in it. (id_token_cluster.test.mjs
// has real ones.)
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { afterEach, test } from "node:test";
import {
  Cluster,
  Credential,
  idTokenNonce,
  joinWithIdToken,
  NoQuorum,
  Usage,
} from "../../client-js/src/index.js";
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
const kinds = (replica) => replica.heard.map(({ type }) => type);
const ordered = ({ replicas }) =>
  replicas.flatMap(({ heard }) => heard).find(({ operation }) => operation)?.operation;

test("a token with the nonce is shown to all, and what f+1 found is ordered", async () => {
  const { group, cluster } = await fakes();
  const credential = await Credential.generated();
  let asked;
  const client = await joinWithIdToken(cluster, {
    credential,
    idToken: async (nonce) => ((asked = nonce), "the.id.token\n"),
  });
  assert.equal(client.principal, "somebody");
  assert.equal(asked, await idTokenNonce(credential, group.genesis));
  const bound = Buffer.concat([
    Buffer.from("\x10prytany id token"),
    group.cluster,
    Buffer.from(credential.publicKey, "hex"),
  ]);
  assert.equal(asked, createHash("sha256").update(bound).digest("base64url"));
  const { type, identity, tokens, begin } = ordered(group);
  assert.equal(type, "identified_join");
  assert.equal(identity.subject, "the.id.token");
  assert.equal(begin.identification.kind, "id_token");
  assert.equal(tokens.length, 2);
  assert.ok(kinds(group.replicas[0]).includes("identify"));
  assert.ok(!JSON.stringify(ordered(group)).includes("proof"), "tokens are not ordered");
  await client.call("anything");
});

test("a liar's finding is not ordered, nor is it counted with others'", async () => {
  const { group, cluster } = await fakes();
  group.replicas[0].behaviour.subject = () => "eve";
  group.replicas[1].behaviour.tokenKey = group.replicas[2].privateKey;
  group.replicas[2].behaviour.delay = 100;
  group.replicas[3].behaviour.delay = 150;
  const client = await joinWithIdToken(cluster, { idToken: "anna" });
  assert.equal(ordered(group).identity.subject, "anna");
  assert.deepEqual(
    ordered(group).tokens.map(({ replica }) => replica),
    [2, 3],
  );
  assert.equal(cluster.replicas[1].standing.differed, 1);
  await client.leave();
});

test("without f+1 that found the same nobody joins", async () => {
  const { group, cluster } = await fakes();
  for (const replica of group.replicas) replica.behaviour.subject = () => `subject ${replica.id}`;
  await assert.rejects(
    joinWithIdToken(cluster, { idToken: "anna", timeout: 500 }),
    (error) => error instanceof NoQuorum,
  );
});

test("no token at all is the caller's mistake", async () => {
  const { cluster } = await fakes();
  for (const idToken of ["", " \n", undefined, () => null, "x".repeat(9000)])
    await assert.rejects(joinWithIdToken(cluster, { idToken }), Usage);
});
