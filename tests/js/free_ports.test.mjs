// Ports that tests listen at: files of tests run side by side, and each asks long before it listens.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { test } from "node:test";
import { freePorts } from "./dev_cluster.mjs";

const module = fileURLToPath(new URL("dev_cluster.mjs", import.meta.url));

test("a port that one test was given is given to no other, though nobody listens at it yet", async () => {
  const ours = new Set();
  for (let i = 0; i < 20; ++i) ours.add(await freePorts(1));
  assert.equal(ours.size, 20);
  const script = `import { freePorts } from ${JSON.stringify(module)};
    const given = [];
    for (let i = 0; i < 20; ++i) given.push(await freePorts(1));
    console.log(JSON.stringify(given));`;
  const theirs = JSON.parse(
    execFileSync(process.execPath, ["--input-type=module", "-e", script], { encoding: "utf8" }),
  );
  assert.deepEqual(
    theirs.filter((base) => ours.has(base)),
    [],
  );
  assert.equal(new Set(theirs).size, 20);
});
