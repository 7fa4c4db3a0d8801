// Group: the connections to all replicas, and who is to hear what arrives on them.
import { makeChannel } from "./channel.js";
import { tell } from "./question.js";

/** `emit(type, replica, reason, delay)` tells the cluster's events, `log` gets lines about them. */
export function makeGroup(genesis, { WebSocket, log, emit }) {
  const questions = new Set(); // open ones
  const sessions = new Map(); // by id: {hear(replica, message), hearEnded(replica, reason)}
  const joins = new Map(); // by digest: a function of (replica, token message)
  const reads = new Map(); // by id: open questions
  const statuses = new Map(); // by id: a function of a status_reply
  const find = (digest) => [...questions].find(({ about }) => about.digest === digest);
  let lastId = 0;

  const self = {
    questions,
    sessions,
    joins,
    reads,
    statuses,
    cluster: genesis.id,
    members: genesis.members,
    /** So many hold at least one correct replica (Castro & Liskov TOCS 2002 section 4.1). */
    weakQuorum: genesis.faults + 1,
    /** Any two of so many share a correct replica. */
    quorum: Math.floor((genesis.members.length + genesis.faults) / 2) + 1,
    latencyMs: 0, // of answered questions, smoothed
    nextId: () => String(++lastId),
    connected: () => self.channels.filter(({ ready }) => ready),
    emit(type, replica, reason = "", delay = 0) {
      tell(log, `replica ${replica}: ${type} ${reason}`);
      emit(type, { replica, reason, delay });
    },

    connect() {
      for (const channel of self.channels) channel.connect();
      listen("add");
    },
    /** An answer is overdue. */
    probe() {
      for (const channel of self.channels) channel.probe();
    },
    close() {
      for (const { end } of sessions.values()) end("closed");
      for (const each of [...self.channels, ...questions]) each.close();
      listen("remove");
    },

    // ---- what channels tell ---------------------------------------------------------------------

    ready(channel) {
      for (const id of statuses.keys()) channel.send({ type: "status", id });
      for (const question of questions) question.transmitTo(channel);
      self.emit("connect", channel.id);
    },
    lost(replica) {
      for (const question of questions) question.lost(replica);
    },
    heard(replica, message) {
      const { type, session, id, request, code, said } = message;
      if (type.startsWith("reply")) {
        const whole = type === "reply" && message;
        if (session === "0") find(request)?.hear(replica, said, whole);
        else sessions.get(session)?.hear(replica, message, whole);
      } else if (type === "read_reply") {
        reads.get(id)?.hear(replica, said, message);
      } else if (type === "join_token") {
        joins.get(message.join)?.(replica, message);
      } else if (type === "refused") {
        tell(log, `replica ${replica} refuses (${code}: ${message.message}): one voice`);
        find(request)?.hearRefusal(replica, message);
      } else if (type === "session_ended") {
        sessions.get(session)?.hearEnded(replica, message.reason);
      } else if (message.replica === replica) {
        statuses.get(id)?.(message); // a replica speaks for itself only
      }
    },

    // ---- how replicas behave --------------------------------------------------------------------

    judge({ agreed, differed, silent }, what) {
      for (const replica of agreed) ++self.channels[replica].standing.agreed;
      for (const replica of silent) ++self.channels[replica].standing.silent;
      for (const replica of differed) self.differs(replica, `differs from ${agreed} about ${what}`);
    },
    /** It was counted as silent when the result was taken. */
    judgeLate(replica, agrees, what) {
      const { standing } = self.channels[replica];
      --standing.silent;
      if (agrees) ++standing.agreed;
      else self.differs(replica, `differs, late, about ${what}`);
    },
    differs(replica, reason) {
      ++self.channels[replica].standing.differed;
      self.emit("differ", replica, reason);
    },
  };
  const { document } = globalThis;
  const wake = () => {
    if (!document?.hidden) for (const channel of self.channels) channel.wake();
  };
  /** To the network that is back, and to the page that is shown again. */
  const listen = (verb) => {
    globalThis[`${verb}EventListener`]?.("online", wake);
    document?.[`${verb}EventListener`]("visibilitychange", wake);
  };
  self.channels = genesis.members.map((member, id) => makeChannel(self, id, member, WebSocket));
  return self;
}
