// Prytany's client for browsers and Node. The words are those of the C++ client.
//
//   const cluster = await Cluster.open(genesis);
//   const client = await cluster.join({ credential: await Credential.code("7Q4M-...") });
//   const answer = await client.call("cast_vote", { choice: 3 });
//   console.log(answer.rows[0], "said by", answer.agreement.agreed);
//
// A client connects to every replica and believes a result only when f+1 of them give the same one.
// It resends what gets lost; a request runs once, however often it was sent.

// ---- values -------------------------------------------------------------------------------------

/**
 * What SQL gives: NULL, INTEGER, REAL, TEXT, BLOB. See `Integers` for which integers are bigint.
 */
export type Value = null | number | bigint | string | Uint8Array;

/**
 * What SQL takes. A number without a fraction becomes an INTEGER if it is exact (at most 2^53 - 1),
 * else it is refused: write a bigint, or `real()`. Other numbers become REAL; NaN is refused. A
 * boolean becomes 0 or 1.
 */
export type Input = Value | boolean | ArrayBuffer | Real;

/** A number that is to be a REAL although it has no fraction: `real(2)`. */
export declare class Real {
  private constructor();
  readonly value: number;
}
export declare function real(value: number): Real;

/**
 * How INTEGERs arrive. "number": as a number where that is exact, and as a bigint beyond 2^53 - 1,
 * so that nothing is ever rounded. "bigint": always as a bigint.
 */
export type Integers = "number" | "bigint";

/** Named arguments of a procedure or a statement. One that is `undefined` is left out. */
export type Arguments = { readonly [name: string]: Input | undefined };

export interface Statement {
  /** Exactly one statement. */
  sql: string;
  /** For `?`. */
  positional?: readonly Input[];
  /** For `:name`; names are written without the colon. */
  named?: Arguments;
}

// ---- answers ------------------------------------------------------------------------------------

/** Who stood behind a result when it was taken: ids of replicas, from 0, in order. */
export interface Agreement {
  readonly agreed: readonly number[];
  readonly differed: readonly number[];
  readonly silent: readonly number[];
}

export type Row = Record<string, Value>;

/** What a statement or a procedure gave. `R` is the caller's word for the type of its rows. */
export declare class Answer<R = Row> implements Iterable<R> {
  private constructor();
  readonly columns: readonly string[];
  /** Objects by column name. Where two columns share a name the last one counts: see `values`. */
  readonly rows: readonly R[];
  /** The same rows as arrays, in the order of `columns`. */
  readonly values: readonly (readonly Value[])[];
  /** Rows changed by the whole call. */
  readonly changes: number;
  readonly lastInsertRowid: number | bigint;
  /**
   * Its place in the cluster's total order. Of a public read, which has none: the highest number
   * that f+1 of the replicas in `agreement.agreed` say they had executed, so that one correct
   * replica had. f liars can make an answer look older than it is, never newer.
   */
  readonly seq: number;
  /**
   * The time it ran at: microseconds since 1970, equal on every replica. Of a public read: the
   * latest that f+1 of the agreeing replicas had reached, as for `seq`.
   */
  readonly agreedUs: number;
  readonly agreement: Agreement;
  /** The only row. Throws Usage if there is not exactly one. */
  one(): R;
  /** The only column of the only row. Throws Usage if there is more, or less. */
  value<V extends Value = Value>(): V;
  [Symbol.iterator](): Iterator<R>;
}

// ---- transactions -------------------------------------------------------------------------------

/**
 * Whether a step runs, of what became of steps before it, counted from 0: it ran and did not fail
 * (`ok`), failed and was allowed to (`error`), changed a row (`changed`), returned one (`rows`).
 */
export type When =
  | { readonly ok: number }
  | { readonly error: number }
  | { readonly changed: number }
  | { readonly rows: number }
  | { readonly not: When }
  | { readonly all: readonly When[] }
  | { readonly any: readonly When[] };

export interface Step extends Statement {
  /** Without it the step always runs. */
  when?: When;
  /** A constraint, RAISE or ensure() that says no undoes this step alone, and the others go on. */
  mayFail?: boolean;
}

