// Steps 2 and 3: the choices, and what they are before they are cast.
import { ballotTroubles, questionField, troubleSummary } from "../../lib/ballot.js";
import { el, notice } from "../../lib/dom.js";
import { t } from "../../lib/i18n.js";
import { cast, testsMax } from "./cast.js";

export function choose(booth, { showTrouble = false } = {}) {
  function submit(event) {
    event.preventDefault();
    if (booth.ballot.troubles.length > 0) return choose(booth, { showTrouble: true });
    history.pushState({ at: "check" }, "");
    check(booth);
  }
  booth.goTo("choose", () => {
    const troubles = showTrouble ? ballotTroubles(booth.ballot) : [];
    return [
      el("h1", {}, t("vote.choose.title")),
      el("p", { class: "lead" }, t("vote.choose.lead", { name: booth.me.name })),
      troubles.length > 0 && troubleSummary(troubles),
      el(
        "form",
        { onsubmit: submit, novalidate: true },
        booth.questions.map((question) => questionField(booth.ballot, question, { showTrouble })),
        el(
          "p",
          { class: "row" },
          el("button", { id: "review", class: "main" }, t("vote.choose.next")),
        ),
        el("p", { class: "small" }, t("vote.choose.not_cast")),
      ),
    ];
  });
}

export function check(booth) {
  booth.goTo("check", () => [
    el("h1", {}, t("vote.check.title")),
    notice(
      "warn",
      el("p", {}, el("strong", {}, t("vote.check.not_cast"))),
      el("p", {}, t("vote.check.once")),
    ),
    el(
      "div",
      { class: "card" },
      el(
        "dl",
        { class: "choices" },
        booth.questions.map((question) => chosen(booth, question)),
      ),
    ),
    el(
      "p",
      { class: "row" },
      el(
        "button",
        { id: "cast", type: "button", class: "main cast", onclick: () => cast(booth) },
        t("vote.check.cast"),
      ),
    ),
    testOffer(booth),
  ]);
}

function chosen(booth, question) {
  const names = booth.ballot.names(question);
  const change = () => {
    choose(booth);
    document.getElementById(`question-${question.question}`).focus();
  };
  return el(
    "div",
    {},
    el("dt", {}, question.text),
    names.length > 0
      ? names.map((name) => el("dd", {}, name))
      : el("dd", { class: "blank" }, t("ballot.blank")),
    el(
      "dd",
      { class: "change" },
      el(
        "button",
        {
          type: "button",
          id: `change-${question.question}`,
          "aria-label": t("vote.check.change_one", { question: question.text }),
          onclick: change,
        },
        t("vote.check.change"),
      ),
    ),
  );
}

const testOffer = (booth) =>
  el(
    "details",
    { class: "card quiet", id: "test-details" },
    el("summary", { id: "test-summary" }, t("vote.test.title")),
    el("p", {}, t("vote.test.what")),
    el("p", {}, t("vote.test.left", { n: Math.max(0, testsMax - booth.tests) })),
    booth.tests < testsMax &&
      el(
        "button",
        { id: "test", type: "button", onclick: () => cast(booth, { testing: true }) },
        t("vote.test.do"),
      ),
  );
