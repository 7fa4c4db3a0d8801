// The package as others get it: its types, its exports, its size, and the one file that replicas
// serve.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath, pathToFileURL } from "node:url";
import { gzipSync } from "node:zlib";
import * as module from "../../client-js/src/index.js";
import { FakeGroup } from "./fake_replicas.mjs";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const tool = (name) => here(`../node_modules/.bin/${name}`);
const text = (path) => readFileSync(here(path), "utf8");

const minifiedBytesMax = 28_000;

test("types: what callers may write compiles, what they may not does not", () => {
  execFileSync(tool("tsc"), ["-p", here("types")], { stdio: "pipe", encoding: "utf8" });
});

test("types declare exactly what the module exports, and every member of its classes", () => {
  const types = text("../../client-js/types/index.d.ts");
  const declared = [...types.matchAll(/^export declare (?:class|function) (\w+)/gm)].map(
    ([, name]) => name,
  );
  assert.deepEqual(declared.toSorted(), Object.keys(module).toSorted());
  for (const name of ["Cluster", "Client", "Credential", "Answer"]) {
    const [body] = types.slice(types.indexOf(`export declare class ${name}`)).split("\n}\n");
    const { prototype } = module[name];
    for (const [, fixed, member] of body.matchAll(/^  (static )?(\w+)(?:<[^(]*>)?\(/gm)) {
      if (member === "constructor" || member === "addEventListener") continue;
      assert.equal(
        typeof (fixed ? module[name] : prototype)[member],
        "function",
        `${name}.${member}`,
      );
    }
  }
});

test("the package names its types first, and has no dependencies", () => {
  const description = JSON.parse(text("../../client-js/package.json"));
  assert.equal(Object.keys(description.exports["."])[0], "types");
  for (const kind of [
    "dependencies",
    "peerDependencies",
    "optionalDependencies",
    "devDependencies",
  ])
    assert.equal(description[kind], undefined);
  for (const file of readdirSync(here("../../client-js/src")))
    for (const [, from] of text(`../../client-js/src/${file}`).matchAll(/ from "([^"]+)"/g))
      assert.match(from, /^\.\/\w+\.js$/, `${file} imports ${from}`);
});

// What a page does not import it does not carry: functions that few need are left out here.
test(`minified it is at most ${minifiedBytesMax} bytes`, () => {
  const optional = [
    "attachStatic",
    "explainCall",
    "explainSql",
    "explainTransaction",
    "fastCall",
    "fastQuery",
    "idTokenNonce",
    "joinWithCertificate",
    "joinWithIdToken",
    "oneConnection",
    "openStatic",
    "subscribe",
    "transaction",
    "watch",
  ];
  const minified = (names) =>
    execFileSync(
      tool("esbuild"),
      ["--bundle", "--format=esm", "--minify", "--log-level=error", "--loader=js"],
      {
        cwd: here("../../client-js/src"),
        input: `export { ${names} } from "./index.js";`,
      },
    );
  const names = Object.keys(module);
  const needed = minified(names.filter((name) => !optional.includes(name)));
  console.log(
    `minified ${needed.length} bytes, compressed ${gzipSync(needed, { level: 9 }).length};`,
    `all of it ${minified(names).length}`,
  );
  assert.ok(needed.length <= minifiedBytesMax, `${needed.length} bytes`);
});

test("errors have the names that the types give them, also when they are minified", async () => {
  const folder = mkdtempSync(join(tmpdir(), "prytany-client-"));
  try {
    const file = join(folder, "minified.mjs");
    const from = here("../../client-js/src/index.js");
    execFileSync(tool("esbuild"), [
      from,
      "--bundle",
      "--format=esm",
      "--minify",
      "--log-level=error",
      `--outfile=${file}`,
    ]);
    const minified = await import(pathToFileURL(file));
    const kinds = {
      ApplicationError: "application",
      NoQuorum: "no_quorum",
      OutcomeUnknown: "outcome_unknown",
      Refused: "refused",
      Aborted: "aborted",
      Usage: "usage",
    };
    for (const [name, kind] of Object.entries(kinds)) {
      const error = new minified[name]("a_code", "words", { sent: true });
      // That of every platform function that takes a signal.
      assert.equal(error.name, name === "Aborted" ? "AbortError" : name);
      assert.deepEqual([error.kind, error.code, error.message], [kind, "a_code", "words"]);
      assert.deepEqual(error.agreement, { agreed: [], differed: [], silent: [] });
      assert.ok(error.sent && error instanceof minified.ClientError && error instanceof Error);
      assert.ok(String(error.stack).includes(error.name) || String(error).startsWith(error.name));
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("the one file that replicas serve exports the same and works alike", async () => {
  const folder = mkdtempSync(join(tmpdir(), "prytany-client-"));
  try {
    const file = join(folder, "prytany-client.mjs");
    execFileSync(process.execPath, [
      here("../../client-js/bundle.mjs"),
      file,
      join(folder, "module.cpp"),
    ]);
    const bundled = await import(pathToFileURL(file));
    assert.deepEqual(Object.keys(bundled).toSorted(), Object.keys(module).toSorted());
    const literals = readFileSync(join(folder, "module.cpp"), "utf8").matchAll(
      /R"prytany_js\(([^]*?)\)prytany_js"/g,
    );
    assert.equal([...literals].map(([, piece]) => piece).join(""), readFileSync(file, "utf8"));
    const group = await FakeGroup.start();
    const client = await bundled.Client.join({ genesis: group.genesis });
    assert.equal((await client.call("vote")).one().procedure, "vote");
    await client.leave();
    await group.stop();
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("a page that came unprotected, a browser without the keys: why, in words", async () => {
  const script = `
    import { problem, Cluster } from ${JSON.stringify(new URL("../../client-js/src/index.js", import.meta.url).href)};
    const define = (name, value) => Object.defineProperty(globalThis, name, { value, configurable: true });
    const told = [];
    const tell = async (genesis, options) => told.push(await problem(genesis, options));
    await tell();
    await tell(undefined, { WebSocket: null });
    const { subtle } = crypto;
    const without = (name) => define("crypto", { subtle: {
      generateKey: (how, ...rest) => how === name ? Promise.reject(new Error("no")) : subtle.generateKey(how, ...rest),
      exportKey: (...all) => subtle.exportKey(...all) } });
    without("Ed25519"); await tell();
    without("X25519"); await tell();
    define("location", { protocol: "http:", host: "vote.example" });
    define("isSecureContext", false);
    await tell();
    told.push(await Cluster.open("{}").catch(({ code, kind }) => ({ code, kind })));
    console.log(JSON.stringify(told));`;
  const out = execFileSync(process.execPath, ["--input-type=module", "-e", script], {
    encoding: "utf8",
  });
  const told = JSON.parse(out);
  assert.deepEqual(
    told.map((one) => one?.code),
    [undefined, "no_websocket", "no_ed25519", "no_x25519", "insecure_page", "insecure_page"],
  );
  assert.match(told[4].message, /vote\.example.*https/s);
  assert.equal(told[5].kind, "usage");
});
