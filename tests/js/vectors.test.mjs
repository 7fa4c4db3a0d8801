// The client's own modules on the golden vectors: what they encode, hash, sign and accept.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { concat, fromHex, toHex, utf8 } from "../../client-js/src/bytes.js";
import * as codec from "../../client-js/src/codec.js";
import * as crypto from "../../client-js/src/crypto.js";
import {
  Credential,
  credentialPublicKey,
  fingerprint,
  generateCode,
  real,
  Usage,
} from "../../client-js/src/index.js";
import { learn as learnChanges } from "../../client-js/src/subscription.js";
import { learn as learnFastReads } from "../../client-js/src/fast_read.js";
import { learn as learnBundles } from "../../client-js/src/one_connection.js";
import { learn as learnIdentities } from "../../client-js/src/identity.js";
import { learn } from "../../client-js/src/explain.js";
import { readGenesis } from "../../client-js/src/genesis.js";
import { makeRequest } from "../../client-js/src/session.js";
import { makeSigning } from "../../client-js/src/signing.js";
import { fromWire, toJson, toWire } from "../../client-js/src/values.js";

// In another order than that of the wire: pages import what they like.
learnBundles();
learn();
learnFastReads();
learnChanges();
learnIdentities();
const join = (...parts) => concat(parts);

const golden = (name) =>
  JSON.parse(readFileSync(new URL(`../vectors/${name}.json`, import.meta.url), "utf8"));
const hexOf = (type, value) => toHex(codec.encode(type, value));
/**
 * Operations that this client has no use for: installing is for the command line, null for
 * benchmarks.
 */
const unspoken = [
  "install",
  "upgrade, tried",
  "upgrade that goes back",
  "null",
  "reconfigure",
  "an operation of a later version",
];

test("every value is encoded as the vectors say", () => {
  for (const { name, value, encoded } of golden("values").cases)
    assert.equal(hexOf(codec.value, value), encoded, name);
});

test("every value survives being read and written again", () => {
  for (const { name, value, encoded } of golden("values").cases) {
    if (typeof value?.value === "object") continue; // a text that is not UTF-8 becomes bytes
    const read = fromWire(value, "bigint");
    const written = toWire(value?.type === "float" ? real(read) : read);
    assert.equal(hexOf(codec.value, JSON.parse(toJson(written))), encoded, name);
  }
});

test("requests: operation, body, digest, signature, and the message's text", async () => {
  const { session_seed, cluster, cases } = golden("requests");
  const { key, publicKey } = await crypto.signerFromSeed(fromHex(session_seed));
  for (const { name, message, ...want } of cases) {
    if (unspoken.includes(name)) continue;
    const operation = codec.encode(codec.operation, message.operation);
    assert.equal(toHex(operation), want.operation_encoded, name);
    const body = codec.encode(codec.requestBody, { ...message, signer: publicKey, operation });
    assert.equal(toHex(body), want.body_encoded, name);
    const digest = await crypto.hash("prytany request", body);
    assert.equal(toHex(digest), want.digest, name);
    const said = join(crypto.word("prytany signed request"), fromHex(cluster), digest);
    assert.equal(await crypto.sign(key, said), want.signature, name);
    assert.deepEqual(JSON.parse(toJson(message)), message, name);
  }
});

test("requests that are signed together: the signature, the branch and the place of each", async () => {
  const { session_seed, cluster, together } = golden("requests");
  const signer = await crypto.signerFromSeed(fromHex(session_seed));
  const sign = makeSigning(fromHex(cluster), signer.key);
  const made = await Promise.all(
    together.messages.map(({ session, number, operation }) =>
      makeRequest(signer, session, number, operation),
    ),
  );
  const alone = sign(made[0].digest); // the others wait for it
  const all = await Promise.all(made.map(({ digest }) => sign(digest)));
  assert.deepEqual(Object.keys(await alone), ["signature"]);
  assert.deepEqual(
    all,
    together.messages.map(({ signature, branch, place }) => ({ signature, branch, place })),
  );
});

test("a connection: what the hello signs, the shared secret, the key of tags", async () => {
  const { hello: one } = golden("session");
  const said = join(
    crypto.word("prytany client hello"),
    codec.encode(codec.clientHello, one.hello),
    codec.encode(codec.serverHello, one.hello_ok),
  );
  assert.equal(toHex(said), one.signed_bytes);
  const key = await crypto.verifier(fromHex(one.public_key));
  assert.ok(await crypto.verify(key, fromHex(one.hello_ok.signature), said));
  said[40] ^= 1;
  assert.ok(!(await crypto.verify(key, fromHex(one.hello_ok.signature), said)));
  said[40] ^= 1;
  const pkcs8 = join(fromHex("302e020100300506032b656e04220420"), fromHex(one.client_secret));
  const mine = await globalThis.crypto.subtle.importKey("pkcs8", pkcs8, "X25519", false, [
    "deriveBits",
  ]);
  const secret = await crypto.agree(mine, fromHex(one.hello_ok.key));
  assert.equal(toHex(secret), one.shared_secret);
  assert.equal(toHex(await crypto.hkdf(secret, await crypto.sha256(said), one.info)), one.tag_key);
});

