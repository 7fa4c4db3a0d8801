// A whole election by hand, in a real browser: the office prepares it, voters vote, anybody checks.
// Every page and step is inspected in both languages and colour schemes, and on a phone.
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { recount } from "../../examples/evote/web/lib/recount.js";
import { launch } from "./chromium.mjs";
import { cast, fillIn, heading, inspect, openPage, shot, startReplicas } from "./election.mjs";

const timeout = 400_000;
let replicas, browser, office, files;
const codes = [];
const receipts = [];

before(async () => {
  replicas = await startReplicas();
  browser = await launch();
  files = mkdtempSync(join(tmpdir(), "evote-"));
});
after(async () => {
  await browser?.close();
  await replicas?.stop();
  rmSync(files, { recursive: true, force: true });
});

const told = (page, pattern, kind = "good") =>
  page.waitForFunction(
    ([source, wanted]) => {
      const box = document.getElementById("told");
      return box?.dataset.kind === wanted && new RegExp(source).test(box.textContent);
    },
    [pattern.source, kind],
  );
/** Clicks what asks back, and confirms it. */
async function surely(page, button) {
  await page.click(button);
  assert.equal(
    await page.evaluate(() => document.activeElement.id),
    "dialog-no",
    "the way out has the focus",
  );
  await page.click("#dialog-yes");
}
async function saved(page, button) {
  const [download] = await Promise.all([page.waitForEvent("download"), page.click(button)]);
  return readFileSync(await download.path(), "utf8");
}
const local = (ms) =>
  new Date(ms - new Date(ms).getTimezoneOffset() * 60_000).toISOString().slice(0, 16);

test("an administrator enters with a key file and creates the election", { timeout }, async () => {
  office = await openPage(browser, `${replicas.url(0)}official.html`);
  await office.waitForSelector("#code");
  await inspect(office, "office-01-enter");
  await office.fill("#code", "7Q4M-ABCD");
  await office.click("#enter");
  await office.waitForSelector("#refusal");
  assert.match(await office.textContent("#refusal"), /too short: 8 of 26/);
  await office.setInputFiles("#key", {
    name: "admin.key",
    mimeType: "text/plain",
    buffer: Buffer.from("nonsense"),
  });
  await office.waitForFunction(() =>
    /not a key/.test(document.getElementById("refusal").textContent),
  );
  await office.setInputFiles("#key", join(replicas.folder, "cluster", "admin.key"));
  await heading(office, "Next step");
  assert.equal(
    await office.evaluate(() => document.activeElement.tagName),
    "H1",
    "the focus is at the new heading",
  );
  await office.click("#save-title");
  await office.waitForSelector("#wrong");
  await inspect(office, "office-02-create");
  await office.fill("#title", "Council of the garden club 2026");
  await office.fill(
    "#description",
    "Every member has one ballot. The council serves for two years.",
  );
  await office.click("#save-title");
  await told(office, /Saved.*Confirmed by 4 of 4 servers/);
  await inspect(office, "office-03-draft");
});

test("questions and candidates are added, and wrong numbers refused", { timeout }, async () => {
  await office.click("#to-ballot");
  await heading(office, "Ballot");
  const addQuestion = async (text, min, max, names) => {
    await office.fill("#question-text", text);
    await office.fill("#choose-min", String(min));
    await office.fill("#choose-max", String(max));
    await office.click("#add-question");
    await told(office, /question was added/);
    for (const name of names) {
      // The focus is where the next candidate is typed.
      await office.keyboard.type(name);
      await office.keyboard.press("Enter");
      await office.waitForSelector(`li:has-text("${name}")`);
      await office.waitForFunction(
        () =>
          document.activeElement.value === "" && document.activeElement.id.startsWith("candidate-"),
      );
    }
  };
  await office.fill("#question-text", "Nonsense");
  await office.fill("#choose-max", "0");
  await office.click("#add-question");
  await office.waitForSelector("#wrong");
  await addQuestion("Who presides over the council?", 1, 1, [
    "Aspasia Markou",
    "Ephialtes Vasiliou",
    "Kleisthenes Ioannou",
  ]);
  await addQuestion("Who else is in the council?", 1, 3, [
    "Anna Georgiou",
    "Petros Nikolaou",
    "Zoe Papadaki",
    "Ilias Manos",
    "Eleni Dimou",
  ]);
  await inspect(office, "office-04-ballot");
  const long = "Donaudampfschifffahrtsgesellschaftskapitaenswitwe";
  await addQuestion("A mistake", 1, 1, [long]);
  await office.keyboard.type("   ");
  await office.keyboard.press("Enter");
  await office.waitForSelector("#nameless:has-text('The candidate needs a name.')");
  await office.setViewportSize({ width: 360, height: 740 });
  assert.ok((await office.evaluate(() => document.documentElement.scrollWidth)) <= 360);
  await office.setViewportSize({ width: 1024, height: 900 });
  await office.click('section:has-text("A mistake") button:has-text("Remove the question")');
  await told(office, /Removed/);
  await office.locator("h2", { hasText: "A mistake" }).waitFor({ state: "detached" });
  assert.deepEqual(office.errors, []);
});

