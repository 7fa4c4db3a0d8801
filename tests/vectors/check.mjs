// The golden vectors, checked by a second implementation: written from docs/wire.md, in JavaScript,
// with nothing but the runtime's own cryptography. Run: node tests/vectors/check.mjs
import { createHash, createHmac, createPrivateKey, createPublicKey, diffieHellman, hkdfSync, sign,
         verify } from "node:crypto";
import { readFileSync } from "node:fs";

const golden = (name) => JSON.parse(readFileSync(new URL(name, import.meta.url), "utf8"));
const hex = (text) => Buffer.from(text, "hex");
const utf8 = (text) => Buffer.from(text, "utf8");
const join = (...parts) => Buffer.concat(parts);

let checks = 0;
function same(actual, expected, what) {
  const text = Buffer.isBuffer(actual) ? actual.toString("hex") : actual;
  if (text !== expected) throw new Error(`${what}:\n  have ${text}\n  want ${expected}`);
  ++checks;
}
function holds(condition, what) {
  if (!condition) throw new Error(what);
  ++checks;
}

// ---- the canonical encoding: each type is a function from a JSON value to bytes -------------------

function number(bytes, signed) {
  return (value) => {
    const big = BigInt(value);
    holds(BigInt[signed ? "asIntN" : "asUintN"](8 * bytes, big) === big, `${value} in range`);
    return hex(BigInt.asUintN(8 * bytes, big).toString(16).padStart(2 * bytes, "0"));
  };
}
const u8 = number(1), u16 = number(2), u32 = number(4), u64 = number(8), i64 = number(8, true);
const boolean = (value) => u8(value ? 1 : 0);
const fixed = (size) => (text) => {
  same(text.length, 2 * size, "length of hex");
  return hex(text);
};
const counted = (bytes) => join(u32(bytes.length), bytes);
const text = (value) =>
  counted(typeof value === "string" ? utf8(value) : Buffer.from(value.base64, "base64"));
const base64 = (value) => counted(Buffer.from(value, "base64"));
const hexBody = (value) => counted(hex(value));
const list = (item) => (values) => join(u32(values.length), ...values.map(item));
const optional = (item) => (value) => value === null ? u8(0) : join(u8(1), item(value));
const struct = (fields) => (value) =>
  join(...Object.entries(fields).map(([name, type]) => type(value[name])));
const variant = (...alternatives) => (value) => {
  const index = alternatives.findIndex(([name]) => name === value.type);
  return join(u8(index), alternatives[index][1](value));
};
const nothing = () => Buffer.alloc(0);
const digest = fixed(32), key = fixed(32), signature = fixed(64), nonce = fixed(16);

function real(value) {
  const bytes = Buffer.alloc(8);
  bytes.writeDoubleBE(Number(value));
  return bytes;
}
const value = (v) => typedValue(v ?? { type: "null" });
const typedValue = variant(
  ["null", nothing],
  ["integer", (v) => i64(v.value)],
  ["float", (v) => real(v.value)],
  ["text", (v) => text(v.value)],
  ["blob", (v) => base64(v.base64)],
);
const named = list(struct({ name: text, value }));
const identification = struct({ kind: text, name: text, credential: key, signature });
const joinBegin = struct({ session_key: key, nonce, identification });
const joinToken = struct({ replica: u16, address: text, expires: i64, signature });
const identity = struct({ kind: text, issuer: text, subject: text, claims: text, expires: i64 });
const call = struct({ procedure: text, arguments: named });
const statement = struct({ sql: text, positional: list(value), named });
const execute = struct({ statements: list(statement), read_only: boolean });
const kinds = ["ok", "error", "changed", "rows", "not", "all", "any"];
const condition = struct({ type: (kind) => Buffer.of(kinds.indexOf(kind)), of: u16 });
const transaction = struct({
  steps: list(struct({ statement, when: list(condition), may_fail: boolean })),
  read_only: boolean });
const typedOperation = variant(
  ["join", struct({ begin: joinBegin, tokens: list(joinToken) })],
  ["leave", nothing],
  ["call", call],
  ["execute", execute],
  ["install", struct({ files: list(struct({ path: text, content: base64 })) })],
  ["null", struct({ reply_bytes: u32, payload: base64 })],
  ["reconfigure", struct({
    number: u64, member: u16, key, approvals: list(struct({ member: u16, signature })) })],
  ["transaction", transaction],
  ["upgrade", struct({
    files: list(struct({ path: text, content: base64 })), rehearse: boolean, back: boolean })],
  ["identified_join", struct({ begin: joinBegin, identity, tokens: list(joinToken) })],
  ["explain", struct({
    of: variant(["call", call], ["execute", execute], ["transaction", transaction]) })],
);
const operation = (value) =>
  value.type === "encoded" ? Buffer.from(value.base64, "base64") : typedOperation(value);
