// A server lies with its real key, started by the button that `prytany dev` offers: receipts and
// results stay right, and every page names it.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { launch } from "./chromium.mjs";
import {
  cast,
  fillIn,
  heading,
  inspect,
  openPage,
  prepare,
  shot,
  startReplicas,
} from "./election.mjs";

const timeout = 200_000;
const liar = 2;
let replicas, browser, election, page;

before(async () => {
  replicas = await startReplicas();
  browser = await launch();
  election = await prepare(replicas, { voters: 3 });
});
after(async () => {
  await election?.official.leave().catch(() => {});
  await browser?.close();
  await replicas?.stop();
});
const alarm = (on, words) =>
  on.waitForFunction(
    (wanted) => document.getElementById("alarm").textContent.includes(wanted),
    words,
    { timeout: 40_000 },
  );

test(
  "the page of prytany dev offers buttons, pages of replicas do not",
  { timeout },
  async () => {
    page = await openPage(browser, replicas.home);
    await page.waitForSelector("#dev button");
    assert.doesNotMatch(page.url(), /dev=/, "the token is not left in the address");
    assert.equal(await page.locator("#dev button").count(), 8);
    const plain = await openPage(browser, replicas.url(0));
    await plain.waitForSelector("#turnout");
    assert.equal(await plain.locator("#dev").isVisible(), false);
    assert.equal(await plain.locator("#alarm").textContent(), "");
    await plain.context().close();
  },
);

test(
  "a voter's receipt is right while server 2 lies, and server 2 is named",
  { timeout },
  async () => {
    await page.click(`#dev-lie-${liar}`);
    await page.waitForSelector(`#dev-stop_lying-${liar}`);
    await page.goto(new URL("vote.html", page.url()).href);
    await page.waitForSelector("#code");
    await fillIn(page, election.codes[0]);
    const receipt = await cast(page);
    await alarm(page, "Server 2 was contradicted by 3 others.");
    await page.waitForSelector("#on-board:has-text('It is on the bulletin board')");
    assert.match(
      await page.locator(".receipt-card ul.servers li").nth(liar).textContent(),
      /was contradicted by 3 others/,
    );
    assert.match(await page.textContent("#confirmed"), /Confirmed by 3 of 4 servers/);
    const ballots = (await election.official.query("SELECT receipt FROM ballots")).rows;
    assert.deepEqual(
      ballots,
      [{ receipt }],
      "the receipt on the screen is the one that was recorded",
    );
    await inspect(page, "liar-01-voted");
  },
);

test("what anybody reads is right, and server 2 is named", { timeout }, async () => {
  const reader = await openPage(browser, replicas.url(0));
  await reader.waitForSelector("#turnout");
  assert.match(await reader.textContent("main"), /1 of 3 voters have voted/);
  await alarm(reader, "Server 2 was contradicted by 3 others.");
  await inspect(reader, "liar-02-overview");
  await reader.context().close();
});

test(
  "the published result is right and counts up while server 2 says otherwise",
  { timeout },
  async () => {
    for (const procedure of ["close_election", "tally", "publish"])
      await election.official.call(procedure);
    const reader = await openPage(browser, `${replicas.url(1)}results.html`);
    await reader.waitForSelector("#record");
    assert.match(await reader.textContent("main"), /Aspasia1100%Ephialtes00%/);
    await alarm(reader, "Server 2 was contradicted by 3 others.");
    await inspect(reader, "liar-03-result");
    await reader.goto(`${replicas.url(1)}recount.html`);
    await reader.click("#count");
    await reader.waitForSelector("#outcome:has-text('The result is right')");
    await reader.context().close();
  },
);

test(
  "a liar that hands out another genesis is named by pages of the others",
  { timeout },
  async () => {
    const home = new URL("/", page.url()).href;
    await page.goto(home);
    await page.waitForSelector(`#dev-stop_lying-${liar}`);
    await page.evaluate(
      (id) => fetch(`/dev/replicas/${id}/lie?lies=pages`, { method: "POST" }),
      liar,
    );
    const reader = await openPage(browser, replicas.url(0));
    await alarm(reader, "Server 2 names other servers than this page does.");
    await reader.context().close();
    await page.click(`#dev-stop_lying-${liar}`);
    await page.waitForSelector(`#dev-lie-${liar}`);
    await page.goto(home);
    await page.waitForSelector("#turnout");
    await page.waitForFunction(() =>
      /Confirmed by 4 of 4/.test(document.getElementById("servers-summary").textContent),
    );
    await shot(page, "liar-04-honest-again");
  },
);

test(
  "the button that kills a server shows who is silent, and the one that starts it brings it back",
  { timeout },
  async () => {
    await page.click("#dev-kill-3");
    await page.waitForFunction(
      () => /silent/.test(document.querySelectorAll("#servers li")[3].textContent),
      null,
      { timeout: 40_000 },
    );
    await page.click("#dev-start-3");
    await page.reload();
    await page.waitForFunction(
      () => /agrees/.test(document.querySelectorAll("#servers li")[3].textContent),
      null,
      { timeout: 40_000 },
    );
    await heading(page, "Council of the garden club");
  },
);
