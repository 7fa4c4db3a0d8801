// Channel: the connection to one replica, made again whenever it ends. It proves the replica (hello,
// signed with the key that genesis names) and lets through only messages with a right tag.
import { fromHex, join, random, toHex } from "./bytes.js";
import * as codec from "./codec.js";
import { agree, checkTag, hash, hkdf, macKey, newAgreement, sha256, verify, word } from "./crypto.js";
import { toJson } from "./values.js";

const subprotocol = "prytany.v1";
const helloTimeoutMs = 10_000;   // from the attempt to connect to the proof
const reconnectFirstMs = 100;    // doubling, with full jitter
const reconnectMaxMs = 5_000;
const pingAfterMs = 4_000;       // asked, and not heard since: is anybody there?
const silenceMaxMs = 8_000;      // no: the connection died without a word (sleep, a lost network)
const messageCharsMax = 8 << 20;
const waitingCharsMax = 32 << 20;

class Distrust extends Error {}

export class Channel {
  #WebSocket;
  #cluster;        // the digest, bytes
  #member;
  #host;
  #socket = null;
  #mac = null;
  #state = "down";  // connecting, greeting, ready
  #backoffMs = 0;
  #timer;
  #inbox = Promise.resolve();
  #waitingChars = 0;
  #askedAt = null;  // the first question since anything was heard
  #pinged = false;  // since then

  /**
   * `host` is told: ready(channel), heard(channel, message), down(channel, why, wasReady), retry(channel, ms),
   * distrusted(channel, why). Nothing is told twice, and nothing after close().
   */
  constructor(id, { WebSocket, cluster, member, host }) {
    this.id = id;
    this.failures = 0;  // attempts that failed since it was last ready
    this.standing = { agreed: 0, differed: 0, silent: 0, untrusted: 0 };
    this.#WebSocket = WebSocket;
    this.#cluster = cluster;
    this.#member = member;
    this.#host = host;
  }

  get ready() {
    return this.#state === "ready";
  }