const requestBody = (m) =>
  join(u64(m.session), u64(m.number), key(m.signer), counted(operation(m.operation)));

const resultSet = struct({
  columns: list(text), rows: list(list(value)), changes: i64, last_insert_rowid: i64 });
const error = struct({ code: text, message: text, procedure: text, statement: u32 });
const step = variant(["result", resultSet], ["skipped", nothing], ["error", error]);
const outcome = variant(
  ["done", nothing],
  ["error", error],
  ["results", (v) => list(resultSet)(v.results)],
  ["joined", struct({ session: u64, principal: text, role: text, replaced: u64 })],
  ["null", struct({ bytes: base64 })],
  ["steps", (v) => list(step)(v.steps)],
);
const reply = struct({ session: u64, number: u64, request: digest, seq: u64, agreed: i64, outcome });
const readReply = struct({ id: u64, question: digest, executed: u64, agreed: i64, outcome });
const serverHello = struct({ replica: u16, key, nonce, configuration: u64, signature });
const replyDigestOf = struct({ session: u64, number: u64, request: digest, reply: digest });
const refused = struct({ request: digest, code: text, message: text });
const sessionEnded = struct({ session: u64, reason: text });
const spoken = variant(["hello_ok", serverHello], ["reply_digest", replyDigestOf],
                       ["refused", refused], ["session_ended", sessionEnded]);
const mark = optional(fixed(16));
const toClient = variant(
  ["hello_ok", serverHello],
  ["join_token", struct({ join: digest, replica: u16, address: text, expires: i64, signature })],
  ["reply", reply],
  ["reply_digest", replyDigestOf],
  ["read_reply", readReply],
  ["refused", refused],
  ["session_ended", sessionEnded],
  ["status_reply", struct({
    id: u64, replica: u16, view: u64, primary: u16, last_executed: u64, stable_checkpoint: u64,
    state_digest: digest, connected_peers: u64 })],
  ["configurations", (v) => Buffer.from(v.links, "base64")],
  ["fast_read_reply", struct({ id: u64, question: digest, executed: u64, agreed: i64, outcome })],
  ["fast_read_digest", struct({ id: u64, question: digest, executed: u64, agreed: i64, outcome: digest })],
  ["changes", struct({ question: digest, from: u64, upto: u64, items: list(
    struct({ position: u64, seq: u64, agreed: i64, topic: text, value })) })],
  ["identity_token", struct({
    join: digest, identity, replica: u16, address: text, expires: i64, signature })],
  ["passed_back", ({ from, message }) =>
    join(u16(from), spoken(message), mark(message.tag ?? null))],
  ["bundle", (v) =>
    join(reply(v), list(struct({ replica: u16, tag: fixed(16) }))(v.others))],
);
const clientHello = struct({ cluster: digest, key, nonce });

const clientRequest = struct({
  body: struct({ session: u64, number: u64, signer: key, operation: hexBody }),
  proof: struct({
    signature: optional(struct({ signature, branch: list(digest), place: u8 })) }),
});
const agreed = struct({ time: i64, choice: hexBody });
const batch = struct({ requests: list(clientRequest) });
const vote = struct({ view: u64, seq: u64, digest });
const checkpoint = struct({ seq: u64, state: digest, configuration: digest });
const signed = (message) => struct({ message, signature });
const entry = struct({ seq: u64, digest, view: u64 });
const checkpointProof = struct({
  checkpoint, signatures: list(struct({ signer: u16, signature })) });
const viewChange = struct({
  view: u64, stable: optional(checkpointProof), prepared: list(entry), pre_prepared: list(entry) });
const newView = struct({
  view: u64, view_changes: list(struct({ sender: u16, content: signed(viewChange) })),
  start: checkpoint, choices: list(struct({ seq: u64, digest: optional(digest) })) });
