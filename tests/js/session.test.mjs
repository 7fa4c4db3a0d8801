// The client against replicas that misbehave, over real WebSockets.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { generateKeyPairSync } from "node:crypto";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import * as prytany from "../../client-js/src/index.js";
import { textRow } from "./fake_replicas.mjs";
import { cleanup, joined, open, rejects, start, until } from "./with_fakes.mjs";

const { Cluster } = prytany;

// ---- the ordinary case --------------------------------------------------------------------------

test("a client joins, and a call tells its rows, its place and who agreed", async () => {
  const { client, cluster } = await joined(await start());
  assert.equal(client.principal, "somebody");
  assert.equal(client.role, "guest");
  assert.equal(client.ended, null);
  const answer = await client.call("vote", { choice: 3, skip: undefined }, { linger: 1000 });
  assert.deepEqual(answer.columns, ["procedure", "choice"]);
  assert.deepEqual(answer.rows, [{ procedure: "vote", choice: 3 }]);
  assert.deepEqual(answer.values, [["vote", 3]]);
  assert.deepEqual(answer.agreement, { agreed: [0, 1, 2, 3], differed: [], silent: [] });
  assert.equal(answer.seq, 2);
  assert.equal(answer.agreedUs, 1795173920086810);
  assert.equal(answer.changes, 1);
  assert.deepEqual(
    cluster.replicas.map(({ id, name, connected }) => [id, name, connected]),
    [0, 1, 2, 3].map((id) => [id, `member ${id}`, true]),
  );
});

test("one replica sends the rows, a different one each time, and the others their digest", async () => {
  const group = await start();
  const { client } = await joined(group);
  for (let i = 0; i < 4; ++i) await client.call("vote");
  const designated = group.replicas[0].heard
    .filter(({ operation }) => operation?.procedure === "vote")
    .map((message) => message.designated);
  assert.deepEqual(designated.toSorted(), [0, 1, 2, 3]);
});

test("requests that come while a signature is made share the next one, sixteen at most", async () => {
  const group = await start();
  const { client } = await joined(group);
  const asked = Array.from({ length: 50 }, (_, i) => client.call("vote", { i }));
  const answers = await Promise.all(asked);
  answers.forEach(({ rows }, i) => assert.deepEqual(rows, [{ procedure: "vote", i }]));
  const votes = group.replicas[0].heard.filter(({ operation }) => operation?.procedure === "vote");
  const sharing = new Map();
  for (const { signature } of votes) sharing.set(signature, (sharing.get(signature) ?? 0) + 1);
  assert.equal(votes.length, 50);
  assert.ok(sharing.size < 25 && Math.max(...sharing.values()) <= 16, `${[...sharing.values()]}`);
});

// ---- tags instead of signatures ------------------------------------------------------------------

/** How each replica was asked for a call: by tag, by signature, or not at all. */
const proofs = ({ replicas }, procedure) =>
  replicas.map(({ heard }) =>
    heard
      .filter(({ operation }) => operation?.procedure === procedure)
      .map(({ tag, signature }) => (tag ? "tag" : signature ? "signature" : "nothing"))
      .join(" "),
  );

test("where genesis says so, requests bear a tag for each replica and no signature", async () => {
  const group = await start({ requests: "mac" });
  const { client, events } = await joined(group);
  await client.call("one", {}, { linger: 1000 });
  await client.call("two", {}, { linger: 1000 });
  assert.deepEqual(proofs(group, "one"), ["tag", "tag", "tag", "tag"]);
  assert.deepEqual(proofs(group, "two"), ["tag", "tag", "tag", "tag"]);
  for (const { heard } of group.replicas) {
    assert.equal(heard.filter(({ type }) => type === "speak_for").length, 1);
    assert.equal(typeof heard.find(({ type }) => type === "request").signature, "string", "a join");
  }
  const tags = group.replicas.map(({ heard }) => heard.find(({ tag }) => tag).tag);
  assert.equal(new Set(tags).size, 4, "each connection has another key");
  assert.deepEqual(
    events.filter(([type]) => type === "differ"),
    [],
  );
});

test("many sessions share a connection, and those it has no place for sign", async () => {
  const group = await start({ requests: "mac" });
  const { cluster } = await open(group);
  const clients = [];
  for (let i = 0; i < 66; ++i) clients.push(await cluster.join());
  await Promise.all(clients.map((client, i) => client.call(`call${i}`)));
  for (const { heard } of group.replicas) {
    const tagged = heard.filter(({ operation, tag }) => operation?.type === "call" && tag);
    assert.equal(tagged.length, 64);
    assert.equal(new Set(tagged.map(({ signer }) => signer)).size, 64);
  }
});

test("a replica that cannot check our tags gets signatures, and nobody else does", async () => {
  const group = await start({ requests: "mac" });
  group.replicas[2].behaviour.forgetsKeys = true;
  const { client } = await joined(group);
  const { agreement } = await client.call("one", {}, { linger: 1000 });
  assert.deepEqual(agreement.agreed, [0, 1, 2, 3]);
  await client.call("two", {}, { linger: 1000 });
  assert.deepEqual(proofs(group, "one"), ["tag", "tag", "tag signature", "tag"]);
  assert.deepEqual(proofs(group, "two"), ["tag", "tag", "signature", "tag"]);
});

test("one that says it without an end gets one signature for each request", async () => {
  const group = await start({ requests: "mac" });
  group.replicas[2].behaviour.hear = (caller, message) => {
    if (message.operation?.type !== "call") return false;
    const request = group.requestDigest(message).toString("hex");
    caller.say({ type: "refused", request, code: "speak_for_first", message: "" });
    return true;
  };
  const { client } = await joined(group);
  await client.call("one", {}, { linger: 300 });
  // One for what it said, and one if all are asked again for the rows.
  assert.match(proofs(group, "one")[2], /^tag signature( signature)?$/);
});

test("where too few could check tags, requests are signed", async () => {
  const group = await start({ requests: "mac" });
  await group.replicas[0].stop();
  await group.replicas[1].stop();
  const { client } = await joined(group);
  await client.call("one");
  assert.deepEqual(proofs(group, "one"), ["", "", "signature", "signature"]);
});

