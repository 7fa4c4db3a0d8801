// Off this machine: pages by https and connections by wss, with certificates of a private authority
// that the browser was told to trust, and of nobody else. No flag that ignores errors.
import assert from "node:assert/strict";
import { execFileSync, spawn, spawnSync } from "node:child_process";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { ended, freePorts, program } from "../js/dev_cluster.mjs";
import { launch } from "./chromium.mjs";
import { openPage } from "./election.mjs";

const folder = mkdtempSync(join(tmpdir(), "prytany-https-"));
const host = "vote.test"; // to a browser: another machine
const file = (name) => join(folder, name);
const run = (command, ...args) => execFileSync(command, args, { stdio: "pipe", encoding: "utf8" });
const application = fileURLToPath(new URL("../../examples/evote", import.meta.url));
const children = [];
let base, clientModule, local, elsewhere;

/** An authority, and a certificate of it for `host`. */
function certificates() {
  const days = ["-days", "2"];
  const newKey = (name) => run("openssl", "genpkey", "-algorithm", "ed25519", "-out", file(name));
  for (const name of ["admin.key"]) newKey(name);
  const rsa = ["-newkey", "rsa:2048", "-nodes"];
  run(
    "openssl",
    "req",
    "-x509",
    ...rsa,
    ...days,
    "-subj",
    "/CN=Test authority",
    "-keyout",
    file("ca.key"),
    "-out",
    file("ca.pem"),
  );
  run(
    "openssl",
    "req",
    ...rsa,
    "-subj",
    `/CN=${host}`,
    "-keyout",
    file("tls.key"),
    "-out",
    file("tls.csr"),
  );
  const names = `subjectAltName=DNS:${host},DNS:localhost`;
  writeFileSync(file("tls.ext"), `${names}\nbasicConstraints=CA:FALSE\n`);
  run(
    "openssl",
    "x509",
    "-req",
    ...days,
    "-in",
    file("tls.csr"),
    "-CA",
    file("ca.pem"),
    "-CAkey",
    file("ca.key"),
    "-CAcreateserial",
    "-extfile",
    file("tls.ext"),
    "-out",
    file("tls.pem"),
  );
}

/** The home of a browser; `trusting`: with the authority in its certificate store. */
function home(name, trusting) {
  const store = file(`${name}/.pki/nssdb`);
  mkdirSync(store, { recursive: true });
  run("certutil", "-d", `sql:${store}`, "-N", "--empty-password");
  if (trusting)
    run("certutil", "-d", `sql:${store}`, "-A", "-t", "C,,", "-n", "test", "-i", file("ca.pem"));
  return file(name);
}

/** Four replicas whose addresses are on `at`; resolves to {base, genesis}, the path of the file. */
async function startCluster(at, ...options) {
  const base = await freePorts(4);
  const ids = [0, 1, 2, 3];
  const home = (i) => file(`${at}-${i}`);
  const genesis = file(`${at}.json`);
  for (const i of ids)
    run(
      program,
      "keygen",
      "--out",
      home(i),
      "--name",
      `organisation ${i}`,
      "--peer",
      `127.0.0.1:${base + 100 + i}`,
      "--client-url",
      `wss://${at}:${base + i}`,
    );
  const administrator =
    run(
      "openssl",
      "pkey",
      "-in",
      file("admin.key"),
      "-pubout",
      "-outform",
      "DER",
      "-out",
      file("admin.der"),
    ) || readFileSync(file("admin.der")).subarray(12).toString("hex");
  run(
    program,
    "genesis",
    "assemble",
    ...ids.map((i) => join(home(i), "member.json")),
    "--faults",
    "1",
    "--name",
    "by https",
    "--development",
    "--administrator",
    administrator,
    "--out",
    genesis,
  );
  for (const i of ids) {
    const tls = ["--tls-cert", file("tls.pem"), "--tls-key", file("tls.key")];
    const args = ["replica", home(i), "--genesis", genesis, "--bind", "127.0.0.1", ...tls];
    children.push(spawn(program, [...args, "--log", "error", ...options], { stdio: "ignore" }));
  }
  return { base, genesis };
}

before(async () => {
  certificates();
  const cluster = await startCluster(host);
  base = cluster.base;
  copyFileSync(cluster.genesis, file("genesis.json"));
  elsewhere = await freePorts(1);
  local = await startCluster("localhost", "--origin", `https://${host}:${elsewhere}`);
  const install = ["install", application, "--cluster", local.genesis, "--ca", file("ca.pem")];
  run(program, ...install, "--key", file("admin.key"), "--timeout", "60");
  run(
    process.execPath,
    fileURLToPath(new URL("../../client-js/bundle.mjs", import.meta.url)),
    file("client.js"),
  );
  clientModule = readFileSync(file("client.js"), "utf8");
});
after(async () => {
  for (const child of children) child.kill("SIGTERM");
  await Promise.all(children.map(ended));
  rmSync(folder, { recursive: true, force: true });
});

async function open(name, trusting) {
  return launch({
    args: [`--host-resolver-rules=MAP ${host} 127.0.0.1`],
    env: { ...process.env, HOME: home(name, trusting) },
  });
}

