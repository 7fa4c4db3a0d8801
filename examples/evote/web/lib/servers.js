// What the servers said: who agreed, who was contradicted, who was silent. Every page shows it.
import { el, fill, mark } from "./dom.js";
import { has, list, t } from "./i18n.js";

const againMs = 600;
const againTimes = 2;

export class Servers extends EventTarget {
  #cluster;
  #last = null; // the last agreement
  #contradicted = new Map(); // id -> by how many others
  #elsewhere = new Set(); // ids that answer otherwise and say that they are behind, or ahead
  #distrusted = new Set();
  #other = new Set(); // ids that hand out another genesis
  #met = new Set(); // ids that were ever connected
  #refused = new Set(); // ids where no connection came about
  #served = new Set(); // ids that answered by http
  #checking = new Set(); // questions that are asked again

  constructor(cluster) {
    super();
    this.#cluster = cluster;
    cluster.addEventListener("connect", ({ replica }) => this.#met.add(replica));
    cluster.addEventListener("reconnecting", ({ replica }) => {
      if (this.#refused.has(replica)) return;
      this.#refused.add(replica);
      this.#changed();
    });
    for (const type of ["connect", "disconnect"])
      cluster.addEventListener(type, () => this.#changed());
    cluster.addEventListener("differ", ({ replica, reason = "" }) => {
      if (cluster.replicas[replica].standing.untrusted > 0) this.#distrusted.add(replica);
      // About a request, perhaps too late for its answer's agreement, or about a refusal, which has
      // no later voices. "differs from 0,1,3 about request 7"
      const [, others] = /^differs from ([\d,]+) /.exec(reason) ?? [];
      if (reason.startsWith("differs"))
        this.#contradict(replica, others?.split(",").length ?? cluster.faults + 1);
      this.#changed();
    });
  }
  get names() {
    return new Map(this.#cluster.replicas.map(({ id, name }) => [id, name]));
  }
  get contradicted() {
    return this.#contradicted;
  }
  get otherGenesis() {
    return this.#other;
  }
  get distrusted() {
    return this.#distrusted;
  }
  get last() {
    return this.#last;
  }
  #changed() {
    this.dispatchEvent(new Event("change"));
  }

  /** What was said before says nothing about what is asked now. */
  asking() {
    this.#last = null;
    this.#changed();
  }

  /** Of what was ordered: there a differing answer is never honest. */
  heard(agreement) {
    this.#last = agreement;
    for (const id of agreement.differed) this.#contradict(id, agreement.agreed.length);
    this.#changed();
  }
  /** Refusals, too, are answers that servers agree on; and some may have said otherwise. */
  refused({ agreement }) {
    if (agreement?.agreed.length > 0) this.heard(agreement);
  }
  #contradict(id, others) {
    this.#contradicted.set(id, Math.max(others, this.#contradicted.get(id) ?? 0));
  }

  /**
   * A public question. One that differs may be a moment behind, honestly: it is asked again, and is
   * called contradicted only if the others' answer stood still meanwhile.
   */
  async read(procedure, args, options = {}) {
    // Called again for each server that is heard later.
    const onAgreement = (agreement) => {
      this.#last = agreement;
      for (const id of agreement.agreed) this.#elsewhere.delete(id);
      this.#changed();
    };
    const answer = await this.#cluster.read(procedure, args, {
      linger: 400,
      onAgreement,
      ...options,
    });
    if (answer.agreement.differed.length > 0) this.#askAgain(procedure, args, answer);
    return answer;
  }
  async #askAgain(procedure, args, first) {
    const key = JSON.stringify([procedure, args]);
    if (this.#checking.has(key)) return;
    this.#checking.add(key);
    try {
      const said = JSON.stringify(first.values);
      let suspects = first.agreement.differed;
      let others = first.agreement.agreed.length;
      for (let i = 0; i < againTimes && suspects.length > 0; ++i) {
        await new Promise((resolve) => setTimeout(resolve, againMs));
        const answer = await this.#cluster.read(procedure, args, { linger: 1000 });
        if (JSON.stringify(answer.values) !== said) return;
        suspects = suspects.filter((id) => answer.agreement.differed.includes(id));
        others = answer.agreement.agreed.length;
      }
      if (suspects.length === 0) return;
      const status = await this.#cluster.status();
      const furthest = Math.max(
        first.seq,
        ...first.agreement.agreed.map((id) => status[id].lastExecuted),
      );
      for (const id of suspects) {
        // It may well be so, whether it says this or lies: then this is told, and it is not called
        // contradicted. One that stands where the others stand has no such excuse.
        const { reachable, lastExecuted } = status[id];
        if (reachable && (lastExecuted < first.seq || lastExecuted > furthest))
          this.#elsewhere.add(id);
        else this.#contradict(id, others);
      }
      this.#changed();
    } catch {
      // Nobody answered this time: nothing was learnt about anybody.
    } finally {
      this.#checking.delete(key);
    }
  }