const peerMessages = [
  ["pre-prepare", struct({ view: u64, seq: u64, batch, agreed })],
  ["prepare", vote],
  ["commit", vote],
  ["checkpoint", signed(checkpoint), checkpoint],
  ["committed", struct({ seq: u64, digest })],
  ["forward", struct({ request: clientRequest })],
  ["status", struct({ view: u64, entered: u64, stable: u64, executed: u64,
    slots: list(struct({ seq: u64, pre_prepared: boolean, prepared: boolean, committed: boolean })) })],
  ["fetch-batch", struct({ seq: u64, digest })],
  ["batch-body", struct({ seq: u64, batch, agreed })],
  ["checkpoint-proof", checkpointProof],
  ["view-change", signed(viewChange), viewChange],
  ["new-view", signed(newView), newView],
  ["fetch-part", struct({ seq: u64, ask: u64, what: variant(
    ["root", nothing],
    ["nodes", struct({ level: u8, indexes: list(u32) })],
    ["pages", struct({ indexes: list(u32) })]) })],
  ["state-part", struct({ seq: u64, ask: u64, what: variant(
    ["not_held", nothing],
    ["ask_later", nothing],
    ["root", struct({ page_count: u32, top: digest })],
    ["nodes", struct({ digests: list(digest) })],
    ["pages", struct({ bytes: hexBody })]) })],
  ["ask-votes", struct({ above: u64 })],
  ["votes-seen", struct({ view: u64, prepared: u64, committed: u64, in: u64,
    votes: list(struct({ seq: u64, prepare: optional(digest), commit: optional(digest) })) })],
  ["verified", struct({ requests: list(digest) })],
  ["pre-prepare-digests", struct({ view: u64, seq: u64, requests: list(digest), agreed })],
  ["signed-prepare", signed(vote), vote],
  ["signed-commit", signed(vote), vote],
  ["ping", struct({ ask: u64 })],
  ["pong", struct({ ask: u64 })],
  ["relay", struct({ items: list(struct({ connection: u64, message: variant(
    ["hello", clientHello],
    ["speak_for", struct({ key, signature })],
    ["bundle_request", struct({ request: clientRequest, tags: list(fixed(16)) })],
    ["gone", nothing]) })) })],
  ["relay-back", struct({ items: list(struct({ connection: u64,
    voice: struct({ message: spoken, tag: mark }) })) })],
];
const linkHello = struct({
  version: u8, cluster: digest, config: u64, from: u16, to: u16, key, nonce, engine: text });

// ---- cryptography --------------------------------------------------------------------------------

const sha256 = (bytes) => createHash("sha256").update(bytes).digest();
const domain = (word) => join(u8(word.length), utf8(word));
const hash = (word, ...parts) => sha256(join(domain(word), ...parts));
const tag = (key, bytes) => createHmac("sha256", key).update(bytes).digest().subarray(0, 16);
const hkdf = (secret, salt, info) => Buffer.from(hkdfSync("sha256", secret, salt, info, 32));

const pkcs8 = { ed25519: "302e020100300506032b657004220420", x25519: "302e020100300506032b656e04220420" };
const spki = { ed25519: "302a300506032b6570032100", x25519: "302a300506032b656e032100" };
const secretKey = (kind, seed) =>
  createPrivateKey({ key: join(hex(pkcs8[kind]), seed), format: "der", type: "pkcs8" });
const publicKey = (kind, raw) =>
  createPublicKey({ key: join(hex(spki[kind]), raw), format: "der", type: "spki" });
const rawPublic = (secret) =>
  createPublicKey(secret).export({ format: "der", type: "spki" }).subarray(12);
const agree = (secret, theirs) => diffieHellman({
  privateKey: secretKey("x25519", secret), publicKey: publicKey("x25519", theirs) });

function checkSigned(one, bytes, what) {
  same(bytes, one.signed_bytes, `${what}: signed bytes`);
  holds(verify(null, bytes, publicKey("ed25519", hex(one.public_key)), hex(one.signature)),
        `${what}: signature`);
}

// ---- files ---------------------------------------------------------------------------------------

function canonicalCode(typed) {
  const alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
  const digits = typed.toUpperCase().replace(/[- ]/g, "").replace(/O/g, "0").replace(/[IL]/g, "1");
  if ([...digits].some((c) => !alphabet.includes(c))) return null;
  return digits.length < 26 || digits.length > 64 || new Set(digits).size < 8 ? null : digits;
}

function primitives() {
  const file = golden("primitives.json");
  for (const one of file.digests) same(hash(one.domain, hex(one.data)), one.digest, one.domain);
  for (const one of file.keys)
    same(rawPublic(secretKey("ed25519", hex(one.seed))), one.public_key, one.name);
  for (const one of file.codes) {
    const seed = hkdf(utf8(canonicalCode(one.code)), hex(file.cluster), "prytany credential v1");
    same(seed, one.seed, one.code);
    same(rawPublic(secretKey("ed25519", seed)), one.public_key, one.code);
  }
  for (const code of file.refused_codes) holds(canonicalCode(code) === null, `${code} is refused`);
}