test("what is asked again is signed, and on a new connection the key is shown anew", async () => {
  const group = await start({ requests: "mac" });
  const { client, events } = await joined(group);
  const silent = [0, 1, 2].map((id) => group.replicas[id]);
  for (const { behaviour } of silent) behaviour.hear = (_, { tag }) => tag !== undefined;
  await client.call("one");
  for (const { behaviour } of silent) delete behaviour.hear;
  for (const found of proofs(group, "one").slice(0, 3)) assert.match(found, /^tag signature/);

  await group.replicas[3].stop();
  await until(() => events.some(([type, id]) => type === "disconnect" && id === 3), "it is gone");
  await group.replicas[3].start();
  const back = () => events.filter(([type, id]) => type === "connect" && id === 3).length === 2;
  await until(back, "it is back");
  await client.call("two", {}, { linger: 1000 });
  assert.deepEqual(proofs(group, "two"), ["tag", "tag", "tag", "tag"]);
  assert.equal(group.replicas[3].heard.filter(({ type }) => type === "speak_for").length, 2);
});

test("values survive exactly: 64-bit integers, -0, infinities, blobs, text", async () => {
  const { client } = await joined(await start());
  const args = {
    a: -(2n ** 63n),
    b: 2n ** 63n - 1n,
    c: new Uint8Array([0, 255]),
    d: "Ελλάς 🏛 \0",
    e: null,
    f: prytany.real(-0),
    g: Infinity,
    h: 0.1,
    i: true,
    j: Number.MAX_SAFE_INTEGER,
  };
  const row = (await client.call("echo", args)).one();
  assert.deepEqual(
    { ...row, procedure: undefined },
    { ...args, f: -0, i: 1, procedure: undefined },
  );
  assert.ok(Object.is(row.f, -0));
  assert.equal((await client.call("echo", { a: 1 }, { integers: "bigint" })).one().a, 1n);
});

test("what no SQL value can be is refused before anything is sent", async () => {
  const group = await start();
  const { client } = await joined(group);
  for (const value of [
    NaN,
    2 ** 60,
    2n ** 63n,
    "\ud800",
    {},
    [1],
    () => 1,
    new Date(),
    Symbol("x"),
  ])
    await rejects(client.call("echo", { value }), prytany.Usage, { sent: false });
  await rejects(client.execute("SELECT ?", [undefined]), prytany.Usage);
  await rejects(client.call("x".repeat(257)), prytany.Usage, { code: "too_large" });
  await rejects(client.call("echo", { blob: new Uint8Array((1 << 20) + 1) }), prytany.Usage, {
    code: "too_large",
  });
  await rejects(
    client.call("echo", { a: new Uint8Array(600000), b: new Uint8Array(600000) }),
    prytany.Usage,
    { code: "too_large" },
  );
  assert.equal(group.executed.length, 0);
  assert.equal((await client.call("echo", { value: 1 })).seq, 2);
});

test("an application's refusal is an answer, with code, procedure and statement", async () => {
  const { client } = await joined(await start());
  await rejects(client.call("refuse"), prytany.ApplicationError, {
    kind: "application",
    code: "not_today",
    message: "come back tomorrow",
    procedure: "refuse",
    statement: 2,
    sent: true,
  });
  const told = [];
  await assert.rejects(
    client.call("refuse", {}, { linger: 500, onAgreement: (agreement) => told.push(agreement) }),
    ({ agreement }) => agreement.agreed.length === 4,
  );
  assert.deepEqual(told, []); // "confirmed by 4" would be a lie about what did not happen
});

test("execute, query and batch send what they should", async () => {
  const group = await start();
  const { client } = await joined(group);
  await client.execute("INSERT", [1, "a"]);
  await client.query("SELECT", { name: 2 });
  await client.batch(["one", { sql: "two", positional: [null], named: { x: 1 } }]);
  const integer = { type: "integer", value: "1" };
  assert.deepEqual(
    group.executed.map(({ statements, read_only }) => [statements, read_only]),
    [
      [[{ sql: "INSERT", positional: [integer, { type: "text", value: "a" }], named: [] }], false],
      [
        [
          {
            sql: "SELECT",
            positional: [],
            named: [{ name: "name", value: { type: "integer", value: "2" } }],
          },
        ],
        true,
      ],
      [
        [
          { sql: "one", positional: [], named: [] },
          { sql: "two", positional: [null], named: [{ name: "x", value: integer }] },
        ],
        false,
      ],
    ],
  );
});

test("a transaction: conditions in postfix order, and what became of each step", async () => {
  const group = await start();
  const { client } = await joined(group);
  const answers = await prytany.transaction(client, [
    { sql: "one" },
    { sql: "two", positional: [1], mayFail: true },
    { sql: "three", when: { all: [{ changed: 0 }, { not: { error: 1 } }] } },
    { sql: "four", when: { any: [{ rows: 0 }, { ok: 1 }] } },
  ]);
  assert.deepEqual(
    answers.map(({ ran, skipped, code, message }) => [ran, skipped, code, message]),
    [
      [true, false, "", ""],
      [false, false, "POOR", "no"],
      [false, true, "", ""],
      [false, true, "", ""],
    ],
  );
  assert.equal(answers[0].value(), "one");
  const [{ steps, read_only }] = group.executed;
  assert.equal(read_only, false);
  assert.deepEqual(
    steps.map(({ when }) => when),
    [
      [],
      [],
      [
        { type: "changed", of: 0 },
        { type: "error", of: 1 },
        { type: "not", of: 0 },
        { type: "all", of: 2 },
      ],
      [
        { type: "rows", of: 0 },
        { type: "ok", of: 1 },
        { type: "any", of: 2 },
      ],
    ],
  );
  for (const when of [{ often: 0 }, { ok: -1 }, { ok: "0" }])
    await rejects(prytany.transaction(client, [{ sql: "x", when }]), prytany.Usage);
  await rejects(prytany.transaction(client, [{ sql: "x", mayFail: "yes" }]), prytany.Usage);
  await rejects(prytany.transaction(client, []), prytany.Usage, { message: "no statement" });
  assert.equal(group.executed.length, 1);
});

