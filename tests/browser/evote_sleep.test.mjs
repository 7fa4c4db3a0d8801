// A laptop sleeps, and its connections die without a word: no end was told to either side, the
// server still holds them, and the page's own clocks stood still. Awake again, the page must find
// out, connect anew and finish what was asked, once.
import assert from "node:assert/strict";
import { createServer, connect } from "node:net";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { launch } from "./chromium.mjs";
import { fillIn, heading, openPage, prepare, startReplicas } from "./election.mjs";

const timeout = 200_000;
let replicas, browser, election, lines;

/** Between the browser and one port: a line whose connections can be cut without a word. */
class Line {
  #open = new Set();
  made = 0;
  blocked = false; // lets nobody in

  static async to(port) {
    const line = new Line();
    line.server = createServer((near) => line.#carry(near, connect(port, "127.0.0.1")));
    await new Promise((resolve) => line.server.listen(0, "127.0.0.1", resolve));
    line.port = line.server.address().port;
    return line;
  }
  #carry(near, far) {
    if (this.blocked) {
      near.on("error", () => {}).destroy();
      far.on("error", () => {}).destroy();
      return;
    }
    ++this.made;
    const one = { near, far, up: true, down: true };
    this.#open.add(one);
    near.on("data", (bytes) => one.up && far.write(bytes));
    far.on("data", (bytes) => one.down && near.write(bytes));
    for (const [mine, other] of [
      [near, far],
      [far, near],
    ]) {
      mine.on("error", () => {});
      // A line that is cut carries no goodbye either.
      mine.on("close", () => one.up && other.destroy());
    }
  }
  /** What is open now carries nothing any more in this direction; what comes later does. */
  cut(...directions) {
    for (const one of this.#open) for (const direction of directions) one[direction] = false;
  }
  /** Everybody out, and nobody in. */
  end() {
    this.blocked = true;
    for (const { near, far } of this.#open) for (const socket of [near, far]) socket.destroy();
  }
  close() {
    for (const { near, far } of this.#open) for (const socket of [near, far]) socket.destroy();
    this.server.close();
  }
}

before(async () => {
  replicas = await startReplicas();
  lines = await Promise.all([0, 1, 2, 3].map((id) => Line.to(replicas.base + id)));
  const rules = lines.map(
    ({ port }, id) => `MAP 127.0.0.1:${replicas.base + id} 127.0.0.1:${port}`,
  );
  browser = await launch({ args: [`--host-resolver-rules=${rules}`] });
  election = await prepare(replicas, { voters: 4 });
});
after(async () => {
  await election?.official.leave().catch(() => {});
  await browser?.close();
  for (const line of lines ?? []) line.close();
  await replicas?.stop();
});

const turnout = async () => (await election.official.call("turnout")).rows[0].voted;
const untilVoted = async (wanted) => {
  for (let tries = 0; (await turnout()) !== wanted; ++tries) {
    assert.ok(tries < 100, "the request never ran");
    await sleep(100);
  }
};
/** Stops the page's timers, tasks and events, as a machine that sleeps does; returns how to wake it. */
async function freeze(page) {
  const session = await page.context().newCDPSession(page);
  const state = (to) => session.send("Page.setWebLifecycleState", { state: to });
  await state("frozen");
  return () => state("active");
}
async function onBoard(receipt) {
  const { rows } = await election.official.call("bulletin_board", { count: 100 });
  return rows.filter((row) => row.receipt === receipt).length;
}
const made = () => lines.map((line) => line.made);

test(
  "asleep before the cast: the ballot that is cast after waking counts once",
  { timeout },
  async () => {
    const page = await openPage(browser, `${replicas.url(0)}vote.html`);
    await fillIn(page, election.codes[0]);
    const before = made();
    const wake = await freeze(page);
    for (const line of lines) line.cut("up", "down");
    await sleep(1_500);
    await wake();
    await page.click("#cast");
    await heading(page, "You have voted");
    assert.equal(await turnout(), 1);
    assert.ok(
      made().filter((count, id) => count > before[id]).length >= 2,
      "it was carried by new connections",
    );
    await page.waitForSelector("#confirmed:has-text('Confirmed by 4 of 4 servers')");
    await page.waitForSelector("#on-board:has-text('It is on the bulletin board')");
    await page.context().close();
  },
);

test(
  "asleep while the ballot is under way: it ran, and is not cast again",
  { timeout },
  async () => {
    const page = await openPage(browser, `${replicas.url(1)}vote.html`);
    await fillIn(page, election.codes[1]);
    for (const line of lines) line.cut("down"); // servers hear the page, and the page no server
    await page.click("#cast");
    await untilVoted(2);
    const wake = await freeze(page);
    for (const line of lines) line.cut("up");
    await sleep(1_500);
    await wake();
    await heading(page, "You have voted");
    await page.waitForSelector("#on-board:has-text('It is on the bulletin board')");
    const receipt = (await page.textContent("#receipt")).trim();
    assert.equal(await turnout(), 2);
    assert.equal(await onBoard(receipt), 1);
    await page.context().close();
  },
);

test(
  "asleep with a receipt that two servers confirmed: awake, it catches up with the others",
  { timeout },
  async () => {
    const page = await openPage(browser, `${replicas.url(0)}vote.html`);
    await fillIn(page, election.codes[2]);
    for (const line of lines.slice(2)) line.end();
    await page.click("#cast");
    await heading(page, "You have voted");
    await page.waitForSelector("#confirmed:has-text('Confirmed by 2 of 4 servers')");
    // The page signs out soon after: what it asked as a voter is no longer answered.
    await sleep(3_000);
    const wake = await freeze(page);
    for (const line of lines) line.cut("up", "down");
    for (const line of lines) line.blocked = false;
    await sleep(1_500);
    await wake();
    await page.waitForSelector("#confirmed:has-text('Confirmed by 4 of 4 servers')");
    assert.equal(await page.locator(".receipt-card ul.servers li.good").count(), 4);
    assert.equal(await turnout(), 3);
    await page.context().close();
  },
);
