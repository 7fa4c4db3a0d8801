// What callers may write, and what they may not: checked by tsc, never run.
import {
  Aborted,
  Answer,
  ApplicationError,
  Client,
  ClientError,
  Cluster,
  Credential,
  EndEvent,
  NoQuorum,
  OutcomeUnknown,
  Refused,
  ReplicaEvent,
  Usage,
  credentialPublicKey,
  explainCall,
  fastCall,
  fastQuery,
  oneConnection,
  explainSql,
  explainTransaction,
  fingerprint,
  generateCode,
  joinWithCertificate,
  problem,
  real,
} from "prytany-client";
import type {
  Agreement,
  ErrorKind,
  Explanation,
  Input,
  Problem,
  ReplicaStatus,
  Row,
  Value,
} from "prytany-client";

/** Compiles only if A and B are the same type. */
type Same<A, B> =
  (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
const same = <A, B>(_: Same<A, B>) => {};

declare const genesis: string;

export async function opening() {
  const trouble = await problem(genesis);
  same<typeof trouble, Problem | null>(true);
  const cluster = await Cluster.open(genesis, {
    timeout: 1000,
    integers: "bigint",
  });
  await Cluster.open(JSON.parse(genesis));
  same<typeof cluster.fingerprint, string>(true);
  cluster.addEventListener("differ", (event) => {
    same<typeof event, ReplicaEvent>(true);
    same<typeof event.replica, number>(true);
  });
  const heard = ({ replica }: ReplicaEvent) => replica;
  cluster.addEventListener("connect", heard, { once: true });
  cluster.removeEventListener("connect", heard);
  // @ts-expect-error an "end" is not told by a cluster
  cluster.removeEventListener("disconnect", ({ reason: number }: { reason: number }) => number);
  const status: ReplicaStatus[] = await cluster.status({ timeout: 5 });
  const { standing } = cluster.replicas[0]!;
  // @ts-expect-error a snapshot is not written to
  cluster.replicas[0].id = 1;
  // @ts-expect-error by open() only
  new Cluster(genesis);
  // @ts-expect-error a number is no genesis
  await Cluster.open(5);
  // @ts-expect-error "string" is no way for integers to arrive
  await Cluster.open(genesis, { integers: "string" });
  return [status, standing.differed];
}

export async function asking(client: Client, signal: AbortSignal) {
  interface Vote {
    id: number;
    at: string;
  }
  const answer = await client.call<Vote>(
    "cast",
    { choice: 3, note: undefined, big: 1n, blob: new Uint8Array() },
    {
      signal,
      timeout: 5,
      linger: 10,
      onAgreement: ({ agreed }) => agreed.length,
    },
  );
  same<typeof answer, Answer<Vote>>(true);
  same<ReturnType<typeof answer.one>, Vote>(true);
  for (const row of answer) same<typeof row, Vote>(true);
  const count = (await client.query("SELECT count(*) FROM t WHERE a = ?", [true])).value<number>();
  same<typeof count, number>(true);
  const plain = await client.execute("SELECT :a", { a: real(1) });
  same<typeof plain.rows, readonly Row[]>(true);
  const cell: Value | undefined = plain.values[0]?.[0];
  const [first] = await client.batch(["SELECT 1", { sql: "SELECT ?", positional: [null] }]);
  same<typeof first, Answer | undefined>(true);
  const read = await fastCall<{ total: number }>(client, "results", {}, { signal });
  const sum: number = read.one().total + (await fastQuery(client, "SELECT ?", [1])).seq;
  const road = oneConnection(client);
  const through: number | null = road.gateway;
  road.stop();
  console.log(sum, through);
  const told = await explainCall(client, "cast", { choice: 3 }, { signal });
  same<typeof told, Explanation>(true);
  same<(typeof told.statements)[number]["plan"], readonly string[]>(true);
  const failing: string | undefined = told.error?.code;
  await explainSql(client, ["SELECT 1", { sql: "SELECT ?", positional: [1] }], { readOnly: true });
  await explainTransaction(client, [{ sql: "SELECT 1", when: { ok: 0 } }]);
  // @ts-expect-error a procedure's arguments have names
  await explainCall(client, "cast", [1]);
  const ended = ({ reason }: EndEvent) => reason;
  client.addEventListener("end", ended);
  client.removeEventListener("end", ended);
  client.addEventListener("end", ({ reason }) => same<typeof reason, string>(true));
  await using _other = await Client.join({ genesis, credential: await Credential.generated() });
  const inputs: Input[] = [null, 1, 1n, "a", true, new Uint8Array(), new ArrayBuffer(1), real(1)];
  await joinWithCertificate(client.cluster, { certificate: "PEM", key: "PEM", timeout: 5 });
  // @ts-expect-error a certificate has a key
  await joinWithCertificate(client.cluster, { certificate: "PEM" });
  // @ts-expect-error a Date is no SQL value: which one it should be is the caller's to say
  await client.call("cast", { at: new Date() });
  // @ts-expect-error positional arguments are never undefined
  await client.query("SELECT ?", [undefined]);
  // @ts-expect-error a procedure's arguments have names
  await client.call("cast", [1]);
  // @ts-expect-error rows are not written to
  answer.rows[0] = { id: 1, at: "" };
  return [
    cell,
    failing,
    inputs,
    await credentialPublicKey(generateCode(), client.cluster),
    await fingerprint(genesis),
  ];
}

export async function failing(client: Client) {
  try {
    await client.leave();
  } catch (error) {
    if (error instanceof ApplicationError) {
      same<typeof error.kind, "application">(true);
      return `${error.code} in ${error.procedure}:${error.statement}`;
    }
    if (error instanceof NoQuorum || error instanceof OutcomeUnknown || error instanceof Aborted)
      return error.sent;
    if (error instanceof Refused || error instanceof Usage) return error.code;
    if (error instanceof ClientError) {
      const kind: ErrorKind = error.kind;
      const agreement: Agreement = error.agreement;
      return [kind, agreement];
    }
  }
  return null;
}
