// Opening, extending and closing. Times are typed in the time zone of the official's computer.
import { el } from "../../lib/dom.js";
import { moment, t } from "../../lib/i18n.js";

/** microseconds since 1970 of a datetime-local field's text, or null */
const fromLocal = (text) => (text ? new Date(text).getTime() * 1000 : null);
const toLocal = (ms) =>
  new Date(ms - new Date(ms).getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
const isPast = (us) => us / 1000 <= Date.now();

export function openCard(desk) {
  const submit = async (event) => {
    event.preventDefault();
    const closes = fromLocal(desk.closes);
    if (closes !== null && isPast(closes)) return desk.refuse("office.time.past");
    const key = closes === null ? "open_without_end" : "open";
    if (await desk.sure(key, "do.open", { when: moment(closes) }))
      desk.office.act("did.open", "open_election", { closes_us: closes ?? undefined });
  };
  return el(
    "form",
    { class: "card next", novalidate: true, onsubmit: submit },
    el("h2", {}, t("next.open")),
    el("p", {}, t("next.open.what")),
    desk.wrongNotice,
    desk.field("closes", "closes", t("office.closes.label"), {
      type: "datetime-local",
      min: toLocal(Date.now()),
      hint: t("office.closes.hint"),
    }),
    el("p", {}, el("button", { id: "open", class: "main" }, t("do.open"))),
  );
}

export function extendCard(desk) {
  const { office } = desk;
  const before = office.election.closes_us;
  const submit = async (event) => {
    event.preventDefault();
    const closes = fromLocal(desk.newCloses);
    if (closes === null || closes <= before || isPast(closes))
      return desk.refuse("office.extend.later");
    if (desk.reason.trim() === "") return desk.refuse("office.reason.missing");
    desk.wrong = null;
    if (
      await office.act("did.extend", "extend_election", { closes_us: closes, reason: desk.reason })
    )
      Object.assign(desk, { newCloses: "", reason: "" });
    office.draw();
  };
  return el(
    "form",
    { class: "card", novalidate: true, onsubmit: submit },
    el("h2", {}, t("office.extend")),
    el("p", {}, t("office.extend.what", { when: moment(before) })),
    desk.wrongNotice,
    desk.field("newCloses", "new-closes", t("office.extend.label"), {
      type: "datetime-local",
      min: toLocal(before / 1000),
    }),
    desk.field("reason", "reason", t("office.reason.label"), { maxlength: "200" }),
    el("p", {}, el("button", { id: "extend" }, t("do.extend"))),
  );
}

export function closeCard(desk) {
  const { election } = desk.office;
  const isOver = election.state === "ended";
  const close = async () => {
    const early = !isOver && election.closes_us !== null;
    if (
      await desk.sure(early ? "close_early" : "close", "do.close", {
        when: moment(election.closes_us),
      })
    )
      desk.office.act("did.close", "close_election");
  };
  return el(
    "section",
    { class: isOver ? "card next" : "card", "aria-labelledby": "close-title" },
    el("h2", { id: "close-title" }, t("next.close")),
    el("p", {}, t(isOver ? "next.close.ended" : "next.close.what")),
    el(
      "p",
      {},
      el(
        "button",
        { id: "close", type: "button", class: isOver ? "main" : "", onclick: close },
        t("do.close"),
      ),
    ),
  );
}
