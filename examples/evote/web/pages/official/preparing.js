// The draft: title, checklist, freezing.
import { el } from "../../lib/dom.js";
import { t } from "../../lib/i18n.js";
import { checked } from "./overview.js";

/** What only people can check. */
const ticks = ["letters", "read"];

export function titleForm(desk) {
  const { office } = desk;
  const isNew = !office.election;
  const save = (event) => {
    event.preventDefault();
    if (desk.title.trim() === "") return desk.refuse("office.title.missing");
    desk.wrong = null;
    office.act("did.title", "create_election", {
      title: desk.title,
      description: desk.description,
    });
  };
  return el(
    "form",
    { class: "card", onsubmit: save },
    el("h2", {}, t(isNew ? "office.title.new" : "office.title.change")),
    isNew && desk.wrongNotice,
    desk.field("title", "title", t("office.title.label"), { maxlength: "200" }),
    desk.field("description", "description", t("office.description.label"), {
      tag: "textarea",
      rows: "3",
      maxlength: "4000",
    }),
    el(
      "p",
      {},
      el("button", { id: "save-title", class: isNew ? "main" : "" }, t("office.title.save")),
    ),
  );
}

/** [{ok, words, to}]: `to` is the section where it is done. Freezing is up to the servers. */
function items({ election, questions, turnout }) {
  const short = questions.find((question) => question.candidates.length < question.choose_max);
  const voters = turnout[0]?.voters ?? 0;
  const missing = short && {
    question: short.text,
    n: short.candidates.length,
    max: short.choose_max,
  };
  return [
    { ok: Boolean(election), words: t("check.title"), to: "overview" },
    {
      ok: questions.length > 0,
      words: t("check.questions", { n: questions.length }),
      to: "ballot",
    },
    {
      ok: questions.length > 0 && !short,
      words: short ? t("check.candidates.missing", missing) : t("check.candidates"),
      to: "ballot",
    },
    { ok: voters > 0, words: t("check.roll", { n: voters }), to: "roll" },
  ];
}

export function freezeCard(desk) {
  const { office } = desk;
  const freeze = async () => {
    if (office.problems.length > 0) return desk.refuse("check.not_ready");
    if (desk.ticks.size < ticks.length) return desk.refuse("check.not_ticked");
    if (await desk.sure("freeze", "do.freeze")) office.act("did.freeze", "freeze_election");
  };
  const item = ({ ok, words, to }) =>
    checked(
      ok,
      words,
      " ",
      ok
        ? el("span", { class: "unseen" }, t("check.ok"))
        : el("a", { href: `#${to}` }, t("check.go", { section: t(`office.${to}`) })),
    );
  return el(
    "section",
    { class: "card next", "aria-labelledby": "freeze-title" },
    el("h2", { id: "freeze-title" }, t("next.freeze")),
    el("p", {}, t("next.freeze.what")),
    desk.wrongNotice,
    el("ul", { class: "checks" }, items(office).map(item)),
    el(
      "p",
      { class: "small", id: "verdict" },
      office.problems.length === 0
        ? t("check.servers_ok")
        : t("check.servers", { n: office.problems.length }),
    ),
    el(
      "fieldset",
      { class: "ticks" },
      el("legend", {}, t("check.yourself")),
      ticks.map((name) => tick(desk, name)),
    ),
    el(
      "p",
      {},
      el(
        "button",
        { id: "freeze", type: "button", class: "main", onclick: freeze },
        t("do.freeze"),
      ),
    ),
  );
}

function tick({ ticks: ticked }, name) {
  const change = (event) => {
    if (event.target.checked) ticked.add(name);
    else ticked.delete(name);
  };
  return el(
    "label",
    { class: "option" },
    el("input", {
      type: "checkbox",
      id: `tick-${name}`,
      checked: ticked.has(name),
      onchange: change,
    }),
    el("span", {}, t(`tick.${name}`)),
  );
}