  /** Whether each replica hands out the genesis that this page believes. */
  async compareGenesis(fingerprint) {
    const own = this.#cluster.fingerprint;
    await Promise.allSettled(
      this.#cluster.replicas.map(async ({ id, url }) => {
        const address = new URL("/genesis.json", url.replace(/^ws/, "http"));
        const answer = await fetch(address, {
          signal: AbortSignal.timeout(8000),
          credentials: "omit",
        });
        if (!answer.ok) return;
        this.#served.add(id);
        let theirs = null;
        try {
          theirs = await fingerprint(await answer.text());
        } catch {
          // what it hands out is no genesis at all
        }
        if (theirs !== own) this.#other.add(id);
      }),
    );
    this.#changed();
  }

  /**
   * Whether it serves http, and yet no connection ever came about: browsers do not tell a page why,
   * and it is nearly always that the server was not told to let this page's address in.
   */
  shutsOut(id) {
    return this.#served.has(id) && this.#refused.has(id) && !this.#met.has(id);
  }

  /** {kind, words} of one server, for people. */
  state({ id, connected }) {
    const others = this.#contradicted.get(id);
    if (others) return { kind: "bad", words: t("servers.contradicted", { n: others }) };
    if (this.#other.has(id)) return { kind: "bad", words: t("servers.other_genesis") };
    if (this.#distrusted.has(id)) return { kind: "bad", words: t("servers.distrusted") };
    const { agreed = [], differed = [] } = this.#last ?? {};
    if (agreed.includes(id))
      return connected
        ? { kind: "good", words: t("servers.agreed") }
        : { kind: "none", words: t("servers.gone") };
    if (differed.includes(id))
      return {
        kind: "warn",
        words: t(this.#elsewhere.has(id) ? "servers.elsewhere" : "servers.differed"),
      };
    if (!connected)
      return {
        kind: "none",
        words: this.shutsOut(id)
          ? t("servers.shuts_out", { origin: location.origin })
          : t("servers.unreachable"),
      };
    return this.#last
      ? { kind: "none", words: t("servers.silent") }
      : { kind: "wait", words: t("servers.connected") };
  }
  /** "confirmed by 3 of 4 servers" */
  summary(agreement = this.#last) {
    const n = this.#cluster.replicas.length;
    return agreement
      ? t("servers.confirmed", { k: agreement.agreed.length, n })
      : t("servers.waiting", { n });
  }
  /** The same of what was refused. */
  refusalSummary({ agreed }) {
    return t("servers.refused_by", { k: agreed.length, n: this.#cluster.replicas.length });
  }
  /** What must not be overlooked, a sentence each. */
  alarms() {
    const by = (key, ids, more = () => ({})) =>
      [...ids].map((id) => t(key, { id: String(id), name: this.names.get(id), ...more(id) }));
    return [
      ...by("alarm.contradicted", this.#contradicted.keys(), (id) => ({
        n: this.#contradicted.get(id),
      })),
      ...by("alarm.other_genesis", this.#other),
      ...by("alarm.distrusted", this.#distrusted),
      ...by(
        "alarm.elsewhere",
        [...this.#elsewhere].filter((id) => !this.#contradicted.has(id)),
      ),
    ];
  }
  get replicas() {
    return this.#cluster.replicas;
  }
}

export const serverName = ({ id, name }) => t("servers.name", { id: String(id), name });

export function serverList(servers, agreement) {
  return el(
    "ul",
    { class: "servers" },
    servers.replicas.map((replica) => {
      const { kind, words } = agreement ? voice(agreement, replica.id) : servers.state(replica);
      return el(
        "li",
        { class: kind },
        mark(kind),
        el("div", {}, el("b", {}, serverName(replica)), el("span", {}, words)),
      );
    }),
  );
}
function voice(agreement, id) {
  if (agreement.agreed.includes(id)) return { kind: "good", words: t("servers.agreed") };
  if (agreement.differed.includes(id))
    return { kind: "bad", words: t("servers.contradicted", { n: agreement.agreed.length }) };
  return { kind: "none", words: t("servers.silent") };
}

/** The panel below every page, and the alarm above it. */
export function showServers(servers, cluster) {
  const alarms = servers.alarms();
  const alarm = document.getElementById("alarm");
  const text = alarms.join("\n");
  if (alarm.dataset.text !== text) {
    alarm.dataset.text = text;
    fill(
      alarm,
      alarms.length > 0 &&
        el(
          "div",
          { class: "notice bad" },
          mark("bad"),
          el(
            "div",
            {},
            alarms.map((words) => el("p", {}, el("strong", {}, words))),
            el("p", {}, t("alarm.not_used")),
          ),
        ),
    );
  }
  fill(
    document.getElementById("servers"),
    el("h2", { id: "servers-title" }, t("servers.title")),
    el(
      "p",
      { id: "servers-summary" },
      servers.summary(),
      ". ",
      t("servers.rule", { k: cluster.faults + 1, n: servers.replicas.length }),
    ),
    serverList(servers),
    el(
      "p",
      { class: "fingerprint" },
      t("servers.fingerprint"),
      " ",
      el(
        "code",
        { id: "fingerprint" },
        cluster.fingerprint.split(" ").map((group) => [el("span", {}, group), " "]),
      ),
    ),
    el("p", { class: "small" }, t("servers.compare")),
  );
}

/** What a session's end, by its reason, means. */
export const endWords = (reason) =>
  t(has(`ended.${reason}`) ? `ended.${reason}` : "ended.other", { reason });
