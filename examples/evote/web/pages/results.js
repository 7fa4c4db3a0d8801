// The published result, and the whole record as a file.
import { announce, download, el, notice } from "../lib/dom.js";
import { explain } from "../lib/errors.js";
import { readAll, readElection, readPaper, stateLine } from "../lib/election.js";
import { count, percent, t } from "../lib/i18n.js";
import { draw, show, start } from "../lib/page.js";
import { collectRecord } from "../lib/recount.js";

start("results", async ({ cluster, read, servers }) => {
  const [election, paper, turnout] = await Promise.all([
    readElection(read),
    readPaper(read),
    read("turnout"),
  ]);
  const results = election?.state === "published" ? await read("results") : null;
  let trouble = null;

  const takeRecord = async () => {
    trouble = null;
    try {
      const record = await collectRecord({ cluster, read, readAll });
      download(
        `${fileName(election.title)}-record.json`,
        "application/json",
        `${JSON.stringify(record, null, 1)}\n`,
      );
      announce(t("results.taken"));
    } catch (error) {
      trouble = explain(error);
    }
    draw();
  };
  show(() => [
    el("h1", {}, t("nav.results")),
    stateLine(election),
    !results
      ? notice(
          "info",
          el("p", {}, el("strong", {}, t("results.not_yet"))),
          el("p", {}, t("results.not_yet.todo")),
        )
      : [
          el(
            "p",
            { class: "lead" },
            servers.summary(results.agreement),
            ". ",
            t("results.lead", { n: turnout.rows[0].voted }),
          ),
          paper.map((question) => resultView(question, results.rows, turnout.rows[0].voted)),
          el(
            "section",
            { class: "card", "aria-labelledby": "own" },
            el("h2", { id: "own" }, t("results.own")),
            el("p", {}, t("results.own.what")),
            trouble &&
              notice(
                "bad",
                el("p", {}, el("strong", {}, trouble.title)),
                el("p", {}, trouble.todo),
              ),
            el(
              "p",
              { class: "row" },
              el("a", { class: "button main", href: "recount.html" }, t("nav.recount")),
              el(
                "button",
                { id: "record", type: "button", onclick: takeRecord },
                t("results.record"),
              ),
            ),
          ),
        ],
  ]);
});

export const fileName = (title) =>
  title
    .replace(/[^\p{L}\p{N}]+/gu, "-")
    .replace(/^-|-$/g, "")
    .slice(0, 60) || "election";

function resultView({ question, text, choose_max: max }, rows, ballots) {
  const all = rows.filter((row) => row.question === question);
  const mine = [
    ...all.filter((row) => row.candidate !== 0),
    ...all.filter((row) => row.candidate === 0),
  ];
  const sum = mine.reduce((total, { votes }) => total + votes, 0);
  const name = (row) => (row.candidate === 0 ? t("ballot.blank") : row.name);
  return el(
    "section",
    { class: "card", "aria-labelledby": `question-${question}` },
    el("h2", { id: `question-${question}` }, text),
    el(
      "div",
      { class: "scroll", role: "group", tabindex: "0", "aria-label": text },
      el(
        "table",
        { class: "results" },
        el("caption", { class: "unseen" }, text),
        el(
          "thead",
          {},
          el(
            "tr",
            {},
            el("th", { scope: "col" }, t("results.candidate")),
            el("th", { scope: "col", class: "number" }, t("results.votes")),
            el("th", { scope: "col", class: "number" }, t("results.share")),
          ),
        ),
        el(
          "tbody",
          {},
          mine.map((row) =>
            el(
              "tr",
              { class: row.candidate === 0 ? "blank" : undefined },
              el(
                "th",
                { scope: "row" },
                name(row),
                el("meter", { max: Math.max(1, ballots), value: row.votes, "aria-hidden": "true" }),
              ),
              el("td", { class: "number" }, count(row.votes)),
              el("td", { class: "number" }, percent(row.votes, ballots)),
            ),
          ),
        ),
        el(
          "tfoot",
          {},
          el(
            "tr",
            {},
            el("th", { scope: "row" }, t("results.sum")),
            el("td", { class: "number" }, count(sum)),
            el("td", {}),
          ),
        ),
      ),
    ),
    el(
      "p",
      { class: "small" },
      t(max === 1 ? "results.adds_up" : "results.several", { n: ballots, sum }),
    ),
  );
}