/** What became of a step. One that did not run has no rows. */
export interface StepAnswer<R = Row> extends Answer<R> {
  readonly ran: boolean;
  readonly skipped: boolean;
  /** Of the failure it was allowed; empty: none. */
  readonly code: string;
  readonly message: string;
}

/**
 * Statements that depend on each other, in one request: all of it happens, or nothing. A step that
 * fails undoes everything and is thrown, unless it may fail. BEGIN is refused, because between two
 * requests of one client others' requests run.
 */
export declare function transaction(
  client: Client,
  steps: readonly Step[],
  options?: CallOptions,
): Promise<StepAnswer[]>;

// ---- explanations -------------------------------------------------------------------------------

/** One run of one statement. A trigger's work is its statement's. */
export interface ExplainedStatement {
  /** At most 4 KiB of it. */
  readonly sql: string;
  /** SQLite's EXPLAIN QUERY PLAN, indented by two spaces for each level. */
  readonly plan: readonly string[];
  /** Of SQLite's virtual machine. */
  readonly steps: number;
  /** Rows gone through without an index. */
  readonly scanned: number;
  readonly sorts: number;
  /** Of 4 KiB, asked for. */
  readonly pages: number;
  /** Allocated. */
  readonly bytes: number;
}

/** What a call would do and cost, as f+1 replicas say alike. */
export interface Explanation {
  /** In the order in which they ran; at most 256. A step that was skipped did not run. */
  readonly statements: readonly ExplainedStatement[];
  /** Statements that ran and are not among those. */
  readonly leftOut: number;
  /** Of the budget, in steps: pages, bytes and large values count, too. */
  readonly charged: number;
  /** What a call may use, in steps. */
  readonly budget: number;
  /** What the call would have failed with, or null. `statement` is counted from 1; 0: none. */
  readonly error: {
    readonly code: string;
    readonly message: string;
    readonly procedure: string;
    readonly statement: number;
  } | null;
  /** As of an Answer. */
  readonly seq: number;
  readonly agreedUs: number;
  readonly agreement: Agreement;
}

/**
 * A call is run on every replica as it would run, and undone; it costs the cluster what the call
 * costs. Rejects as the call would if that may not be asked (`not_allowed`, `unknown_procedure`);
 * with `not_allowed`, too, where the application does not let the role look, `not_explainable`
 * where it is a class in C++, and Refused, code `unexpected_answer`, if f+1 replicas are of another
 * version. That the call would fail rejects nothing: see `error`.
 */
export declare function explainCall(
  client: Client,
  procedure: string,
  args?: Arguments,
  options?: CallOptions,
): Promise<Explanation>;
/** The same of one statement, or several, as of `batch`; `readOnly`: as of `query`. */
export declare function explainSql(
  client: Client,
  statements: string | Statement | readonly (string | Statement)[],
  options?: CallOptions & { readOnly?: boolean },
): Promise<Explanation>;
/** The same of a transaction. */
export declare function explainTransaction(
  client: Client,
  steps: readonly Step[],
  options?: CallOptions,
): Promise<Explanation>;

// ---- subscriptions ------------------------------------------------------------------------------

/** Something that a committed request told those who watch a topic. */
export interface Change {
  readonly missed: false;
  /** Where to go on after it. */
  readonly position: number;
  /** The batch whose request it was, as of an Answer. */
  readonly seq: number;
  readonly agreedUs: number;
  readonly topic: string;
  readonly value: Value;
}
/** No change: some before `position` are kept no more. Read again what they are about. */
export interface Missed {
  readonly missed: true;
  readonly position: number;
}
/**
 * Changes in the order in which they were committed, none left out, none twice, each believed from
 * f+1 replicas. Rejects with Refused when no more will come: the session has ended, or the replicas
 * refuse ("not_allowed", "unknown_topic").
 */
export interface Subscription extends AsyncIterableIterator<Change | Missed> {
  /** To go on from here another time, after what was taken; undefined: not known yet. */
  readonly position: number | undefined;
  return(): Promise<IteratorResult<Change | Missed>>;
}
export interface SubscribeOptions {
  /** 1 to 64 of those that prytany.json lists. */
  topics: readonly string[];
  /** A position; without it, what changes from now on. */
  after?: number;
  integers?: Integers;
  signal?: AbortSignal;
}
/** Watches topics until it is left (`break`, `return()`), aborted, or the session ends. */
export declare function subscribe(client: Client, options: SubscribeOptions): Subscription;

