// Group: the connections to all replicas, and who is to hear what arrives on them.
import { makeChannel } from "./channel.js";
import { OutcomeUnknown } from "./errors.js";
import { here } from "./platform.js";

/** So many questions that are settled are kept, so that late voices are still judged. */
const settledMax = 64;

/** `emit(type, {replica, reason, delay})` tells the cluster's events. */
export function makeGroup(genesis, WebSocket, emit) {
  const questions = new Map(); // by the digest of what is asked
  // (self.road: see one_connection.js; a page that does not import it has none)
  const settled = []; // of them, in order
  const sessions = new Map(); // by id: {claim(replica, reason), end(reason)}
  let lastId = 0;
  let statusAsked;

  const self = {
    questions,
    sessions,
    cluster: genesis.id,
    members: genesis.members,
    /** So many hold at least one correct replica (Castro & Liskov TOCS 2002 section 4.1). */
    weak: genesis.faults + 1,
    /** Any two of so many share a correct replica. */
    quorum: Math.floor((genesis.members.length + genesis.faults) / 2) + 1,
    macs: genesis.macs,
    nextId: () => ++lastId,
    up: () => self.links.filter(({ ready }) => ready),
    /** Of a request: genesis allows them, and as many replicas get one as correct ones are. */
    tagsServe: () =>
      genesis.macs && self.up().length >= genesis.members.length - genesis.faults,
    /** Browsers do not tell a page why a replica would not talk to it. */
    hint: () =>
      here.location && !self.up()[0]
        ? `; no connection: is --origin ${location.origin} allowed?`
        : "",
    emit(type, replica, reason = "", delay = 0) {
      if (type === "disconnect") self.road?.lost(replica);
      emit(type, { replica, reason, delay });
    },

    connect() {
      self.road?.part();
      every("connect");
      listen("add");
    },
    /** An answer is overdue. */
    probe: () => every("probe"),
    /** The id that answers to this question, and to later ones, have at least. */
    inquire() {
      statusAsked = self.nextId();
      for (const channel of self.up()) channel.inquire(statusAsked);
      return statusAsked;
    },
    close() {
      for (const { sent, fail, close } of questions.values()) {
        fail(new OutcomeUnknown("closed", "the cluster was closed", { sent }));
        close();
      }
      for (const { end } of sessions.values()) end("closed");
      self.road?.end();
      every("close");
      listen("remove");
    },
    settled(digest) {
      if (settled.push(digest) > settledMax) questions.delete(settled.shift());
    },

    // ---- what links tell ---------------------------------------------------------------------

    ready(channel) {
      // Some correct replica has come to what f+1 name.
      every("expire", self.links.map(({ era }) => era).sort((a, b) => b - a)[genesis.faults]);
      if (!channel.ready) return;
      if (statusAsked) channel.inquire(statusAsked);
      for (const question of questions.values()) question.askOf(channel);
      self.emit("connect", channel.id);
    },
    /** What it is about depends on its type alone: the tag covers no other fields. */
    heard(replica, message) {
      const { type } = message;
      self.road?.hear(replica, message);
      if (type === "session_ended") {
        self.emit("refuse", replica, `${type}: ${message.reason}`);
        sessions.get(message.session)?.claim(replica, message.reason);
      } else if (type === "status_reply") {
        // It speaks for itself only.
        if (message.replica === replica) self.links[replica].status = message;
      } else {
        if (type === "refused") self.emit("refuse", replica, `${message.code}: ${message.message}`);
        questions.get(message.join ?? message.question ?? message.request)?.hear(replica, message);
      }
    },

    // ---- how replicas behave --------------------------------------------------------------------

    /** `kind`: agreed, differed or silent. */
    judge(replica, kind, reason) {
      ++self.links[replica].standing[kind];
      if (kind === "differed") self.emit("differ", replica, reason);
    },
  };
  const every = (verb, what) => self.links.forEach((channel) => channel[verb](what));
  const { document } = here;
  const wake = () => {
    if (!document?.hidden) every("wake");
  };
  /** To the network that is back, and to the page that is shown again. */
  const listen = (verb) => {
    here[`${verb}EventListener`]?.("online", wake);
    document?.[`${verb}EventListener`]("visibilitychange", wake);
  };
  self.links = genesis.members.map((member, id) => makeChannel(self, id, member, WebSocket));
  return self;
}