test("a time that is none, and a batch of nothing, are refused before anything is sent", async () => {
  const group = await start();
  const { client, cluster } = await joined(group);
  for (const timeout of ["x", "5", NaN, -1, Infinity, 2 ** 31, null, {}]) {
    const refused = [
      client.call("vote", {}, { timeout }),
      client.call("vote", {}, { linger: timeout }),
      cluster.read("vote", {}, { timeout }),
      cluster.join({ timeout }),
      cluster.connect({ timeout }),
      cluster.status({ timeout }),
      client.leave({ timeout }),
      Cluster.open(group.genesis, { timeout }),
    ];
    for (const promise of refused) {
      await rejects(promise, prytany.Usage, { code: "usage", sent: false });
      await assert.rejects(promise, /timeout, linger: 0 to 2\^31-1 ms/);
    }
  }
  await rejects(client.batch([]), prytany.Usage, { message: "no statement" });
  await rejects(client.execute(""), prytany.Usage, { message: "no statement" });
  assert.equal(client.ended, null);
  assert.equal((await client.call("vote", {}, { timeout: 2 ** 31 - 1, linger: 0 })).seq, 2);
  assert.equal(group.executed.length, 1);
});

test("two hundred requests at once are each answered, at most 64 outstanding", async () => {
  const group = await start();
  for (const replica of group.replicas) replica.behaviour.delay = 1;
  const { client } = await joined(group);
  const answers = await Promise.all(
    Array.from({ length: 200 }, (_, i) => client.call("echo", { i })),
  );
  assert.deepEqual(
    answers.map((answer) => answer.one().i),
    Array.from({ length: 200 }, (_, i) => i),
  );
  assert.equal(group.executed.length, 200);
});

// ---- liars --------------------------------------------------------------------------------------

test("a replica that answers first and wrongly changes nothing and is named", async () => {
  const group = await start();
  for (const id of [0, 1, 3]) group.replicas[id].behaviour.delay = 30;
  group.replicas[2].behaviour = {
    verbose: true,
    lie: (reply) => ({
      ...reply,
      outcome: reply.outcome.type === "joined" ? reply.outcome : textRow("forged"),
    }),
  };
  const { client, events, cluster } = await joined(group);
  const answer = await client.call("tally");
  assert.deepEqual(answer.rows, [{ procedure: "tally" }]);
  assert.deepEqual(answer.agreement.differed, [2]);
  assert.ok(answer.agreement.agreed.length >= 2 && !answer.agreement.agreed.includes(2));
  const [, , reason] = events.find(([type, replica]) => type === "differ" && replica === 2);
  assert.match(reason, /differs from .* about request 1/);
  assert.equal(cluster.replicas[2].standing.differed, 1);
});

for (const [field, forged] of Object.entries({
  seq: "999",
  agreed: "1",
  session: "77",
  number: "2",
  request: "ab".repeat(32),
})) {
  test(`a reply with another ${field} is another reply`, async () => {
    const group = await start();
    for (const id of [0, 1, 3]) group.replicas[id].behaviour.delay = 20;
    group.replicas[2].behaviour = {
      verbose: true,
      lie: (reply) => (reply.outcome.type === "joined" ? reply : { ...reply, [field]: forged }),
    };
    const { client } = await joined(group);
    const { agreement, rows } = await client.call("tally");
    assert.deepEqual(rows, [{ procedure: "tally" }]);
    assert.ok(!agreement.agreed.includes(2));
  });
}

test("two liars that agree deceive a client of a group that bears one: f+1 is the whole promise", async () => {
  const group = await start();
  for (const id of [0, 3]) group.replicas[id].behaviour.delay = 50;
  for (const id of [1, 2])
    group.replicas[id].behaviour = {
      verbose: true,
      lie: (reply) =>
        reply.outcome.type === "joined" ? reply : { ...reply, outcome: textRow("forged") },
    };
  const { client } = await joined(group);
  assert.deepEqual((await client.call("tally")).rows, [{ text: "forged" }]);
});

test("who is not in the configuration that f+1 name is not listened to", async () => {
  const group = await start();
  for (const id of [0, 1]) group.replicas[id].behaviour.configuration = "1";
  // Keys that were replaced, for all that anybody knows.
  for (const id of [2, 3])
    group.replicas[id].behaviour.lie = (reply) => ({ ...reply, outcome: textRow("forged") });
  const { client, events } = await joined(group);
  const { agreement, rows } = await client.call("tally");
  assert.deepEqual(rows, [{ procedure: "tally" }]);
  assert.deepEqual(agreement.agreed, [0, 1]);
  assert.ok(events.some(([type, replica, reason]) => replica > 1 && reason === "is behind"));
});

test("one that names another configuration alone makes nobody doubt the others", async () => {
  const group = await start();
  group.replicas[3].behaviour.configuration = "9";
  const { client, events } = await joined(group);
  const { agreement } = await client.call("tally", {}, { linger: 300 });
  assert.deepEqual(agreement.agreed, [0, 1, 2, 3]);
  assert.ok(!events.some(([type, replica, reason]) => reason === "is behind"));
});

test("two liars among seven that bear two deceive nobody", async () => {
  const group = await start({ n: 7, faults: 2 });
  for (const id of [0, 3, 4, 5, 6]) group.replicas[id].behaviour.delay = 30;
  for (const id of [1, 2])
    group.replicas[id].behaviour = {
      verbose: true,
      lie: (reply) => ({ ...reply, outcome: textRow("forged") }),
    };
  const { client } = await joined(group);
  const answer = await client.call("tally", {}, { linger: 500 });
  assert.deepEqual(answer.agreement, { agreed: [0, 3, 4, 5, 6], differed: [1, 2], silent: [] });
});

test("a designated replica that sends no rows costs a moment, not the answer", async () => {
  const group = await start();
  group.replicas[1].behaviour.hear = (caller, { operation, designated }) =>
    operation?.type === "call" && designated === 1;
  const { client } = await joined(group);
  const answer = await client.call("vote"); // number 1 is designated to replica 1
  assert.deepEqual(answer.rows, [{ procedure: "vote" }]);
  assert.equal(group.executed.length, 1);
});

test("a replica that sends no rows is not asked for them again for a while", async () => {
  const group = await start();
  let asked = 0;
  group.replicas[1].behaviour.hear = (caller, { operation, designated }) => {
    const keeps = operation?.type === "call" && designated === 1;
    if (keeps) ++asked;
    return keeps;
  };
  const { client } = await joined(group);
  const began = performance.now();
  for (let i = 0; i < 12; ++i) await client.call("vote");
  // At first, and perhaps once more on a machine that is so slow.
  assert.ok(asked >= 1 && asked <= 1 + (performance.now() - began) / 1_000, `${asked} times`);
});

