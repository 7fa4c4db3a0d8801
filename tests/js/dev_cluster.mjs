// A real cluster for a test: `prytany dev` as processes, in a folder of its own, gone at the end.
import { execFileSync, spawn } from "node:child_process";
import { createSocket } from "node:dgram";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export const program = join(
  process.env.PRYTANY_BIN ?? fileURLToPath(new URL("../../build/release/bin", import.meta.url)),
  "prytany",
);

/**
 * Whether nobody listens at the port now, and no other test was given it. A claim is the UDP port of
 * the same number, held until this process ends: a test may listen much later than it asks.
 */
async function claim(port) {
  const listening = await new Promise((resolve) => {
    const server = createServer().once("error", () => resolve(true));
    server.listen(port, "127.0.0.1", () => server.close(() => resolve(false)));
  });
  if (listening) return null;
  const socket = createSocket("udp4").unref();
  return new Promise((resolve) => {
    socket.once("error", () => {
      socket.close();
      resolve(null);
    });
    socket.bind({ port, address: "127.0.0.1", exclusive: true }, () => resolve(socket));
  });
}

/**
 * A base such that base+i and base+100+i are this process's, i < n. Every base of the range is tried,
 * from a random one on: that none is free must never be chance. PRYTANY_TEST_PORTS: "first-last".
 */
export async function freePorts(n) {
  const [first, last] = (process.env.PRYTANY_TEST_PORTS ?? "25000-28999").split("-").map(Number);
  const tens = Math.floor((last - first - 100 - n) / 10);
  const start = Math.floor(Math.random() * tens);
  for (let tried = 0; tried < tens; ++tried) {
    const base = first + 10 * ((start + tried) % tens);
    const wanted = Array.from({ length: n }, (_, i) => [base + i, base + 100 + i]).flat();
    const claims = await Promise.all(wanted.map(claim));
    if (claims.every(Boolean)) return base;
    for (const socket of claims) socket?.close();
  }
  throw new Error(`no free ports between ${first} and ${last}`);
}

export const ended = (child) =>
  new Promise((resolve) =>
    child.exitCode === null && child.signalCode === null ? child.once("exit", resolve) : resolve(),
  );

/** A test that is stopped half way leaves no servers behind. */
const running = new Set();
process.on("exit", () => {
  for (const child of running) child.kill("SIGTERM");
});
process.once("SIGTERM", () => process.exit(1));

export class DevCluster {
  #children = [];

  /**
   * Resolves when the application is installed and every replica serves. `clients`, as genesis
   * lists them: besides the administrator there will be no others. `set`: of genesis, too.
   */
  static async start(application, { replicas = 4, clients, set } = {}) {
    const cluster = new DevCluster();
    cluster.folder = mkdtempSync(join(tmpdir(), "prytany-test-"));
    cluster.base = await freePorts(replicas);
    if (clients || set) cluster.#init(replicas, clients, set);
    const dev = cluster.#spawn([
      "dev",
      "--app",
      application,
      "--dir",
      join(cluster.folder, "cluster"),
      "--replicas",
      String(replicas),
      "--base-port",
      String(cluster.base),
      "--log",
      "error",
    ]);
    await new Promise((resolve, reject) => {
      let said = "";
      dev.stdout.on("data", (text) => {
        said += text;
        // The page that people open: `prytany dev` has one of its own, where replicas can be hurt.
        [, cluster.home] = /^READY (\S+)$/m.exec(said) ?? [];
        if (cluster.home) resolve();
      });
      dev.stderr.on("data", (text) => {
        said += text;
      });
      dev.on("exit", (code) => reject(new Error(`prytany dev ended with ${code}: ${said}`)));
    }).catch(async (error) => {
      await cluster.stop();
      throw error;
    });
    return cluster;
  }
  #init(replicas, clients, set = []) {
    const file = join(this.folder, "clients.json");
    if (clients) writeFileSync(file, JSON.stringify({ format: "prytany clients 1", clients }));
    execFileSync(program, [
      "init",
      join(this.folder, "cluster"),
      "--replicas",
      String(replicas),
      "--faults",
      String(Math.floor((replicas - 1) / 3)),
      "--base-port",
      String(this.base),
      ...(clients ? ["--static-clients", file] : []),
      ...set.map((one) => `--set=${one}`),
    ]);
  }
  #spawn(args) {
    const child = spawn(program, args, { stdio: ["ignore", "pipe", "pipe"] });
    child.stdout.resume();
    child.stderr.resume();
    this.#children.push(child);
    running.add(child);
    child.once("exit", () => running.delete(child));
    return child;
  }

  file(path) {
    return readFileSync(join(this.folder, "cluster", path), "utf8");
  }
  get genesis() {
    return this.file("genesis.json");
  }
  /** Where replica `id` serves pages. */
  url(id = 0) {
    return `http://127.0.0.1:${this.base + id}/`;
  }
  /** SIGKILL. */
  kill(id) {
    process.kill(Number(this.file(`replica-${id}/pid`)), "SIGKILL");
  }
  restart(id) {
    this.#spawn(["replica", join(this.folder, "cluster", `replica-${id}`)]);
  }
  async stop() {
    for (const child of this.#children) child.kill("SIGTERM");
    await Promise.all(this.#children.map(ended));
    rmSync(this.folder, { recursive: true, force: true });
  }
}
