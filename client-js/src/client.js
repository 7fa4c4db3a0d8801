// The public Cluster and Client. What they promise is in types/index.d.ts.
import { toHex } from "./bytes.js";
import { answerOf, answersOf } from "./answer.js";
import { Credential } from "./credential.js";
import { Aborted, ApplicationError, NoQuorum, OutcomeUnknown, Usage } from "./errors.js";
import { readGenesis } from "./genesis.js";
import { Group } from "./group.js";
import { joinGroup } from "./join.js";
import { Question } from "./question.js";
import { encodeOperation, Session } from "./session.js";
import { problem } from "./support.js";
import { toArguments, toInteger, toWire } from "./values.js";

const timeoutMs = 15_000;
const statusTimeoutMs = 2_000;
/** A public read is for people who want to see how many agree; a slow replica may cost them this. */
const readLingerMs = 100;
/** Replicas at different sequence numbers may answer a read differently; they are asked again. */
const readRetryMs = 20;
const readsKept = 64;
/** A replica that refused the connection so often is not waited for. */
const unreachableFailures = 2;

export class ReplicaEvent extends Event {
  constructor(type, { replica, reason = "", delay = 0 }) {
    super(type);
    Object.assign(this, { replica, reason, delay });
  }
}
export class EndEvent extends Event {
  constructor(reason) {
    super("end");
    this.reason = reason;
  }
}

// ---- Cluster --------------------------------------------------------------------------------------

export class Cluster extends EventTarget {
  #genesis;
  #group;
  #options;
  #clients = new Set();
  #closed = false;