function values() {
  for (const one of golden("values.json").cases) same(value(one.value), one.encoded, one.name);
}

function requests() {
  const file = golden("requests.json");
  const session = secretKey("ed25519", hex(file.session_seed));
  for (const one of file.cases) {
    same(operation(one.message.operation), one.operation_encoded, one.name);
    same(requestBody(one.message), one.body_encoded, one.name);
    const requestDigest = hash("prytany request", requestBody(one.message));
    same(requestDigest, one.digest, one.name);
    const bytes = join(domain("prytany signed request"), hex(file.cluster), requestDigest);
    same(bytes, one.signed_bytes, one.name);
    same(sign(null, bytes, session), one.signature, one.name);
    same(one.message.signature, one.signature, one.name);
  }
  const { together } = file;
  for (const message of together.messages) {
    let node = hash("prytany request", requestBody(message));
    message.branch.forEach((sibling, height) => {
      const right = (message.place >> height) & 1;
      node = hash("prytany requests", ...(right ? [hex(sibling), node] : [node, hex(sibling)]));
    });
    same(node, together.root, "root");
    same(message.signature, together.signature, "signed together");
  }
  const bytes = join(domain("prytany signed requests"), hex(file.cluster), hex(together.root));
  same(bytes, together.signed_bytes, "signed together");
  same(sign(null, bytes, session), together.signature, "signed together");
}

function session() {
  const file = golden("session.json");
  const { hello, hello_ok: ok } = file.hello;
  const bytes = join(domain("prytany client hello"), clientHello(hello), u16(ok.replica), key(ok.key),
                     nonce(ok.nonce), u64(ok.configuration));
  checkSigned(file.hello, bytes, "hello");
  same(ok.signature, file.hello.signature, "hello_ok");
  const shared = agree(hex(file.hello.client_secret), hex(ok.key));
  same(shared, file.hello.shared_secret, "shared secret");
  same(agree(hex(file.hello.server_secret), hex(hello.key)), file.hello.shared_secret, "its other side");
  same(hkdf(shared, sha256(bytes), file.hello.info), file.hello.tag_key, "tag key");

  const begin = file.join.join_begin;
  const who = begin.identification;
  same(joinBegin(begin), file.join.encoded, "join_begin");
  const joinDigest = hash("prytany join", joinBegin(begin));
  same(joinDigest, file.join.digest, "join digest");
  checkSigned(file.join.credential, join(domain("prytany credential"), hex(file.cluster),
      key(begin.session_key), nonce(begin.nonce), text(who.kind), text(who.name)), "credential");
  same(who.signature, file.join.credential.signature, "credential");
  for (const one of file.join.tokens) {
    checkSigned(one, join(domain("prytany join token"), hex(file.cluster), joinDigest,
        text(one.address), i64(one.expires)), `token of ${one.replica}`);
  }
}

function identities() {
  const file = golden("session.json");
  const { join_begin: begin, ...one } = file.identity;
  const joinDigest = hash("prytany join", joinBegin(begin));
  same(joinDigest, one.digest, "join digest");
  same(hash("prytany id token", hex(file.cluster), key(begin.identification.credential)),
      one.id_token_nonce, "nonce of an ID token");
  same(join(domain("prytany certificate"), hex(file.cluster), joinDigest),
      one.certificate_signed_bytes, "what a certificate's key signs");
  for (const said of one.tokens) {
    checkSigned(said, join(domain("prytany identity token"), hex(file.cluster), joinDigest,
        identity(one.identity), text(said.address), i64(said.expires)), `token of ${said.replica}`);
  }
}

function subscription() {
  const file = golden("session.json");
  const { message, ...one } = file.subscribe;
  const body = join(u64(message.id), u64(message.session), key(message.signer),
                    list(text)(message.topics));
  same(body, one.encoded, "subscription");
  const subscriptionDigest = hash("prytany subscription", body);
  same(subscriptionDigest, one.digest, "subscription digest");
  checkSigned(one, join(domain("prytany subscribe"), sha256(hex(file.hello.signed_bytes)),
      subscriptionDigest, optional(u64)(message.after ?? null)), "subscribe");
  same(message.signature, one.signature, "subscribe");
}

