// A ballot being filled in: what is chosen, whether it follows the rules, and the form for it.
import { announce, el, mark } from "./dom.js";
import { ruleWords } from "./election.js";
import { t } from "./i18n.js";

export class Ballot {
  #chosen; // question -> {candidates: Set, blank}
  constructor(questions) {
    this.questions = questions;
    this.#chosen = new Map(
      questions.map(({ question }) => [question, { candidates: new Set(), blank: false }]),
    );
  }
  of(question) {
    return this.#chosen.get(question);
  }
  choose({ question, choose_max: max }, candidate, on) {
    const chosen = this.of(question);
    chosen.blank = false;
    if (max === 1) chosen.candidates.clear();
    if (on) chosen.candidates.add(candidate);
    else chosen.candidates.delete(candidate);
  }
  leaveBlank({ question }, on) {
    const chosen = this.of(question);
    chosen.blank = on;
    if (on) chosen.candidates.clear();
  }
  /** null, or {key, ...} for t(). */
  trouble({ question, choose_min: min, choose_max: max, allow_blank: blank }) {
    const chosen = this.of(question);
    const n = chosen.candidates.size;
    if (chosen.blank) return null;
    if (n === 0) return { key: blank ? "ballot.nothing_or_blank" : "ballot.nothing" };
    if (n < min) return { key: "ballot.too_few", n: min - n };
    if (n > max) return { key: "ballot.too_many", n: n - max };
    return null;
  }
  get troubles() {
    return this.questions
      .map((question) => ({ question, trouble: this.trouble(question) }))
      .filter(({ trouble }) => trouble);
  }
  names({ question, candidates }) {
    return candidates
      .filter(({ candidate }) => this.of(question).candidates.has(candidate))
      .map(({ name }) => name);
  }
  /** As cast_ballot takes it. */
  get json() {
    return JSON.stringify(
      Object.fromEntries(
        this.questions.map(({ question }) => [
          question,
          [...this.of(question).candidates].sort((a, b) => a - b),
        ]),
      ),
    );
  }
}

const say = ({ key, ...params }) => t(key, params);

/** One question as a group of real radio buttons or check boxes. */
export function questionField(ballot, question, { showTrouble }) {
  const { question: id, text, candidates, choose_max: max, allow_blank: blank } = question;
  const type = max === 1 ? "radio" : "checkbox";
  const trouble = showTrouble ? ballot.trouble(question) : null;
  const counter = el("p", { class: "counter", id: `count-${id}` });
  const update = (aloud) => {
    const chosen = ballot.of(id);
    for (const { candidate } of candidates)
      document.getElementById(`choice-${id}-${candidate}`).checked =
        chosen.candidates.has(candidate);
    if (blank) document.getElementById(`choice-${id}-blank`).checked = chosen.blank;
    tellCount();
    if (aloud && type === "checkbox") announce(counter.textContent);
  };
  const tellCount = () => {
    if (type !== "checkbox") return;
    const wrong = ballot.trouble(question);
    const n = ballot.of(id).candidates.size;
    counter.textContent = ballot.of(id).blank
      ? t("ballot.left_blank")
      : t("ballot.count", { n, max }) + (wrong && n > max ? ` – ${say(wrong)}` : "");
    counter.classList.toggle("bad", n > max);
  };
  const option = (value, name, checked, change) =>
    el(
      "label",
      { class: "option" },
      el("input", {
        type,
        name: `question-${id}`,
        id: `choice-${id}-${value}`,
        checked,
        onchange: (e) => {
          change(e.target.checked);
          update(true);
        },
      }),
      el("span", {}, name),
    );
  const field = el(
    "fieldset",
    {
      class: trouble ? "question wrong" : "question",
      id: `question-${id}`,
      tabindex: "-1",
      "aria-describedby": `rule-${id}${trouble ? ` trouble-${id}` : ""}`,
    },
    el("legend", {}, text),
    el("p", { class: "hint", id: `rule-${id}` }, ruleWords(question)),
    trouble && el("p", { class: "trouble", id: `trouble-${id}` }, mark("bad"), say(trouble)),
    candidates.map(({ candidate, name }) =>
      option(candidate, name, ballot.of(id).candidates.has(candidate), (on) =>
        ballot.choose(question, candidate, on),
      ),
    ),
    blank
      ? el(
          "div",
          { class: "blank" },
          option("blank", t("ballot.leave_blank"), ballot.of(id).blank, (on) =>
            ballot.leaveBlank(question, on),
          ),
        )
      : null,
    type === "checkbox" && counter,
  );
  tellCount();
  return field;
}

/** What is wrong, with links to it: gets the focus when a form is sent with mistakes. */
export const troubleSummary = (troubles) =>
  el(
    "div",
    { class: "notice bad", "data-focus": true, tabindex: "-1" },
    mark("bad"),
    el(
      "div",
      {},
      el("h2", {}, t("form.wrong", { n: troubles.length })),
      el(
        "ul",
        {},
        troubles.map(({ target, words }) =>
          el(
            "li",
            {},
            el(
              "a",
              {
                href: `#${target}`,
                onclick: (event) => {
                  event.preventDefault();
                  document.getElementById(target).focus();
                },
              },
              words,
            ),
          ),
        ),
      ),
    ),
  );

export const ballotTroubles = (ballot) =>
  ballot.troubles.map(({ question, trouble }) => ({
    target: `question-${question.question}`,
    words: `${question.text} – ${say(trouble)}`,
  }));