test("keys that agree on nothing are refused", async () => {
  const { key } = await crypto.newAgreement();
  const smallOrder = [
    "00".repeat(32),
    "01" + "00".repeat(31),
    "ed" + "ff".repeat(30) + "7f",
    "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
  ];
  for (const bad of [...smallOrder, "00", ""])
    await assert.rejects(crypto.agree(key, fromHex(bad)), Error, bad);
});

test("a join: its encoding, its digest, what the credential and the replicas sign", async () => {
  const { cluster, join: one } = golden("session");
  const begin = one.join_begin;
  assert.equal(hexOf(codec.joinBegin, begin), one.encoded);
  assert.equal(toHex(await crypto.hash("prytany join", fromHex(one.encoded))), one.digest);
  const credential = new Credential(await crypto.signerFromSeed(fromHex(one.credential_seed)));
  const who = begin.identification;
  assert.equal(await credential.identify(fromHex(cluster), { ...begin, ...who }), who.signature);
  for (const token of one.tokens) {
    const said = join(
      crypto.word("prytany join token"),
      fromHex(cluster),
      fromHex(one.digest),
      codec.encode(codec.name, token.address),
      codec.encode(codec.i64, token.expires),
    );
    assert.equal(toHex(said), token.signed_bytes);
  }
});

test("every message to a client: encoding, reply digest, tag", async () => {
  const { cluster, replica, tag_key, cases } = golden("replies");
  const key = await crypto.macKey(fromHex(tag_key));
  for (const { name, message, ...want } of cases) {
    // The answer to a benchmark's operation, and what is signed, in another form, instead of tagged.
    if (name.includes("null") || name === "hello_ok") continue;
    // This client does not follow changes of members' keys (docs/reference/js-client.md).
    if (name === "configurations") continue;
    assert.equal(hexOf(codec.toClient, message), want.encoded, name);
    let tagged = message;
    if (message.type === "reply" || message.type === "bundle") {
      const reply = await crypto.hash(
        "prytany reply",
        fromHex(cluster),
        codec.encode(codec.reply, message),
      );
      assert.equal(toHex(reply), want.reply_digest, name);
      tagged = { ...message, type: "reply_digest", reply: toHex(reply) };
    }
    const said = join(
      crypto.word("prytany tag"),
      fromHex(cluster),
      codec.encode(codec.u16, replica),
      codec.encode(codec.toClient, tagged),
    );
    assert.equal(toHex(said), want.tagged_bytes, name);
    assert.equal(await crypto.tagOf(key, said), message.tag, name);
  }
});

test("what is of no type is refused, whatever it is", () => {
  const reply = golden("replies").cases.find(({ name }) => name === "reply: results").message;
  codec.encode(codec.toClient, reply);
  const spoil = {
    session: [5, "05", "-1", "18446744073709551616", null, "", "5 "],
    seq: [undefined, "1e3"],
    agreed: ["-0", "9223372036854775808"],
    request: ["AB".repeat(32), "ab", 7, null],
    outcome: [
      null,
      [],
      {},
      { type: "results" },
      { type: "toString" },
      { type: "error", code: "a" },
    ],
  };
  for (const [field, values] of Object.entries(spoil))
    for (const value of values)
      assert.throws(
        () => codec.encode(codec.toClient, { ...reply, [field]: value }),
        Usage,
        `${field} = ${JSON.stringify(value)}`,
      );
  for (const value of [
    undefined,
    1,
    "x",
    { type: "integer", value: 1 },
    { type: "float", value: "1" },
    { type: "float", value: NaN },
    { type: "text", value: "\udc00" },
    { type: "blob", base64: "*" },
  ])
    assert.throws(() => codec.encode(codec.value, value), Usage, JSON.stringify(value));
});

// ---- codes, keys, genesis -----------------------------------------------------------------------

const cluster = (id) => ({ checked: { id: fromHex(id) } });

test("codes give the keys that the roll holds, however they are typed", async () => {
  const { cluster: id, codes, refused_codes } = golden("primitives");
  for (const { code, public_key } of codes)
    assert.equal(await credentialPublicKey(code, cluster(id)), public_key, code);
  for (const code of refused_codes)
    await assert.rejects(
      Credential.code(code, cluster(id)),
      (e) => e instanceof Usage && e.code === "bad_code",
    );
  for (const code of ["01234567é9ABCDEFGHJKMNPQRS", "0123456789ABCDEFGHJKMNPQRSTVWX".repeat(3)])
    await assert.rejects(Credential.code(code, cluster(id)), { code: "bad_code" });
});