/**
 * Answers of a read-only procedure: the first, and another whenever one of the topics has changed,
 * until it is left, aborted, or the session ends. Changes that come while it is asked lead to one
 * answer.
 */
export declare function watch<R = Row>(
  client: Client,
  procedure: string,
  args: Arguments | undefined,
  options: CallOptions & { topics: readonly string[] },
): AsyncGenerator<Answer<R>, void, void>;

// ---- errors -------------------------------------------------------------------------------------

export type ErrorKind =
  | "application" // an answer: the application or SQL refused, and f+1 replicas say so alike
  | "no_quorum" // not enough replicas answered alike in time; nothing was sent that can run
  | "outcome_unknown" // it was sent, and the timeout or the session's end came before the answer:
  // it may have run, or may still run, once
  | "refused" // the cluster would not take it; it was not answered
  | "aborted" // the caller's AbortSignal
  | "usage"; // the caller's mistake, or a browser that cannot do it; nothing was sent

/** The base of all. `code` is stable, for programs; `message` is for people. */
export declare class ClientError extends Error {
  readonly kind: ErrorKind;
  /** See docs/reference/errors.md. */
  readonly code: string;
  /** Whether a replica may have seen it. */
  readonly sent: boolean;
  /** Who said what, as far as it was heard. Empty lists where nobody was asked. */
  readonly agreement: Agreement;
}
/** A rule of the application, or an SQL error: a result, the same on f+1 replicas. */
export declare class ApplicationError extends ClientError {
  readonly kind: "application";
  /** Where; empty for ad-hoc SQL. */
  readonly procedure: string;
  /** Which statement of it, from 1; 0 when none is to blame. */
  readonly statement: number;
}
export declare class NoQuorum extends ClientError {
  readonly kind: "no_quorum";
}
export declare class OutcomeUnknown extends ClientError {
  readonly kind: "outcome_unknown";
}
export declare class Refused extends ClientError {
  readonly kind: "refused";
}
/** `name` is "AbortError", `cause` the signal's reason. With `sent` it may still run, once. */
export declare class Aborted extends ClientError {
  readonly kind: "aborted";
}
export declare class Usage extends ClientError {
  readonly kind: "usage";
}

// ---- genesis and credentials --------------------------------------------------------------------

/**
 * The text of genesis.json, or what JSON.parse made of it. It must come from someone trusted. A
 * page that takes it from the replica which served the page trusts that replica: show
 * `fingerprint`.
 */
export type Genesis = string | object;

/**
 * The key that says who one is. Never sent; it signs. Its private half cannot be read by scripts.
 */
export declare class Credential {
  private constructor();
  /** 64 hex digits: what a roll stores. */
  readonly publicKey: string;
  /** A new one: for applications that admit anybody. */
  static generated(): Promise<Credential>;
  /**
   * From a code as a voter holds it, for the cluster of `genesis`. Throws Usage with code
   * `bad_code` and a reason that can be shown to whoever typed it.
   */
  static code(code: string, genesis: Genesis | Cluster): Promise<Credential>;
  /** From a key file's text (PKCS#8 PEM, as `prytany keygen` and `openssl genpkey` write it). */
  static pem(text: string): Promise<Credential>;
  /** What `save` kept in this browser (IndexedDB, of this origin), or null. */
  static load(name: string): Promise<Credential | null>;
  /** Keeps it in this browser under `name`, until `forget`. The key stays unreadable. */
  save(name: string): Promise<void>;
  /** Removes what was kept under `name`, if anything. */
  static forget(name: string): Promise<void>;
}

/** A new code of 130 random bits: "7Q4M-..." in groups of four. */
export declare function generateCode(): string;
/** Public key of a code's credential, as hex: what a roll stores. */
export declare function credentialPublicKey(
  code: string,
  genesis: Genesis | Cluster,
): Promise<string>;
/**
 * The digest of genesis in groups that people read to each other. Throws Usage if it is not one.
 */
