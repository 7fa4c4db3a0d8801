// What calls would cost, as f+1 replicas say: of what is asked, of what comes back, of liars.
// (cluster.test.mjs asks real ones.)
import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import {
  Cluster,
  explainCall,
  explainSql,
  explainTransaction,
  Refused,
  Usage,
} from "../../client-js/src/index.js";
import { FakeGroup } from "./fake_replicas.mjs";

const cleanup = [];
afterEach(async () => {
  for (const act of cleanup.splice(0).reverse()) await act();
});
async function joined() {
  const group = await FakeGroup.start();
  cleanup.push(() => group.stop());
  const cluster = await Cluster.open(group.genesis, { timeout: 5000 });
  cleanup.push(() => cluster.close());
  return { group, client: await cluster.join() };
}

const integer = (n) => ({ type: "integer", value: String(n) });
const text = (value) => ({ type: "text", value });
const set = (columns, ...rows) => ({ columns, rows, changes: "0", last_insert_rowid: "0" });
const statements = (...rows) =>
  set(["sql", "plan", "steps", "scanned", "sorts", "pages", "bytes"], ...rows);
const summary = (error = [null, null, null, null], charged = 900) =>
  set(
    ["charged", "budget", "left_out", "code", "message", "procedure", "statement"],
    [integer(charged), integer(100_000), integer(4), ...error],
  );
const counts = [14, 3, 1, 6, 128].map(integer);
const plan = text("QUERY PLAN\n  SCAN items");
const told = (...results) => ({ type: "results", results });

test("a call's statements, plans and costs, and no rows of its own", async () => {
  const { group, client } = await joined();
  group.outcome = () =>
    told(
      statements([text("SELECT 1"), plan, ...counts], [text("DELETE"), text(""), ...counts]),
      summary(),
    );
  const explained = await explainCall(client, "vote", { choice: 3 }, { linger: 2000 });
  assert.deepEqual(explained.statements[0], {
    sql: "SELECT 1",
    plan: ["QUERY PLAN", "  SCAN items"],
    steps: 14,
    scanned: 3,
    sorts: 1,
    pages: 6,
    bytes: 128,
  });
  assert.deepEqual(explained.statements[1].plan, []);
  const { charged, budget, leftOut, error, seq, agreedUs, agreement } = explained;
  assert.deepEqual([charged, budget, leftOut, error], [900, 100_000, 4, null]);
  assert.ok(seq > 0 && agreedUs > 0);
  assert.deepEqual(agreement.agreed, [0, 1, 2, 3]);
  assert.deepEqual(group.executed.at(-1), {
    type: "explain",
    of: { type: "call", procedure: "vote", arguments: [{ name: "choice", value: integer(3) }] },
  });
});

test("what the call would fail with is told, and rejects nothing", async () => {
  const { group, client } = await joined();
  const error = [text("sold_out"), text("none left"), text("order"), integer(2)];
  group.outcome = () => told(statements(), summary(error));
  const explained = await explainCall(client, "order");
  assert.deepEqual(explained.error, {
    code: "sold_out",
    message: "none left",
    procedure: "order",
    statement: 2,
  });
  assert.deepEqual(explained.statements, []);
  group.outcome = undefined;
  group.outcome = () => ({
    type: "error",
    code: "not_allowed",
    message: "the role may not see what calls cost",
    procedure: "order",
    statement: 0,
  });
  await assert.rejects(explainCall(client, "order"), { code: "not_allowed", kind: "application" });
});

test("SQL and transactions travel as they would be sent", async () => {
  const { group, client } = await joined();
  group.outcome = () => told(statements(), summary());
  const sent = () => group.executed.at(-1).of;
  await explainSql(client, "SELECT 1", { readOnly: true });
  assert.deepEqual(sent(), {
    type: "execute",
    statements: [{ sql: "SELECT 1", positional: [], named: [] }],
    read_only: true,
  });
  await explainSql(client, ["SELECT 1", { sql: "SELECT ?", positional: [2] }]);
  assert.equal(sent().read_only, false);
  assert.deepEqual(sent().statements[1].positional, [integer(2)]);
  await explainTransaction(client, [
    { sql: "UPDATE a", mayFail: true },
    { sql: "UPDATE b", when: { not: { error: 0 } } },
  ]);
  assert.equal(sent().type, "transaction");
  assert.deepEqual(
    sent().steps.map(({ when, may_fail }) => [when, may_fail]),
    [
      [[], true],
      [
        [
          { type: "error", of: 0 },
          { type: "not", of: 0 },
        ],
        false,
      ],
    ],
  );
  for (const nothing of [[], [""]]) await assert.rejects(explainSql(client, nothing), Usage);
  await assert.rejects(explainTransaction(client, []), Usage);
  await assert.rejects(explainCall(client, "x", 7), Usage);
});

test("a liar's costs are not believed", async () => {
  const { group, client } = await joined();
  group.outcome = () => told(statements(), summary());
  group.replicas[0].behaviour.lie = (reply) => {
    if (reply.outcome.type === "results") reply.outcome = told(statements(), summary(undefined, 1));
    return reply;
  };
  for (let i = 0; i < 4; ++i)
    assert.equal((await explainCall(client, "vote")).charged, 900, `question ${i}`);
  assert.ok(client.cluster.replicas[0].standing.differed > 0);
});

test("replicas of another version answer with something else", async () => {
  const { group, client } = await joined();
  const others = [
    { type: "done" },
    told(statements()),
    told(statements(), set(["charged"], [integer(1)])),
    told(statements(), set(["charged"])),
  ];
  for (const other of others) {
    group.outcome = () => other;
    await assert.rejects(
      explainCall(client, "vote"),
      (error) => error instanceof Refused && error.code === "unexpected_answer" && error.sent,
      JSON.stringify(other),
    );
  }
});
