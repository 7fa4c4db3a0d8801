// The public Cluster and Client. What they promise is in types/index.d.ts.
import { toHex } from "./bytes.js";
import { answerOf, answersOf } from "./answer.js";
import { encodeOurs, operation } from "./codec.js";
import { Credential } from "./credential.js";
import { Aborted, applicationError, misuse, NoQuorum, OutcomeUnknown } from "./errors.js";
import { readGenesis } from "./genesis.js";
import { makeGroup } from "./group.js";
import { joinGroup } from "./join.js";
import { makeQuestion } from "./question.js";
import { makeSession } from "./session.js";
import { problem } from "./support.js";
import { toArguments, toWire } from "./values.js";

const statusTimeoutMs = 2_000;
/** Replicas at different sequence numbers may answer a read differently; they are asked again. */
const readRetryMs = 20;
/** A replica that refused the connection so often is not waited for. */
const unreachableFailures = 2;
const pollMs = 20;

export class ReplicaEvent extends Event {}
export class EndEvent extends Event {}

/** Later ones win; `undefined` is not given. */
const settings = (...all) =>
  Object.fromEntries(all.flatMap(Object.entries).filter(([, value]) => value !== undefined));

/** Whether `condition` came to hold. */
async function until(condition, { timeout, signal }) {
  for (const end = performance.now() + timeout; !condition();) {
    if (signal?.aborted)
      throw new Aborted("aborted", "the caller gave up", { cause: signal.reason });
    if (performance.now() > end) return false;
    await new Promise((resolve) => setTimeout(resolve, pollMs));
  }
  return true;
}

// ---- Cluster ------------------------------------------------------------------------------------

export class Cluster extends EventTarget {
  #group;
  #options;
  #closed = false;

