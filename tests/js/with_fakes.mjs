// What tests of the client against fake replicas share: all that they start ends with each test.
import assert from "node:assert/strict";
import { afterEach } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import * as prytany from "../../client-js/src/index.js";
import { FakeGroup } from "./fake_replicas.mjs";

const { Cluster } = prytany;
export const cleanup = [];
afterEach(async () => {
  for (const act of cleanup.splice(0).reverse()) await act();
});

export async function start(options = {}) {
  const group = await FakeGroup.start(options);
  cleanup.push(() => group.stop());
  return group;
}
/** {cluster, events}; `events` fills as [type, replica, reason]. */
export async function open(group, options = {}) {
  const cluster = await Cluster.open(group.genesis, { timeout: 5000, ...options });
  cleanup.push(() => cluster.close());
  const events = [];
  for (const type of ["connect", "disconnect", "reconnecting", "differ", "gateway"])
    cluster.addEventListener(type, ({ replica, reason }) => events.push([type, replica, reason]));
  return { cluster, events };
}
export async function joined(group, options) {
  const { cluster, events } = await open(group, options);
  return { cluster, events, client: await cluster.join() };
}
export async function until(condition, what, ms = 4000) {
  for (const end = Date.now() + ms; !condition(); await sleep(5))
    if (Date.now() > end) assert.fail(`waited in vain: ${what}`);
}
export const rejects = (promise, Kind, fields = {}) =>
  assert.rejects(promise, (error) => {
    assert.ok(error instanceof Kind, `${error.name}: ${error.message}`);
    assert.ok(error instanceof prytany.ClientError && error instanceof Error);
    for (const [name, value] of Object.entries(fields)) assert.deepEqual(error[name], value, name);
    return true;
  });
