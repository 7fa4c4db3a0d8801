// A group of replicas for tests of the client: real WebSockets, real keys, tags and signatures (by
// Node's own crypto, not the client's), and behaviours that a test sets. Agreement is simple here:
// all replicas share one object.
import {
  constants,
  createHash,
  createHmac,
  createPrivateKey,
  createPublicKey,
  diffieHellman,
  generateKeyPairSync,
  hkdfSync,
  randomBytes,
  sign,
  verify,
  X509Certificate,
} from "node:crypto";
import {
  encode,
  clientHello,
  genesis as genesisType,
  joinBegin,
  name,
  operation,
  outcome as outcomeType,
  publicRead,
  reply as replyType,
  requestBody,
  serverHello,
  toClient,
  u16,
  i64,
} from "../../client-js/src/codec.js";
import { fastRead } from "../../client-js/src/fast_read.js";
import { identity } from "../../client-js/src/identity.js";
import { toJson } from "../../client-js/src/values.js";
import { listen } from "./web_socket_server.mjs";

const join = (...parts) => Buffer.concat(parts.map((part) => Buffer.from(part)));
const word = (text) => join([text.length], Buffer.from(text));
const sha256 = (bytes) => createHash("sha256").update(bytes).digest();
const hash = (text, ...parts) => sha256(join(word(text), ...parts));
const hex = (text) => Buffer.from(text, "hex");
const rawKey = (key) => key.export({ format: "der", type: "spki" }).subarray(12).toString("hex");
const x25519 = (raw) =>
  createPublicKey({ key: join(hex("302a300506032b656e032100"), raw), format: "der", type: "spki" });
const ed25519 = (raw) =>
  createPublicKey({ key: join(hex("302a300506032b6570032100"), raw), format: "der", type: "spki" });

const subjectOf = (link) => new X509Certificate(Buffer.from(link, "base64")).subject;

const rows = (columns, ...values) => ({
  type: "results",
  results: [{ columns, rows: values, changes: "1", last_insert_rowid: "7" }],
});
export const textRow = (text) => rows(["text"], [{ type: "text", value: text }]);

/** What every correct replica answers. */
function execute(request) {
  const op = request.operation;
  if (op.type === "leave") return { type: "done" };
  if (op.type === "execute") return textRow(op.statements.map(({ sql }) => sql).join(";"));
  if (op.type === "transaction")
    return {
      type: "steps",
      steps: op.steps.map(({ statement: { sql }, when: [first], may_fail }) => {
        if (may_fail)
          return { type: "error", code: "POOR", message: "no", procedure: "", statement: 1 };
        return first ? { type: "skipped" } : { type: "result", ...textRow(sql).results[0] };
      }),
    };
  if (op.procedure === "refuse")
    return {
      type: "error",
      code: "not_today",
      message: "come back tomorrow",
      procedure: "refuse",
      statement: 2,
    };
  return rows(
    ["procedure", ...op.arguments.map((a) => a.name)],
    [{ type: "text", value: op.procedure }, ...op.arguments.map((a) => a.value)],
  );
}

export class FakeGroup {
  replicas = [];
  #log = new Map(); // "session/number" -> reply
  #sessions = new Map(); // id -> key
  executed = []; // operations, each once

  static async start({ n = 4, faults = 1, requests = "signed" } = {}) {
    const group = new FakeGroup();
    for (let id = 0; id < n; ++id) group.replicas.push(new FakeReplica(group, id));
    for (const replica of group.replicas) await replica.start();
    group.genesis = {
      format: "prytany genesis 1",
      name: "fakes",
      nonce: randomBytes(16).toString("hex"),
      development: true,
      faults,
      members: group.replicas.map(({ id, publicKey, port }) => ({
        name: `member ${id}`,
        key: publicKey,
        peer: `127.0.0.1:${id + 1}`,
        client: `ws://127.0.0.1:${port}`,
      })),
      administrators: [],
      approvals: 1,
      checkpoint_interval: 128,
      window: 256,
      sessions_max: 100,
      session_idle_us: 1000000,
      steps_per_request_max: 1000000,
      application_pages_max: 1000,
      engine: "none",
      requests,
      votes: "mac",
      dissemination: "primary",
      signatures: [],
    };
    group.cluster = hash("prytany genesis", encode(genesisType, group.genesis));
    return group;
  }
  async stop() {
    for (const replica of this.replicas) await replica.stop();
  }

