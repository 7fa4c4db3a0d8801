// One connection: what goes through a gateway, and what it costs when that misbehaves.
// (cluster.test.mjs has real replicas.)
import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { oneConnection } from "../../client-js/src/index.js";
import { joined, start, until } from "./with_fakes.mjs";

const types = (replica) => replica.heard.map(({ type }) => type);
const count = (replica, wanted) => types(replica).filter((type) => type === wanted).length;
const open = ({ replicas }) => replicas.filter(({ callers }) => callers.size > 0).length;
const why = (events) => events.filter(([type]) => type === "gateway").map(([, , reason]) => reason);

/** With one connection, once it has come to that. */
async function together({ options, ...given } = {}) {
  const group = await start({ requests: "mac", ...given });
  const { client, cluster, events } = await joined(group, options);
  // What it takes when all are asked is what a gateway is compared with.
  for (let i = 0; i < 4; ++i) await client.call("before", {}, { linger: 1000 });
  const road = oneConnection(client);
  await until(() => road.gateway !== null && open(group) === 1, "one connection");
  const gateway = group.replicas[road.gateway];
  return { group, client, cluster, events, road, gateway };
}

for (const requests of ["mac", "signed"])
  test(`with one connection f+1 replicas still say so (${requests})`, async () => {
    const { client, cluster, group, gateway, events } = await together({ requests });
    const answer = await client.call("vote", { choice: 3 });
    assert.deepEqual(answer.rows, [{ procedure: "vote", choice: 3 }]);
    assert.ok(answer.agreement.agreed.length >= 2);
    await Promise.all(Array.from({ length: 20 }, (_, i) => client.call("many", { i })));
    assert.equal(group.executed.filter(({ procedure }) => procedure === "many").length, 20);
    assert.equal(count(gateway, "bundle_request"), 21);
    const [request] = gateway.heard.filter(({ type }) => type === "bundle_request");
    if (requests === "mac") assert.equal(new Set(request.tags).size, 4);
    else assert.equal(typeof request.signature, "string");
    assert.equal(open(group), 1);
    // Who was not asked is not called silent.
    assert.ok(cluster.replicas.every(({ standing: { silent, differed } }) => !silent && !differed));
    assert.deepEqual(why(events), [""]);
    assert.deepEqual(
      cluster.replicas.map(({ connected }) => connected),
      group.replicas.map((replica) => replica === gateway),
    );
  });

test("of 2f others f may bring wrong tags: that is none of the gateway's doing", async () => {
  const { client, group, gateway, events } = await together();
  const liar = group.replicas[(gateway.id + 1) % 4];
  liar.behaviour.lie = (reply) => ({ ...reply, seq: "999" });
  for (let i = 0; i < 20; ++i) assert.equal((await client.call("vote", { i })).rows[0].i, i);
  assert.deepEqual(why(events), [""]);
  assert.equal(open(group), 1);
});

test("a wrong result of the gateway's is not believed, and all are asked", async () => {
  const { client, gateway, events } = await together();
  gateway.behaviour.hear = (caller, message) => {
    if (message.type !== "bundle_request") return false;
    const reply = structuredClone(gateway.vote(caller, message, message.tags[gateway.id]).reply);
    reply.outcome.results[0].rows[0][0].value = "forged";
    const others = [0, 1, 2, 3]
      .filter((id) => id !== gateway.id)
      .map((replica) => ({ replica, tag: "11".repeat(16) }));
    caller.say({ ...reply, type: "bundle", others });
    return true;
  };
  const answer = await client.call("vote");
  assert.equal(answer.rows[0].procedure, "vote");
  assert.deepEqual(why(events), ["", "brings too few tags that prove anything"]);
  assert.ok(answer.agreement.differed.includes(gateway.id));
});

