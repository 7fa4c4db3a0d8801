// Subscriptions: what of the replicas' words is believed. (cluster.test.mjs has real replicas.)
import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { session } from "../../client-js/src/client.js";
import { makeWatch, subscribe } from "../../client-js/src/subscription.js";

const item = (position, value = "0") => ({
  position: String(position),
  seq: "1",
  agreed: "1",
  topic: "entries",
  value: { type: "integer", value },
});

/** Four replicas, one of them faulty; all were asked. */
function watching(after) {
  const judged = [];
  const judge = (id) => judged.push(id);
  const watch = makeWatch({ weak: 2, quorum: 3, links: [0, 1, 2, 3], judge }, ["entries"], after);
  for (let id = 0; id < 4; ++id) watch.begin(id);
  const hear = (id, from, upto, items) => {
    const good = watch.hear(id, { from: String(from), upto: String(upto), items });
    const { missed, items: told } = watch.weigh();
    const positions = told.map(({ position }) => position);
    return `${good ? "" : "no "}${missed ? "missed " : ""}${positions}@${watch.position}`;
  };
  const say = (id, from, upto, ...positions) =>
    hear(id, from, upto, positions.map((position) => item(position)));
  return { watch, say, hear, judged };
}

test("a change is told when f+1 say alike that it is the next one", () => {
  const { say, watch, judged } = watching(0);
  assert.equal(say(0, 0, 3, 1, 3), "@0");
  assert.equal(say(2, 0, 1, 1), "1@1");
  assert.equal(say(3, 0, 3, 1, 3), "3@3");
  assert.ok(watch.wantsMore(0) && watch.wantsMore(2) && !watch.wantsMore(1));
  assert.deepEqual(judged, []);
});

test("what one made up, left out or altered is not believed, and is judged", () => {
  let { say, hear, judged } = watching(0);
  say(3, 0, 5, 1, 2, 4, 5);
  assert.equal(say(0, 0, 4, 1, 3, 4), "1@1");
  assert.equal(say(1, 0, 4, 1, 3, 4), "3,4@4");
  assert.deepEqual(judged, [3]);
  ({ say, judged } = watching(0));
  say(3, 0, 1000);
  say(0, 0, 2, 1, 2);
  assert.equal(say(1, 0, 2, 1, 2), "1,2@2");
  assert.deepEqual(judged, [3, 3]);
  ({ hear, say } = watching(0));
  hear(1, 0, 1, [item(1, "5")]);
  assert.equal(say(2, 0, 1, 1), "@0");
  assert.equal(say(3, 0, 1, 1), "1@1");
});

test("what cannot be is not heard", () => {
  for (const [from, upto, ...positions] of [
    [5, 4],
    [0, 4, 2, 2],
    [0, 4, 3, 2],
    [0, 4, 5],
    [3, 4, 3],
    [0, 2 ** 60],
  ])
    assert.match(watching(0).say(0, from, upto, ...positions), /^no /);
  assert.match(watching(7).say(0, 6, 9), /^no /);
  const { say, hear } = watching(0);
  assert.match(hear(0, 0, 4, [{ ...item(1), topic: "other" }]), /^no /);
  assert.equal(say(1, 0, 1, 1), "@0");
  assert.equal(say(1, 1, 2, 2), "no @0", "it was not asked for more");
});

test("it begins where a correct replica is, and moves on without changes", () => {
  const { say, watch } = watching();
  say(0, 10, 10);
  assert.equal(say(3, 900, 900), "@undefined");
  assert.equal(say(1, 12, 12), "@12");
  assert.ok(watch.wantsAnew(3) && !watch.wantsMore(3) && watch.wantsMore(0));
  watch.more(0);
  watch.more(1);
  say(0, 10, 300);
  assert.equal(say(1, 12, 200), "@200");
});

test("changes were missed when a quorum keeps them no more", () => {
  const { say, watch } = watching(3);
  say(3, 5000, 5000);
  assert.equal(say(0, 100, 102, 102), "@3");
  assert.equal(say(1, 101, 102, 102), "missed 102@102");
  assert.ok(watch.wantsAnew(3));
});

/** A client whose subscription three replicas of four refuse, three times each. */
async function refused(code, leaving) {
  const group = {
    weak: 2,
    quorum: 3,
    links: [0, 1, 2, 3].map((id) => ({ id, ready: false })),
    questions: new Map(),
    nextId: () => 1,
    up: () => [],
    connect() {},
  };
  const signer = { publicKey: "00".repeat(32) };
  const client = {
    ended: null,
    addEventListener() {},
    removeEventListener() {},
    [session]: { group, signer, id: "7", leaving: () => leaving },
  };
  const changes = subscribe(client, { topics: ["entries"] });
  while (!group.questions.size) await turn();
  const [entry] = group.questions.values();
  for (let round = 0; round < 3; ++round)
    for (let id = 0; id < 3; ++id) entry.hear(id, { type: "refused", code });
  const over = !group.questions.size;
  const told = over ? await changes.next().catch((error) => error.code) : "nothing";
  await changes.return();
  return told;
}

test("it ends when a quorum refuses for long, unless its session is about to end anyway", async () => {
  assert.equal(await refused("not_allowed", false), "not_allowed");
  assert.equal(await refused("not_allowed", true), "not_allowed");
  assert.equal(await refused("unknown_session", false), "unknown_session");
  assert.equal(await refused("unknown_session", true), "nothing");
});
