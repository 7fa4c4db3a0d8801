// The bulletin board: receipt codes of all ballots, and a search that says confirmed, test ballot,
// or not found.
import { announce, el, fill, notice } from "../lib/dom.js";
import { explain } from "../lib/errors.js";
import { readElection, readPaper, stateLine } from "../lib/election.js";
import { t } from "../lib/i18n.js";
import { draw, show, start } from "../lib/page.js";

const pageRows = 120;

start("board", async ({ read, servers }) => {
  const model = { typed: "", found: null, receipts: [], more: false, tests: [], busy: false };
  const [election, paper, turnout] = await Promise.all([
    readElection(read),
    readPaper(read),
    read("turnout"),
  ]);
  const cast = turnout.rows[0].voted;

  const loadMore = async () => {
    const { rows } = await read("bulletin_board", {
      after: model.receipts.at(-1),
      count: pageRows,
    });
    model.receipts.push(...rows.map(({ receipt }) => receipt));
    model.more = rows.length === pageRows;
  };
  const search = async (event) => {
    event?.preventDefault();
    model.typed = document.getElementById("receipt").value;
    const plain = model.typed.replace(/[^0-9A-Za-z]/g, "");
    if (plain.length !== 12) {
      model.found = { kind: "incomplete", n: plain.length };
    } else {
      model.found = { kind: "searching" };
      draw();
      announce(t("board.searching"));
      try {
        const answer = await read("find_receipt", { receipt: model.typed });
        const { receipt, found, spoiled } = answer.one();
        model.found = {
          kind: found ? "confirmed" : spoiled ? "spoiled" : "missing",
          receipt,
          agreement: answer.agreement,
        };
      } catch (error) {
        model.found = { kind: "failed", trouble: explain(error) };
      }
    }
    draw();
    document.getElementById("found")?.focus();
  };
  const foundView = () => {
    const { kind, receipt, agreement, n, trouble } = model.found;
    const looks = {
      confirmed: "good",
      spoiled: "warn",
      missing: "bad",
      incomplete: "warn",
      failed: "bad",
      searching: "wait",
    };
    return el(
      "div",
      { id: "found", tabindex: "-1", class: "found", "data-kind": kind },
      notice(
        looks[kind],
        el("h2", {}, trouble ? trouble.title : t(`board.${kind}`)),
        receipt && el("p", {}, el("code", { class: "receipt" }, receipt)),
        el("p", {}, trouble ? trouble.todo : t(`board.${kind}.what`, { n: n ?? 0 })),
        agreement && el("p", { class: "small" }, servers.summary(agreement)),
      ),
    );
  };
  const testView = ({ receipt, ballot }) => {
    const chosen = JSON.parse(ballot);
    return el(
      "li",
      {},
      el("code", {}, receipt),
      el(
        "ul",
        {},
        paper.map(({ question, text, candidates }) => {
          const names = (chosen[question] ?? []).map(
            (id) => candidates.find((c) => c.candidate === id)?.name ?? id,
          );
          return el(
            "li",
            {},
            `${text} – `,
            names.length > 0 ? names.join(", ") : t("ballot.blank"),
          );
        }),
      ),
    );
  };

  const view = () => [
    el("h1", {}, t("nav.board")),
    stateLine(election),
    el("p", { class: "lead" }, t("board.lead")),
    el(
      "form",
      { class: "card", onsubmit: search, role: "search", "aria-label": t("board.search") },
      el("label", { for: "receipt" }, t("board.label")),
      el("p", { class: "hint", id: "receipt-hint" }, t("board.hint")),
      el(
        "div",
        { class: "row" },
        el("input", {
          id: "receipt",
          class: "code",
          autocomplete: "off",
          spellcheck: "false",
          autocapitalize: "characters",
          maxlength: "40",
          value: model.typed,
          "aria-describedby": "receipt-hint",
          oninput: (e) => {
            model.typed = e.target.value;
          },
        }),
        el("button", { id: "search", class: "main" }, t("board.search")),
      ),
      model.found && foundView(),
    ),
    el(
      "section",
      { class: "card", "aria-labelledby": "all" },
      el("h2", { id: "all" }, t("board.all", { n: cast })),
      el("p", {}, t("board.order")),
      model.receipts.length === 0
        ? el("p", {}, t("board.empty"))
        : el(
            "ul",
            { class: "codes" },
            model.receipts.map((receipt) => el("li", {}, el("code", {}, receipt))),
          ),
      model.more &&
        el(
          "button",
          {
            id: "more",
            type: "button",
            onclick: async () => {
              await loadMore();
              draw();
            },
          },
          t("app.more"),
        ),
    ),
    el(
      "section",
      { class: "card", "aria-labelledby": "tests" },
      el("h2", { id: "tests" }, t("board.tests")),
      el("p", {}, t("board.tests.what")),
      model.tests.length === 0
        ? el("p", {}, t("board.tests.none"))
        : el("ul", { class: "tests" }, model.tests.map(testView)),
    ),
  ];
  await loadMore();
  model.tests = (await read("test_ballots", { count: pageRows })).rows;
  show(view);
  const asked = new URLSearchParams(location.hash.slice(1)).get("receipt");
  if (asked) {
    fill(document.getElementById("receipt")).value = asked;
    search();
  }
});