  /** Unless a connection is there or under way. `now`: without waiting for the next attempt's time. */
  connect(now = false) {
    if (this.#socket || (this.#timer && !now)) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#drop("does not answer our hello"), helloTimeoutMs);
    this.#state = "connecting";
    let socket;
    try {
      socket = new this.#WebSocket(this.#member.url, [subprotocol]);
    } catch (error) {
      return this.#down(`cannot connect: ${error.message}`);
    }
    this.#socket = socket;
    this.#inbox = Promise.resolve();
    this.#waitingChars = 0;
    // What belongs to a connection that we gave up is no news.
    const current = (act) => (event) => this.#socket === socket && act(event);
    let greeting;
    socket.onopen = current(() => {
      this.#state = "greeting";
      greeting = this.#greet();
      this.#inbox = this.#inbox.then(() => greeting);
    });
    // One at a time, in order: WebCrypto takes its time.
    socket.onmessage = current(({ data }) => {
      const size = typeof data === "string" ? data.length : Infinity;
      this.#waitingChars += size;
      if (size > messageCharsMax || this.#waitingChars > waitingCharsMax)
        return this.#distrust("sends too much");
      this.#inbox = this.#inbox.then(async () => {
        if (this.#socket !== socket) return;
        this.#waitingChars -= size;
        const message = await this.#open(data, await greeting);
        if (this.#socket === socket) this.#accept(message);
      }).catch((error) => {
        if (this.#socket !== socket) return;
        if (!(error instanceof Distrust || error instanceof codec.Malformed)) throw error;
        this.#distrust(error instanceof Distrust ? error.message : `malformed: not ${error.message}`);
      });
    });
    socket.onerror = current(() => this.#drop("no connection"));  // not every runtime says close, too
    socket.onclose = current(({ code, reason }) =>
      this.#down(reason || `closed with ${code}`));
  }

  /** Requires: ready. */
  send(text) {
    this.#askedAt ??= Date.now();
    this.#socket.send(text);
  }
  ping(text) {
    this.#pinged = true;
    this.send(text);
  }
  /** Called when an answer is overdue: a live replica answers `ping` at once, whatever the group does. */
  probe(ping) {
    const silence = this.#askedAt === null ? 0 : Date.now() - this.#askedAt;
    if (silence > silenceMaxMs && this.#pinged) return this.#drop("is silent");
    if (silence > pingAfterMs) this.ping(ping);
  }
  /** The network is back, or the page: what was tried before says nothing about now. */
  wake(ping) {
    this.#backoffMs = 0;
    if (this.#state === "down") return this.#timer && this.connect(true);
    if (!this.ready) return;
    this.ping(ping);
    const socket = this.#socket;
    setTimeout(() => {
      if (this.#socket === socket && this.#askedAt !== null) this.#drop("is silent");
    }, pingAfterMs);
  }
  /** For good. */
  close() {
    clearTimeout(this.#timer);
    this.#state = "down";
    const socket = this.#socket;
    this.#socket = null;
    socket?.close();
  }

  // ---- what arrives -------------------------------------------------------------------------------

  async #greet() {
    const { key, publicKey } = await newAgreement();
    const hello = { type: "hello", cluster: toHex(this.#cluster), key: toHex(publicKey), nonce: toHex(random(16)) };
    if (this.#state === "greeting" && this.#socket.readyState === 1) this.#socket.send(toJson(hello));
    return { key, hello };
  }

  /** A message that is the replica's, or undefined for its hello. `said` names what is voted on. */
  async #open(text, greeting) {
    let message;
    try {
      message = JSON.parse(text);
    } catch {
      throw new Distrust("malformed: not JSON");
    }
    if (this.#state === "greeting") {
      if (message?.type === "refused") throw new Distrust(`refuses our hello: ${message.code}`);
      if (message?.type !== "hello_ok") throw new Distrust("speaks before its hello");
      return this.#prove(message, greeting);
    }
    if (message?.type === "hello_ok") throw new Distrust("greets twice");
    let tagged = message;
    if (message?.type === "reply") {
      message.said = toHex(await hash("prytany reply", this.#cluster, codec.encode(codec.reply, message)));
      const { session, number, request } = message;
      tagged = { type: "reply_digest", session, number, request, reply: message.said };
    }
    const data = join(word("prytany tag"), this.#cluster, codec.encode(codec.u16, this.id),
                      codec.encode(codec.toClient, tagged));
    const tag = fromHex(message.tag);
    if (!tag) throw new Distrust("message without a tag");
    if (!await checkTag(this.#mac, data, tag)) throw new Distrust("wrong tag");
    if (message.type === "reply_digest") message.said = message.reply;
    if (message.type === "read_reply")
      message.said = toHex(await hash("prytany read outcome", codec.encode(codec.outcome, message.outcome)));
    return message;
  }

  async #prove(server, { key, hello }) {
    const signature = fromHex(server.signature);
    const said = join(word("prytany client hello"), codec.encode(codec.clientHello, hello),
                      codec.encode(codec.serverHello, server));
    if (server.replica !== this.id) throw new Distrust("is another replica than genesis says");
    if (signature?.length !== 64 || !await verify(this.#member.key, signature, said))
      throw new Distrust("does not hold the key that genesis names");
    const secret = await agree(key, fromHex(server.key));
    if (!secret) throw new Distrust("offers an unusable key");
    this.#mac = await macKey(await hkdf(secret, await sha256(said), "prytany client tag"));
  }

  #accept(message) {
    this.#askedAt = null;
    this.#pinged = false;
    if (message) {
      this.#backoffMs = 0;
      return this.#host.heard(this, message);
    }
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#state = "ready";
    this.failures = 0;
    this.#host.ready(this);
  }

  // ---- how it ends --------------------------------------------------------------------------------

  #distrust(why) {
    ++this.standing.untrusted;
    this.#host.distrusted(this, why);
    this.#drop(why);
  }
  #drop(why) {
    const socket = this.#socket;
    this.#down(why);
    socket?.close();
  }
  #down(why) {
    const wasReady = this.ready;
    this.#socket = null;
    this.#state = "down";
    this.#askedAt = null;
    this.#pinged = false;
    ++this.failures;
    clearTimeout(this.#timer);
    // Full jitter: a group's clients must not return in one wave.
    this.#backoffMs = Math.min(Math.max(2 * this.#backoffMs, reconnectFirstMs), reconnectMaxMs);
    const delayMs = Math.round(Math.random() * this.#backoffMs);
    this.#timer = setTimeout(() => this.connect(true), delayMs);
    this.#host.down(this, why, wasReady);
    this.#host.retry(this, delayMs);
  }
}
