// The election at a glance, for anybody.
import { el, table } from "../lib/dom.js";
import { readElection, readPaper, ruleWords, stateLine, stateWords } from "../lib/election.js";
import { count, percent, t } from "../lib/i18n.js";
import { draw, show, start } from "../lib/page.js";

const everyMs = 10_000;

start("index", async ({ read }) => {
  let election, turnout, paper, shown;
  /** Whether there is something new. */
  const look = async () => {
    [election, turnout, paper] = await Promise.all([
      readElection(read),
      read("turnout"),
      readPaper(read),
    ]);
    const before = shown;
    shown = JSON.stringify([election && stateWords(election), turnout.values, paper]);
    return shown !== before;
  };
  await look();
  show(() => view(election, turnout.rows, paper));
  setInterval(async () => {
    if (document.visibilityState === "hidden") return;
    await look().then(
      (changed) => changed && draw(),
      () => {},
    ); // the panel of servers says who is silent
  }, everyMs);
});

function view(election, turnout, paper) {
  if (!election) {
    return [
      el("h1", {}, t("app.name")),
      el("p", { class: "lead" }, t("home.none")),
      el("p", {}, el("a", { class: "button", href: "official.html" }, t("nav.official"))),
    ];
  }
  const next = { open: ["vote.html", "home.vote"], published: ["results.html", "home.results"] }[
    election.state
  ];
  return [
    el("h1", {}, election.title),
    stateLine(election),
    election.description && el("p", { class: "lead" }, election.description),
    next && el("p", {}, el("a", { class: "button main", href: next[0] }, t(next[1]))),
    el(
      "section",
      { class: "card", "aria-labelledby": "turnout" },
      el("h2", { id: "turnout" }, t("turnout.title")),
      turnoutView(turnout),
    ),
    paper.length > 0 &&
      el(
        "section",
        { class: "card", "aria-labelledby": "paper" },
        el("h2", { id: "paper" }, t("home.paper")),
        paper.map(questionView),
      ),
    el(
      "section",
      { class: "card", "aria-labelledby": "check" },
      el("h2", { id: "check" }, t("home.check")),
      el(
        "ul",
        { class: "links" },
        ["board", "results", "recount", "audit", "safety"].map((name) =>
          el(
            "li",
            {},
            el("a", { href: `${name}.html` }, t(`nav.${name}`)),
            " – ",
            t(`home.${name}.what`),
          ),
        ),
      ),
    ),
  ];
}

function turnoutView(rows) {
  const [all, ...districts] = rows;
  return [
    el(
      "p",
      {},
      el("span", { class: "big" }, percent(all.voted, all.voters)),
      " ",
      t("turnout.line", { n: all.voters, voted: all.voted }),
    ),
    el("progress", {
      max: Math.max(1, all.voters),
      value: all.voted,
      "aria-label": t("turnout.title"),
    }),
    districts.length > 0 &&
      el(
        "details",
        { id: "districts" },
        el("summary", { id: "districts-summary" }, t("turnout.by_district")),
        table(
          t("turnout.by_district"),
          [
            { title: t("turnout.district") },
            { title: t("turnout.voters"), number: true },
            { title: t("turnout.voted"), number: true },
            { title: "%", number: true },
          ],
          districts.map((row) => [
            row.district,
            count(row.voters),
            count(row.voted),
            percent(row.voted, row.voters),
          ]),
          { hideCaption: true },
        ),
      ),
  ];
}

const questionView = (question) => [
  el("h3", {}, question.text),
  el("p", { class: "small" }, ruleWords(question)),
  el(
    "ul",
    {},
    question.candidates.map(({ name }) => el("li", {}, name)),
  ),
];
