// The conversation in docs/reference/json-protocol.md is true: every signature, digest and tag in
// it.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { concat, fromHex, toHex } from "../../client-js/src/bytes.js";
import * as codec from "../../client-js/src/codec.js";
import * as crypto from "../../client-js/src/crypto.js";

const join = (...parts) => concat(parts);

const page = readFileSync(
  new URL("../../docs/reference/json-protocol.md", import.meta.url),
  "utf8",
);
const part = page.slice(page.indexOf("## A whole conversation"));
const values = (name) =>
  [...part.matchAll(new RegExp(`^${name} +([0-9a-f]+)$`, "gm"))].map(([, hex]) => hex);
const said = [...part.matchAll(/^([<>]) (\{.*\})$/gm)].map(([, side, text]) => ({
  side,
  message: JSON.parse(text),
}));
const of = (side, type) =>
  said
    .filter((one) => one.side === side && one.message.type === type)
    .map(({ message }) => message);
const [cluster] = values("cluster").map(fromHex);

test("the hello proves the replica and gives the key", async () => {
  const [hello] = of(">", "hello"),
    [ok] = of("<", "hello_ok");
  const bytes = join(
    crypto.word("prytany client hello"),
    codec.encode(codec.clientHello, hello),
    codec.encode(codec.serverHello, ok),
  );
  assert.equal(toHex(bytes), values("signed bytes")[0]);
  const replica = await crypto.verifier(fromHex(values("replica 0's key")[0]));
  assert.ok(await crypto.verify(replica, fromHex(ok.signature), bytes));
  const seed = join(fromHex("302e020100300506032b656e04220420"), fromHex(values("ephemeral")[0]));
  const mine = await globalThis.crypto.subtle.importKey("pkcs8", seed, "X25519", false, [
    "deriveBits",
  ]);
  const secret = await crypto.agree(mine, fromHex(ok.key));
  assert.equal(toHex(secret), values("shared secret")[0]);
  assert.equal(
    toHex(await crypto.hkdf(secret, await crypto.sha256(bytes), "prytany client tag")),
    values("key")[0],
  );
});

test("the join is signed by the credential, and the replica's token is its own", async () => {
  const [begin] = of(">", "join_begin"),
    [token] = of("<", "join_token");
  const { key, publicKey } = await crypto.signerFromSeed(fromHex(values("credential")[0]));
  const who = begin.identification;
  assert.equal(publicKey, who.credential);
  const claim = codec.encode(codec.credentialClaim, { ...begin, kind: who.kind, name: who.name });
  assert.equal(
    await crypto.sign(key, join(crypto.word("prytany credential"), cluster, claim)),
    who.signature,
  );
  const digest = await crypto.hash("prytany join", codec.encode(codec.joinBegin, begin));
  assert.deepEqual(
    [toHex(digest), token.join],
    [values("join digest")[0], values("join digest")[0]],
  );
  const bytes = join(
    crypto.word("prytany join token"),
    cluster,
    digest,
    codec.encode(codec.name, token.address),
    codec.encode(codec.i64, token.expires),
  );
  const replica = await crypto.verifier(fromHex(values("replica 0's key")[0]));
  assert.ok(await crypto.verify(replica, fromHex(token.signature), bytes));
});

test("each request has the digest and the signature that its bytes give, and its answer names it", async () => {
  const { key, publicKey } = await crypto.signerFromSeed(fromHex(values("session")[0]));
  const requests = of(">", "request"),
    answers = [...of("<", "reply"), ...of("<", "reply_digest")];
  assert.equal(requests.length, 4);
  for (const [i, message] of requests.entries()) {
    assert.equal(message.signer, publicKey);
    const operation = codec.encode(codec.operation, message.operation);
    const digest = await crypto.hash(
      "prytany request",
      codec.encode(codec.requestBody, { ...message, operation }),
    );
    assert.equal(toHex(digest), values("request digest")[i]);
    const bytes = join(crypto.word("prytany signed request"), cluster, digest);
    assert.equal(await crypto.sign(key, bytes), message.signature);
    assert.equal(answers.filter(({ request }) => request === toHex(digest)).length, 1);
  }
});

test("the answer to a public read names what was asked", async () => {
  const [read] = of(">", "read");
  const [{ question }] = of("<", "read_reply");
  const digest = await crypto.hash("prytany public read", codec.encode(codec.publicRead, read));
  assert.equal(question, toHex(digest));
  assert.equal(question, values("question")[0]);
});

test("every message after the hello carries the right tag", async () => {
  const key = await crypto.macKey(fromHex(values("key")[0]));
  const tagged = said.filter(({ side, message }) => side === "<" && message.type !== "hello_ok");
  assert.equal(tagged.length, 8);
  for (const { message } of tagged) {
    let form = message;
    if (message.type === "reply") {
      const reply = await crypto.hash("prytany reply", cluster, codec.encode(codec.reply, message));
      form = { ...message, type: "reply_digest", reply: toHex(reply) };
    }
    const bytes = join(
      crypto.word("prytany tag"),
      cluster,
      codec.encode(codec.u16, 0),
      codec.encode(codec.toClient, form),
    );
    assert.equal(await crypto.tagOf(key, bytes), message.tag, message.type);
  }
});
