// One voter and one reader of the demo's election, in headless Chromium, while a server lies.
//   demo.mjs vote     votes with PRYTANY_CODE for PRYTANY_CHOICE
//   demo.mjs result   reads the published result: it must be PRYTANY_TALLY
// Both must see on the page that server PRYTANY_LIAR was contradicted. Screenshots go to build/demo/.
import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { launch } from "./chromium.mjs";
import { cast, heading, openPage } from "./election.mjs";

const [scene] = process.argv.slice(2);
const { PRYTANY_URL: url, PRYTANY_LIAR: liar } = process.env;
const shots = "build/demo";
const browser = await launch();

const contradicted = (page) => page.waitForFunction(
  (words) => document.getElementById("alarm").textContent.includes(words), `Server ${liar} was contradicted by 3 others.`);

async function shot(page, name) {
  mkdirSync(shots, { recursive: true });
  const path = `${shots}/${name}.png`;
  await page.screenshot({ path, fullPage: true });
  return path;
}

async function vote() {
  const page = await openPage(browser, `${url}/vote.html`);
  await page.fill("#code", process.env.PRYTANY_CODE);
  await page.click("#enter");
  await heading(page, "Fill in your ballot");
  await page.getByLabel(process.env.PRYTANY_CHOICE, { exact: true }).check();
  await page.click("#review");
  await heading(page, "Check your choices");
  const receipt = await cast(page);
  await contradicted(page);
  const confirmed = (await page.textContent("#confirmed")).trim();
  assert.match(confirmed, /3 of 4 servers/);
  await page.waitForSelector("#on-board:has-text('It is on the bulletin board')");
  console.log(`A voter in Chromium voted for ${process.env.PRYTANY_CHOICE}; the page shows receipt ${receipt}.`);
  console.log(`  "${confirmed}" "Server ${liar} was contradicted by 3 others."  ${await shot(page, "voted")}`);
}

async function result() {
  const page = await openPage(browser, `${url}/results.html`);
  await page.waitForSelector("#record");
  await contradicted(page);
  const shown = await page.$$eval("table.results tbody tr", (rows) => rows.map((row) => [
    row.querySelector("th").firstChild.textContent.trim(), Number(row.querySelector("td").textContent.replace(/\D/g, ""))]));
  const expected = Object.entries(JSON.parse(process.env.PRYTANY_TALLY));
  for (const [name, votes] of expected.filter(([name]) => name !== "(blank)")) {
    assert.deepEqual(shown.find(([who]) => who === name), [name, votes]);
  }
  assert.equal(shown.reduce((sum, [, votes]) => sum + votes, 0), expected.reduce((sum, [, votes]) => sum + votes, 0));
  console.log(`The result in Chromium is right, and the page says who lied.  ${await shot(page, "result")}`);
}

try {
  await (scene === "vote" ? vote() : result());
} finally {
  await browser.close();
}
