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

test("that no ports are free is said only when none are", async () => {
  const before = process.env.PRYTANY_TEST_PORTS;
  process.env.PRYTANY_TEST_PORTS = "29000-29200"; // nine bases, and nobody else's
  try {
    const given = [];
    for (let i = 0; i < 9; ++i) given.push(await freePorts(1));
    assert.deepEqual(
      given.sort(),
      Array.from({ length: 9 }, (_, i) => 29000 + 10 * i),
    );
    await assert.rejects(freePorts(1), /no free ports between 29000 and 29200/);
  } finally {
    if (before === undefined) delete process.env.PRYTANY_TEST_PORTS;
    else process.env.PRYTANY_TEST_PORTS = before;
  }
});
