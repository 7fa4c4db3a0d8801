// docs/how-to/first-web-application.md, done: its files become an application, its page is opened.
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { DevCluster } from "../js/dev_cluster.mjs";
import { launch } from "./chromium.mjs";

const root = new URL("../../", import.meta.url);
const read = (path) => readFileSync(new URL(path, root), "utf8");
const page = read("docs/how-to/first-web-application.md");

/** The first block after the file's name is mentioned in backquotes. */
function file(name) {
  const at = page.indexOf(`\`${name}\``);
  assert.ok(at > 0, name);
  return /```\w+\n([^]*?)```/.exec(page.slice(at))[1];
}
const names = [
  "prytany.json",
  "schema/001_entries.sql",
  "procedures/sign.sql",
  "procedures/entries.sql",
  "web/index.html",
];

test("what the page shows is what examples/guestbook holds", () => {
  for (const name of names.slice(1, 4))
    assert.equal(file(name), read(`examples/guestbook/${name}`), name);
});

/** The application as the page has it, in a folder, with this for its page. */
async function run(html, act) {
  const folder = mkdtempSync(join(tmpdir(), "prytany-how-to-"));
  for (const name of names) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), name.startsWith("web/") ? html : file(name));
  }
  const replicas = await DevCluster.start(folder);
  const browser = await launch();
  try {
    const opened = await browser.newPage();
    await opened.goto(replicas.url());
    await act(opened);
  } finally {
    await browser.close();
    await replicas.stop();
    rmSync(folder, { recursive: true });
  }
}
const said = (opened, pattern) =>
  opened.waitForFunction(
    (source) => new RegExp(source).test(document.getElementById("said").textContent),
    pattern.source,
  );

test("the first page works as written", () =>
  run(file("web/index.html"), (opened) => said(opened, /^[234] servers say so/)));

test("the second page works as written, and hears of a server that differs", async () => {
  const [, html] = /## 3[^]*?```html\n([^]*?)```/.exec(page);
  const [, differ] = /## 4[^]*?```js\n([^]*?)```/.exec(page);
  const below = /^.*Cluster\.open.*\n/m;
  assert.match(html, below);
  await run(
    html.replace(below, (line) => `${line}${differ}globalThis.cluster = cluster;`),
    async (opened) => {
      await said(opened, /^You may sign/);
      await opened.fill("#text", "Hello");
      await opened.click("button");
      await said(opened, /^Signed: confirmed by 4 of 4 servers/);
      await opened.waitForSelector("li:has-text('Hello')");
      await opened.click("button");
      await said(opened, /you have signed already/);
      await opened.evaluate(() => {
        const heard = new Event("differ");
        cluster.dispatchEvent(Object.assign(heard, { replica: 2, reason: "differs" }));
      });
      await said(opened, /^Server 2 differs/);
    },
  );
});