test(
  "an official is appointed, enters with the code, and may not appoint others",
  { timeout },
  async () => {
    await office.click("#to-officials");
    await heading(office, "Officials");
    await office.fill("#official-name", "Chair of the election board");
    await office.click("#appoint");
    await office.waitForSelector("#appointed");
    await inspect(office, "office-05-officials");
    const code = (await office.textContent(".letter-code")).trim().replace(/ /g, "-");
    const page = await openPage(browser, `${replicas.url(2)}official.html`);
    await page.fill("#code", code.toLowerCase());
    await page.click("#enter");
    await heading(page, "Next step");
    assert.match(
      await page.textContent(".office-head"),
      /Signed in as Chair of the election board/,
    );
    assert.equal(await page.locator("#to-officials").count(), 0);
    await page.click("#leave");
    await heading(page, "Election office");
    await page.context().close();
  },
);

test("a roll with mistakes is shown row by row and nothing is sent", { timeout }, async () => {
  await office.click("#to-roll");
  await heading(office, "Roll and letters");
  const give = async (name, text) => {
    await office.setInputFiles("#roll-file", {
      name,
      mimeType: "text/csv",
      buffer: Buffer.from(text),
    });
    await office.waitForSelector(`#preview:has-text("${name}")`);
  };
  await give(
    "bad.csv",
    'id;name;district\nV1;"Livas; Aris";Plaka\n;Nobody;Plaka\nV1;Twice;Plaka\nV4;;\nV5;a;b;c\n',
  );
  const rows = await office.locator("#preview tbody").first().locator("tr").allTextContents();
  assert.deepEqual(rows, [
    "3Number is missing.–Nobody",
    "4The same number as in line 2.V1Twice",
    "5Name is missing. District is missing.V4–",
    "64 fields instead of 3: is there a comma in a name? Put it in quotation marks.V5a",
  ]);
  assert.match(
    await office.textContent("#preview"),
    /5 voters.*4 rows have mistakes.*Livas; Aris/s,
  );
  assert.equal(await office.locator("#make-codes").count(), 0);
  await inspect(office, "office-06-roll-errors");
  await give("head.csv", "number,name\n1,2\n");
  assert.match(await office.textContent("#preview"), /no column “District”/);
  await office.setInputFiles("#roll-file", {
    name: "latin1.csv",
    mimeType: "text/csv",
    buffer: Buffer.from([0x69, 0xe4, 0x0a]),
  });
  await office.waitForSelector("#preview:has-text('not in UTF-8')");
});

