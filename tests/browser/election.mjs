// An election for tests of the pages: prepared by the administrator's key, by the client, in Node.
import assert from "node:assert/strict";
import { mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { Client, Cluster, Credential, generateCode } from "../../client-js/src/index.js";
import { en } from "../../examples/evote/web/lang/en.js";
import { DevCluster } from "../js/dev_cluster.mjs";

export const folder = fileURLToPath(new URL("../../examples/evote", import.meta.url));
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
/** Sentences that no German page may show. */
const english = Object.values(en).filter(
  (words) => typeof words === "string" && words.length > 15 && !words.includes("{"),
);
const short = process.env.PRYTANY_SHORT === "1";

/** Four replicas with evote installed. */
export const startReplicas = () => DevCluster.start(folder);

export const admin = async (replicas) =>
  Client.join({
    genesis: replicas.genesis,
    credential: await Credential.pem(replicas.file("admin.key")),
    name: "test",
  });

/** Creates an election of two questions and n voters, opened unless told otherwise. */
export async function prepare(replicas, { voters = 4, closes_us, open = true } = {}) {
  const official = await admin(replicas);
  const call = (procedure, args) => official.call(procedure, args);
  await call("create_election", {
    title: "Council of the garden club",
    description: "Every member has one ballot.",
  });
  const one = (
    await call("add_question", {
      text: "Who presides?",
      choose_min: 1,
      choose_max: 1,
      allow_blank: 1,
    })
  ).value();
  for (const name of ["Aspasia", "Ephialtes"]) await call("add_candidate", { question: one, name });
  const two = (
    await call("add_question", {
      text: "Two for the board",
      choose_min: 2,
      choose_max: 2,
      allow_blank: 1,
    })
  ).value();
  for (const name of ["Anna", "Petros", "Zoe"])
    await call("add_candidate", { question: two, name });
  const codes = Array.from({ length: voters }, generateCode);
  const cluster = await Cluster.open(replicas.genesis);
  const rows = await Promise.all(
    codes.map(async (code, i) => ({
      id: `V${i + 1}`,
      name: `Voter ${i + 1}`,
      district: i % 2 ? "Plaka" : "Kypseli",
      key: (await Credential.code(code, cluster)).publicKey,
    })),
  );
  cluster.close();
  await call("import_voters", { rows: JSON.stringify(rows) });
  await call("freeze_election");
  if (open) await call("open_election", { closes_us });
  return { codes, official };
}

/** A page of a profile of its own, in English; what goes wrong in it is collected. */
export async function openPage(browser, url, options = {}) {
  const context = await browser.newContext({
    locale: "en-GB",
    viewport: { width: 1024, height: 900 },
    ...options,
  });
  const page = await context.newPage();
  page.errors = [];
  page.on("pageerror", (error) => page.errors.push(String(error)));
  page.on("console", (message) => {
    if (message.type() === "error" && !/404/.test(message.text())) page.errors.push(message.text());
  });
  page.setDefaultTimeout(20_000);
  await page.goto(url);
  return page;
}

/** Waits until the heading of the page says so. */
export const heading = (page, text) =>
  page.waitForFunction((wanted) => document.querySelector("h1")?.textContent === wanted, text, {
    timeout: 30_000,
  });

/**
 * What everybody must be able to see and use: the servers' panel and what is not protected, on every
 * page; one h1, no violation that axe knows, no scrolling to the side at 360 px; in both languages
 * and both colour schemes. With PRYTANY_SHOTS=folder it keeps screenshots there.
 */
export async function inspect(page, name) {
  const size = page.viewportSize();
  const focused = await page.evaluate(() => document.activeElement?.id ?? "");
  const looks = short
    ? [
        ["en", "light"],
        ["de", "dark"],
      ]
    : [
        ["en", "light"],
        ["en", "dark"],
        ["de", "light"],
        ["de", "dark"],
      ];
  for (const place of ["header", "main", "#servers:not(:empty)", "footer"])
    for (const part of await page.locator(place).all())
      assert.ok(await part.isVisible(), `${name}: ${place} cannot be seen`);
  assert.equal(await page.locator("h1").count(), 1, name);
  for (const [language, colorScheme] of looks) {
    await page.emulateMedia({ colorScheme });
    await page.evaluate((tag) => document.getElementById(`language-${tag}`).click(), language);
    if (!(await page.evaluate(() => Boolean(globalThis.axe)))) await page.evaluate(axe);
    // Only of violations it is told which elements they are: of all, it takes five times as long.
    const { violations, passed } = await page.evaluate(async () => {
      const { violations, passes } = await globalThis.axe.run(document, {
        runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
        resultTypes: ["violations"],
      });
      return { violations, passed: passes.length };
    });
    assert.ok(passed > 10, `${name}: axe looked at nothing`);
    assert.deepEqual(
      violations.map(({ id, nodes }) => [
        id,
        ...nodes.map(({ html, any }) => `${html} ${any[0]?.message ?? ""}`),
      ]),
      [],
      `${name}, ${language}, ${colorScheme}`,
    );
    assert.equal(await page.evaluate(() => document.documentElement.lang), language);
    if (language === "de") {
      const seen = await page.evaluate(() => document.body.innerText);
      assert.deepEqual(
        english.filter((words) => seen.includes(words)),
        [],
        `${name}: English`,
      );
    }
    await shot(page, `${name}-${language}-${colorScheme}`);
    await page.setViewportSize({ width: 360, height: 740 });
    const [wide, culprit] = await page.evaluate(() => [
      document.documentElement.scrollWidth,
      [...document.querySelectorAll("body *")]
        .find(
          (e) =>
            e.getBoundingClientRect().right > innerWidth + 1 && !e.closest(".scroll, pre, .unseen"),
        )
        ?.outerHTML.slice(0, 200),
    ]);
    assert.ok(wide <= 360, `${name}, ${language}: ${wide} pixels wide on a phone: ${culprit}`);
    assert.deepEqual(
      await page.evaluate(() =>
        [...document.querySelectorAll(".scroll")]
          .filter(({ scrollWidth, clientWidth }) => scrollWidth > clientWidth + 1)
          .map((part) => part.getAttribute("aria-label")),
      ),
      [],
      `${name}, ${language}: columns out of sight on a phone`,
    );
    assert.deepEqual(await page.evaluate(brokenWords), [], `${name}, ${language}: broken words`);
    if (colorScheme === "light") await shot(page, `${name}-${language}-phone`);
    await page.setViewportSize(size);
  }
  await page.emulateMedia({ colorScheme: null });
  await page.evaluate(() => document.getElementById("language-en").click());
  if (focused) await page.evaluate((id) => document.getElementById(id)?.focus(), focused);
}

/** In the page: words, other than codes, of which one part stands on another line. */
function brokenWords() {
  const broken = [];
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const node = texts.currentNode;
    if (node.parentElement.closest("code, pre, .letter-code, .address, .unseen, .detail, .actor"))
      continue;
    for (const { 0: word, index } of node.data.matchAll(/[\p{L}\p{N}]+/gu)) {
      const range = document.createRange();
      range.setStart(node, index);
      range.setEnd(node, index + word.length);
      const tops = [...range.getClientRects()].map(({ top }) => Math.round(top));
      if (new Set(tops).size > 1) broken.push(word);
    }
  }
  return broken;
}

export async function shot(page, name) {
  const to = process.env.PRYTANY_SHOTS;
  if (!to) return;
  mkdirSync(to, { recursive: true });
  await page.screenshot({ path: `${to}/${name}.png`, fullPage: true });
}

/** Fills code and choices in, up to the page where the choices are checked. */
export async function fillIn(page, code, { first = "Aspasia", second = ["Anna", "Zoe"] } = {}) {
  await page.fill("#code", code);
  await page.click("#enter");
  await heading(page, "Fill in your ballot");
  await page.getByLabel(first, { exact: true }).check();
  for (const name of second) await page.getByLabel(name, { exact: true }).check();
  await page.click("#review");
  await heading(page, "Check your choices");
}

export async function cast(page) {
  await page.click("#cast");
  await heading(page, "You have voted");
  return (await page.textContent("#receipt")).trim();
}