  constructor(genesis, options) {
    super();
    const { members, ...shown } = genesis;
    Object.assign(this, shown, { id: toHex(genesis.id), checkedGenesis: genesis });
    const { WebSocket = globalThis.WebSocket, log, timeout, integers } = options;
    this.#options = settings({ timeout: 15_000, integers: "number" }, { timeout, integers });
    this.#group = makeGroup(genesis, {
      WebSocket,
      log,
      emit: (type, what) => this.dispatchEvent(Object.assign(new ReplicaEvent(type), what)),
    });
  }
  static async open(genesis, options = {}) {
    const trouble = await problem(genesis, options);
    if (trouble) misuse(trouble.message, trouble.code);
    return new Cluster(await readGenesis(genesis), options);
  }

  get replicas() {
    return this.checkedGenesis.members.map(({ name, url }, id) => {
      const { ready, standing } = this.#group.channels[id];
      return { id, name, url, connected: ready, standing: { ...standing } };
    });
  }

  #connected() {
    if (this.#closed) misuse("the cluster is closed", "closed");
    this.#group.connect();
    return this.#group;
  }
  async #until(condition, options) {
    const held = await until(() => this.#closed || condition(), options);
    this.#connected(); // throws if it was closed
    return held;
  }
  async connect(options) {
    const group = this.#connected();
    const { weakQuorum } = group;
    if (
      !(await this.#until(
        () => group.connected().length >= weakQuorum,
        settings(this.#options, options ?? {}),
      ))
    )
      throw new NoQuorum("no_quorum", `fewer than ${weakQuorum} replicas can be reached`);
  }

  async join(options = {}) {
    const group = this.#connected();
    const given = settings(this.#options, options);
    given.credential ??= await Credential.generated();
    const { signer, joined } = await joinGroup(group, given);
    if (this.#closed) throw new OutcomeUnknown("closed", "the cluster was closed", { sent: true });
    return new Client(this, group, signer, joined, given);
  }

  async read(procedure, args, options = {}) {
    // It is for people who want to see how many agree; a slow replica may cost them 100 ms.
    const { linger, onAgreement, integers, ...wait } = settings(
      { linger: 100 },
      this.#options,
      options,
    );
    const call = { type: "call", procedure, arguments: toArguments(args) };
    encodeOurs(operation, call);
    const group = this.#connected();
    const id = group.nextId();
    const question = makeQuestion(
      group,
      {
        linger,
        onAgreement,
        retryMs: readRetryMs,
        // A replica that is behind differs honestly: nobody is judged by a read.
        take: (wholes, agreement) => {
          group.reads.delete(id);
          // Each at what it had executed: the lowest of them is what all of them had.
          const [{ outcome, executed, agreed }] = wholes.sort((a, b) => a.executed - b.executed);
          if (outcome.type === "error") question.fail(applicationError(outcome, agreement));
          else question.answer({ outcome, seq: executed, agreed, agreement });
        },
        failed: () => {
          question.close();
          group.reads.delete(id);
        },
      },
      wait,
    );
    if (!question.told) {
      group.reads.set(id, question);
      question.ask({ ...call, type: "read", id });
    }
    return answerOf(await question.promise, integers);
  }

  async status(options) {
    const group = this.#connected();
    const id = group.nextId();
    const heard = group.channels.map(() => null);
    group.statuses.set(id, (said) => (heard[said.replica] = said));
    for (const channel of group.connected()) channel.send({ type: "status", id });
    try {
      await this.#until(
        () =>
          group.channels.every(
            (c) => heard[c.id] || (!c.ready && c.failures >= unreachableFailures),
          ),
        settings({ timeout: statusTimeoutMs }, options ?? {}),
      );
    } finally {
      group.statuses.delete(id);
    }
    return heard.map((said, replica) => ({
      id: replica,
      reachable: !!said,
      view: Number(said?.view ?? 0),
      primary: said?.primary ?? 0,
      lastExecuted: Number(said?.last_executed ?? 0),
      stableCheckpoint: Number(said?.stable_checkpoint ?? 0),
      stateDigest: said?.state_digest ?? "",
      connectedPeers: Number(said?.connected_peers ?? 0),
    }));
  }

  close() {
    this.#closed = true;
    // What a session has asked is answered by its end: this is the rest.
    for (const { sent, fail } of this.#group.questions)
      fail(new OutcomeUnknown("closed", "the cluster was closed first", { sent }));
    this.#group.close();
  }
}

// ---- Client -------------------------------------------------------------------------------------

export class Client extends EventTarget {
  #session;
  #settings;
  #ownsCluster;

  constructor(cluster, group, signer, { session, principal, role }, { timeout, linger, integers }) {
    super();
    Object.assign(this, { cluster, sessionId: Number(session), principal, role });
    this.#settings = { timeout, linger, integers };
    this.#session = makeSession(group, signer, session, (reason) => {
      this.dispatchEvent(Object.assign(new EndEvent("end"), { reason }));
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

  get ended() {
    return this.#session.ended;
  }

  async #ask(operation, options = {}, answer = answerOf) {
    const given = settings(this.#settings, options);
    return answer(await this.#session.submit(operation, given), given.integers);
  }
  async call(procedure, args, options) {
    return this.#ask({ type: "call", procedure, arguments: toArguments(args) }, options);
  }
  async execute(sql, args, options) {
    return this.#ask(execution([sql], args), options);
  }
  async query(sql, args, options) {
    return this.#ask(execution([sql], args, true), options);
  }
  async batch(statements, options) {
    return this.#ask(execution(statements), options, answersOf);
  }
  async leave(options) {
    await this.#ask({ type: "leave" }, options);
  }
  async [Symbol.asyncDispose]() {
    if (this.ended === null) await this.leave();
  }
}

function execution(statements, args, readOnly = false) {
  return {
    type: "execute",
    statements: statements.map((statement) => {
      const {
        sql,
        positional = [],
        named,
      } = statement.sql === undefined
        ? { sql: statement, [Array.isArray(args) ? "positional" : "named"]: args }
        : statement;
      return { sql, positional: positional.map(toWire), named: toArguments(named) };
    }),
    read_only: readOnly,
  };
}
