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

test("the first page works as written", async () => {
  const folder = mkdtempSync(join(tmpdir(), "prytany-how-to-"));
  for (const name of names) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), file(name));
  }
  const replicas = await DevCluster.start(folder);
  const browser = await launch();
  try {
    const opened = await browser.newPage();
    await opened.goto(replicas.url());
    await opened.waitForFunction(() =>
      /^[234] servers say so/.test(document.getElementById("said").textContent),
    );
  } finally {
    await browser.close();
    await replicas.stop();
    rmSync(folder, { recursive: true });
  }
});
