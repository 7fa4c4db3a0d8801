// Questions and candidates. They can be changed while the election is a draft.
import { el, notice } from "../../lib/dom.js";
import { ruleWords } from "../../lib/election.js";
import { t } from "../../lib/i18n.js";

export function ballotSection(office) {
  const fresh = () => ({ text: "", min: "1", max: "1", blank: true });
  let question = fresh();
  const names = new Map(); // question -> the candidate being typed
  let wrong = null;
  let nameless = null; // the question to which a candidate without a name was to be added

  const isFrozen = () => !["draft", undefined].includes(office.election?.state);
  const add = async (event) => {
    event.preventDefault();
    const [min, max] = [Number(question.min), Number(question.max)];
    wrong =
      question.text.trim() === ""
        ? "paper.text.missing"
        : !(min >= 1 && max >= min && max <= 100)
          ? "paper.numbers"
          : null;
    if (wrong) {
      office.draw();
      document.getElementById("wrong").focus();
      return;
    }
    const answer = await office.act("did.question", "add_question", {
      text: question.text,
      choose_min: min,
      choose_max: max,
      allow_blank: question.blank ? 1 : 0,
    });
    if (!answer) return;
    question = fresh();
    office.draw();
    document.getElementById(`candidate-${answer.value()}`)?.focus();
  };
  const addCandidate = (id) => async (event) => {
    event.preventDefault();
    const name = (names.get(id) ?? "").trim();
    nameless = name === "" ? id : null;
    if (nameless !== null) {
      office.draw();
      document.getElementById("nameless").focus();
      return;
    }
    if (!(await office.act("did.candidate", "add_candidate", { question: id, name }))) return;
    names.delete(id);
    office.draw();
    document.getElementById(`candidate-${id}`)?.focus();
  };
  const number = (id, label, key) =>
    el(
      "div",
      {},
      el("label", { for: id }, t(label)),
      el("input", {
        id,
        type: "number",
        min: "1",
        max: "100",
        value: question[key],
        oninput: (e) => {
          question[key] = e.target.value;
        },
      }),
    );

  const card = (q) =>
    el(
      "section",
      { class: "card", "aria-labelledby": `q-${q.question}` },
      el("h2", { id: `q-${q.question}` }, q.text),
      el("p", { class: "small" }, ruleWords(q)),
      q.candidates.length === 0
        ? el("p", {}, t("paper.no_candidates"))
        : el(
            "ul",
            { class: "lines" },
            q.candidates.map(({ candidate, name }) =>
              el(
                "li",
                {},
                el("span", {}, name),
                !isFrozen() &&
                  el(
                    "button",
                    {
                      type: "button",
                      class: "small",
                      "aria-label": t("paper.remove_candidate", { name }),
                      onclick: () => office.act("did.removed", "remove_candidate", { candidate }),
                    },
                    t("app.remove"),
                  ),
              ),
            ),
          ),
      !isFrozen() && [
        el(
          "form",
          { onsubmit: addCandidate(q.question), novalidate: true },
          nameless === q.question &&
            el(
              "div",
              { id: "nameless", tabindex: "-1" },
              notice("bad", el("p", {}, el("strong", {}, t("paper.candidate.missing")))),
            ),
          el("label", { for: `candidate-${q.question}` }, t("paper.candidate")),
          el(
            "div",
            { class: "row" },
            el("input", {
              id: `candidate-${q.question}`,
              maxlength: "200",
              value: names.get(q.question) ?? "",
              oninput: (e) => names.set(q.question, e.target.value),
            }),
            el("button", { id: `add-candidate-${q.question}` }, t("paper.add_candidate")),
          ),
        ),
        el(
          "p",
          {},
          el(
            "button",
            {
              type: "button",
              class: "small",
              onclick: () => office.act("did.removed", "remove_question", { question: q.question }),
            },
            t("paper.remove_question"),
          ),
        ),
      ],
    );
  return () => [
    isFrozen() && notice("info", el("p", {}, t("paper.frozen"))),
    !office.election && notice("info", el("p", {}, t("paper.title_first"))),
    office.questions.map(card),
    office.election &&
      !isFrozen() &&
      el(
        "form",
        { class: "card", novalidate: true, onsubmit: add },
        el("h2", {}, t("paper.new")),
        wrong &&
          el(
            "div",
            { id: "wrong", tabindex: "-1" },
            notice("bad", el("p", {}, el("strong", {}, t(wrong)))),
          ),
        el("label", { for: "question-text" }, t("paper.text")),
        el("input", {
          id: "question-text",
          maxlength: "500",
          value: question.text,
          oninput: (e) => {
            question.text = e.target.value;
          },
        }),
        el(
          "div",
          { class: "row" },
          number("choose-min", "paper.min", "min"),
          number("choose-max", "paper.max", "max"),
        ),
        el(
          "label",
          { class: "option" },
          el("input", {
            id: "allow-blank",
            type: "checkbox",
            checked: question.blank,
            onchange: (e) => {
              question.blank = e.target.checked;
            },
          }),
          el("span", {}, t("paper.blank")),
        ),
        el("p", {}, el("button", { id: "add-question", class: "main" }, t("paper.add"))),
      ),
  ];
}
