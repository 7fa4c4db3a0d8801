// The audit log as a table and as a file.
import { csvLine } from "./csv.js";
import { el, table } from "./dom.js";
import { has, moment, t } from "./i18n.js";

export const actionWords = (action) => {
  const key = `action.${action.replaceAll(" ", "_")}`;
  return has(key) ? t(key) : action;
};
/**
 * "official:NAME:KEY", where the name may hold anything; "admin:KEY/NAME", where the name is that of the
 * window or tool, and no person's.
 */
export const actorWords = (actor) =>
  actor.startsWith("admin:")
    ? t("audit.admin", { key: actor.slice("admin:".length).replace(/\/.*$/, "") })
    : actor.replace(/^official:|:[0-9a-f]{32}$/g, "");
export const auditTable = (rows) =>
  table(
    t("nav.audit"),
    [
      { title: t("audit.number"), number: true },
      { title: t("audit.when") },
      { title: t("audit.what") },
      { title: t("audit.who") },
    ],
    rows.map((row) => [
      String(row.id),
      moment(row.at_us),
      [
        el("b", {}, actionWords(row.action)),
        row.detail && el("span", { class: "detail" }, row.detail),
      ],
      el("span", { class: "actor" }, actorWords(row.actor)),
    ]),
    { hideCaption: true },
  );
export const auditCsv = (rows) =>
  [
    "id,at,actor,action,detail\r\n",
    ...rows.map(({ id, at_us, actor, action, detail }) =>
      csvLine([id, new Date(at_us / 1000).toISOString(), actor, action, detail]),
    ),
  ].join("");