test("a replica that never sends rows is asked for them less and less often", async () => {
  const group = await start();
  let asked = 0;
  let sends = false;
  group.replicas[1].behaviour.hear = (caller, { operation, designated }) => {
    const its = operation?.type === "call" && designated === 1;
    if (its) ++asked;
    return its && !sends;
  };
  const { client } = await joined(group);
  const callFor = async (ms) => {
    asked = 0;
    const end = performance.now() + ms;
    while (performance.now() < end) await client.call("vote");
    return asked;
  };
  // After 0, 1 and 3 seconds; the next time would be after 7.
  const kept = await callFor(5_000);
  assert.ok(kept >= 2 && kept <= 3, `${kept} times`);
  sends = true;
  assert.ok((await callFor(3_500)) > 3, "who sends them again is asked as others are");
});

test("late voices are told, and one that contradicts is named late", async () => {
  const group = await start();
  const { client, events, cluster } = await joined(group);
  await until(() => cluster.replicas.every(({ connected }) => connected), "all connected");
  await sleep(20);
  const before = cluster.replicas[3].standing;
  group.replicas[0].behaviour.delay = 60;
  group.replicas[3].behaviour = {
    delay: 60,
    verbose: true,
    lie: (reply) => ({ ...reply, seq: "999" }),
  };
  const told = [];
  const answer = await client.call(
    "vote",
    {},
    { onAgreement: (agreement) => told.push(agreement) },
  );
  assert.deepEqual(answer.agreement, { agreed: [1, 2], differed: [], silent: [0, 3] });
  await until(() => told.length === 3, "three agreements");
  assert.deepEqual(told.at(-1), { agreed: [0, 1, 2], differed: [3], silent: [] });
  assert.ok(
    events.some(
      ([type, replica, reason]) => type === "differ" && replica === 3 && reason.includes("late"),
    ),
  );
  assert.deepEqual(cluster.replicas[3].standing, { ...before, differed: 1 });
});

test("a replica that connects after the result was taken is asked, and confirms it", async () => {
  const group = await start();
  for (const id of [2, 3]) await group.replicas[id].stop();
  const { client, cluster } = await joined(group);
  const told = [];
  await client.call("vote", {}, { onAgreement: (agreement) => told.push(agreement) });
  assert.deepEqual(told, [{ agreed: [0, 1], differed: [], silent: [2, 3] }]);
  for (const id of [2, 3]) await group.replicas[id].start();
  await until(() => told.length === 3, "all agreements", 10_000);
  assert.deepEqual(told.at(-1), { agreed: [0, 1, 2, 3], differed: [], silent: [] });
  assert.equal(group.executed.length, 1);
  // Where nobody asked to hear of it, and after the session, nothing is sent again.
  await client.call("vote");
  await client.leave();
  const requests = () => group.replicas[3].heard.filter(({ type }) => type === "request").length;
  const before = requests();
  await group.replicas[3].stop();
  await group.replicas[3].start();
  await until(() => cluster.replicas[3].connected, "connected", 10_000);
  await sleep(50);
  assert.equal(requests(), before);
});

test("a replica that was behind when it was asked is asked again, and confirms late", async () => {
  const group = await start();
  const { client } = await joined(group);
  let deaf = true;
  group.replicas[3].behaviour.hear = (caller, { operation }) => operation?.type === "call" && deaf;
  const told = [];
  await client.call("vote", {}, { onAgreement: (agreement) => told.push(agreement) });
  deaf = false;
  await until(() => told.at(-1).agreed.length === 4, "the fourth");
  const asked = group.replicas[1].heard.filter(({ operation }) => operation?.type === "call");
  assert.equal(asked.length, 1, "who has answered is not asked again");
});

// ---- impostors and noise ------------------------------------------------------------------------

test("a replica without the key that genesis names is not believed, and named", async () => {
  const group = await start();
  group.replicas[1].behaviour.key = generateKeyPairSync("ed25519").privateKey;
  const { client, events } = await joined(group);
  const { agreement } = await client.call("vote", {}, { linger: 200 });
  assert.deepEqual(agreement, { agreed: [0, 2, 3], differed: [], silent: [1] });
  assert.ok(
    events.some(
      ([type, replica, reason]) =>
        type === "differ" && replica === 1 && reason.includes("does not hold the key"),
    ),
  );
});

test("a replica that claims to be another is not believed", async () => {
  const group = await start();
  group.replicas[1].behaviour = { claims: 2, key: group.replicas[2].privateKey };
  const { client, events } = await joined(group);
  assert.ok(!(await client.call("vote", {}, { linger: 200 })).agreement.agreed.includes(1));
  assert.ok(
    events.some(
      ([type, replica, reason]) => type === "differ" && replica === 1 && reason.includes("another"),
    ),
  );
});

const disturbances = {
  "a wrong tag": { wrongTag: ({ type }) => type === "reply" || type === "reply_digest" },
  "no JSON": {
    hear: (caller, { type }) => type === "request" && (caller.connection.send("{"), true),
  },
  "nothing but null": {
    hear: (caller, { type }) => type === "request" && (caller.connection.send("null"), true),
  },
  "an unknown type": {
    hear: (caller, { type }) =>
      type === "request" && (caller.connection.send('{"type":"surprise","tag":"00"}'), true),
  },
  "a binary frame": {
    hear: (caller, { type }) =>
      type === "request" && (caller.connection.sendBinary(Buffer.from([1])), true),
  },
  "nine megabytes": {
    hear: (caller, { type }) =>
      type === "request" && (caller.connection.send(`"${"x".repeat(9 << 20)}"`), true),
  },
  "a second hello": {
    hear: (caller, { type }) =>
      type === "request" && (caller.connection.send('{"type":"hello_ok"}'), true),
  },
  "a reply before its hello": {
    hear: (caller, { type }) =>
      type === "hello" && (caller.connection.send('{"type":"reply"}'), true),
  },
};
for (const [what, behaviour] of Object.entries(disturbances)) {
  test(`a replica that sends ${what} loses its connection and nothing else happens`, async () => {
    const group = await start();
    group.replicas[3].behaviour = behaviour;
    const { client, cluster } = await joined(group);
    assert.ok(!(await client.call("vote")).agreement.agreed.includes(3));
    await until(() => cluster.replicas[3].standing.untrusted > 0, "distrust");
    assert.deepEqual(
      cluster.replicas.slice(0, 3).map(({ standing }) => standing.untrusted),
      [0, 0, 0],
    );
    assert.deepEqual((await client.call("again")).rows, [{ procedure: "again" }]);
  });
}