test(
  "codes are made in the browser, saved, printed, and only their public keys are sent",
  { timeout },
  async () => {
    const sent = [];
    office.on("websocket", (socket) =>
      socket.on("framesent", ({ payload }) => sent.push(String(payload))),
    );
    const csv = [
      "id,name,district",
      ...Array.from(
        { length: 12 },
        (_, i) => `V${1001 + i},Voter number ${i + 1},${["Plaka", "Kypseli", "Thissio"][i % 3]}`,
      ),
    ].join("\n");
    await office.setInputFiles("#roll-file", {
      name: "voters.csv",
      mimeType: "text/csv",
      buffer: Buffer.from(csv),
    });
    await office.waitForSelector("#preview:has-text('No mistakes were found')");
    await inspect(office, "office-07-roll-preview");
    await office.click("#make-codes");
    await office.waitForSelector("#letters");
    await office.click("#sample-summary");
    await inspect(office, "office-08-letters");
    await office.click("#put-on-roll");
    await told(office, /First print the letters or save the codes/, "bad");
    const file = await saved(office, "#save-codes");
    codes.push(
      ...file
        .trim()
        .split("\r\n")
        .slice(1)
        .map((line) => line.split(",")[3]),
    );
    assert.equal(new Set(codes).size, 12);
    await office.evaluate(() => {
      globalThis.print = () => {
        globalThis.printed = document.getElementById("sheet").cloneNode(true);
      };
    });
    await office.click("#print-letters");
    assert.equal(
      await office.evaluate(() => globalThis.printed.querySelectorAll(".letter").length),
      12,
    );
    await office.emulateMedia({ media: "print" });
    await office.setViewportSize({ width: 794, height: 1123 });
    assert.equal(await office.locator("header").isVisible(), false);
    assert.equal(await office.locator("#sheet .letter").first().isVisible(), true);
    await shot(office, "office-09-letters-printed");
    await office.emulateMedia({ media: "screen" });
    await office.setViewportSize({ width: 1024, height: 900 });
    await office.evaluate(() => dispatchEvent(new Event("afterprint")));
    await office.check("#codes-saved");
    await office.click("#put-on-roll");
    await office.waitForSelector("#on-roll:has-text('12 voters are on the roll')");
    const all = sent.join("\n");
    for (const code of codes)
      assert.ok(!all.includes(code) && !all.includes(code.replaceAll("-", "")), "a code was sent");
    await inspect(office, "office-10-roll");
    assert.deepEqual(office.errors, []);
  },
);

test(
  "the checklist holds freezing back until people have confirmed, and then it is frozen",
  { timeout },
  async () => {
    await office.click("#to-overview");
    await heading(office, "Next step");
    await office.click("#freeze");
    await office.waitForSelector("#wrong:has-text('confirm both points')");
    await inspect(office, "office-11-freeze");
    await office.check("#tick-letters");
    await office.check("#tick-read");
    await office.click("#freeze");
    await office.click("#dialog-no");
    await surely(office, "#freeze");
    await told(office, /Ballot and roll are frozen/);
    const page = await openPage(browser, `${replicas.url(3)}vote.html`);
    await page.waitForSelector("#refusal");
    assert.equal(await page.getAttribute("#refusal", "data-code"), "frozen");
    await page.context().close();
  },
);

