// The public Cluster and Client. What they promise is in types/index.d.ts.
import { toHex } from "./bytes.js";
import { answerOf, answersOf } from "./answer.js";
import { encodeOurs, publicRead } from "./codec.js";
import { Credential } from "./credential.js";
import { hash } from "./crypto.js";
import { gaveUp, misuse, NoQuorum } from "./errors.js";
import { readGenesis } from "./genesis.js";
import { makeGroup } from "./group.js";
import { joinGroup } from "./join.js";
import { makeQuestion, now } from "./question.js";
import { makeSession } from "./session.js";
import { problem } from "./support.js";
import { entriesOf, toArguments, toWire } from "./values.js";
import { assign, here, isArray, later } from "./platform.js";

const statusTimeoutMs = 2_000;
/** A replica that refused the connection so often is not waited for. */
const unreachableFailures = 2;
const pollMs = 20;

/** Of a Client, for modules of this package. */
export const ask = Symbol();
export const session = Symbol();

export class ReplicaEvent extends Event {}
export class EndEvent extends Event {}

/** Later ones win; `undefined` is not given. */
function settings(...all) {
  const given = Object.fromEntries(all.flatMap(entriesOf));
  const { timeout, linger = 0 } = given;
  // Timers take what is longer, or no number, for 0.
  for (const ms of [timeout, linger])
    if (ms !== +ms || ms < 0 || ms >= 2 ** 31)
      misuse("timeout, linger: 0 to 2^31-1 ms");
  return given;
}

// ---- Cluster ------------------------------------------------------------------------------------

export class Cluster extends EventTarget {
  #group;
  #options;
  #closed = false;

  constructor(genesis, options) {
    super();
    const { members, macs, ...shown } = genesis;
    assign(this, shown, { id: toHex(genesis.id), checked: genesis });
    const { WebSocket = here.WebSocket, timeout, integers } = options;
    this.#options = settings({ timeout: 15_000, integers: "number" }, { timeout, integers });
    this.#group = makeGroup(genesis, WebSocket, (type, what) =>
      this.dispatchEvent(assign(new ReplicaEvent(type), what)),
    );
  }
  static async open(genesis, options = {}) {
    const trouble = await problem(genesis, options);
    if (trouble) misuse(trouble.message, trouble.code);
    return new Cluster(await readGenesis(genesis), options);
  }

  get replicas() {
    return this.#group.links.map(({ id, name, url, ready, standing }) => ({
      id,
      name,
      url,
      connected: ready,
      standing: { ...standing },
    }));
  }

  #connected() {
    if (this.#closed) misuse("the cluster is closed", "closed");
    this.#group.connect();
    return this.#group;
  }
  /** Whether `condition` came to hold. */
  async #until(condition, { timeout, signal }) {
    for (const end = now() + timeout; !condition(this.#connected());) {
      if (signal?.aborted) throw gaveUp(signal);
      if (now() > end) return false;
      await new Promise((resolve) => later(resolve, pollMs));
    }
    return true;
  }
  async connect(options) {
    const enough = (group) => group.up().length >= group.weak;
    if (!(await this.#until(enough, settings(this.#options, options))))
      throw new NoQuorum("no_quorum", `too few replicas${this.#group.hint()}`);
  }
  async join(options) {
    const group = this.#connected();
    const given = settings(this.#options, options);
    given.credential ??= await Credential.generated();
    // Of modules of this package: another way.
    const { signer, joined } = await (given.how ?? joinGroup)(group, given);
    return new Client(this, this.#connected(), signer, joined, given);
  }

  async read(procedure, args, options) {
    // It is for people who want to see how many agree; a slow replica may cost them 100 ms.
    const { integers, ...about } = settings({ linger: 100 }, this.#options, options);
    const read = {
      type: "read",
      id: String(this.#group.nextId()),
      procedure,
      arguments: toArguments(args),
    };
    about.digest = toHex(await hash("prytany public read", encodeOurs(publicRead, read)));
    // A replica that is behind differs honestly: nobody is judged by a read.
    const question = makeQuestion(this.#connected(), about);
    question.ask(read);
    return answerOf(await question.promise, integers);
  }

  async status(options) {
    const asked = this.#connected().inquire();
    const heard = ({ status, ready, failures }) =>
      status?.id >= asked || (!ready && failures >= unreachableFailures);
    await this.#until(
      ({ links }) => links.every(heard),
      settings({ timeout: statusTimeoutMs }, options),
    );
    return this.#group.links.map(({ id, status }) => {
      const reachable = status?.id >= asked;
      const said = reachable ? status : {};
      return {
        id,
        reachable,
        view: +(said.view ?? 0),
        primary: said.primary ?? 0,
        lastExecuted: +(said.last_executed ?? 0),
        stableCheckpoint: +(said.stable_checkpoint ?? 0),
        stateDigest: said.state_digest ?? "",
        connectedPeers: +(said.connected_peers ?? 0),
      };
    });
  }

  close() {
    this.#closed = true;
    this.#group.close();
  }
}

// ---- Client -------------------------------------------------------------------------------------

export class Client extends EventTarget {
  #settings;

  constructor(cluster, group, signer, { session: id, principal, role }, { signal, ...given }) {
    super();
    assign(this, { cluster, sessionId: Number(id), principal, role });
    this.#settings = given;
    this[session] = makeSession(group, signer, id, (reason) =>
      this.dispatchEvent(assign(new EndEvent("end"), { reason })),
    );
  }
  static async join({ genesis, ...options }) {
    const cluster = await Cluster.open(genesis, options);
    try {
      const client = await cluster.join(options);
      client.addEventListener("end", () => cluster.close());
      return client;
    } catch (error) {
      cluster.close();
      throw error;
    }
  }

  get ended() {
    return this[session].ended;
  }

  async [ask](operation, options, answer = answerOf) {
    const given = settings(this.#settings, options);
    const mine = this[session];
    // Of modules of this package: another way.
    return answer(await (given.by ?? mine.submit)(operation, given, mine), given.integers);
  }
  async call(procedure, args, options) {
    return this[ask]({ type: "call", procedure, arguments: toArguments(args) }, options);
  }
  async execute(sql, args, options) {
    return this[ask](execution([sql], args), options);
  }
  async query(sql, args, options) {
    return this[ask](execution([sql], args, true), options);
  }
  async batch(statements, options) {
    return this[ask](execution(statements), options, answersOf);
  }
  async leave(options) {
    await this[ask]({ type: "leave" }, options);
  }
  async [Symbol.asyncDispose]() {
    if (this.ended === null) await this.leave();
  }
}

export function execution(statements, args, readOnly = false) {
  if (!isArray(statements) || !statements[0]) misuse("no statement");
  return {
    type: "execute",
    statements: statements.map((statement) => {
      const isWhole = statement?.sql !== undefined;
      if (isWhole && args) misuse("arguments twice");
      const {
        sql,
        positional = [],
        named,
      } = isWhole
        ? statement
        : { sql: statement, [isArray(args) ? "positional" : "named"]: args };
      if (!isArray(positional)) misuse("positional is a list");
      return { sql, positional: positional.map(toWire), named: toArguments(named) };
    }),
    read_only: readOnly,
  };
}
