// Off this machine: pages by https and connections by wss, with certificates of a private authority
// that the browser was told to trust, and of nobody else. No flag that ignores errors.
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { ended, freePorts, program } from "../js/dev_cluster.mjs";
import { launch } from "./chromium.mjs";

const folder = mkdtempSync(join(tmpdir(), "prytany-https-"));
const host = "vote.test"; // to a browser: another machine
const file = (name) => join(folder, name);
const run = (command, ...args) => execFileSync(command, args, { stdio: "pipe", encoding: "utf8" });
const children = [];
let base, clientModule;

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
  writeFileSync(file("tls.ext"), `subjectAltName=DNS:${host}\nbasicConstraints=CA:FALSE\n`);
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

before(async () => {
  certificates();
  base = await freePorts(4);
  const ids = [0, 1, 2, 3];
  for (const i of ids)
    run(
      program,
      "keygen",
      "--out",
      file(`replica-${i}`),
      "--name",
      `organisation ${i}`,
      "--peer",
      `127.0.0.1:${base + 100 + i}`,
      "--client-url",
      `wss://${host}:${base + i}`,
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
    ...ids.map((i) => file(`replica-${i}/member.json`)),
    "--faults",
    "1",
    "--name",
    "by https",
    "--development",
    "--administrator",
    administrator,
    "--out",
    file("genesis.json"),
  );
  for (const i of ids)
    children.push(
      spawn(
        program,
        [
          "replica",
          file(`replica-${i}`),
          "--bind",
          "127.0.0.1",
          "--tls-cert",
          file("tls.pem"),
          "--tls-key",
          file("tls.key"),
          "--log",
          "error",
        ],
        { stdio: "ignore" },
      ),
    );
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