  requestDigest({ session, number, signer, operation: op }) {
    return hash(
      "prytany request",
      encode(requestBody, { session, number, signer, operation: encode(operation, op) }),
    );
  }
  /** The one reply that the group agrees on, made when the first replica asks. */
  order(request, digest) {
    const slot =
      request.session === "0"
        ? `0/${digest.toString("hex")}`
        : `${request.session}/${request.number}`;
    const known = this.#log.get(slot);
    if (known) return known;
    let outcome;
    if (request.operation.type.endsWith("join")) {
      outcome = this.joinOutcome?.(request) ?? this.admit(request);
    } else {
      this.executed.push(request.operation);
      outcome = this.outcome?.(request.operation) ?? execute(request);
    }
    const reply = {
      type: "reply",
      session: request.session,
      number: request.number,
      request: digest.toString("hex"),
      seq: String(this.#log.size + 1),
      agreed: "1795173920086810",
      outcome,
    };
    this.#log.set(slot, reply);
    return reply;
  }
  admit(request) {
    const session = String(this.#sessions.size + 5);
    this.#sessions.set(session, request.signer);
    return { type: "joined", session, principal: "somebody", role: "guest", replaced: "0" };
  }
  /** Of a reply: what stands for it. */
  digestOf(reply) {
    const { session, number, request } = reply;
    const digest = hash("prytany reply", this.cluster, encode(replyType, reply)).toString("hex");
    return { type: "reply_digest", session, number, request, reply: digest };
  }
  /** Each of these replicas tells all its clients. */
  tell(ids, message) {
    for (const id of ids) for (const caller of this.replicas[id].callers) caller.say(message);
  }
}

/** One connection's side of a replica. */
class Caller {
  constructor(replica, connection) {
    Object.assign(this, { replica, connection, key: null, speaksFor: new Set() });
    this.beyond = new Map(); // replica -> Caller of that one, whose connection goes through us
  }
  hmac(...parts) {
    const mac = createHmac("sha256", this.key).update(join(...parts));
    return mac.digest().subarray(0, 16).toString("hex");
  }
  tag(message) {
    const { group, id } = this.replica;
    return this.hmac(
      word("prytany tag"),
      group.cluster,
      encode(u16, id),
      encode(toClient, message),
    );
  }
  say(message) {
    const { group, behaviour } = this.replica;
    const isReply = message.type === "reply" || message.type === "bundle";
    let tag = this.tag(isReply ? group.digestOf(message) : message);
    if (behaviour.wrongTag?.(message)) tag = "00".repeat(16);
    // Somebody on the way may write more beside it.
    this.connection.send(toJson({ ...message, tag, ...behaviour.scribble?.(message) }));
  }
}

export class FakeReplica {
  callers = new Set();
  connections = 0;
  behaviour = {};
  heard = []; // types of messages

  constructor(group, id) {
    const { publicKey, privateKey } = generateKeyPairSync("ed25519");
    Object.assign(this, { group, id, privateKey, publicKey: rawKey(publicKey) });
  }
  async start() {
    this.server = await listen((connection) => this.#accept(connection), this.port);
    this.port = this.server.port;
  }
  stop() {
    return this.server.close();
  }

  #accept(connection) {
    ++this.connections;
    const caller = new Caller(this, connection);
    connection.onText = (text) => {
      const message = JSON.parse(text);
      this.heard.push(message);
      const act = () => this.#hear(caller, message);
      if (this.behaviour.delay) setTimeout(act, this.behaviour.delay);
      else act();
    };
    connection.onClose = () => this.callers.delete(caller);
  }

  #hear(caller, message) {
    const { behaviour } = this;
    if (behaviour.hear?.(caller, message)) return;
    switch (message.type) {
      case "hello":
        return this.#greet(caller, message);
      case "join_begin":
        return this.#token(caller, message);
      case "identify":
        return this.#identify(caller, message);
      case "speak_for":
        return this.#speakFor(caller, message);
      case "request":
        return this.#request(caller, message);
      case "pass_on":
        return this.#passOn(caller, message);
      case "bundle_request":
        return this.#bundleRequest(caller, message);
      case "fast_read":
        return this.#fastRead(caller, message);
      case "read":
        return this.#read(caller, message);
      case "status":
        return caller.say({
          type: "status_reply",
          id: message.id,
          replica: this.id,
          view: "0",
          primary: 0,
          last_executed: "1",
          stable_checkpoint: "0",
          state_digest: "00".repeat(32),
          connected_peers: "3",
        });
    }
  }
  #greet(caller, hello) {
    const { publicKey, privateKey } = generateKeyPairSync("x25519");
    const ok = {
      type: "hello_ok",
      replica: this.behaviour.claims ?? this.id,
      key: rawKey(publicKey),
      nonce: randomBytes(16).toString("hex"),
      configuration: this.behaviour.configuration ?? "0",
    };
    const said = join(
      word("prytany client hello"),
      encode(clientHello, hello),
      encode(serverHello, ok),
    );
    ok.signature = sign(null, said, this.behaviour.key ?? this.privateKey).toString("hex");
    const secret = diffieHellman({ privateKey, publicKey: x25519(hex(hello.key)) });
    caller.said = sha256(said);
    caller.key = Buffer.from(hkdfSync("sha256", secret, caller.said, "prytany client tag", 32));
    caller.connection.send(toJson(ok));
    if (!caller.isBeyond) this.callers.add(caller);
  }
  #token(caller, begin) {
    const digest = hash("prytany join", encode(joinBegin, begin));
    const token = { replica: this.id, address: "127.0.0.1", expires: "1795173999000000" };
    const said = join(
      word("prytany join token"),
      this.group.cluster,
      digest,
      encode(name, token.address),
      encode(i64, token.expires),
    );
    const key = this.behaviour.tokenKey ?? this.privateKey;
    caller.say({
      type: "join_token",
      join: digest.toString("hex"),
      ...token,
      signature: sign(null, said, key).toString("hex"),
    });
  }
  /** Believes every ID token, and certificates that signed; says so of whom the behaviour says. */
  #identify(caller, { proof, ...begin }) {
    const digest = hash("prytany join", encode(joinBegin, begin));
    if (proof.type === "certificate" && !this.#signed(proof, digest))
      return caller.say({
        type: "refused",
        request: digest.toString("hex"),
        code: "not_bound",
        message: "",
      });
    const found = {
      kind: proof.type,
      issuer: "https://id.example",
      subject: this.behaviour.subject?.(proof) ?? proof.token ?? subjectOf(proof.chain[0]),
      claims: "{}",
      expires: "1795174000000000",
    };
    const token = { replica: this.id, address: "127.0.0.1", expires: "1795173999000000" };
    const said = join(
      word("prytany identity token"),
      this.group.cluster,
      digest,
      encode(identity, found),
      encode(name, token.address),
      encode(i64, token.expires),
    );
    caller.say({
      type: "identity_token",
      join: digest.toString("hex"),
      identity: found,
      ...token,
      signature: sign(null, said, this.behaviour.tokenKey ?? this.privateKey).toString("hex"),
    });
  }
  /** Whether the certificate's key signed this join, as docs/wire.md says for its kind. */
  #signed({ chain, signature }, digest) {
    const { publicKey: key } = new X509Certificate(Buffer.from(chain[0], "base64"));
    const said = join(word("prytany certificate"), this.group.cluster, digest);
    const how = {
      ed25519: [null, { key }],
      ec: ["sha256", { key, dsaEncoding: "der" }],
      rsa: ["sha256", { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 }],
    }[key.asymmetricKeyType];
    return verify(how[0], said, how[1], Buffer.from(signature, "base64"));
  }
  #speakFor(caller, { key, signature }) {
    const said = join(word("prytany speak for"), caller.said, hex(key));
    if (verify(null, said, ed25519(hex(key)), hex(signature))) caller.speaksFor.add(key);
  }
  /** A code, or nothing if the request is its signer's. */
  #refuse(caller, { tag, signer, signature, branch = [], place = 0 }, digest) {
    if (tag) {
      if (!caller.speaksFor.has(signer) || this.behaviour.forgetsKeys) return "speak_for_first";
      const right = caller.hmac(word("prytany tagged request"), this.group.cluster, digest);
      return tag === right ? undefined : "bad_signature";
    }
    let root = digest;
    branch.forEach((sibling, height) => {
      const both = [root, hex(sibling)];
      const right = (place >> height) & 1;
      root = hash("prytany requests", ...(right ? both.reverse() : both));
    });
    if (place >> branch.length || branch.length > 4) return "bad_signature";
    const kind = `prytany signed request${branch.length > 0 ? "s" : ""}`;
    const said = join(word(kind), this.group.cluster, root);
    const right = signature && verify(null, said, ed25519(hex(signer)), hex(signature));
    return right ? undefined : "bad_signature";
  }
  #request(caller, request) {
    const digest = this.group.requestDigest(request);
    const code = this.#refuse(caller, request, digest);
    if (code)
      return caller.say({ type: "refused", request: digest.toString("hex"), code, message: "" });
    let reply = this.group.order(request, digest);
    reply = this.behaviour.lie?.(structuredClone(reply)) ?? reply;
    if (
      request.designated === undefined ||
      request.designated === this.id ||
      this.behaviour.verbose
    )
      return caller.say(reply);
    caller.say(this.group.digestOf(reply));
  }
  #passOn(caller, { to, message }) {
    if (message.type === "hello") {
      const send = (text) =>
        caller.say({ type: "passed_back", from: to, message: JSON.parse(text) });
      const beyond = new Caller(this.group.replicas[to], { send });
      caller.beyond.set(to, Object.assign(beyond, { isBeyond: true }));
    }
    if (this.behaviour.passesOn?.(to, message) !== false)
      this.group.replicas[to].hearBeyond(caller.beyond.get(to), message);
  }
  /** What a client says through another replica. */
  hearBeyond(caller, message) {
    if (!this.behaviour.mute) this.#hear(caller, message);
  }
  /** Its word about a request that a client sent through another one: {reply, tag}, or nothing. */
  vote(caller, request, tag) {
    const digest = this.group.requestDigest(request);
    if (this.behaviour.mute || !caller?.key || this.#refuse(caller, { ...request, tag }, digest))
      return undefined;
    const reply = this.group.order(request, digest);
    return { reply, tag: caller.tag(this.group.digestOf(this.behaviour.lie?.(reply) ?? reply)) };
  }
  /** Asks the others of its own accord, and brings the words of as many as are asked of it. */
  #bundleRequest(caller, { tags, ...request }) {
    const { group, id, behaviour } = this;
    const own = this.vote(caller, request, tags?.[id]);
    if (!own)
      return caller.say({
        type: "refused",
        request: group.requestDigest(request).toString("hex"),
        code: behaviour.mute ? "not_bundled" : "bad_signature",
        message: "",
      });
    const others = group.replicas
      .filter((other) => other !== this)
      .map((other) => ({
        replica: other.id,
        tag: other.vote(caller.beyond.get(other.id), request, tags?.[other.id])?.tag,
      }))
      .filter(({ tag }) => tag)
      .slice(0, behaviour.brings ?? 2 * group.genesis.faults);
    caller.say({ ...own.reply, type: "bundle", others });
  }
  #fastRead(caller, { tag, ...question }) {
    const body = { ...question, operation: encode(operation, question.operation) };
    const digest = hash("prytany fast read", encode(fastRead, body));
    const right = caller.hmac(word("prytany tagged fast read"), this.group.cluster, digest);
    const asked = digest.toString("hex");
    const writes = question.operation.type === "execute" && !question.operation.read_only;
    if (tag !== right || !caller.speaksFor.has(question.signer) || writes)
      return caller.say({ type: "refused", request: asked, code: "not_read_only", message: "" });
    let outcome = execute(question);
    outcome = this.behaviour.lieFastRead?.(structuredClone(outcome)) ?? outcome;
    const answer = {
      id: question.id,
      question: asked,
      executed: String(10 + this.id),
      agreed: String(1795173920086810n + BigInt(this.id)),
    };
    if (question.designated === this.id && !this.behaviour.keepsRows)
      return caller.say({ ...answer, type: "fast_read_reply", outcome });
    const said = hash("prytany fast read outcome", encode(outcomeType, outcome));
    caller.say({ ...answer, type: "fast_read_digest", outcome: said.toString("hex") });
  }
  #read(caller, question) {
    const { id, procedure, arguments: args } = question;
    const outcome = execute({ operation: { type: "call", procedure, arguments: args } });
    const answer = {
      type: "read_reply",
      id,
      question: hash("prytany public read", encode(publicRead, question)).toString("hex"),
      executed: String(10 + this.id),
      agreed: "1795173920086810",
      outcome,
    };
    caller.say(this.behaviour.lieRead?.(answer) ?? answer);
  }
}
