// Where the election stands, and the one next step.
import { confirmed } from "../../lib/dialog.js";
import { el, mark, notice, table } from "../../lib/dom.js";
import { stateLine } from "../../lib/election.js";
import { count, moment, percent, t } from "../../lib/i18n.js";

const states = ["draft", "frozen", "open", "closed", "published"];

/** microseconds of a datetime-local field's text, or null */
const fromLocal = (text) => text ? new Date(text).getTime() * 1000 : null;
const toLocal = (ms) => {
  const date = new Date(ms - new Date(ms).getTimezoneOffset() * 60_000);
  return date.toISOString().slice(0, 16);
};

export function overviewSection(office) {
  const model = { title: office.election?.title ?? "", description: office.election?.description ?? "", ticks: new Set(),
    wrong: null, closes: "", newCloses: "", reason: "", counted: null };
  const field = (id, label, input, hint) => [el("label", { for: id }, label), hint && el("p", { class: "hint" }, hint), input];
  const sure = async (key, action, params) =>
    confirmed({ title: t(`sure.${key}`), body: [t(`sure.${key}.what`, params)], action: t(action) });
  const wrong = (key) => {
    model.wrong = key;
    office.draw();
    document.getElementById("wrong")?.focus();
  };
  const wrongNotice = () => model.wrong &&
    el("div", { id: "wrong", tabindex: "-1" }, notice("bad", el("p", {}, el("strong", {}, t(model.wrong)))));

  // ---- draft ----------------------------------------------------------------------------------------

  const titleForm = () => el("form", { class: "card", onsubmit: (event) => {
    event.preventDefault();
    if (model.title.trim() === "") return wrong("office.title.missing");
    model.wrong = null;
    office.act("did.title", "create_election", { title: model.title, description: model.description });
  } },
  el("h2", {}, t(office.election ? "office.title.change" : "office.title.new")),
  !office.election && wrongNotice(),
  field("title", t("office.title.label"), el("input", { id: "title", maxlength: "200", value: model.title,
    oninput: (e) => { model.title = e.target.value; } })),
  field("description", t("office.description.label"), el("textarea", { id: "description", rows: "3", maxlength: "4000", value: model.description,
    oninput: (e) => { model.description = e.target.value; } })),
  el("p", {}, el("button", { id: "save-title", class: office.election ? "" : "main" }, t("office.title.save"))));

  const items = () => {
    const short = office.questions.filter((q) => q.candidates.length < q.choose_max);
    const voters = office.turnout[0]?.voters ?? 0;
    return [
      { ok: Boolean(office.election), words: t("check.title"), to: "overview" },
      { ok: office.questions.length > 0, words: t("check.questions", { n: office.questions.length }), to: "ballot" },
      { ok: office.questions.length > 0 && short.length === 0, to: "ballot", words: short.length === 0 ? t("check.candidates")
        : t("check.candidates.missing", { question: short[0].text, n: short[0].candidates.length, max: short[0].choose_max }) },
      { ok: voters > 0, words: t("check.roll", { n: voters }), to: "roll" },
    ];
  };
  const ticks = ["letters", "read"];
  const freezeCard = () => el("section", { class: "card next", "aria-labelledby": "freeze-title" },
    el("h2", { id: "freeze-title" }, t("next.freeze")), el("p", {}, t("next.freeze.what")),
    wrongNotice(),
    el("ul", { class: "checks" }, items().map(({ ok, words, to }) => el("li", { class: ok ? "good" : "bad" },
      mark(ok ? "good" : "bad"), el("span", {}, words, " ", ok ? el("span", { class: "unseen" }, t("check.ok"))
        : el("a", { href: `#${to}` }, t("check.go", { section: t(`office.${to}`) })))))),
    el("p", { class: "small", id: "verdict" }, office.problems.length === 0 ? t("check.servers_ok") : t("check.servers", { n: office.problems.length })),
    el("fieldset", { class: "ticks" }, el("legend", {}, t("check.yourself")), ticks.map((name) => el("label", { class: "option" },
      el("input", { type: "checkbox", id: `tick-${name}`, checked: model.ticks.has(name),
        onchange: (e) => { if (e.target.checked) model.ticks.add(name); else model.ticks.delete(name); } }),
      el("span", {}, t(`tick.${name}`))))),
    el("p", {}, el("button", { id: "freeze", type: "button", class: "main", onclick: async () => {
      if (office.problems.length > 0) return wrong("check.not_ready");
      if (model.ticks.size < ticks.length) return wrong("check.not_ticked");
      model.wrong = null;
      if (await sure("freeze", "do.freeze")) office.act("did.freeze", "freeze_election");
    } }, t("do.freeze"))));

  // ---- frozen, open ---------------------------------------------------------------------------------

  const openCard = () => el("form", { class: "card next", novalidate: true, onsubmit: async (event) => {
    event.preventDefault();
    const closes = fromLocal(model.closes);
    if (closes !== null && closes / 1000 <= Date.now()) return wrong("office.time.past");
    model.wrong = null;
    const key = closes === null ? "open_without_end" : "open";
    if (await sure(key, "do.open", { when: moment(closes) }))
      office.act("did.open", "open_election", closes === null ? {} : { closes_us: BigInt(closes) });
  } },
  el("h2", {}, t("next.open")), el("p", {}, t("next.open.what")), wrongNotice(),
  field("closes", t("office.closes.label"), el("input", { id: "closes", type: "datetime-local", min: toLocal(Date.now()), value: model.closes,
    oninput: (e) => { model.closes = e.target.value; } }), t("office.closes.hint")),
  el("p", {}, el("button", { id: "open", class: "main" }, t("do.open"))));

  const turnoutCard = () => {
    const [all, ...districts] = office.turnout;
    return el("section", { class: "card", "aria-labelledby": "turnout" }, el("h2", { id: "turnout" }, t("turnout.title")),
      el("p", {}, el("span", { class: "big" }, percent(all.voted, all.voters)), " ", t("turnout.line", { n: all.voters, voted: all.voted })),
      el("progress", { max: Math.max(1, all.voters), value: all.voted, "aria-label": t("turnout.title") }),
      el("details", { id: "districts" }, el("summary", { id: "districts-summary" }, t("turnout.by_district")), table(t("turnout.by_district"),
        [{ title: t("turnout.district") }, { title: t("turnout.voters"), number: true }, { title: t("turnout.voted"), number: true }],
        districts.map((row) => [row.district, count(row.voters), count(row.voted)]), { hideCaption: true })),
      el("p", {}, el("button", { id: "refresh", type: "button",
        onclick: () => office.refresh().then(office.draw, (error) => { office.fail(error); office.say(); }) }, t("app.refresh"))));
  };
  const extendCard = () => el("form", { class: "card", novalidate: true, onsubmit: async (event) => {
    event.preventDefault();
    const closes = fromLocal(model.newCloses);
    if (closes === null || closes <= office.election.closes_us || closes / 1000 <= Date.now()) return wrong("office.extend.later");
    if (model.reason.trim() === "") return wrong("office.reason.missing");
    model.wrong = null;
    if (await office.act("did.extend", "extend_election", { closes_us: BigInt(closes), reason: model.reason }))
      Object.assign(model, { newCloses: "", reason: "" });
    office.draw();
  } },
  el("h2", {}, t("office.extend")), el("p", {}, t("office.extend.what", { when: moment(office.election.closes_us) })), wrongNotice(),
  field("new-closes", t("office.extend.label"), el("input", { id: "new-closes", type: "datetime-local",
    min: toLocal(office.election.closes_us / 1000), value: model.newCloses, oninput: (e) => { model.newCloses = e.target.value; } })),
  field("reason", t("office.reason.label"), el("input", { id: "reason", maxlength: "200", value: model.reason,
    oninput: (e) => { model.reason = e.target.value; } })),
  el("p", {}, el("button", { id: "extend" }, t("do.extend"))));
  const closeCard = () => el("section", { class: office.election.state === "ended" ? "card next" : "card", "aria-labelledby": "close-title" },
    el("h2", { id: "close-title" }, t("next.close")),
    el("p", {}, t(office.election.state === "ended" ? "next.close.ended" : "next.close.what")),
    el("p", {}, el("button", { id: "close", type: "button", class: office.election.state === "ended" ? "main" : "", onclick: async () => {
      const early = office.election.state === "open" && office.election.closes_us !== null;
      if (await sure(early ? "close_early" : "close", "do.close", { when: moment(office.election.closes_us) })) office.act("did.close", "close_election");
    } }, t("do.close"))));

  // ---- closed, published ----------------------------------------------------------------------------

  const countedTable = () => office.questions.map(({ question, text }) => table(text,
    [{ title: t("results.candidate") }, { title: t("results.votes"), number: true }],
    model.counted.filter((row) => row.question === question)
      .map((row) => [row.candidate === 0 ? t("ballot.blank") : row.name, count(row.votes)])));
  const tallyCard = () => el("section", { class: "card next", "aria-labelledby": "tally-title" },
    el("h2", { id: "tally-title" }, t(model.counted ? "next.publish" : "next.tally")),
    el("p", {}, t(model.counted ? "next.publish.what" : "next.tally.what")),
    model.counted && countedTable(),
    el("p", { class: "row" }, el("button", { id: "tally", type: "button", class: model.counted ? "" : "main", onclick: async () => {
      const answer = await office.act("did.tally", "tally");
      if (answer) model.counted = answer.rows;
      office.draw();
    } }, t(model.counted ? "do.tally_again" : "do.tally")),
    model.counted && el("button", { id: "publish", type: "button", class: "main", onclick: async () => {
      if (await sure("publish", "do.publish")) office.act("did.publish", "publish");
    } }, t("do.publish"))));
  const publishedCard = () => el("section", { class: "card next", "aria-labelledby": "over-title" },
    el("h2", { id: "over-title" }, t("next.nothing")), el("p", {}, t("next.nothing.what")),
    el("ul", { class: "links" }, ["results", "recount", "audit"].map((name) => el("li", {}, el("a", { href: `${name}.html` }, t(`nav.${name}`))))));

  const line = () => {
    const state = office.election?.state === "ended" ? "open" : office.election?.state ?? "draft";
    return el("ol", { class: "steps", "aria-label": t("office.course") }, states.map((name, i) => {
      const now = states.indexOf(state);
      return el("li", { class: i < now ? "past" : undefined, "aria-current": i === now ? "step" : undefined },
        el("span", { class: "step" }, i < now ? "✓" : String(i + 1)), t(`course.${name}`));
    }));
  };
  return () => {
    const cards = {
      none: () => [titleForm()],
      draft: () => [freezeCard(), titleForm()],
      frozen: () => [openCard()],
      open: () => [turnoutCard(), office.election.closes_us !== null && extendCard(), closeCard()],
      ended: () => [closeCard(), turnoutCard(), extendCard()],
      closed: () => [tallyCard(), turnoutCard()],
      published: () => [publishedCard(), turnoutCard()],
    };
    return [line(), stateLine(office.election), cards[office.election?.state ?? "none"]()];
  };
}