function replies() {
  const file = golden("replies.json");
  for (const { name, message, ...one } of file.cases) {
    same(toClient(message), one.encoded, name);
    let said = message;
    if (message.type === "reply" || message.type === "bundle") {
      same(reply(message), one.reply_encoded, name);
      const replyDigest = hash("prytany reply", hex(file.cluster), reply(message));
      same(replyDigest, one.reply_digest, name);
      said = { type: "reply_digest", session: message.session, number: message.number,
               request: message.request, reply: replyDigest.toString("hex") };
    }
    const bytes = join(domain("prytany tag"), hex(file.cluster), u16(file.replica), toClient(said));
    same(bytes, one.tagged_bytes, name);
    same(tag(hex(file.tag_key), bytes), message.tag, name);
  }
  const read = file.signed_read.message;
  checkSigned(file.signed_read, join(domain("prytany signed read"), hex(file.cluster),
      u16(read.replica), readReply(read)), "signed read");
  same(read.signature, file.signed_read.signature, "signed read");
}

function peers() {
  const file = golden("peer_messages.json");
  for (const one of file.cases) {
    const [kind, encode, encodeSigned] = peerMessages[one.index];
    holds(one.name.startsWith(kind), one.name);
    same(join(u8(one.index), encode(one.message)), one.encoded, one.name);
    same(sha256(hex(one.encoded)), one.digest, one.name);
    if (encodeSigned) {
      checkSigned(one, join(domain(`prytany signed ${kind.replace(/^signed-/, "")}`), hex(file.cluster), u64(file.config),
          u16(file.sender), encodeSigned(one.message.message)), one.name);
    }
    if (one.batch_digest) {
      const digests = one.message.batch.requests.map(
        ({ body }) => hash("prytany request", u64(body.session), u64(body.number), key(body.signer),
                           hexBody(body.operation)));
      digests.forEach((d, i) => same(d, one.request_digests[i], one.name));
      same(hash("prytany batch", u32(digests.length), ...digests, agreed(one.message.agreed)),
           one.batch_digest, one.name);
    }
  }
}

function links() {
  const file = golden("links.json");
  const hellos = file.hellos.map(linkHello);
  hellos.forEach((bytes, i) => same(bytes, file.hellos_encoded[i], `hello of ${i}`));
  file.proofs.forEach((proof, i) =>
    checkSigned(proof, join(domain("prytany link"), ...hellos, u16(i)), `proof of ${i}`));
  const proofs = file.proofs.map((proof) => counted(signature(proof.signature)));
  same(counted(hellos[0]), file.flights[0].bytes, "first flight");
  same(join(counted(hellos[1]), proofs[1]), file.flights[1].bytes, "second flight");
  same(proofs[0], file.flights[2].bytes, "third flight");
  const shared = agree(hex(file.secrets[0]), hex(file.hellos[1].key));
  same(shared, file.shared_secret, "shared secret");
  for (const one of file.keys) same(hkdf(shared, sha256(join(...hellos)), one.info), one.key, one.info);

  const messages = file.frame.messages.map(hex);
  const header = join(u8(1), u64(file.frame.config), u16(messages.length));
  const tagged = join(header, ...messages.map(sha256));
  same(tagged, file.frame.tagged_bytes, "tagged bytes of the frame");
  same(counted(join(header, ...messages.map(counted), tag(hex(file.keys[0].key), tagged))),
       file.frame.bytes, "frame");
}

function genesis() {
  const file = golden("genesis.json");
  const g = file.file;
  const member = (m) => {
    const colon = m.peer.lastIndexOf(":");
    return join(text(m.name), key(m.key), text(m.peer.slice(0, colon)), u16(m.peer.slice(colon + 1)),
                text(m.client));
  };
  const bytes = join(
    u8(g.format.split(" ").pop()), text(g.name), nonce(g.nonce), boolean(g.development), u32(g.faults),
    list(member)(g.members), list(key)(g.administrators), u32(g.approvals),
    u64(g.checkpoint_interval), u64(g.window), u64(g.sessions_max), i64(g.session_idle_us),
    u64(g.steps_per_request_max), u64(g.application_pages_max), text(g.engine),
    boolean(g.requests === "mac"),
    boolean(g.votes === "signed"), boolean(g.dissemination === "all"));
  same(bytes, file.encoded, "genesis");
  const cluster = hash("prytany genesis", bytes);
  same(cluster, file.digest, "genesis digest");
  same(cluster.subarray(0, 20).toString("hex").match(/.{4}/g).join(" "), file.fingerprint, "fingerprint");
  for (const one of file.approvals)
    checkSigned(one, join(domain("prytany genesis approval"), cluster), "approval");
}

for (const file of [primitives, values, requests, session, subscription, replies, peers, links, genesis]) file();
console.log(`${checks} checks hold`);