test("what a tag does not cover is nobody's word, whoever writes it on the way", async () => {
  const group = await start();
  const forged = { outcome: textRow("forged"), seq: "99", agreed: "0", executed: "99" };
  const scribbles = {
    reply_digest: () => forged,
    reply: ({ outcome }) => ({ outcome: { ...outcome, code: "session_ended" }, said: "00" }),
    read_reply: () => ({ seq: "99", number: "1" }),
    refused: () => forged,
  };
  for (const { behaviour } of group.replicas)
    behaviour.scribble = (message) => scribbles[message.type]?.(message);
  const { client, cluster } = await joined(group);
  for (let i = 0; i < 8; ++i) {
    const { rows, seq, agreedUs } = await client.call("vote", { i }, { linger: 20 });
    assert.deepEqual(rows, [{ procedure: "vote", i }]);
    assert.deepEqual([seq, agreedUs], [i + 2, 1795173920086810]);
  }
  assert.equal((await cluster.read("turnout", {}, { linger: 20 })).seq < 99, true);
  assert.equal(client.ended, null);
});

// ---- silence, loss, reconnection ----------------------------------------------------------------

test("a silent replica is told as silent", async () => {
  const group = await start();
  group.replicas[2].behaviour.hear = (caller, { type }) => type === "request";
  const { client } = await joined(group);
  const { agreement } = await client.call("vote", {}, { linger: 100 });
  assert.deepEqual(agreement, { agreed: [0, 1, 3], differed: [], silent: [2] });
});

test("answers in another order than asked find their questions", async () => {
  const group = await start();
  for (const replica of group.replicas) {
    const held = [];
    replica.behaviour.hear = (caller, message) => {
      if (message.operation?.type !== "call" || message.again) return false;
      held.push(message);
      if (held.length === 8)
        for (const one of held.splice(0).reverse())
          setImmediate(() => caller.connection.onText(JSON.stringify({ ...one, again: true })));
      return true;
    };
  }
  const { client } = await joined(group);
  const answers = await Promise.all(
    Array.from({ length: 8 }, (_, i) => client.call("echo", { i })),
  );
  assert.deepEqual(
    answers.map((answer) => answer.one().i),
    [0, 1, 2, 3, 4, 5, 6, 7],
  );
});

test("a request whose connections all die is sent again, and runs once", async () => {
  const group = await start();
  let cut = 0;
  for (const replica of group.replicas) {
    let dead = false;
    replica.behaviour.hear = (caller, message) => {
      if (dead || message.operation?.type !== "call") return false;
      dead = true;
      ++cut;
      group.order(message, group.requestDigest(message)); // it was executed, and the answer got lost
      caller.connection.destroy();
      return true;
    };
  }
  const { client, events } = await joined(group);
  assert.deepEqual((await client.call("vote", {}, { timeout: 4000 })).rows, [
    { procedure: "vote" },
  ]);
  assert.equal(cut, 4);
  assert.equal(group.executed.length, 1);
  for (const type of ["disconnect", "reconnecting"])
    assert.ok(
      events.some(([t]) => t === type),
      type,
    );
});

test("a replica that stops and comes back is connected again", async () => {
  const group = await start();
  const { client, cluster, events } = await joined(group);
  await until(() => cluster.replicas.every(({ connected }) => connected), "all connected");
  await group.replicas[1].stop();
  await until(() => !cluster.replicas[1].connected, "it is gone");
  assert.deepEqual((await client.call("vote", {}, { linger: 50 })).agreement.silent, [1]);
  await group.replicas[1].start();
  await until(() => cluster.replicas[1].connected, "it is back");
  assert.deepEqual((await client.call("vote", {}, { linger: 500 })).agreement.silent, []);
  assert.ok(events.filter(([type, replica]) => type === "connect" && replica === 1).length === 2);
});

test(
  "connections that died without a word, as after sleep, are noticed and replaced",
  { timeout: 20_000 },
  async () => {
    const group = await start();
    const { client, events } = await joined(group);
    for (const replica of group.replicas) {
      const dead = new Set(replica.callers);
      replica.behaviour.hear = (caller) => dead.has(caller);
    }
    assert.deepEqual((await client.call("vote", {}, { timeout: 15_000 })).rows, [
      { procedure: "vote" },
    ]);
    assert.ok(events.some(([type, , reason]) => type === "disconnect" && reason === "is silent"));
    assert.equal(group.executed.length, 1);
  },
);

test("attempts to connect back off", async () => {
  const group = await start();
  const { cluster } = await joined(group);
  await group.replicas[0].stop();
  const delays = [];
  cluster.addEventListener(
    "reconnecting",
    ({ replica, delay }) => replica === 0 && delays.push(delay),
  );
  await sleep(1500);
  assert.ok(delays.length >= 3 && delays.length <= 30, `${delays.length} attempts`);
  assert.ok(delays[0] <= 200 && delays.every((delay) => delay <= 5000));
});

test("with fewer than f+1 replicas the outcome is unknown after the timeout, and who was heard is told", async () => {
  const group = await start();
  const { client } = await joined(group);
  for (const id of [1, 2, 3]) group.replicas[id].behaviour.hear = () => true;
  await rejects(client.call("vote", {}, { timeout: 150 }), prytany.OutcomeUnknown, {
    code: "outcome_unknown",
    sent: true,
    agreement: { agreed: [], differed: [0], silent: [1, 2, 3] },
  });
  // The number is kept alive: when they are back, what was asked is answered and the next goes on.
  for (const id of [1, 2, 3]) group.replicas[id].behaviour.hear = undefined;
  assert.deepEqual((await client.call("next", {}, { timeout: 4000 })).rows, [
    { procedure: "next" },
  ]);
});

