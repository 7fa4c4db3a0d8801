// Pages of an election that nobody has made yet. It needs none, so it need not hold up the course.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { launch } from "./chromium.mjs";
import { openPage, startReplicas } from "./election.mjs";

const timeout = 400_000;
let replicas, browser;

before(async () => {
  replicas = await startReplicas();
  browser = await launch();
});
after(async () => {
  await browser?.close();
  await replicas?.stop();
});

test("before there is an election every page says so", { timeout }, async () => {
  for (const name of ["index", "vote", "results", "recount", "audit", "safety", "board"]) {
    const page = await openPage(
      browser,
      replicas.url(1) + (name === "index" ? "" : `${name}.html`),
    );
    await page.waitForFunction(() => !document.querySelector(".waiting"));
    assert.match(
      await page.textContent("#servers"),
      /Confirmed by \d of 4 servers|None of 4/,
      name,
    );
    assert.match(
      await page.textContent("#footer"),
      /not secret from the people who run the servers/,
      name,
    );
    if (name === "vote") assert.equal(await page.getAttribute("#refusal", "data-code"), "none");
    assert.deepEqual(page.errors, [], name);
    await page.context().close();
  }
});