for (const [what, behave, reason] of [
  ["is silent", ({ behaviour }) => (behaviour.hear = (c, { type }) => type === "bundle_request"), /silent/],
  ["refuses", ({ behaviour }) => (behaviour.mute = true), /refuses: not_bundled/],
  ["brings no others", ({ behaviour }) => (behaviour.brings = 0), /too few tags/],
  ["is gone", (replica) => replica.stop(), /gone/],
])
  test(`when the gateway ${what} all are asked, and it runs once`, async () => {
    const { client, group, gateway, events } = await together();
    behave(gateway);
    const began = performance.now();
    const answer = await client.call("vote");
    assert.ok(performance.now() - began < 2500);
    assert.ok(answer.agreement.agreed.length >= 2);
    assert.match(why(events)[1], reason);
    assert.equal(group.executed.filter(({ procedure }) => procedure === "vote").length, 1);
    const others = group.replicas.filter((replica) => replica !== gateway);
    const isVote = ({ operation }) => operation?.procedure === "vote";
    const again = others.flatMap(({ heard }) => heard.filter(isVote));
    if (gateway.heard.some(isVote))
      assert.ok(again.length > 0 && again.every(({ signature }) => signature), "it is signed");
  });

test("after a gateway failed, another one is tried", async () => {
  const { client, gateway, road, group } = await together();
  gateway.behaviour.hear = (caller, { type }) => type === "bundle_request";
  await client.call("vote");
  await until(() => road.gateway !== null && open(group) === 1, "the next gateway");
  assert.notEqual(road.gateway, gateway.id);
  await client.call("vote");
  assert.equal(count(group.replicas[road.gateway], "bundle_request"), 1);
});

test("the pause after failed gateways grows, but not after one that served for longer", async () => {
  const { client, road, group, events } = await together();
  const failures = async (served) => {
    const gateway = group.replicas[road.gateway];
    await sleep(served);
    await client.call("before");
    gateway.behaviour.hear = (caller, { type }) => type === "bundle_request";
    await client.call("vote");
    gateway.behaviour.hear = undefined;
    const began = performance.now();
    await until(() => road.gateway !== null && open(group) === 1, "the next gateway");
    return Math.round((performance.now() - began) / 1000);
  };
  assert.equal(await failures(0), 1);
  assert.equal(await failures(0), 2);
  assert.equal(await failures(2100), 1, "as at first");
  assert.equal(why(events).filter((reason) => reason === "is silent").length, 3);
});

test("a gateway that is slow, though never silent, is left", async () => {
  const { client, gateway, events } = await together();
  gateway.behaviour.delay = 250;
  for (let i = 0; i < 17 && why(events).length === 1; ++i) await client.call("vote");
  assert.deepEqual(why(events), ["", "is slow"]);
});

test("who passes greetings to too few is not asked through", async () => {
  const group = await start({ requests: "mac" });
  const { client, events } = await joined(group);
  for (const { behaviour } of group.replicas) behaviour.passesOn = (to) => to === 0;
  const road = oneConnection(client);
  await until(() => why(events).length > 0, "a gateway that fails");
  assert.deepEqual(why(events), ["reaches too few"]);
  assert.equal(road.gateway, null);
  assert.equal((await client.call("vote")).rows[0].procedure, "vote");
});

test("what a gateway cannot bring is asked of all; then one is enough again", async () => {
  const { client, cluster, road, events, group } = await together();
  assert.equal((await cluster.read("entries")).rows[0].procedure, "entries");
  assert.equal(road.gateway, null);
  await until(() => road.gateway !== null, "together again");
  const seen = [];
  await client.call("vote", {}, { onAgreement: ({ agreed }) => seen.push(agreed.length) });
  await until(() => seen.at(-1) === 4, "all confirm");
  await until(() => road.gateway !== null, "together again");
  const large = await client.call("vote", { text: "x".repeat(70_000) });
  assert.equal(large.rows[0].text.length, 70_000);
  await until(() => road.gateway !== null && open(group) === 1, "together again");
  assert.deepEqual(new Set(why(events)), new Set(["", "cannot bring all that is asked"]));
  road.stop();
  await until(() => open(group) === 4, "all connections");
  await client.call("last");
  assert.equal(why(events).at(-1), "is not wanted any more");
});

