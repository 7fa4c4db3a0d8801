// The election office while servers are away: it says how far an import is and what it waits for, takes
// the same import again, and shows nothing of what was said before.
import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { launch } from "./chromium.mjs";
import { admin, heading, inspect, openPage, startReplicas } from "./election.mjs";

const timeout = 200_000;
const voters = 230; // three batches
let replicas, browser, office;

before(async () => {
  replicas = await startReplicas();
  browser = await launch();
  const official = await admin(replicas);
  await official.call("create_election", { title: "Council of the garden club" });
  await official.leave();
  office = await openPage(browser, `${replicas.url(0)}official.html`);
  await office.setInputFiles("#key", join(replicas.folder, "cluster", "admin.key"));
  await heading(office, "Next step");
});
after(async () => {
  await browser?.close();
  await replicas?.stop();
});
const voted = async () => {
  const official = await admin(replicas);
  const { rows } = await official.call("roll", { count: 500 });
  await official.leave();
  return rows;
};

test("codes that were made outlast a look at another section", { timeout }, async () => {
  await office.click("#to-roll");
  await heading(office, "Roll and letters");
  const rows = Array.from({ length: voters }, (_, i) => `V${i + 1},Voter ${i + 1},Plaka`);
  await office.setInputFiles("#roll-file", {
    name: "voters.csv",
    mimeType: "text/csv",
    buffer: Buffer.from(["id,name,district", ...rows].join("\n")),
  });
  await office.click("#make-codes");
  await office.waitForSelector("#letters");
  const code = await office.textContent(".letter-code");
  await office.click("#to-audit");
  await heading(office, "Audit log");
  await office.click("#to-roll");
  await heading(office, "Roll and letters");
  assert.equal(await office.textContent(".letter-code"), code);
});

test(
  "an import that waits for servers says how far it is, and is repeated without harm",
  { timeout },
  async () => {
    await office.click("#put-on-roll");
    await office.waitForSelector('#told[data-kind="bad"]:has-text("First print the letters")');
    await office.click("#save-codes");
    await office.check("#codes-saved");
    for (const id of [2, 3]) replicas.kill(id);
    await office.click("#put-on-roll");
    await office.waitForSelector("#putting:has-text('0 of 230 voters are on the roll. Waiting')");
    assert.equal(await office.locator("#told").count(), 0, "what was said before is gone");
    assert.equal(await office.locator("#doing").isVisible(), true);
    assert.match(await office.textContent("#status"), /Waiting for the servers/);
    await inspect(office, "office-20-waiting");
    // Whoever presses again meanwhile does no harm.
    await office.click("#put-on-roll");
    await office.waitForSelector('#told[data-kind="bad"]:has-text("Press the button again")', {
      timeout: 40_000,
    });
    assert.match(await office.textContent("#told"), /230 voters are not on the roll for certain/);
    assert.equal(await office.locator("#doing").count(), 0);
    await inspect(office, "office-21-again");
    for (const id of [2, 3]) replicas.restart(id);
    await office.waitForSelector('#told[data-kind="info"]:has-text("The servers answer again")', {
      timeout: 40_000,
    });
    assert.match(await office.textContent("#told"), /Press the button again/);
    await office.waitForFunction(
      () => ![...document.querySelectorAll("#servers li")].some((li) => /reached/.test(li.textContent)),
    );
    await office.click("#put-on-roll");
    await office.waitForSelector('#told[data-kind="good"]:has-text("are on the roll")', {
      timeout: 40_000,
    });
    await office.waitForSelector("#on-roll:has-text('230 voters are on the roll')");
    assert.equal(await office.locator("#putting").count(), 0);
    const roll = await voted();
    assert.equal(roll.length, voters);
    assert.equal(new Set(roll.map(({ id }) => id)).size, voters);
    assert.deepEqual(office.errors.filter((error) => !/WebSocket|ERR_CONNECTION/.test(error)), []);
  },
);
