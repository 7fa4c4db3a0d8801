// The first web application in a real browser: served by the replicas, it joins, calls, and shows
// who agreed.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { DevCluster } from "../js/dev_cluster.mjs";
import { launch } from "./chromium.mjs";

let replicas, browser;
before(async () => {
  replicas = await DevCluster.start(
    fileURLToPath(new URL("../../examples/guestbook", import.meta.url)),
  );
  // A name that is not this machine's, to a browser: as a page from elsewhere.
  browser = await launch({ args: ["--host-resolver-rules=MAP vote.test 127.0.0.1"] });
});
after(async () => {
  await browser?.close();
  await replicas?.stop();
});

/** A page of its own profile; what goes wrong in it is the test's failure. */
async function open(url) {
  const page = await (await browser.newContext()).newPage();
  page.errors = [];
  page.on("pageerror", (error) => page.errors.push(String(error)));
  await page.goto(url);
  return page;
}
const said = (page, pattern) =>
  page.waitForFunction(
    (source) => new RegExp(source).test(document.getElementById("said").textContent),
    pattern.source,
    { timeout: 15_000 },
  );
async function sign(page, text) {
  await page.fill("#text", text);
  await page.click("#sign");
}

test("a page from replica 1 joins, signs, and says that four of four servers confirmed it", async () => {
  const page = await open(replicas.url(1));
  await page.waitForSelector("[data-ready]");
  await sign(page, "Ἀθῆναι");
  await said(page, /confirmed by 4 of 4 servers/);
  await page.waitForSelector("li:has-text('Ἀθῆναι')");
  assert.match(await page.textContent("#servers"), /4 servers, 4 connected/);
  assert.match(await page.textContent("#fingerprint"), /^([0-9a-f]{4} ?){10}$/);

  // The key is in the browser, and nobody reads it.
  await page.reload();
  await page.waitForSelector("[data-ready]");
  await sign(page, "again");
  await said(page, /you have signed already/);
  const kept = await page.evaluate(
    () =>
      new Promise((resolve) => {
        const opening = indexedDB.open("prytany-client");
        opening.onsuccess = () => {
          const get = opening.result
            .transaction("credentials")
            .objectStore("credentials")
            .get("guest");
          get.onsuccess = () =>
            crypto.subtle.exportKey("pkcs8", get.result.key).then(
              () => resolve("read"),
              () => resolve(get.result.key.extractable),
            );
        };
      }),
  );
  assert.equal(kept, false);
  assert.deepEqual(page.errors, []);
});

test("with one replica killed the page goes on, and says so", async () => {
  const page = await open(replicas.url(0));
  await page.waitForSelector("[data-ready]");
  replicas.kill(3);
  await page.waitForFunction(() =>
    document.getElementById("servers").textContent.includes("3 connected"),
  );
  await sign(page, "three are enough");
  await said(page, /confirmed by 3 of 4 servers/);
  replicas.restart(3);
  await page.waitForFunction(() =>
    document.getElementById("servers").textContent.includes("4 connected"),
  );
  assert.deepEqual(page.errors, []);
});

test("a second tab takes the session over, and the first takes it back when it is used", async () => {
  const first = await open(replicas.url(2));
  await first.waitForSelector("[data-ready]");
  const second = await first.context().newPage();
  await second.goto(replicas.url(2));
  await second.waitForSelector("[data-ready]");
  await sign(second, "from the second tab");
  await said(second, /confirmed by/);
  await sign(first, "from the first");
  await said(first, /you have signed already/);
});

test("opened over plain http on another host, the page says why it cannot work", async () => {
  const page = await open(replicas.url(0).replace("127.0.0.1", "vote.test"));
  await said(page, /unprotected.*vote\.test.*https/);
});