  constructor(genesis, options) {
    super();
    this.#genesis = genesis;
    this.#options = { timeout: timeoutMs, integers: "number", ...given(options) };
    this.#group = new Group(genesis, {
      WebSocket: options.WebSocket ?? globalThis.WebSocket,
      log: options.log,
      emit: (type, what) => this.dispatchEvent(new ReplicaEvent(type, what)),
    });
  }
  static async open(genesis, options = {}) {
    const trouble = await problem(undefined, options);
    if (trouble) throw new Usage(trouble.message, trouble.code);
    const checked = await readGenesis(genesis);
    const mixed = await problem({ checkedGenesis: checked }, options);
    if (mixed) throw new Usage(mixed.message, mixed.code);
    return new Cluster(checked, options);
  }

  get checkedGenesis() { return this.#genesis; }
  get name() { return this.#genesis.name; }
  get id() { return toHex(this.#genesis.id); }
  get fingerprint() { return this.#genesis.fingerprint; }
  get development() { return this.#genesis.development; }
  get faults() { return this.#genesis.faults; }
  get replicas() {
    return this.#genesis.members.map(({ name, url }, id) => {
      const { ready, standing } = this.#group.channels[id];
      return { id, name, url, connected: ready, standing: { ...standing } };
    });
  }

  #connected() {
    if (this.#closed) throw new Usage("the cluster is closed", "closed");
    this.#group.connect();
    return this.#group;
  }
  connect(options = {}) {
    const group = this.#connected();
    return this.#until(() => group.ready.length >= group.weakQuorum, ["connect"], options).then((enough) => {
      if (!enough)
        throw new NoQuorum(`fewer than ${group.weakQuorum} of ${group.channels.length} replicas can be reached`);
    });
  }
  /** Whether `condition` came to hold, looked at with each of these events; rejects if aborted. */
  #until(condition, events, { timeout = this.#options.timeout, signal }) {
    return new Promise((resolve, reject) => {
      const over = (act) => () => {
        clearTimeout(timer);
        for (const type of events) this.removeEventListener(type, look);
        signal?.removeEventListener("abort", abort);
        act();
      };
      const yes = over(() => resolve(true));
      const look = () => condition() && yes();
      const abort = over(() => reject(new Aborted(signal.reason, false)));
      const timer = setTimeout(over(() => resolve(false)), timeout);
      for (const type of events) this.addEventListener(type, look);
      if (signal?.aborted) abort();
      else signal?.addEventListener("abort", abort);
      look();
    });
  }

  async join(options = {}) {
    const group = this.#connected();
    const settings = { ...this.#options, ...given(options) };
    const credential = options.credential ?? await Credential.generated();
    const { signer, joined } = await joinGroup(group, { ...settings, credential });
    if (this.#closed) throw new OutcomeUnknown("closed", "the cluster was closed while joining");
    const client = new Client({ cluster: this, group, signer, joined, settings });
    this.#clients.add(client);
    client.addEventListener("end", () => this.#clients.delete(client));
    return client;
  }

  async read(procedure, args, options = {}) {
    const { timeout, integers, signal, onAgreement, linger = readLingerMs } = { ...this.#options, ...given(options) };
    const operation = { type: "call", procedure, arguments: toArguments(args) };
    encodeOperation(operation);
    const group = this.#connected();
    const id = group.nextId();
    const question = new Question(group, {
      linger,
      onAgreement,
      retryMs: readRetryMs,
      // A replica that is behind differs honestly: nobody is judged by a read.
      fits: () => true,
      take: (wholes, agreement) => {
        // Each at what it had executed: the lowest of them is what all of them had.
        const least = wholes.reduce((a, b) => BigInt(b.executed) < BigInt(a.executed) ? b : a);
        if (least.outcome.type === "error") question.fail(new ApplicationError(least.outcome, agreement));
        else question.answer({ outcome: least.outcome, seq: least.executed, agreed: least.agreed, agreement });
      },
      failed: () => {
        if (question.settled === undefined) question.close();
      },
    });
    const promise = question.promise({ timeout, signal });
    if (!question.told) {
      group.reads.set(id, question);
      if (group.reads.size > readsKept) forgetOldest(group.reads);
      question.ask({ type: "read", id, procedure, arguments: operation.arguments });
    }
    return answerOf(await promise, integers);
  }

  async status(options = {}) {
    const group = this.#connected();
    const id = group.nextId();
    const heard = new Map();
    group.statuses.set(id, (said) => {
      heard.set(said.replica, said);
      this.dispatchEvent(new Event("status"));
    });
    for (const channel of group.ready) channel.send(JSON.stringify({ type: "status", id }));
    const done = () => group.channels.every(
      (c) => heard.has(c.id) || (!c.ready && c.failures >= unreachableFailures));
    try {
      await this.#until(done, ["status", "reconnecting"], { timeout: statusTimeoutMs, ...options });
    } finally {
      group.statuses.delete(id);
    }
    return group.channels.map(({ id: replica }) => statusOf(replica, heard.get(replica)));
  }

  close() {
    if (this.#closed) return;
    this.#closed = true;
    for (const client of [...this.#clients]) client.forget();
    for (const question of [...this.#group.questions]) {
      question.close();
      question.fail?.(new OutcomeUnknown("closed", "the cluster was closed first", { sent: question.sent }));
    }
    this.#group.close();
  }
}

/** What was given: `undefined` is not. */
const given = (options) => Object.fromEntries(Object.entries(options).filter(([, v]) => v !== undefined));

/** Reads still open are not old. */
function forgetOldest(reads) {
  for (const [id, question] of reads) {
    if (question.told) return reads.delete(id);
  }
}

const statusOf = (id, said) => ({
  id,
  reachable: said !== undefined,
  view: Number(said?.view ?? 0),
  primary: said?.primary ?? 0,
  lastExecuted: Number(said?.last_executed ?? 0),
  stableCheckpoint: Number(said?.stable_checkpoint ?? 0),
  stateDigest: said?.state_digest ?? "",
  connectedPeers: Number(said?.connected_peers ?? 0),
});

// ---- Client ---------------------------------------------------------------------------------------

export class Client extends EventTarget {
  #session;
  #settings;
  #ownsCluster = false;

  constructor({ cluster, group, signer, joined, settings }) {
    super();
    this.cluster = cluster;
    this.sessionId = toInteger(joined.session, "number");
    this.principal = joined.principal;
    this.role = joined.role;
    const { timeout, linger, integers } = settings;
    this.#settings = { timeout, linger, integers };
    this.#session = new Session(group, signer, joined.session, (reason) => {
      this.dispatchEvent(new EndEvent(reason));
      if (this.#ownsCluster) cluster.close();
    });
  }
  static async join({ genesis, ...options }) {
    const cluster = await Cluster.open(genesis, options);
    try {
      const client = await cluster.join(options);
      client.#ownsCluster = true;
      return client;
    } catch (error) {
      cluster.close();
      throw error;
    }
  }

  get ended() { return this.#session.ended; }

  async #ask(operation, options, answer) {
    const settings = { ...this.#settings, ...given(options) };
    return answer(await this.#session.submit(operation, settings), settings.integers);
  }
  async call(procedure, args, options = {}) {
    return this.#ask({ type: "call", procedure, arguments: toArguments(args) }, options, answerOf);
  }
  async execute(sql, args, options = {}) {
    return this.#ask(executeOperation([statementOf(sql, args)], false), options, answerOf);
  }
  async query(sql, args, options = {}) {
    return this.#ask(executeOperation([statementOf(sql, args)], true), options, answerOf);
  }
  async batch(statements, options = {}) {
    return this.#ask(executeOperation(statements.map((s) => statementOf(s)), false), options, answersOf);
  }
  async leave(options = {}) {
    await this.#ask({ type: "leave" }, options, () => undefined);
  }
  [Symbol.asyncDispose]() {
    return this.ended === null ? this.leave() : Promise.resolve();
  }
  /** The cluster closes: what is unanswered stays unknown. */
  forget() {
    this.#session.end("closed");
  }
}

const executeOperation = (statements, readOnly) => ({ type: "execute", statements, read_only: readOnly });

function statementOf(statement, args) {
  const { sql, positional = [], named } = typeof statement === "string"
    ? { sql: statement, ...(Array.isArray(args) ? { positional: args } : { named: args }) }
    : statement;
  return { sql, positional: positional.map(toWire), named: toArguments(named) };
}