test("nobody there: NoQuorum, and certainly not sent", async () => {
  const group = await start();
  await Promise.all(group.replicas.map((replica) => replica.stop()));
  const { cluster } = await open(group);
  await rejects(cluster.join({ timeout: 200 }), prytany.NoQuorum, { sent: false });
  await rejects(cluster.connect({ timeout: 100 }), prytany.NoQuorum, { sent: false });
  for (const replica of group.replicas) await replica.start();
});

test("a page that no replica lets in is told which origin to allow", async () => {
  const group = await start();
  for (const replica of group.replicas) await replica.stop();
  globalThis.location = { origin: "https://vote.example", protocol: "https:" };
  cleanup.push(() => {
    delete globalThis.location;
  });
  const genesis = structuredClone(group.genesis);
  for (const member of genesis.members) member.client = member.client.replace("ws:", "wss:");
  const cluster = await Cluster.open(genesis, { timeout: 200 });
  cleanup.push(() => cluster.close());
  for (const ask of [() => cluster.connect(), () => cluster.join(), () => cluster.read("tally")])
    await assert.rejects(ask, /is --origin https:\/\/vote\.example allowed\?/);
});

test("an AbortSignal rejects with Aborted, before and after sending", async () => {
  const group = await start();
  const { client } = await joined(group);
  const early = new AbortController();
  early.abort(new Error("no"));
  await rejects(client.call("vote", {}, { signal: early.signal }), prytany.Aborted, {
    name: "AbortError",
    sent: false,
    cause: early.signal.reason,
  });
  assert.equal(group.executed.length, 0);
  for (const replica of group.replicas) replica.behaviour.delay = 100;
  const late = new AbortController();
  const asked = client.call("vote", {}, { signal: late.signal });
  setTimeout(() => late.abort(), 40);
  await rejects(asked, prytany.Aborted, { sent: true });
  assert.equal((await client.call("next")).one().procedure, "next");
  await rejects(
    client.cluster.read("vote", {}, { signal: AbortSignal.timeout(10) }),
    prytany.Aborted,
  );
});

// ---- joining ------------------------------------------------------------------------------------

test("a forged token is not used", async () => {
  const group = await start();
  group.replicas[0].behaviour.tokenKey = generateKeyPairSync("ed25519").privateKey;
  for (const id of [1, 2, 3]) group.replicas[id].behaviour.delay = 30; // it comes first
  const { cluster } = await joined(group);
  const { operation } = group.replicas[1].heard.find((message) => message.type === "request");
  assert.ok(!operation.tokens.some(({ replica }) => replica === 0));
  assert.equal(cluster.replicas[0].standing.differed, 1);
});

test("a join refused for its tokens is tried again with those of all", async () => {
  const group = await start();
  let attempts = 0;
  group.joinOutcome = ({ operation }) => {
    ++attempts;
    // Replica 0's tokens look good and expire at once, so that two others' are needed.
    if (operation.tokens.filter(({ replica }) => replica !== 0).length < 2)
      return {
        type: "error",
        code: "token_expired",
        message: "too late",
        procedure: "",
        statement: 0,
      };
  };
  const { client } = await joined(group);
  assert.ok(client.sessionId > 0 && attempts >= 1);
});

test("an application that refuses a join is believed, and named as such", async () => {
  const group = await start();
  group.joinOutcome = () => ({
    type: "error",
    code: "not_on_the_roll",
    message: "ask the office",
    procedure: "authorize",
    statement: 1,
  });
  const { cluster } = await open(group);
  await rejects(cluster.join(), prytany.ApplicationError, {
    code: "not_on_the_roll",
    procedure: "authorize",
  });
});

test("nobody is accused for a join that fails: it may be executed twice, with two numbers", async () => {
  const group = await start();
  group.joinOutcome = () => ({
    type: "error",
    code: "bad_credential",
    message: "",
    procedure: "",
    statement: 0,
  });
  for (const id of [0, 1])
    group.replicas[id].behaviour.lie = (reply) => ({ ...reply, seq: String(+reply.seq + 1) });
  const { cluster, events } = await open(group);
  for (let i = 0; i < 5; ++i) await rejects(cluster.join(), prytany.ApplicationError);
  await sleep(100);
  assert.deepEqual(
    events.filter(([type]) => type === "differ"),
    [],
  );
  for (const { standing } of cluster.replicas) assert.equal(standing.differed, 0);
});

test("two sessions share the connections of one cluster", async () => {
  const group = await start();
  const { cluster, client } = await joined(group);
  const other = await cluster.join();
  assert.notEqual(client.sessionId, other.sessionId);
  await Promise.all([client.call("a"), other.call("b"), cluster.read("c")]);
  assert.deepEqual(
    group.replicas.map(({ connections }) => connections),
    [1, 1, 1, 1],
  );
});

// ---- the end of a session -----------------------------------------------------------------------

test("one replica cannot end a session, f+1 can, and what was in flight is unknown", async () => {
  const group = await start();
  const { client } = await joined(group);
  const ends = [];
  client.addEventListener("end", ({ reason }) => ends.push(reason));
  const told = [];
  client.cluster.addEventListener("refuse", ({ replica, reason }) => told.push([replica, reason]));
  group.tell([2], { type: "session_ended", session: String(client.sessionId), reason: "replaced" });
  assert.deepEqual((await client.call("vote")).rows, [{ procedure: "vote" }]);
  assert.equal(client.ended, null);
  await until(() => told.length > 0, "the claim is told");
  assert.deepEqual(told, [[2, "session_ended: replaced"]]);
  await client.call("vote");
  assert.deepEqual(
    client.cluster.replicas.map(({ standing }) => standing.differed),
    [0, 0, 1, 0],
    "it was false, and is remembered",
  );

  for (const replica of group.replicas)
    replica.behaviour.hear = (caller, { type }) => type === "request";
  const flying = client.call("vote");
  const queued = Array.from({ length: 64 }, () => client.call("later"));
  await until(
    () =>
      group.replicas.every(({ heard }) =>
        heard.some(({ session, number }) => session > 0 && number === "3"),
      ),
    "it was sent",
  );
  group.tell([0, 2], { type: "session_ended", session: String(client.sessionId), reason: "replaced" });
  await rejects(flying, prytany.OutcomeUnknown, { code: "outcome_unknown", sent: true });
  const results = await Promise.allSettled(queued);
  assert.deepEqual(
    [results.at(-1).reason.code, results.at(-1).reason.sent],
    ["session_ended", false],
  );
  assert.deepEqual([client.ended, ends], ["replaced", ["replaced"]]);
  await rejects(client.call("vote"), prytany.Refused, { code: "session_ended", sent: false });
});

