// What officials did, for anybody.
import { auditCsv, auditTable } from "../lib/audit.js";
import { download, el } from "../lib/dom.js";
import { readAll, readElection, stateLine } from "../lib/election.js";
import { moment, t } from "../lib/i18n.js";
import { show, start } from "../lib/page.js";

start("audit", async ({ read }) => {
  const [election, rows, officials] = await Promise.all([
    readElection(read),
    readAll(read, "audit_log", "id"),
    read("officials"),
  ]);
  show(() => [
    el("h1", {}, t("nav.audit")),
    stateLine(election),
    el("p", { class: "lead" }, t("audit.lead")),
    el(
      "section",
      { class: "card", "aria-labelledby": "entries" },
      el("h2", { id: "entries" }, t("audit.entries", { n: rows.length })),
      rows.length > 0 && auditTable(rows),
      el(
        "p",
        {},
        el(
          "button",
          {
            id: "save",
            type: "button",
            onclick: () => download("audit-log.csv", "text/csv", auditCsv(rows)),
          },
          t("audit.save"),
        ),
      ),
    ),
    el(
      "section",
      { class: "card", "aria-labelledby": "officials" },
      el("h2", { id: "officials" }, t("audit.officials")),
      officials.rows.length === 0
        ? el("p", {}, t("audit.no_officials"))
        : el(
            "ul",
            {},
            officials.rows.map((row) =>
              el("li", {}, t("audit.official", { name: row.name, when: moment(row.appointed_us) })),
            ),
          ),
    ),
  ]);
});
