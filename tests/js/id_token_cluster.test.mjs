// Joining with an ID token where real replicas run examples/guild.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { generateKeyPairSync, sign } from "node:crypto";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import {
  ApplicationError,
  Cluster,
  Credential,
  idTokenNonce,
  joinWithIdToken,
  Refused,
} from "../../client-js/src/index.js";
import { DevCluster, program } from "./dev_cluster.mjs";

let replicas, cluster, key;
before(async () => {
  replicas = await DevCluster.start(
    fileURLToPath(new URL("../../examples/guild", import.meta.url)),
  );
  cluster = await Cluster.open(replicas.genesis);
  const pair = generateKeyPairSync("rsa", { modulusLength: 2048 });
  key = pair.privateKey;
  const jwk = { ...pair.publicKey.export({ format: "jwk" }), kid: "one", use: "sig" };
  execFileSync(program, [
    "call",
    "trust_issuer",
    "issuer=https://id.example",
    "audience=guild",
    `keys=${JSON.stringify({ keys: [jwk] })}`,
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

const part = (object) => Buffer.from(JSON.stringify(object)).toString("base64url");
function token(nonce, more = {}) {
  const said = `${part({ alg: "RS256", kid: "one" })}.${part({
    iss: "https://id.example",
    sub: "u-5",
    aud: "guild",
    email: "Anna@Guild.example",
    email_verified: true,
    exp: Math.floor(Date.now() / 1000) + 300,
    nonce,
    ...more,
  })}`;
  return `${said}.${sign("sha256", Buffer.from(said), key).toString("base64url")}`;
}

test("a member of the guild joins with a token, and nobody else with the same", async () => {
  let seen;
  const anna = await joinWithIdToken(cluster, { idToken: (nonce) => (seen = token(nonce)) });
  assert.equal(anna.principal, "member:anna@guild.example");
  assert.equal((await anna.call("write_note", { text: "hello" })).changes, 1);
  const code = (wanted) => (error) =>
    error instanceof Refused ? error.code === wanted : assert.fail(String(error));
  await assert.rejects(joinWithIdToken(cluster, { idToken: seen }), code("not_bound"));
  await assert.rejects(
    joinWithIdToken(cluster, { idToken: (nonce) => token(nonce, { exp: 1 }) }),
    code("proof_expired"),
  );
  await assert.rejects(
    joinWithIdToken(cluster, { idToken: (nonce) => token(nonce, { email_verified: false }) }),
    (error) => error instanceof ApplicationError && error.code === "email_not_verified",
  );
  await anna.leave();
});

test("one token serves several joins of who holds its credential", async () => {
  const credential = await Credential.generated();
  const idToken = token(await idTokenNonce(credential, cluster));
  for (let i = 0; i < 2; ++i) {
    const client = await joinWithIdToken(cluster, { credential, idToken });
    assert.equal(client.role, "member");
    await client.leave();
  }
});