test("a page by https on another host joins by wss and asks all four servers", async () => {
  const browser = await open("trusting", true);
  try {
    const page = await browser.newPage();
    for (let tries = 0; ; ++tries) {
      try {
        await page.goto(`https://${host}:${base}/genesis.json`);
        break;
      } catch (error) {
        if (tries === 50) throw error; // the replicas are still starting
        await new Promise((resolve) => setTimeout(resolve, 200));
      }
    }
    const told = await page.evaluate(
      async ([module, genesis, pem]) => {
        const url = URL.createObjectURL(new Blob([module], { type: "text/javascript" }));
        const { Client, Credential, problem } = await import(url);
        const trouble = await problem(genesis);
        const client = await Client.join({ genesis, credential: await Credential.pem(pem) });
        await client.execute("CREATE TABLE t(a)");
        const { agreement, rows } = await client.execute(
          "INSERT INTO t VALUES (?) RETURNING a",
          [2n ** 60n],
          { linger: 5000, integers: "bigint" },
        );
        return {
          trouble,
          role: client.role,
          agreement,
          value: String(rows[0].a),
          at: location.origin,
        };
      },
      [
        clientModule,
        readFileSync(file("genesis.json"), "utf8"),
        readFileSync(file("admin.key"), "utf8"),
      ],
    );
    assert.deepEqual(told, {
      trouble: null,
      role: "admin",
      agreement: { agreed: [0, 1, 2, 3], differed: [], silent: [] },
      value: String(2n ** 60n),
      at: `https://${host}:${base}`,
    });
  } finally {
    await browser.close();
  }
});

test("a browser that was not told of the authority does not open the page", async () => {
  const browser = await open("untrusting", false);
  try {
    const page = await browser.newPage();
    await assert.rejects(
      page.goto(`https://${host}:${base}/genesis.json`),
      /ERR_CERT_AUTHORITY_INVALID/,
    );
  } finally {
    await browser.close();
  }
});

test("the application's pages work by https and wss, and by another name no server lets them in", async () => {
  const browser = await open("visitor", true);
  try {
    const page = await openPage(browser, `https://localhost:${local.base}/`);
    await page.waitForSelector("#servers-summary:has-text('Confirmed by 4 of 4 servers')");
    assert.deepEqual(page.errors, []);
    await page.context().close();
    // The same page, servers and certificate; but not one of the origins that replicas know.
    const other = await openPage(browser, `https://${host}:${local.base}/`);
    await other.waitForSelector("#servers-summary:has-text('None of 4 servers has answered')");
    const origin = `https://${host}:${local.base}`;
    await other.waitForSelector(`#servers li:has-text('does not let pages of ${origin} in')`);
    await other.waitForSelector("h1:has-text('This page cannot go on')", { timeout: 60_000 });
    assert.match(await other.textContent("main"), new RegExp(`--origin ${origin}\\b`));
    assert.ok(other.errors.some((text) => /WebSocket.*403/.test(text)));
    await other.context().close();
  } finally {
    await browser.close();
  }
});

test("the commands speak wss and https to servers whose authority they are told of, and to no others", () => {
  const command = (...args) => {
    const { status, stdout, stderr } = spawnSync(program, args, { encoding: "utf8" });
    return { status, stdout, stderr };
  };
  const cluster = ["--cluster", local.genesis];
  const trusting = [...cluster, "--ca", file("ca.pem")];
  const site = file("site");
  const fetched = command("pages", ...trusting, "--out", site, "--json");
  assert.equal(fetched.status, 0, fetched.stderr);
  const { listing, pages } = JSON.parse(fetched.stdout);
  assert.deepEqual(listing.differed, []);
  assert.ok(pages.length >= 2);
  for (const { path, agreed } of pages) assert.deepEqual(agreed, [0, 1, 2, 3], path);
  execFileSync("sha256sum", ["--quiet", "-c", "SHA256SUMS"], { cwd: site });
  assert.deepEqual(
    readFileSync(join(site, "index.html"), "utf8"),
    readFileSync(join(application, "web/index.html"), "utf8"),
  );

  // The same cluster, and nobody vouches for its certificates.
  const other = command("pages", ...cluster, "--out", file("other"), "--timeout", "2");
  assert.equal(other.status, 3, other.stdout);
  assert.match(other.stderr, /the certificate of localhost is not believed/);
  assert.throws(() => readdirSync(file("other")), "nothing is written");
  const none = command("status", ...cluster, "--ca", local.genesis);
  assert.equal(none.status, 2);
  assert.match(none.stderr, /no certificates in/);
});

test("pages that were fetched work where somebody else hosts them, if replicas know that origin", async () => {
  const site = file("hosted");
  const from = ["--cluster", local.genesis, "--ca", file("ca.pem")];
  run(program, "pages", ...from, "--out", site);
  const types = { html: "text/html", js: "text/javascript", css: "text/css", svg: "image/svg+xml" };
  const tls = { key: readFileSync(file("tls.key")), cert: readFileSync(file("tls.pem")) };
  const server = createServer(tls, ({ url }, answer) => {
    const path = url === "/" ? "/index.html" : url;
    const type = types[path.split(".").at(-1)] ?? "application/json";
    if (!existsSync(join(site, path))) return answer.writeHead(404).end();
    answer.setHeader("content-type", type).end(readFileSync(join(site, path)));
  });
  await new Promise((resolve) => server.listen(elsewhere, "127.0.0.1", resolve));
  const browser = await open("reader", true);
  try {
    const page = await openPage(browser, `https://${host}:${elsewhere}/`);
    await page.waitForSelector("#servers-summary:has-text('Confirmed by 4 of 4 servers')");
    const shown = await page.textContent("#fingerprint");
    const told = run(program, "genesis", "verify", local.genesis);
    assert.ok(told.includes(shown.trim()), `${told} does not tell ${shown}`);
    assert.deepEqual(page.errors, []);
  } finally {
    await browser.close();
    server.close();
  }
});
