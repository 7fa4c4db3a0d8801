// Counting again, in this browser: from what the servers publish now, or from a record that was
// kept.
import { announce, el, mark, notice, table } from "../lib/dom.js";
import { explain } from "../lib/errors.js";
import { readAll, readElection, stateLine } from "../lib/election.js";
import { count, t } from "../lib/i18n.js";
import { draw, show, start } from "../lib/page.js";
import { collectRecord, recount } from "../lib/recount.js";

start("recount", async ({ cluster, read }) => {
  const election = await readElection(read);
  let outcome = null; // {ok, questions, checks, source} or {trouble}

  const run = async (source, take) => {
    try {
      const record = await take();
      outcome = { ...recount(record), source, record };
    } catch (error) {
      outcome = { trouble: source === "file" ? badFile : explain(error) };
    }
    draw();
    document.getElementById("outcome").focus();
    announce(outcome.trouble?.title ?? t(outcome.ok ? "recount.ok" : "recount.wrong"));
  };
  const fromServers = () => run("servers", () => collectRecord({ cluster, read, readAll }));
  const fromFile = (event) =>
    run("file", async () => JSON.parse(await event.target.files[0].text()));

  show(() => [
    el("h1", {}, t("nav.recount")),
    stateLine(election),
    el("p", { class: "lead" }, t("recount.lead")),
    el(
      "section",
      { class: "card", "aria-labelledby": "begin" },
      el("h2", { id: "begin" }, t("recount.begin")),
      election?.state === "published"
        ? el(
            "p",
            {},
            el(
              "button",
              { id: "count", type: "button", class: "main", onclick: fromServers },
              t("recount.now"),
            ),
          )
        : el("p", {}, t("results.not_yet"), " ", t("results.not_yet.todo")),
      el("label", { for: "file" }, t("recount.file")),
      el("input", {
        id: "file",
        type: "file",
        accept: "application/json,.json",
        onchange: fromFile,
      }),
    ),
    outcome && outcomeView(outcome, cluster),
  ]);
});

/** Words of the language at the moment they are read, as of explain(). */
const badFile = {
  get title() {
    return t("recount.bad_file");
  },
  get todo() {
    return t("recount.bad_file.todo");
  },
};

function outcomeView(outcome, cluster) {
  if (outcome.trouble) {
    return el(
      "div",
      { id: "outcome", tabindex: "-1" },
      notice(
        "bad",
        el("p", {}, el("strong", {}, outcome.trouble.title)),
        el("p", {}, outcome.trouble.todo),
      ),
    );
  }
  const strange =
    outcome.source === "file" && outcome.record.cluster?.fingerprint !== cluster.fingerprint;
  return el(
    "div",
    { id: "outcome", tabindex: "-1" },
    notice(
      outcome.ok ? "good" : "bad",
      el("h2", {}, t(outcome.ok ? "recount.ok" : "recount.wrong")),
      el("p", {}, t(outcome.ok ? "recount.ok.what" : "recount.wrong.what")),
    ),
    strange && notice("warn", el("p", {}, t("recount.other_cluster"))),
    outcome.questions.map(({ text, lines }) =>
      el(
        "section",
        { class: "card" },
        el("h3", {}, text),
        table(
          text,
          [
            { title: t("results.candidate") },
            { title: t("recount.published"), number: true },
            { title: t("recount.counted"), number: true },
            { title: t("recount.compare") },
          ],
          lines.map((line) => [
            line.name ?? t("ballot.blank"),
            line.published === null ? "–" : count(line.published),
            count(line.counted),
            el(
              "span",
              { class: line.ok ? "good" : "bad" },
              mark(line.ok ? "good" : "bad"),
              t(line.ok ? "recount.same" : "recount.differs"),
            ),
          ]),
          { hideCaption: true },
        ),
      ),
    ),
    el(
      "section",
      { class: "card" },
      el("h3", {}, t("recount.checks")),
      el(
        "ul",
        { class: "checks" },
        outcome.checks.map((check) =>
          el(
            "li",
            { class: check.ok ? "good" : "bad" },
            mark(check.ok ? "good" : "bad"),
            el(
              "span",
              {},
              t(`recount.check.${check.name}`, { ...check, question: check.question ?? "" }),
              " ",
              el("strong", {}, t(check.ok ? "recount.right" : "recount.not_right")),
            ),
          ),
        ),
      ),
    ),
  );
}
