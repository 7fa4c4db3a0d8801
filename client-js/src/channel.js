// Channel: the connection to one replica, made again whenever it ends. It proves the replica
// (hello, signed with the key that genesis names) and lets through only messages with a right tag.
import { fromHex, random, toHex } from "./bytes.js";
import * as codec from "./codec.js";
import {
  agree,
  hash,
  hkdf,
  macKey,
  newAgreement,
  sha256,
  sign,
  tagOf,
  verify,
  word,
} from "./crypto.js";
import { misuse } from "./errors.js";
import { now } from "./question.js";
import { toJson } from "./values.js";
import { assign, cancel, later } from "./platform.js";

const helloTimeoutMs = 10_000; // from the attempt to connect to the proof
const reconnectFirstMs = 100; // doubling, with full jitter
const reconnectMaxMs = 5_000;
const silenceMaxMs = 5_000; // a live replica answers a status at once, whatever the group does
const waitingCharsMax = 32 << 20; // in messages that are not opened yet; replies are a quarter
const speakersMax = 64; // sessions whose tags a replica takes on one connection

/** `group` is told ready, heard and events; nothing after close(). */
export function makeChannel(group, id, { name, url, key }, WebSocket) {
  let socket = null;
  let mac; // once the replica has proven itself
  let speakers; // whose tags it takes, by session key: promises that it was told so
  let greeting; // a promise of what we said, and the ephemeral key: {hello, secret}
  let inbox; // messages are opened one at a time, in order: WebCrypto takes its time
  let waitingChars;
  let backoffMs = 0;
  let timer, probing, since, resting;

  const self = {
    id,
    name,
    url,
    ready: false,
    era: 0, // the configuration that its last hello named
    failures: 0, // attempts that failed since it was last ready
    wantsSignatures: false, // it does not take our tags, whatever we told it
    standing: { agreed: 0, differed: 0, silent: 0, untrusted: 0 },

    /** Unless a connection is there or under way, or its time is not yet come. */
    connect() {
      resting = false;
      if (!timer && !socket) attempt();
    },
    /** It is not needed until connect(). */
    rest() {
      const wasReady = self.ready;
      resting = true;
      backoffMs = 0;
      hangUp();
      if (wasReady) group.emit("disconnect", id, "one connection is enough");
    },
    /** Requires: ready. */
    send(message) {
      socket.send(toJson(message));
    },
    /** The same once `lacks` is there: what the message lacks. Never on a later connection. */
    async complete(message, lacks) {
      const mine = socket;
      const whole = { ...message }; // it may change before the other sending
      assign(whole, await lacks);
      if (socket === mine) self.send(whole);
    },
    /** Whether it takes a tag in place of the signature of this session key's holder. */
    takesTags: ({ publicKey }) =>
      !self.wantsSignatures && (speakers.has(publicKey) || speakers.size < speakersMax),
    /** A tag of this connection: for one replica, and cheap (docs/wire.md section 5.2). */
    async tag(digest, signer, kind = "prytany tagged request") {
      const key = mac;
      if (!speakers.has(signer.publicKey)) speakers.set(signer.publicKey, speakFor(signer));
      await speakers.get(signer.publicKey);
      return { tag: await tagOf(key, word(kind, group.cluster, digest)) };
    },
    /** Whether it gave this tag to that message, which somebody else brought. */
    async vouches(message, tag) {
      return self.ready && (await tagFor(message)) === tag;
    },
    inquire(number) {
      self.send({ type: "status", id: String(number) });
    },
    /** Is anybody there? The connection may have died without a word (sleep, a lost network). */
    probe() {
      if (!self.ready || probing) return;
      self.inquire(0);
      probing = later(drop, silenceMaxMs, "is silent");
    },
    /** The network is back, or the page: what was tried before says nothing about now. */
    wake() {
      if (resting) return;
      backoffMs = 0;
      if (socket) return self.probe();
      cancel(timer);
      attempt();
    },
    /** Whose era has passed may be anybody by now, with a key that was replaced. */
    expire(newest) {
      if (self.era < newest && self.ready) drop("is behind");
    },
    /** For good. */
    close: hangUp,
  };
  return self;

  function clear() {
    cancel(timer);
    cancel(probing);
    timer = probing = undefined;
    self.ready = false;
  }
  function hangUp() {
    clear();
    const old = socket;
    socket = null; // first: some runtimes tell of the end within close()
    old?.close();
  }

  function attempt() {
    timer = later(drop, helloTimeoutMs, "does not answer");
    let mine;
    try {
      socket = mine = new WebSocket(url, ["prytany.v1"]);
    } catch (error) {
      return drop(error.message);
    }
    mac = undefined;
    speakers = new Map();
    self.wantsSignatures = false;
    waitingChars = 0;
    // What belongs to a connection that we gave up is no news.
    const current = (act) => (event) => {
      if (socket === mine) act(event);
    };
    mine.onopen = current(() => {
      inbox = greeting = greet(mine);
    });
    mine.onmessage = current(({ data }) => {
      const arrivedAt = now();
      waitingChars += data.length;
      // Not `>`: what is no text has no length.
      if (!(waitingChars <= waitingCharsMax)) return distrust("sends too much");
      inbox = inbox.then(async () => {
        if (socket !== mine) return;
        waitingChars -= data.length;
        let message;
        try {
          message = await (mac ? open(data) : prove(data));
        } catch (error) {
          if (socket === mine) distrust(error.message);
        }
        if (socket !== mine) return;
        self.arrivedAt = arrivedAt;
        accept(message);
      });
    });
    mine.onclose = current(({ code, reason }) => drop(reason || `closed with ${code}`));
    mine.onerror = current(() => drop("no connection")); // not every runtime says close, too
  }

  async function greet(mine) {
    const pair = await newAgreement();
    const hello = {
      type: "hello",
      cluster: toHex(group.cluster),
      key: pair.publicKey,
      nonce: toHex(random(16)),
    };
    if (mine.readyState === 1) mine.send(toJson(hello));
    return { hello, secret: pair.key };
  }

  /** The replica's hello: it holds its key, and both know the connection's. */
  async function prove(text) {
    const server = JSON.parse(text);
    const mine = socket;
    const { hello, secret } = await greeting;
    if (server?.type !== "hello_ok") misuse(`refuses our hello: ${server?.code}`);
    if (server.replica !== id) misuse("is another replica");
    const said = word(
      "prytany client hello",
      codec.encode(codec.clientHello, hello),
      codec.encode(codec.serverHello, server),
    );
    if (!(await verify(key, fromHex(server.signature), said)))
      misuse("does not hold the key that genesis names");
    const shared = await agree(secret, fromHex(server.key));
    const digest = await sha256(said);
    const agreed = await macKey(await hkdf(shared, digest, "prytany client tag"));
    if (socket !== mine) return;
    self.era = +server.configuration;
    self.said = digest;
    mac = agreed;
  }

  /** Tells it that we hold a session's key: from then on it takes our tags for it. */
  async function speakFor({ key: signs, publicKey }) {
    const said = word("prytany speak for", self.said, fromHex(publicKey));
    const message = { type: "speak_for", key: publicKey };
    await self.complete(message, sign(signs, said).then((signature) => ({ signature })));
  }

  function tagFor(message) {
    const said = codec.encode(codec.toClient, message);
    return tagOf(mac, word("prytany tag", group.cluster, codec.encode(codec.u16, id), said));
  }

  /** A message that is the replica's. `said` is then what it votes for. */
  async function open(text) {
    const heard = JSON.parse(text);
    // Whatever else is in it the tag does not cover: anybody may have written that.
    const message = codec.toClient([], heard);
    const { type } = message;
    let tagged = message;
    if (type === "reply" || type === "bundle") {
      message.said = toHex(
        await hash("prytany reply", group.cluster, codec.encode(codec.reply, message)),
      );
      tagged = { ...message, type: "reply_digest", reply: message.said };
    }
    if ((await tagFor(tagged)) !== heard.tag) misuse("wrong tag");
    if (type === "reply_digest") message.said = message.reply;
    if (type === "read_reply")
      message.said = toHex(
        await hash("prytany read outcome", codec.encode(codec.outcome, message.outcome)),
      );
    return message;
  }

  function accept(message) {
    cancel(probing);
    probing = undefined;
    if (message) return group.heard(id, message);
    clear();
    self.ready = true;
    since = now();
    self.failures = 0;
    group.ready(self);
  }

  // ---- how it ends ------------------------------------------------------------------------------

  function distrust(why) {
    ++self.standing.untrusted;
    group.emit("differ", id, why);
    drop(why);
  }
  function drop(why) {
    const wasReady = self.ready;
    hangUp();
    ++self.failures;
    // What a replica says costs it nothing: only a connection that lasted begins anew.
    if (wasReady && now() - since > reconnectMaxMs) backoffMs = 0;
    // Full jitter: a group's clients must not return in one wave.
    backoffMs = Math.min(Math.max(2 * backoffMs, reconnectFirstMs), reconnectMaxMs);
    const delay = Math.round(Math.random() * backoffMs);
    timer = later(attempt, delay);
    if (wasReady) group.emit("disconnect", id, why);
    group.emit("reconnecting", id, why, delay);
  }
}
