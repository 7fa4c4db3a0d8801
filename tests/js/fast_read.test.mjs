// Reads that are not ordered: when they are answered at once, and when they are ordered after all.
// (cluster.test.mjs has real replicas.)
import assert from "node:assert/strict";
import { test } from "node:test";
import { ApplicationError, Aborted, fastCall, fastQuery } from "../../client-js/src/index.js";
import { textRow } from "./fake_replicas.mjs";
import { joined, rejects, start } from "./with_fakes.mjs";

const heard = (group, type) =>
  group.replicas.map((replica) => replica.heard.filter((message) => message.type === type).length);
const ordered = ({ executed }) => executed.map(({ procedure, type }) => procedure ?? type);
const lie = () => textRow("something else");

test("a read is answered when quorum replicas agree, and is not ordered", async () => {
  const group = await start({ requests: "mac" });
  const { client } = await joined(group);
  const answer = await fastCall(client, "entries", { of: 3 });
  assert.deepEqual(answer.rows, [{ procedure: "entries", of: 3 }]);
  assert.ok(answer.agreement.agreed.length >= 3);
  assert.deepEqual(answer.agreement.differed, []);
  // Of three or four that agree, what two had reached one correct replica had.
  assert.ok(answer.seq === 11 || answer.seq === 12, `${answer.seq}`);
  assert.equal(answer.agreedUs, 1795173920086800 + answer.seq);
  const text = await fastQuery(client, "SELECT ?", [1]);
  assert.equal(text.value(), "SELECT ?");
  assert.deepEqual(ordered(group), []);
  assert.deepEqual(heard(group, "fast_read"), [2, 2, 2, 2]);
});

test("another replica sends the rows each time", async () => {
  const group = await start({ requests: "mac" });
  const { client } = await joined(group);
  for (let i = 0; i < 4; ++i) await fastCall(client, "entries");
  const asked = group.replicas[0].heard.filter(({ type }) => type === "fast_read");
  assert.deepEqual(asked.map(({ designated }) => designated).toSorted(), [0, 1, 2, 3]);
});

test("f+1 that agree are not enough: what fewer than quorum say is ordered", async () => {
  const group = await start({ requests: "mac" });
  const { client } = await joined(group);
  group.replicas[1].behaviour.lieFastRead = lie;
  // Where it is the liar that is to send the rows, that one is ordered, and it is not asked again.
  for (let i = 0; i < 4; ++i)
    assert.equal((await fastCall(client, "entries")).rows[0].procedure, "entries");
  assert.deepEqual(ordered(group), ["entries"], "three of four agree");
  group.replicas[2].behaviour.lieFastRead = lie;
  assert.equal((await fastCall(client, "entries")).rows[0].procedure, "entries");
  assert.deepEqual(ordered(group), ["entries", "entries"]);
});

test("who says another outcome than the rows it sends has one voice, for what it said last", async () => {
  const group = await start({ requests: "mac" });
  const { client } = await joined(group);
  // The designated one sends wrong rows, and then the digest that the others send, too.
  for (const replica of group.replicas)
    replica.behaviour.hear = (caller, message) => {
      if (message.type !== "fast_read" || message.designated !== replica.id) return false;
      replica.behaviour.lieFastRead = lie;
      const { hear } = replica.behaviour;
      replica.behaviour.hear = undefined;
      replica.hearBeyond(caller, message);
      replica.behaviour.lieFastRead = undefined;
      replica.hearBeyond(caller, { ...message, designated: undefined });
      replica.behaviour.hear = hear;
      return true;
    };
  for (let i = 0; i < 4; ++i)
    assert.equal((await fastCall(client, "entries")).rows[0].procedure, "entries");
});

test("two that are silent, or keep the rows, cost its patience, and it is ordered", async () => {
  const group = await start({ requests: "mac" });
  const { client } = await joined(group);
  for (let i = 0; i < 8; ++i) await fastCall(client, "entries");
  const silent = (caller, { type }) => type === "fast_read";
  for (const id of [0, 1]) group.replicas[id].behaviour.hear = silent;
  const began = performance.now();
  await fastCall(client, "entries");
  assert.ok(performance.now() - began > 49);
  assert.deepEqual(ordered(group), ["entries"]);
  for (const id of [0, 1]) group.replicas[id].behaviour.hear = undefined;
  for (const { behaviour } of group.replicas) behaviour.keepsRows = true;
  await fastCall(client, "entries");
  assert.deepEqual(ordered(group), ["entries", "entries"]);
});

test("what writes is refused by each and ordered at once; errors are the application's", async () => {
  const group = await start({ requests: "mac" });
  const { client } = await joined(group);
  const refuse = (caller, { type }) => {
    if (type !== "fast_read") return false;
    return true;
  };
  await rejects(fastCall(client, "refuse"), ApplicationError, { code: "not_today", statement: 2 });
  assert.deepEqual(ordered(group), []);
  group.replicas.forEach(({ behaviour }) => (behaviour.hear = refuse));
  const controller = new AbortController();
  const asked = fastCall(client, "entries", {}, { signal: controller.signal });
  controller.abort();
  await rejects(asked, Aborted, { code: "aborted" });
  await rejects(fastCall(client, "entries", {}, { timeout: 5 }), Error);
});

test("it is ordered where tags do not serve, or a caller wants to hear of everybody", async () => {
  let group = await start();
  let { client } = await joined(group);
  await fastCall(client, "signed");
  assert.deepEqual(ordered(group), ["signed"]);
  group = await start({ requests: "mac" });
  ({ client } = await joined(group));
  const { agreement } = await fastCall(client, "all", {}, { linger: 500 });
  assert.deepEqual(agreement.agreed, [0, 1, 2, 3]);
  assert.deepEqual(ordered(group), ["all"]);
  await client.leave();
  await rejects(fastCall(client, "late"), Error, { code: "session_ended" });
});