test("voting is opened with an end, and extended with a reason", { timeout }, async () => {
  await office.fill("#closes", "2020-01-01T00:00");
  await office.click("#open");
  await office.waitForSelector("#wrong:has-text('in the past')");
  await inspect(office, "office-12-open");
  const end = Date.now() + 3 * 3_600_000;
  await office.fill("#closes", local(end));
  await surely(office, "#open");
  await told(office, /Voting is open/);
  await office.fill("#new-closes", local(end - 3_600_000));
  await office.fill("#reason", "too early");
  await office.click("#extend");
  await office.waitForSelector("#wrong:has-text('later than the old one')");
  await office.fill("#new-closes", local(end + 3_600_000));
  await office.fill("#reason", "The website could not be reached for an hour.");
  await office.click("#extend");
  await told(office, /The time was extended/);
  await inspect(office, "office-13-voting");

  // A device whose clock is a year ahead keeps nobody from voting.
  const page = await openPage(browser, "about:blank");
  await page.addInitScript(() => {
    const right = Date.now;
    Date.now = () => right() + 365 * 86_400_000;
  });
  await page.goto(`${replicas.url(3)}vote.html`);
  await page.waitForSelector("#code");
  assert.match(await page.textContent(".state"), /the servers' clock counts/);
  await page.context().close();
});

test("a voter tests, changes, casts, and sees who confirmed it", { timeout }, async () => {
  const page = await openPage(browser, `${replicas.url(1)}vote.html`);
  await page.waitForSelector("#code");
  await inspect(page, "vote-01-code");
  await page.fill("#code", "not a code!");
  await page.click("#enter");
  await page.waitForSelector("#code-trouble");
  assert.equal(
    await page.evaluate(() => document.activeElement.hasAttribute("data-focus")),
    true,
    "the summary has the focus",
  );
  await inspect(page, "vote-02-bad-code");
  await page.fill("#code", codes[0].toLowerCase().replaceAll("-", " "));
  await page.click("#enter");
  await heading(page, "Fill in your ballot");
  assert.match(await page.textContent("main"), /You are voting as Voter number 1/);
  await page.click("#review");
  await page.waitForSelector("#trouble-2");
  await page.getByLabel("Anna Georgiou").check();
  for (const name of ["Petros Nikolaou", "Zoe Papadaki", "Ilias Manos"])
    await page.getByLabel(name).check();
  assert.match(await page.textContent("#count-2"), /4 of at most 3 chosen – 1 too many/);
  await page.click("#review");
  await inspect(page, "vote-03-wrong");
  await page.click('a:has-text("Who presides")');
  assert.equal(await page.evaluate(() => document.activeElement.id), "question-1");
  await page.getByLabel("Aspasia Markou").check();
  await page.getByLabel("Petros Nikolaou").uncheck();
  await inspect(page, "vote-04-choose");
  await page.click("#review");
  await heading(page, "Check your choices");
  assert.equal(await page.evaluate(() => document.activeElement.textContent), "Check your choices");
  await page.evaluate(() => document.getElementById("skip").click());
  await heading(page, "Check your choices");
  await page.goBack();
  await page.goBack();
  await heading(page, "Fill in your ballot");
  await page.goForward();
  await heading(page, "Check your choices");
  await page.click("#change-2");
  await heading(page, "Fill in your ballot");
  await page.getByLabel("Leave this question blank").nth(1).check();
  assert.equal(
    await page.getByLabel("Anna Georgiou").isChecked(),
    false,
    "blank takes the choices away",
  );
  await page.getByLabel("Zoe Papadaki").check();
  await page.getByLabel("Eleni Dimou").check();
  assert.equal(await page.getByLabel("Leave this question blank").nth(1).isChecked(), false);
  await page.click("#review");
  await heading(page, "Check your choices");
  await page.click("#test-summary");
  await inspect(page, "vote-05-check");
  await page.click("#test");
  await heading(page, "This was a test");
  await inspect(page, "vote-06-tested");
  const spoiled = (await page.textContent("#receipt")).trim();
  await page.click("#back");
  const receipt = await cast(page);
  receipts.push(receipt);
  assert.match(receipt, /^[0-9A-HJKMNP-TV-Z]{4}(-[0-9A-HJKMNP-TV-Z]{4}){2}$/);
  await page.waitForFunction(() =>
    /Confirmed by 4 of 4 servers/.test(document.getElementById("confirmed").textContent),
  );
  await page.waitForSelector("#on-board:has-text('It is on the bulletin board')");
  await inspect(page, "vote-07-done");
  assert.match(
    await saved(page, "#save"),
    new RegExp(`Council of the garden club.*${receipt}.*Confirmed by 4 of 4`, "s"),
  );
  await page.emulateMedia({ media: "print" });
  assert.equal(await page.locator("#receipt").isVisible(), true);
  assert.equal(await page.locator("#print").isVisible(), false);
  await shot(page, "vote-08-printed");
  await page.emulateMedia({ media: "screen" });

  const board = await openPage(browser, `${replicas.url(3)}board.html#receipt=${receipt}`);
  await board.waitForSelector('#found[data-kind="confirmed"]');
  await inspect(board, "board-01-confirmed");
  await board.fill("#receipt", spoiled.toLowerCase().replaceAll("-", " "));
  await board.click("#search");
  await board.waitForSelector('#found[data-kind="spoiled"]');
  assert.match(await board.textContent("ul.tests"), /Aspasia Markou.*Zoe Papadaki, Eleni Dimou/s);
  await inspect(board, "board-02-test");
  await board.fill("#receipt", "0000-0000-0000");
  await board.click("#search");
  await board.waitForSelector('#found[data-kind="missing"]');
  await inspect(board, "board-03-missing");
  await board.fill("#receipt", "123");
  await board.keyboard.press("Enter");
  await board.waitForSelector('#found[data-kind="incomplete"]');
  assert.deepEqual([...page.errors, ...board.errors], []);
  await board.context().close();
  await page.context().close();
});

test("a voter votes with the keyboard alone, and may not vote again", { timeout }, async () => {
  const page = await openPage(browser, `${replicas.url(2)}vote.html`);
  await page.waitForSelector("#code");
  await page.focus("#code");
  await page.keyboard.type(codes[1]);
  await page.keyboard.press("Enter");
  await heading(page, "Fill in your ballot");
  await page.keyboard.press("Tab");
  await page.keyboard.press("Space");
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Tab");
  for (let i = 0; i < 2; ++i) {
    await page.keyboard.press("Space");
    await page.keyboard.press("Tab");
  }
  await page.keyboard.press("Enter");
  await heading(page, "Check your choices");
  assert.match(
    await page.textContent("dl.choices"),
    /Ephialtes Vasiliou.*Anna Georgiou.*Petros Nikolaou/s,
  );
  for (let i = 0; i < 3; ++i) await page.keyboard.press("Tab");
  assert.equal(await page.evaluate(() => document.activeElement.id), "cast");
  await page.keyboard.press("Enter");
  await heading(page, "You have voted");
  receipts.push((await page.textContent("#receipt")).trim());
  await page.goto(`${replicas.url(0)}vote.html`);
  await page.fill("#code", codes[1]);
  await page.click("#enter");
  await page.waitForSelector('#refusal[data-code="already_voted"]');
  assert.match(await page.textContent("#refusal"), /was already cast with this code.*It counts/s);
  await inspect(page, "vote-09-already");
  await page.context().close();
});

test("others vote in German and leave a question blank", { timeout }, async () => {
  for (const [i, blank] of [
    [2, true],
    [3, false],
    [4, true],
  ]) {
    const page = await openPage(browser, `${replicas.url(i % 4)}vote.html`, { locale: "de-DE" });
    await page.fill("#code", codes[i]);
    await page.click("#enter");
    await heading(page, "Füllen Sie Ihren Stimmzettel aus");
    await page.getByLabel("Aspasia Markou").check();
    if (blank) await page.getByLabel("Diese Frage leer lassen").nth(1).check();
    else await page.getByLabel("Zoe Papadaki").check();
    await page.click("#review");
    await heading(page, "Prüfen Sie Ihre Auswahl");
    await page.click("#cast");
    await heading(page, "Sie haben gewählt");
    receipts.push((await page.textContent("#receipt")).trim());
    assert.equal(await page.title(), "Sie haben gewählt – Online-Wahl");
    await page.context().close();
  }
});

test("the office excludes a voter, and replaces a lost code", { timeout }, async () => {
  await office.click("#to-roll");
  await heading(office, "Roll and letters");
  await office.click("#exclude-V1012");
  await office.fill("#dialog-input", "Left the club in spring.");
  await office.click("#dialog-yes");
  await told(office, /The voter is excluded/);
  await office.waitForSelector("td:has-text('excluded: Left the club in spring.')");
  await office.click("#renew-V1011");
  await office.fill("#dialog-input", "The letter was lost.");
  await office.click("#dialog-yes");
  await office.waitForSelector("#dialog-title:has-text('New code for Voter number 11')");
  const fresh = (await office.textContent("#dialog-body p")).trim();
  await office.click("#dialog-no");
  for (const [code, refusal] of [
    [codes[11], /excluded from this election.*Left the club/s],
    [codes[10], /not on the roll/],
  ]) {
    const page = await openPage(browser, `${replicas.url(0)}vote.html`);
    await page.fill("#code", code);
    await page.click("#enter");
    await page.waitForSelector(".notice.bad");
    assert.match(await page.textContent("main"), refusal);
    await inspect(
      page,
      refusal.source.startsWith("excluded") ? "vote-10-excluded" : "vote-11-not-on-roll",
    );
    await page.context().close();
  }
  const page = await openPage(browser, `${replicas.url(0)}vote.html`);
  await fillIn(page, fresh, { first: "Aspasia Markou", second: ["Anna Georgiou"] });
  receipts.push(await cast(page));
  await page.context().close();
});

test("anybody sees the turnout while people vote", { timeout }, async () => {
  const page = await openPage(browser, replicas.url(3));
  await page.waitForSelector("#turnout");
  assert.match(await page.textContent("main"), /6 of 11 voters have voted/);
  await page.click("#districts-summary");
  await inspect(page, "index-open");
  // It shows what happens by itself, and takes the focus from nobody.
  await page.locator("main ul.links a").nth(1).focus();
  const voter = await openPage(browser, `${replicas.url(1)}vote.html`);
  await fillIn(voter, codes[5], { first: "Kleisthenes Ioannou", second: ["Eleni Dimou"] });
  receipts.push(await cast(voter));
  await voter.context().close();
  await page.waitForSelector("main:has-text('7 of 11 voters have voted')");
  assert.equal(
    await page.evaluate(() => document.activeElement.getAttribute("href")),
    "results.html",
  );
  assert.equal(await page.evaluate(() => document.getElementById("districts").open), true);
  await page.goto(`${replicas.url(3)}results.html`);
  await page.waitForSelector("main .notice");
  assert.match(await page.textContent("main"), /not published yet/);
  await inspect(page, "results-not-yet");
  assert.deepEqual(page.errors, []);
  await page.context().close();
});

test("the office closes, counts and publishes", { timeout }, async () => {
  await office.click("#to-overview");
  await heading(office, "Next step");
  await office.click("#close");
  await shot(office, "office-14-close-sure");
  assert.match(await office.textContent("dialog"), /Close before the announced end/);
  await office.click("#dialog-yes");
  await told(office, /Voting is closed/);
  await office.click("#tally");
  await office.waitForSelector("#publish");
  await inspect(office, "office-15-tally");
  await surely(office, "#publish");
  await told(office, /The result is published/);
  await inspect(office, "office-16-published");
  await office.click("#to-audit");
  await office.waitForSelector("#entries");
  await inspect(office, "office-17-audit");
  assert.deepEqual(office.errors, []);
});

test("anybody sees the result, takes the record, and counts again", { timeout }, async () => {
  const page = await openPage(browser, `${replicas.url(2)}results.html`);
  await page.waitForSelector("#record");
  await inspect(page, "results-published");
  const text = await page.textContent("main");
  assert.match(text, /Confirmed by 4 of 4 servers\. 7 ballots were counted/);
  assert.match(text, /Aspasia Markou5.*Ephialtes Vasiliou1/s);
  const record = JSON.parse(await saved(page, "#record"));
  assert.deepEqual(record.receipts.toSorted(), receipts.toSorted());
  assert.equal(recount(record).ok, true);
  const forged = join(files, "forged.json");
  record.results.find(({ votes }) => votes === 5).votes = 4;
  writeFileSync(forged, JSON.stringify(record));

  await page.goto(`${replicas.url(2)}recount.html`);
  await page.click("#count");
  await page.waitForSelector("#outcome:has-text('The result is right')");
  assert.equal(await page.locator("#outcome li.bad").count(), 0);
  await inspect(page, "recount-right");
  await page.setInputFiles("#file", forged);
  await page.waitForSelector("#outcome:has-text('does not add up')");
  assert.equal(await page.locator("#outcome td > div > .bad").count(), 1);
  await inspect(page, "recount-wrong");
  await page.setInputFiles("#file", {
    name: "x.json",
    mimeType: "application/json",
    buffer: Buffer.from("{}"),
  });
  await page.waitForSelector("#outcome:has-text('not a record')");
  await inspect(page, "recount-no-record");

  for (const [name, wanted] of [
    ["", /The result was published/],
    ["audit.html", /Left the club in spring/],
    ["board.html", /7 ballots were cast/],
    ["safety.html", /not encrypted/],
    ["vote.html", /The election is over/],
  ]) {
    await page.goto(replicas.url(2) + name);
    await page.waitForFunction(() => !document.querySelector(".waiting"));
    assert.match(await page.textContent("main"), wanted);
    await inspect(page, `after-${name.replace(".html", "") || "index"}`);
  }
  assert.deepEqual(page.errors, []);
  await page.context().close();
});
