// The audit log, as everybody sees it.
import { auditCsv, auditTable } from "../../lib/audit.js";
import { download, el } from "../../lib/dom.js";
import { readAll } from "../../lib/election.js";
import { t } from "../../lib/i18n.js";

export function auditSection(office) {
  let rows = null;
  readAll(office.read, "audit_log", "id").then(
    (all) => {
      rows = all;
      office.draw();
    },
    (error) => {
      office.fail(error);
      office.say();
    },
  );
  return () => [
    el("p", { class: "lead" }, t("audit.lead")),
    rows &&
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
  ];
}