export declare function fingerprint(genesis: Genesis): Promise<string>;

/**
 * Why this page or program cannot be a client, or null if it can: an insecure page (http on another
 * host than this machine), a browser without WebCrypto's Ed25519 or X25519, no WebSocket, or a page
 * by https whose replicas are addressed by ws. `Cluster.open` throws the same as Usage.
 */
export declare function problem(
  genesis?: Genesis,
  options?: ClusterOptions,
): Promise<Problem | null>;
export interface Problem {
  readonly code: "insecure_page" | "insecure_address" | "no_ed25519" | "no_x25519" | "no_websocket";
  /** In words for whoever is in front of the screen. */
  readonly message: string;
}

// ---- cluster ------------------------------------------------------------------------------------

export interface ClusterOptions {
  /** For Node before 22, or tests. Default: globalThis.WebSocket. */
  WebSocket?: new (url: string, protocols?: string | string[]) => WebSocket;
  /** For joining and for every question, in milliseconds below 2^31. Default 15000. */
  timeout?: number;
  /** Default "number". */
  integers?: Integers;
}

/** For one question. */
export interface CallOptions {
  /**
   * Milliseconds. The library goes on asking for as long as the session lives: see OutcomeUnknown.
   */
  timeout?: number;
  /** Rejects with Aborted. What was sent cannot be called back. */
  signal?: AbortSignal;
  /** After f+1 agreed, wait so long (ms) to hear the others too, for a fuller Agreement. */
  linger?: number;
  /**
   * Called when the result is taken, and again for each replica that is heard about it later: for
   * "confirmed by k of n servers". Of a request, replicas that are silent are asked again, as long
   * as the session lives. Not called for errors: they have an agreement of their own.
   */
  onAgreement?: (agreement: Agreement) => void;
  integers?: Integers;
}

export interface JoinOptions {
  /** Default: a generated one. */
  credential?: Credential;
  /** Passed to the application's authorize; what it means, if anything, is the application's. */
  name?: string;
  /** Defaults for this session's questions; `timeout` also for joining. */
  timeout?: number;
  linger?: number;
  integers?: Integers;
  signal?: AbortSignal;
}

/**
 * Joins with an OpenID Connect ID token, as an application admits them. `idToken` is its text, or
 * gets one from its issuer with this nonce: a token with another nonce is refused (`not_bound`).
 * A page that goes to the issuer and comes back saves the credential before, and loads it after.
 */
export declare function joinWithIdToken(
  cluster: Cluster,
  options: JoinOptions & { idToken: string | ((nonce: string) => string | Promise<string>) },
): Promise<Client>;
/** What an ID token must hold as its nonce to be of use with this credential in this cluster. */
export declare function idTokenNonce(
  credential: Credential,
  genesis: Genesis | Cluster,
): Promise<string>;

/**
 * Joins with an X.509 certificate, as an application admits them: `certificate` is a PEM text, the
 * client's own first and intermediate ones after it (four at most, 4 KiB each); `key` is its private
 * key, of Ed25519, ECDSA P-256 or RSA-PSS with SHA-256 as a CryptoKey that may sign, or as PKCS#8 PEM
 * without a passphrase. It signs this join and no other. Throws Usage, code `bad_certificate` or
 * `bad_key`, before anything is sent.
 */
export declare function joinWithCertificate(
  cluster: Cluster,
  options: JoinOptions & { certificate: string; key: CryptoKey | string },
): Promise<Client>;

/** Whom genesis lists: the session's number is the place here, from 1. */
export interface StaticClient {
  readonly principal: string;
  readonly role: string;
  /** Hex. */
  readonly key: string;
}
/** Cluster.open() where genesis lists the clients, and nobody joins (format 2). */
export declare function openStatic(
  genesis: Genesis,
  options?: ClusterOptions,
): Promise<Cluster & { readonly clients: readonly StaticClient[] }>;
/**
 * The session of a listed client, whose key `credential` holds; one program uses a key at a time.
 * Nothing is asked, so nothing is awaited. Throws Usage, code `not_listed`. `leave()` asks nothing,
 * too: the session stays, and this program speaks for it no more. Numbers of requests begin at this
 * machine's time, which must not be set back.
 */
