// Group: the connections to all replicas, and who is to hear what arrives on them.
import { Channel } from "./channel.js";
import { tell } from "./question.js";
import { toJson } from "./values.js";

export class Group {
  questions = new Set();   // open ones
  sessions = new Map();    // by id: {hear(replica, message), hearEnded(replica, reason)}
  joins = new Map();       // by digest: a function of (replica, token message)
  reads = new Map();       // by id: questions, open and lately settled
  statuses = new Map();    // by id: a function of a status_reply
  latencyMs = 0;           // of answered requests, smoothed
  #lastId = 0;
  #genesis;
  #log;
  #emit;

  /** `emit(type, {replica, reason, delay})` tells the cluster's events. */
  constructor(genesis, { WebSocket, log, emit }) {
    this.#genesis = genesis;
    this.#log = log;
    this.#emit = emit;
    const host = {
      ready: (channel) => this.#ready(channel),
      heard: (channel, message) => this.#heard(channel.id, message),
      down: (channel, why, wasReady) => this.#down(channel, why, wasReady),
      retry: (channel, delay) => emit("reconnecting", { replica: channel.id, delay }),
      distrusted: (channel, why) => {
        this.note(`replica ${channel.id}: ${why} -> close the connection`);
        emit("differ", { replica: channel.id, reason: why });
      },
    };
    this.channels = genesis.members.map(
      (member, id) => new Channel(id, { WebSocket, cluster: genesis.id, member, host }));
    this.wake = () => {
      if (globalThis.document?.visibilityState !== "hidden") for (const c of this.channels) c.wake(this.#ping());
    };
  }

  get cluster() { return this.#genesis.id; }
  get members() { return this.#genesis.members; }
  /** So many hold at least one correct replica (Castro & Liskov TOCS 2002 section 4.1). */
  get weakQuorum() { return this.#genesis.faults + 1; }
  get ready() { return this.channels.filter((channel) => channel.ready); }
  nextId() { return String(++this.#lastId); }
  note(line) { tell(this.#log, line); }

  connect() {
    for (const channel of this.channels) channel.connect();
    globalThis.addEventListener?.("online", this.wake);
    globalThis.document?.addEventListener("visibilitychange", this.wake);
  }
  close() {
    for (const channel of this.channels) channel.close();
    for (const question of this.questions) question.close();
    globalThis.removeEventListener?.("online", this.wake);
    globalThis.document?.removeEventListener("visibilitychange", this.wake);
  }
  /** An answer is overdue. */
  probe() {
    for (const channel of this.ready) channel.probe(this.#ping());
  }
  #ping() { return toJson({ type: "status", id: "0" }); }

  #ready(channel) {
    this.note(`replica ${channel.id} has proven itself -> ask it everything pending`);
    for (const [id] of this.statuses) channel.send(toJson({ type: "status", id }));
    for (const question of this.questions) question.transmitTo(channel);
    this.#emit("connect", { replica: channel.id });
  }
  #down(channel, why, wasReady) {
    this.note(`replica ${channel.id}: ${why} -> connect again`);
    for (const question of this.questions) question.lost(channel);
    if (wasReady) this.#emit("disconnect", { replica: channel.id, reason: why });
  }

  #heard(replica, message) {
    switch (message.type) {
      case "reply":
      case "reply_digest":
        if (message.session !== "0") return this.sessions.get(message.session)?.hear(replica, message);
        return this.#find(message.request)?.hear(replica, message.said, whole(message));
      case "read_reply":
        return this.reads.get(message.id)?.hear(replica, message.said, message);
      case "join_token":
        return this.joins.get(message.join)?.(replica, message);
      case "refused":
        this.note(`replica ${replica} refuses (${message.code}: ${message.message}) -> one voice, ` +
                  `believed only from ${this.weakQuorum}`);
        return this.#find(message.request)?.hearRefusal(replica, message);
      case "session_ended":
        return this.sessions.get(message.session)?.hearEnded(replica, message.reason);
      case "status_reply":
        // A replica speaks for itself only.
        if (message.replica === replica) this.statuses.get(message.id)?.(message);
    }
  }
  #find(digest) {
    for (const question of this.questions) if (question.digest === digest) return question;
    return undefined;
  }

  // ---- how replicas behave --------------------------------------------------------------------------

  judge({ agreed, differed, silent }, what) {
    for (const replica of agreed) ++this.channels[replica].standing.agreed;
    for (const replica of silent) ++this.channels[replica].standing.silent;
    for (const replica of differed) this.#differs(replica, `differs from ${agreed} about ${what}`);
  }
  /** It was counted as silent when the result was taken. */
  judgeLate(replica, agrees, what) {
    const { standing } = this.channels[replica];
    --standing.silent;
    if (agrees) ++standing.agreed;
    else this.#differs(replica, `differs, late, about ${what}`);
  }
  #differs(replica, reason) {
    ++this.channels[replica].standing.differed;
    this.note(`replica ${replica} ${reason} -> its answer is not used`);
    this.#emit("differ", { replica, reason });
  }
}

export const whole = (message) => message.type === "reply" ? message : undefined;