test("a refusal of a liar and one that is behind changes nothing; a quorum that insists is believed", async () => {
  const group = await start();
  const refuse = (code) => (caller, message) => {
    if (message.operation?.type !== "call") return false;
    caller.say({
      type: "refused",
      request: group.requestDigest(message).toString("hex"),
      code,
      message: "no",
    });
    return true;
  };
  for (const id of [0, 1]) group.replicas[id].behaviour.hear = refuse("unknown_session");
  const { client } = await joined(group);
  assert.deepEqual((await client.call("vote")).rows, [{ procedure: "vote" }]);
  // A liar, and two that are a second behind.
  group.replicas[0].behaviour.hear = refuse("unknown_session");
  for (const id of [1, 2]) group.replicas[id].behaviour.hear = refuse("unknown_session");
  setTimeout(() => {
    for (const id of [1, 2]) group.replicas[id].behaviour.hear = undefined;
  }, 1000);
  assert.deepEqual((await client.call("late")).rows, [{ procedure: "late" }]);
  assert.equal(client.ended, null);
  for (const replica of group.replicas) replica.behaviour.hear = refuse("unknown_session");
  await rejects(client.call("vote"), prytany.OutcomeUnknown, { sent: true });
  assert.equal(client.ended, "unknown_session");
});

test("who refused once and is silent since takes nothing from a quorum's word", async () => {
  const group = await start();
  const { client } = await joined(group);
  const silent = new Set();
  for (const { behaviour } of group.replicas)
    behaviour.hear = (caller, message) => {
      if (message.operation?.type !== "call") return false;
      if (silent.has(behaviour)) return true;
      if (behaviour === group.replicas[3].behaviour) silent.add(behaviour);
      const request = group.requestDigest(message).toString("hex");
      caller.say({ type: "refused", request, code: "unknown_session", message: "no" });
      return true;
    };
  await rejects(client.call("vote"), prytany.OutcomeUnknown, { sent: true });
  assert.equal(client.ended, "unknown_session");
});

test("a liar's words become nobody's error text", async () => {
  const group = await start();
  const refuse = (code, words) => (caller, message) => {
    if (message.operation?.type !== "call") return false;
    caller.say({
      type: "refused",
      request: group.requestDigest(message).toString("hex"),
      code,
      message: words,
    });
    return true;
  };
  const { client } = await joined(group);
  for (const id of [1, 2, 3]) group.replicas[id].behaviour.hear = refuse("closed", "as agreed");
  group.replicas[0].behaviour.hear = refuse("call 555", "send your code to me");
  await assert.rejects(client.call("vote", {}, { timeout: 8000 }), ({ code, message }) => {
    assert.equal(code, "closed");
    assert.doesNotMatch(message, /555|send your/);
    return true;
  });
  const late = await start();
  const { client: lone } = await joined(late);
  for (const id of [1, 2, 3])
    late.replicas[id].behaviour.hear = (caller, { type }) => type === "request";
  late.replicas[0].behaviour.hear = (caller, message) => {
    if (message.type !== "request") return false;
    caller.say({
      type: "refused",
      request: late.requestDigest(message).toString("hex"),
      code: "call 555",
      message: "",
    });
    return true;
  };
  await assert.rejects(lone.call("vote", {}, { timeout: 300 }), ({ message }) => {
    assert.match(message, /fewer than 2 replicas/);
    assert.doesNotMatch(message, /555/);
    return true;
  });
});

test("what is misused is told as Usage, whatever it is", async () => {
  const group = await start();
  const { client, cluster } = await joined(group);
  for (const ask of [
    () => client.call("f", null),
    () => client.call("f", 5),
    () => cluster.read("f", null),
    () => client.batch("select 1"),
    () => client.batch([null]),
    () => client.batch([{ sql: "SELECT ?", positional: "x" }]),
    () => client.execute({ sql: "SELECT ?" }, [1]),
  ])
    await rejects(ask(), prytany.Usage, { sent: false });
  await assert.rejects(client.call(), /procedure: not text/);
  await assert.rejects(client.execute({}), /sql: not text/);
  assert.equal(group.executed.length, 0);
});

test("a replica that proves itself and hangs up again and again is not asked ever faster", async () => {
  const group = await start();
  const { cluster } = await open(group);
  group.replicas[0].behaviour.hear = (caller, { type }) => {
    if (type !== "read") return false;
    caller.say({ type: "session_ended", session: "1", reason: "x" });
    setTimeout(() => caller.connection.close(), 5);
    return true;
  };
  const end = Date.now() + 3000;
  while (Date.now() < end) {
    await cluster.read("tally");
    await sleep(20);
  }
  assert.ok(group.replicas[0].connections < 20, `${group.replicas[0].connections} connections`);
});

test("replicas that are overloaded for a moment are asked again", async () => {
  const group = await start();
  const { client } = await joined(group);
  let refusals = 0;
  for (const replica of group.replicas) {
    let first = true;
    replica.behaviour.hear = (caller, message) => {
      if (!first) return false;
      first = false;
      ++refusals;
      caller.say({
        type: "refused",
        request: group.requestDigest(message).toString("hex"),
        code: "overloaded",
        message: "",
      });
      return true;
    };
  }
  assert.deepEqual((await client.call("vote")).rows, [{ procedure: "vote" }]);
  assert.equal(refusals, 4);
});

test("leave goes last, ends the session, and later calls are refused", async () => {
  const { client } = await joined(await start());
  const calls = [client.call("a"), client.call("b")];
  await client.leave();
  assert.deepEqual(
    (await Promise.all(calls)).map((answer) => answer.one().procedure),
    ["a", "b"],
  );
  assert.equal(client.ended, "left");
  await rejects(client.call("vote"), prytany.Refused, { code: "session_ended" });
});

