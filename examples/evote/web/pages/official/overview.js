// Where the election stands, and the one next step. What each state needs is in preparing.js,
// voting.js and counting.js.
import { confirmed } from "../../lib/dialog.js";
import { el, mark, notice, table } from "../../lib/dom.js";
import { stateLine } from "../../lib/election.js";
import { count, percent, t } from "../../lib/i18n.js";
import { publishedCard, tallyCard } from "./counting.js";
import { freezeCard, titleForm } from "./preparing.js";
import { closeCard, extendCard, openCard } from "./voting.js";

const states = ["draft", "frozen", "open", "closed", "published"];

/** What the cards share: what is typed, what is wrong with it, and how they ask back. */
class Desk {
  constructor(office) {
    const { title = "", description = "" } = office.election ?? {};
    Object.assign(this, { office, title, description, closes: "", newCloses: "", reason: "" });
    this.ticks = new Set();
    this.wrong = null; // the key of what is wrong
    this.counted = null; // the sums, once they were asked for
  }
  refuse(key) {
    this.wrong = key;
    this.office.draw();
    document.getElementById("wrong")?.focus();
  }
  get wrongNotice() {
    return (
      this.wrong &&
      el(
        "div",
        { id: "wrong", tabindex: "-1" },
        notice("bad", el("p", {}, el("strong", {}, t(this.wrong)))),
      )
    );
  }
  /** Asks back before what cannot be undone. */
  sure(key, action, params) {
    this.wrong = null;
    return confirmed({
      title: t(`sure.${key}`),
      body: [t(`sure.${key}.what`, params)],
      action: t(action),
    });
  }
  /** A labelled field bound to a member of this desk. */
  field(name, id, label, { tag = "input", hint, ...props } = {}) {
    return [
      el("label", { for: id }, label),
      hint && el("p", { class: "hint" }, hint),
      el(tag, {
        ...props,
        id,
        value: this[name],
        oninput: (event) => {
          this[name] = event.target.value;
        },
      }),
    ];
  }
}

export function overviewSection(office) {
  const desk = new Desk(office);
  const cards = {
    none: () => [titleForm(desk)],
    draft: () => [freezeCard(desk), titleForm(desk)],
    frozen: () => [openCard(desk)],
    open: () => [
      turnoutCard(office),
      office.election.closes_us !== null && extendCard(desk),
      closeCard(desk),
    ],
    ended: () => [closeCard(desk), turnoutCard(office), extendCard(desk)],
    closed: () => [tallyCard(desk), turnoutCard(office)],
    published: () => [publishedCard(), turnoutCard(office)],
  };
  return () => [
    course(office),
    stateLine(office.election),
    cards[office.election?.state ?? "none"](),
  ];
}

function course({ election }) {
  const now = states.indexOf(election?.state === "ended" ? "open" : (election?.state ?? "draft"));
  return el(
    "ol",
    { class: "steps long", "aria-label": t("office.course") },
    states.map((name, i) =>
      el(
        "li",
        { class: i < now ? "past" : undefined, "aria-current": i === now ? "step" : undefined },
        el("span", { class: "step" }, i < now ? "✓" : String(i + 1)),
        el("span", { class: "name" }, t(`course.${name}`)),
      ),
    ),
  );
}

function turnoutCard(office) {
  const [all, ...districts] = office.turnout;
  const columns = [
    { title: t("turnout.district") },
    { title: t("turnout.voters"), number: true },
    { title: t("turnout.voted"), number: true },
  ];
  const rows = districts.map((row) => [row.district, count(row.voters), count(row.voted)]);
  const refresh = () =>
    office.refresh().then(office.draw, (error) => {
      office.fail(error);
      office.say();
    });
  return el(
    "section",
    { class: "card", "aria-labelledby": "turnout" },
    el("h2", { id: "turnout" }, t("turnout.title")),
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
    el(
      "details",
      { id: "districts" },
      el("summary", { id: "districts-summary" }, t("turnout.by_district")),
      table(t("turnout.by_district"), columns, rows, { hideCaption: true }),
    ),
    el(
      "p",
      {},
      el("button", { id: "refresh", type: "button", onclick: refresh }, t("app.refresh")),
    ),
  );
}

/** One line of a checklist. */
export const checked = (ok, ...words) =>
  el("li", { class: ok ? "good" : "bad" }, mark(ok ? "good" : "bad"), el("span", {}, words));