test("a replica beyond that was restarted is greeted again, at most once a second", async () => {
  const { client, group, gateway, events } = await together();
  const beyond = group.replicas[(gateway.id + 2) % 4];
  const greeted = () =>
    gateway.heard.filter(({ type, to, message }) => {
      return type === "pass_on" && to === beyond.id && message.type === "hello";
    }).length;
  assert.equal(greeted(), 1);
  await sleep(1000);
  const said = { type: "refused", request: "00".repeat(32), code: "hello_first", message: "" };
  for (let i = 0; i < 50; ++i)
    for (const caller of gateway.callers)
      caller.say({ type: "passed_back", from: beyond.id, message: said });
  await until(() => greeted() === 2, "a second greeting");
  await sleep(50);
  assert.equal(greeted(), 2);
  await client.call("vote");
  assert.deepEqual(why(events), [""]);
});

/** What this replica does while it hears those who come through another one. */
function beyondBehaves(replica, behaviour, after = () => {}) {
  const hearBeyond = replica.hearBeyond.bind(replica);
  replica.hearBeyond = (caller, message) => {
    Object.assign(replica.behaviour, behaviour);
    try {
      hearBeyond(caller, message);
    } finally {
      for (const name in behaviour) delete replica.behaviour[name];
      after(message);
    }
  };
}
const knowsNobody = { request: "00".repeat(32), code: "hello_first", message: "" };

test("one replica that names another configuration is done without", async () => {
  const group = await start({ requests: "mac" });
  const { client, events } = await joined(group);
  for (let i = 0; i < 4; ++i) await client.call("before", {}, { linger: 1000 });
  for (const replica of group.replicas.slice(3)) beyondBehaves(replica, { configuration: "1" });
  const road = oneConnection(client);
  await until(() => road.gateway !== null && open(group) === 1, "one connection");
  for (let i = 0; i < 20; ++i) await client.call("vote", { i });
  if (road.gateway !== 3) assert.deepEqual(why(events), [""]);
});

test("one that proves nothing is greeted again once a second, and no gateway is left for it", async () => {
  const { client, group, gateway, events } = await together();
  const liar = group.replicas[(gateway.id + 1) % 4];
  const [caller] = gateway.callers;
  const ask = () =>
    caller.say({ type: "passed_back", from: liar.id, message: { type: "refused", ...knowsNobody } });
  let hellos = 0;
  beyondBehaves(liar, { key: gateway.privateKey }, ({ type }) => {
    if (type === "hello") ++hellos;
    setTimeout(ask, 10);
  });
  await sleep(1000);
  ask();
  await sleep(2500);
  assert.ok(hellos >= 1 && hellos <= 3, `${hellos} hellos`);
  await client.call("vote");
  assert.deepEqual(why(events), [""]);
});

test("who waits for all does not take a slow gateway for as fast as they are", async () => {
  const group = await start({ requests: "mac" });
  const { client, events } = await joined(group);
  const [, , , silent] = group.replicas;
  silent.behaviour.hear = (caller, { type }) => type === "request";
  const road = oneConnection(client);
  for (let i = 0; i < 12; ++i) await client.call("before", {}, { linger: 200 });
  silent.behaviour.hear = undefined;
  await until(() => road.gateway !== null && open(group) === 1, "one connection");
  group.replicas[road.gateway].behaviour.delay = 500;
  for (let i = 0; i < 17 && road.gateway !== null; ++i) await client.call("slow", { i });
  assert.ok(why(events).includes("is slow"), why(events).join());
});

test("an end of the session that others tell through the gateway is believed of f+1", async () => {
  const { client, group, gateway } = await together();
  await client.call("vote");
  const tell = (replica) => {
    for (const caller of gateway.callers)
      caller.beyond.get(replica.id).say({
        type: "session_ended",
        session: String(client.sessionId),
        reason: "expired",
      });
  };
  const [first, second] = group.replicas.filter((replica) => replica !== gateway);
  tell(first);
  await client.call("vote");
  assert.equal(client.ended, null);
  tell(second);
  await until(() => client.ended === "expired", "the end");
});
