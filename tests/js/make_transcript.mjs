// Prints the transcript of docs/reference/json-protocol.md: a client of its own, written with
// nothing but Node's crypto and the encoders of tests, talks to a real replica with keys that are
// shown. Run: node tests/js/make_transcript.mjs   (PRYTANY_BIN, as tests/js/run)
import {
  createHash,
  createPrivateKey,
  createPublicKey,
  diffieHellman,
  hkdfSync,
  sign,
} from "node:crypto";
import { fileURLToPath } from "node:url";
import * as codec from "../../client-js/src/codec.js";
import { readGenesis } from "../../client-js/src/genesis.js";
import { DevCluster } from "./dev_cluster.mjs";

const hex = (text) => Buffer.from(text, "hex");
const join = (...parts) => Buffer.concat(parts.map((part) => Buffer.from(part)));
const word = (text) => join([text.length], Buffer.from(text));
const sha256 = (bytes) => createHash("sha256").update(bytes).digest();
const hash = (text, ...parts) => sha256(join(word(text), ...parts));
const key = (oid, seed) =>
  createPrivateKey({
    key: join(hex(`302e0201003005060${oid}04220420`), seed),
    format: "der",
    type: "pkcs8",
  });
const raw = (secret) =>
  createPublicKey(secret).export({ format: "der", type: "spki" }).subarray(12).toString("hex");
const bytes = (first, size) => Buffer.from(Array.from({ length: size }, (_, i) => first + i));

const seeds = { credential: bytes(0x20, 32), session: bytes(0x60, 32), ephemeral: bytes(0xa0, 32) };
const credential = key("32b6570", seeds.credential),
  session = key("32b6570", seeds.session);
const ephemeral = key("32b656e", seeds.ephemeral);

const replicas = await DevCluster.start(
  fileURLToPath(new URL("../../examples/guestbook", import.meta.url)),
);
const { id: cluster } = await readGenesis(replicas.genesis);
const members = JSON.parse(replicas.genesis).members;
const lines = [];
const tell = (text) => lines.push(text);
const value = (name, data) =>
  tell(`${name.padEnd(18)} ${typeof data === "string" ? data : Buffer.from(data).toString("hex")}`);

/** A connection: say(message) resolves to the next text. */
async function connect(id) {
  const socket = new WebSocket(members[id].client, ["prytany.v1"]);
  const texts = [],
    waiting = [];
  socket.onmessage = ({ data }) => (waiting.length > 0 ? waiting.shift()(data) : texts.push(data));
  await new Promise((resolve) => {
    socket.onopen = resolve;
  });
  const hear = () =>
    texts.length > 0 ? texts.shift() : new Promise((resolve) => waiting.push(resolve));
  return { socket, hear, say: (message) => (socket.send(JSON.stringify(message)), hear()) };
}
const hello = {
  type: "hello",
  cluster: Buffer.from(cluster).toString("hex"),
  key: raw(ephemeral),
  nonce: bytes(0x11, 16).toString("hex"),
};
const shown = await connect(0),
  others = [await connect(1), await connect(2), await connect(3)];
const block = (act) => {
  tell("```");
  act();
  tell("```");
  tell("");
};
async function exchange(message, times = 1) {
  tell(`> ${JSON.stringify(message)}`);
  let text = await shown.say(message);
  for (let i = 0; i < times; ++i) {
    if (i > 0) text = await shown.hear();
    tell(`< ${text}`);
  }
  return JSON.parse(text);
}

tell("Keys of this client, as seeds (an implementation draws its own):\n");
block(() => {
  for (const [name, seed] of Object.entries(seeds)) value(name, seed);
  value("cluster", cluster);
  value("replica 0's key", members[0].key);
});
tell("**Hello.**\n");
tell("```");
const ok = await exchange(hello);
tell("```");
const said = join(
  word("prytany client hello"),
  codec.encode(codec.clientHello, hello),
  codec.encode(codec.serverHello, ok),
);
const secret = diffieHellman({
  privateKey: ephemeral,
  publicKey: createPublicKey({
    key: join(hex("302a300506032b656e032100"), hex(ok.key)),
    format: "der",
    type: "spki",
  }),
});
tell("\nWhat replica 0 signed, the shared secret, and the connection's key:\n");
block(() => {
  value("signed bytes", said);
  value("shared secret", secret);
  value("key", Buffer.from(hkdfSync("sha256", secret, sha256(said), "prytany client tag", 32)));
});

tell(
  "**Join, phase one.** The same to every replica; of the others only replica 1's token is used here.\n",
);
const begin = { session_key: raw(session), nonce: bytes(0x31, 16).toString("hex") };
const claim = codec.encode(codec.credentialClaim, { ...begin, kind: "key", name: "Anna" });
begin.identification = {
  kind: "key",
  name: "Anna",
  credential: raw(credential),
  signature: sign(null, join(word("prytany credential"), cluster, claim), credential).toString(
    "hex",
  ),
};
for (const other of others) {
  await other.say(hello);
  other.token = JSON.parse(await other.say({ type: "join_begin", ...begin }));
}
tell("```");
const token = await exchange({ type: "join_begin", ...begin });
tell("```");
tell("");
const joinDigest = hash("prytany join", codec.encode(codec.joinBegin, begin));
block(() => value("join digest", joinDigest));

tell("**Join, phase two.**\n");
function request(sessionId, number, operation) {
  const body = codec.encode(codec.requestBody, {
    session: sessionId,
    number,
    signer: raw(session),
    operation: codec.encode(codec.operation, operation),
  });
  const digest = hash("prytany request", body);
  const signature = sign(
    null,
    join(word("prytany signed request"), cluster, digest),
    session,
  ).toString("hex");
  return {
    digest,
    message: {
      type: "request",
      session: sessionId,
      number,
      signer: raw(session),
      operation,
      signature,
    },
  };
}
async function order(sessionId, number, operation, designated) {
  const { digest, message } = request(sessionId, number, operation);
  if (designated !== undefined) message.designated = designated;
  for (const other of others) other.socket.send(JSON.stringify(message));
  tell("```");
  const reply = await exchange(message);
  tell("```");
  tell("");
  block(() => value("request digest", digest));
  return reply;
}
const strip = ({ replica, address, expires, signature }) => ({
  replica,
  address,
  expires,
  signature,
});
const joined = await order("0", "1", {
  type: "join",
  begin,
  tokens: [strip(token), strip(others[0].token)],
});
tell("**A call**, whose rows replica 0 shall send:\n");
const text = [{ name: "text", value: { type: "text", value: "Hello" } }];
await order(joined.outcome.session, "1", { type: "call", procedure: "sign", arguments: text }, 0);
tell(
  "**The same refused**, an answer like any other. The rows are replica 1's to send, so replica 0 sends the digest:\n",
);
await order(joined.outcome.session, "2", { type: "call", procedure: "sign", arguments: text }, 1);
tell("**A public read**, a status, and something that is no message:\n");
tell("```");
const read = { type: "read", id: "1", procedure: "entries", arguments: [] };
await exchange(read);
await exchange({ type: "status", id: "2" });
await exchange({ type: "vote" });
tell("```");
tell("");
block(() => value("question", hash("prytany public read", codec.encode(codec.publicRead, read))));
tell("**Leaving:**\n");
await order(joined.outcome.session, "3", { type: "leave" });
for (const { socket } of [shown, ...others]) socket.close();
await replicas.stop();
process.stdout.write(lines.join("\n"));
