// The voter: code, choices, check, cast, receipt. One step on the screen at a time; each is in
// vote/.
import { Ballot } from "../lib/ballot.js";
import { el, notice } from "../lib/dom.js";
import { paperOf, readElection, stateLine } from "../lib/election.js";
import { t } from "../lib/i18n.js";
import { show, start } from "../lib/page.js";
import { check, choose } from "./vote/choose.js";
import { enter } from "./vote/enter.js";

const steps = ["code", "choose", "check", "done"];

/** What the steps share. `at` is where the voter is: a step, or "casting", or "over". */
class Booth {
  at = "code";
  client = null;
  credential = null; // until the ballot is cast
  me = null; // my_status
  tests = 0; // test ballots made
  paper = null; // the version of the ballot paper that is shown

  constructor({ cluster, read, servers }, election) {
    Object.assign(this, { cluster, read, servers, election });
  }
  /** Of an ordered answer: a public one may be old. Choices on the same paper are kept. */
  takePaper(answer) {
    const { version, questions } = paperOf(answer);
    if (this.paper === version) return;
    Object.assign(this, { paper: version, questions, ballot: new Ballot(questions) });
  }
  /** Shows a step, and lets a screen reader begin at its heading. */
  goTo(at, view, { focus = true } = {}) {
    this.at = at;
    show(() => [this.#head(at), view()], { focus });
  }
  #head(at) {
    const step = at === "casting" ? "check" : at;
    const now = steps.indexOf(step);
    const mark = (name, i) =>
      el(
        "li",
        { class: i < now ? "past" : undefined, "aria-current": i === now ? "step" : undefined },
        el("span", { class: "step" }, i < now ? "✓" : String(i + 1)),
        t(`vote.step.${name}`),
      );
    return [
      el("p", { class: "over" }, this.election.title),
      now >= 0 && el("ol", { class: "steps", "aria-label": t("vote.steps") }, steps.map(mark)),
    ];
  }
}

start("vote", async (page) => {
  const election = await readElection(page.read);
  if (election?.state !== "open") return show(() => notOpen(election));
  const booth = new Booth(page, election);
  // "Back" of the browser goes back to the choices. A ballot on its way, or cast, cannot be gone
  // back from.
  addEventListener("popstate", ({ state }) => {
    if (booth.at === "check" && state?.at === "choose") choose(booth);
    else if (booth.at === "choose" && state?.at === "check" && booth.ballot.troubles.length === 0)
      check(booth);
  });
  enter(booth, { focus: false });
});

function notOpen(election) {
  const key = election ? election.state : "none";
  const link = (href, name) => el("li", {}, el("a", { href }, t(`nav.${name}`)));
  return [
    el("h1", {}, t("vote.title")),
    stateLine(election),
    el(
      "div",
      { id: "refusal", "data-code": key },
      notice(
        "info",
        el("p", {}, el("strong", {}, t(`vote.not.${key}`))),
        el("p", {}, t(`vote.not.${key}.todo`)),
      ),
    ),
    el(
      "ul",
      { class: "links" },
      link("./", "index"),
      ["closed", "ended", "published"].includes(key) && link("board.html", "board"),
      key === "published" && link("results.html", "results"),
    ),
  ];
}