test("codes are generated of 26 random digits in groups of four, and can be used", async () => {
  const { cluster: id } = golden("primitives");
  const codes = new Set();
  for (let i = 0; i < 200; ++i) {
    const code = generateCode();
    assert.match(code, /^([0-9A-HJKMNP-TV-Z]{4}-){6}[0-9A-HJKMNP-TV-Z]{2}$/);
    codes.add(code);
  }
  assert.equal(codes.size, 200);
  await Credential.code(codes.values().next().value, cluster(id));
});

test("a key file gives its key; anything else is refused in words", async () => {
  const { generateKeyPairSync } = await import("node:crypto");
  const { publicKey, privateKey } = generateKeyPairSync("ed25519");
  const pem = privateKey.export({ format: "pem", type: "pkcs8" });
  const raw = publicKey.export({ format: "der", type: "spki" }).subarray(12).toString("hex");
  assert.equal((await Credential.pem(pem)).publicKey, raw);
  const rsa = generateKeyPairSync("rsa", { modulusLength: 1024 }).privateKey.export({
    format: "pem",
    type: "pkcs8",
  });
  for (const bad of [
    "",
    "-----BEGIN PRIVATE KEY-----\n????\n-----END PRIVATE KEY-----",
    rsa,
    pem.slice(0, 70),
  ])
    await assert.rejects(Credential.pem(bad), (e) => e instanceof Usage && e.code === "bad_key");
});

test("private keys cannot be read, only used", async () => {
  const { key } = await crypto.newSigner();
  const fromSeed = (await crypto.signerFromSeed(new Uint8Array(32).fill(7))).key;
  for (const one of [key, fromSeed]) {
    assert.equal(one.extractable, false);
    await assert.rejects(globalThis.crypto.subtle.exportKey("pkcs8", one));
    await assert.rejects(globalThis.crypto.subtle.exportKey("jwk", one));
  }
});

test("genesis: its digest, its fingerprint, and that every member approved it", async () => {
  const { file, digest, fingerprint: people, encoded } = golden("genesis");
  assert.equal(await fingerprint(file), people);
  const read = await readGenesis(JSON.stringify(file));
  assert.equal(toHex(read.id), digest);
  assert.equal(read.members.length, file.members.length);
  assert.ok(encoded.length > 0);
});

test("a genesis that is wrong anywhere is refused, with the reason", async () => {
  const { file } = golden("genesis");
  const refused = async (change, why) => {
    const other = structuredClone(file);
    change(other);
    await assert.rejects(
      readGenesis(other),
      (e) => e instanceof Usage && e.code === "bad_genesis" && why.test(e.message),
      String(change),
    );
  };
  await refused((g) => {
    g.name += "!";
  }, /signature/);
  await refused((g) => {
    g.signatures.pop();
  }, /signed/);
  await refused((g) => {
    g.signatures = [];
  }, /signed/);
  await refused((g) => {
    g.signatures = g.signatures.map(() => g.signatures[0]);
  }, /signed/);
  await refused((g) => {
    g.signatures[0] = g.signatures[1];
  }, /signed/);
  await refused((g) => {
    g.signatures[0].signature = g.signatures[1].signature;
  }, /signature/);
  await refused((g) => {
    g.signatures[0].member = 99;
  }, /signature/);
  await refused((g) => {
    g.development = "no";
  }, /development: not true or false/);
  await refused((g) => {
    g.window = 2 ** 53;
  }, /window/);
  await refused((g) => {
    g.faults = 4;
  }, /faults/);
  await refused((g) => {
    g.members[1].key = g.members[0].key;
  }, /key/);
  await refused((g) => {
    g.members[1].key = "ab";
  }, /hex/);
  await refused((g) => {
    g.members = {};
  }, /genesis/);
  await refused((g) => {
    delete g.engine;
  }, /engine/);
  await refused((g) => {
    g.members[0].peer = "nowhere";
  }, /peer/);
  await refused((g) => {
    g.format = "prytany genesis 2";
  }, /format/);
  for (const bad of ["", "{", "[]", "null", "7"])
    await assert.rejects(fingerprint(bad), { code: "bad_genesis" });
});

test("a code is the same with whatever blanks it was pasted", async () => {
  const id = cluster("ab".repeat(32));
  const plain = await credentialPublicKey("7Q4M-0123-4567-89AB-CDEF-GHJK-MN", id);
  for (const blank of ["\u00a0", "\t", "\n", "\u202f", " - "]) {
    const pasted = `7Q4M${blank}0123${blank}4567 89ABCDEFGHJK${blank}MN${blank}`;
    assert.equal(await credentialPublicKey(pasted, id), plain);
  }
});