test("closing the cluster leaves what was sent unknown, and nothing alive", async () => {
  const group = await start();
  const { client, cluster } = await joined(group);
  for (const replica of group.replicas) replica.behaviour.hear = () => true;
  const flying = client.call("vote");
  const reading = cluster.read("tally");
  await sleep(50);
  cluster.close();
  await rejects(flying, prytany.OutcomeUnknown, { code: "closed" });
  await rejects(reading, prytany.OutcomeUnknown, { code: "closed" });
  await rejects(cluster.read("tally"), prytany.Usage, { code: "closed" });
});

test("a cluster that is closed while it connects keeps no program alive", async () => {
  const group = await start();
  const script = `
    import { Cluster } from ${JSON.stringify(new URL("../../client-js/src/index.js", import.meta.url).href)};
    const cluster = await Cluster.open(process.argv[1]);
    cluster.connect().catch(() => {});
    cluster.read("tally").catch(({ code }) => console.log(code));
    cluster.close();`;
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ["--input-type=module", "-e", script, JSON.stringify(group.genesis)],
    { timeout: 10_000 },
  );
  assert.equal(stdout, "closed\n");
});

test("Client.join makes a cluster of its own, and leave closes it", async () => {
  const group = await start();
  const client = await prytany.Client.join({ genesis: JSON.stringify(group.genesis) });
  assert.equal((await client.call("vote")).one().procedure, "vote");
  await client.leave();
  await rejects(client.cluster.read("x"), prytany.Usage, { code: "closed" });
});

// ---- reads and status ---------------------------------------------------------------------------

test("a public read is believed from f+1, and tells what f+1 of them had reached", async () => {
  const group = await start();
  group.replicas[0].behaviour.lieRead = (answer) => ({ ...answer, outcome: textRow("forged") });
  const { cluster } = await open(group);
  const answer = await cluster.read("tally", { x: 1 });
  assert.deepEqual(answer.rows, [{ procedure: "tally", x: 1 }]);
  assert.deepEqual(answer.agreement, { agreed: [1, 2, 3], differed: [0], silent: [] });
  assert.equal(answer.seq, 12);
  assert.equal(cluster.replicas[0].standing.differed, 0); // who is behind differs honestly
  await rejects(cluster.read("refuse"), prytany.ApplicationError, { code: "not_today" });
});

test("a liar who gives the right rows cannot make a read look newer than it is", async () => {
  const group = await start();
  group.replicas[0].behaviour.lieRead = (answer) => ({
    ...answer,
    executed: "9999",
    agreed: "4000000000000000",
  });
  group.replicas[2].behaviour.lieRead = (answer) => ({ ...answer, agreed: "1795173920000000" });
  const { cluster } = await open(group);
  const answer = await cluster.read("tally", {}, { linger: 1000 });
  assert.deepEqual(answer.agreement.agreed, [0, 1, 2, 3]);
  assert.equal(answer.seq, 13);
  assert.equal(answer.agreedUs, 1795173920086810);
});

test("a liar beside a replica that is behind does not beat two that are not, by speaking first", async () => {
  const group = await start();
  const old = (executed) => (answer) => ({ ...answer, executed, outcome: textRow("old") });
  group.replicas[0].behaviour.lieRead = old("9999");
  group.replicas[1].behaviour.lieRead = old("3");
  for (const id of [2, 3]) group.replicas[id].behaviour.delay = 30;
  const { cluster } = await open(group);
  await cluster.connect();
  await until(() => cluster.replicas.every(({ connected }) => connected), "all are connected");
  const answer = await cluster.read("tally", {}, { linger: 1000 });
  assert.deepEqual(answer.rows, [{ procedure: "tally" }]);
  assert.deepEqual(answer.agreement, { agreed: [2, 3], differed: [0, 1], silent: [] });
  assert.equal(answer.seq, 12);
});

test("an answer to another read under our id is no voice, however many replicas give it", async () => {
  const group = await start();
  // As if somebody on the way to each replica had put another question in place of ours.
  for (const replica of group.replicas)
    replica.behaviour.lieRead = (answer) => ({ ...answer, question: "ab".repeat(32) });
  const { cluster } = await open(group);
  await rejects(cluster.read("tally", {}, { timeout: 200 }), prytany.NoQuorum, {
    agreement: { agreed: [], differed: [], silent: [0, 1, 2, 3] },
  });
  for (const id of [1, 2]) group.replicas[id].behaviour = {};
  const { agreement } = await cluster.read("tally");
  assert.deepEqual(agreement, { agreed: [1, 2], differed: [], silent: [0, 3] });
});

test("a read on which replicas differ for a moment is asked again", async () => {
  const group = await start();
  for (const replica of group.replicas) {
    let stale = true;
    replica.behaviour.lieRead = (answer) => {
      if (!stale) return answer;
      stale = false;
      return { ...answer, outcome: textRow(`state ${replica.id}`) };
    };
  }
  const { cluster } = await open(group);
  assert.deepEqual((await cluster.read("tally")).rows, [{ procedure: "tally" }]);
});

test("status tells each replica's own word, and who cannot be reached", async () => {
  const group = await start();
  await group.replicas[3].stop();
  const { cluster } = await open(group);
  const status = await cluster.status();
  assert.deepEqual(
    status.map(({ id, reachable, lastExecuted }) => [id, reachable, lastExecuted]),
    [
      [0, true, 1],
      [1, true, 1],
      [2, true, 1],
      [3, false, 0],
    ],
  );
  await group.replicas[3].start();
});

test("a callback that throws harms nobody but its owner", async () => {
  const uncaught = [];
  const { queueMicrotask } = globalThis;
  cleanup.push(() => {
    globalThis.queueMicrotask = queueMicrotask;
  });
  // Where an uncaught error would be reported: the test's runner would take it for its own.
  globalThis.queueMicrotask = (act) =>
    queueMicrotask(() => {
      try {
        act();
      } catch (error) {
        uncaught.push(error.message);
      }
    });
  const { client } = await joined(await start());
  assert.equal(
    (
      await client.call(
        "vote",
        {},
        {
          onAgreement() {
            throw new Error("mine");
          },
        },
      )
    ).one().procedure,
    "vote",
  );
  assert.equal((await client.call("next")).one().procedure, "next");
  await sleep(10);
  assert.ok(uncaught.includes("mine"));
});