export declare function attachStatic(
  cluster: Cluster,
  options: Omit<JoinOptions, "name"> & { credential: Credential },
): Promise<Client>;

/**
 * `client.call` of a procedure marked `@read-only`, `client.query`; as up to date (it sees all that
 * anybody was told before it was asked), but not ordered where quorum replicas answer alike at once:
 * cheaper, and faster where the group is busy. Ordered after all where they do not in time, where
 * genesis does not say `requests: mac`, and with `linger` or `onAgreement`.
 */
export declare function fastCall<R = Row>(
  client: Client,
  procedure: string,
  args?: Arguments,
  options?: CallOptions,
): Promise<Answer<R>>;
export declare function fastQuery<R = Row>(
  client: Client,
  sql: string | Statement,
  args?: readonly Input[] | Arguments,
  options?: CallOptions,
): Promise<Answer<R>>;

/**
 * The clients of this one's cluster ask through one connection: to a replica, their gateway, that
 * passes requests on and brings the words of the others, under keys that it does not have. An answer
 * is believed as ever; its `agreement` names as silent whom nobody needed to hear. All replicas are
 * connected to again, and asked, when the gateway fails or is slow, and for what it cannot bring:
 * joins, public reads, subscriptions, `linger`, `onAgreement`, requests above 64 KiB.
 * Throws Usage, code `closed`, if the session has ended.
 */
export declare function oneConnection(client: Client): OneConnection;
export interface OneConnection {
  /** Through whom requests go; null while all are asked. */
  readonly gateway: number | null;
  /** Back to all of them, for good. */
  stop(): void;
}

/** A member of the cluster, as genesis names it, and how it has behaved in this page's lifetime. */
export interface Replica {
  readonly id: number;
  /** The organisation. */
  readonly name: string;
  /** Where clients connect. */
  readonly url: string;
  /** Connected, and proven to hold the key that genesis names. */
  readonly connected: boolean;
  readonly standing: ReplicaStanding;
}

/** How often a replica was found to agree with the group, or not. */
export interface ReplicaStanding {
  readonly agreed: number;
  readonly differed: number;
  readonly silent: number;
  /** Connections closed for cause: wrong key, wrong tag, malformed. */
  readonly untrusted: number;
}

/** One replica's own view of itself: its word alone. */
export interface ReplicaStatus {
  readonly id: number;
  /** The rest is 0 or empty if not. */
  readonly reachable: boolean;
  readonly view: number;
  readonly primary: number;
  readonly lastExecuted: number;
  readonly stableCheckpoint: number;
  /** Of stableCheckpoint, hex. */
  readonly stateDigest: string;
  readonly connectedPeers: number;
}

/** An event about one replica. */
export declare class ReplicaEvent extends Event {
  readonly replica: number;
  /** Why, in words; empty where there is nothing to say. */
  readonly reason: string;
  /** Of "reconnecting": in how many milliseconds. Else 0. */
  readonly delay: number;
}
export interface ClusterEvents {
  /** A replica has proven that it holds its key. */
  connect: ReplicaEvent;
  /** Its connection ended. */
  disconnect: ReplicaEvent;
  /** Another attempt will be made after `delay`. */
  reconnecting: ReplicaEvent;
  /**
   * It contradicted f+1 others, or its connection was closed for cause: `reason` says about what.
   */
  differ: ReplicaEvent;
  /** It refused something alone, `reason` says with which code: one voice. */
  refuse: ReplicaEvent;
  /**
   * Of oneConnection: requests go through this replica from now on, `reason` is empty; or they do no
   * more, and it says why.
   */
  gateway: ReplicaEvent;
}

/** The servers, as genesis names them. Many clients may share one, and its connections. */
export declare class Cluster extends EventTarget {
  private constructor();
  /**
   * Checks genesis and this browser; throws Usage. Connects only when asked something, or by
   * `connect`.
   */
  static open(genesis: Genesis, options?: ClusterOptions): Promise<Cluster>;
  readonly name: string;
  /** SHA-256 of genesis, hex. */
  readonly id: string;
  /** What people read to each other to be sure that they mean the same cluster. */
  readonly fingerprint: string;
  readonly development: boolean;
  readonly faults: number;
  /** A snapshot, by id. */
  readonly replicas: readonly Replica[];

  /** Connects now, and resolves when f+1 replicas have proven themselves. */
  connect(options?: { timeout?: number; signal?: AbortSignal }): Promise<void>;
  /** Joins: a new session. */
  join(options?: JoinOptions): Promise<Client>;
  /**
   * A public procedure, without joining: f+1 replicas gave this answer, each at what it had
   * executed.
   */
  read<R = Row>(procedure: string, args?: Arguments, options?: CallOptions): Promise<Answer<R>>;
  /**
   * Asks every replica about itself, and waits for all that answer within `timeout` (default 2000).
   */
  status(options?: { timeout?: number; signal?: AbortSignal }): Promise<ReplicaStatus[]>;
  /** Ends all connections. What is unanswered rejects with OutcomeUnknown, code `closed`. */
  close(): void;

  addEventListener<K extends keyof ClusterEvents>(
    type: K,
    listener: (event: ClusterEvents[K]) => void,
    options?: boolean | AddEventListenerOptions,
  ): void;
  addEventListener(
    type: string,
    listener: EventListenerOrEventListenerObject | null,
    options?: boolean | AddEventListenerOptions,
  ): void;
  removeEventListener<K extends keyof ClusterEvents>(
    type: K,
    listener: (event: ClusterEvents[K]) => void,
    options?: boolean | EventListenerOptions,
  ): void;
  removeEventListener(
    type: string,
    listener: EventListenerOrEventListenerObject | null,
    options?: boolean | EventListenerOptions,
  ): void;
}

// ---- client -------------------------------------------------------------------------------------

/** The session is no more: "replaced" (the same person joined elsewhere), "left", "expired", ... */
export declare class EndEvent extends Event {
  readonly reason: string;
}
export interface ClientEvents {
  end: EndEvent;
}

/** One session. Up to 64 requests are outstanding at once; more wait for their turn. */
export declare class Client extends EventTarget {
  private constructor();
  /** Opens a cluster of its own and joins; `leave` then closes it. */
  static join(options: { genesis: Genesis } & ClusterOptions & JoinOptions): Promise<Client>;

  readonly cluster: Cluster;
  readonly sessionId: number;
  readonly principal: string;
  readonly role: string;
  /** Why the session is no more, or null while it lives. */
  readonly ended: string | null;

  /** A procedure of the installed application: its last rows, and the changes of all of it. */
  call<R = Row>(procedure: string, args?: Arguments, options?: CallOptions): Promise<Answer<R>>;
  /**
   * One statement of SQL, for roles that may. Arguments: an array for `?`, an object for `:name`.
   */
  execute<R = Row>(
    sql: string | Statement,
    args?: readonly Input[] | Arguments,
    options?: CallOptions,
  ): Promise<Answer<R>>;
  /** A statement that only reads: anything else is refused. */
  query<R = Row>(
    sql: string | Statement,
    args?: readonly Input[] | Arguments,
    options?: CallOptions,
  ): Promise<Answer<R>>;
  /** Several statements, at least one, in one transaction: all of them, or none. */
  batch(statements: readonly (string | Statement)[], options?: CallOptions): Promise<Answer[]>;
  /** Ends the session and waits for it. */
  leave(options?: { timeout?: number }): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;

  addEventListener<K extends keyof ClientEvents>(
    type: K,
    listener: (event: ClientEvents[K]) => void,
    options?: boolean | AddEventListenerOptions,
  ): void;
  addEventListener(
    type: string,
    listener: EventListenerOrEventListenerObject | null,
    options?: boolean | AddEventListenerOptions,
  ): void;
  removeEventListener<K extends keyof ClientEvents>(
    type: K,
    listener: (event: ClientEvents[K]) => void,
    options?: boolean | EventListenerOptions,
  ): void;
  removeEventListener(
    type: string,
    listener: EventListenerOrEventListenerObject | null,
    options?: boolean | EventListenerOptions,
  ): void;
}
