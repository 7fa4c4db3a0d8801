// What is protected and what is not, in plain words.
import { el } from "../lib/dom.js";
import { t } from "../lib/i18n.js";
import { show, start } from "../lib/page.js";

const lines = (prefix, n) =>
  el(
    "ul",
    {},
    Array.from({ length: n }, (_, i) =>
      el("li", {}, el("strong", {}, t(`${prefix}.${i + 1}`)), " ", t(`${prefix}.${i + 1}.what`)),
    ),
  );

start("safety", async ({ cluster, read }) => {
  show(() => [
    el("h1", {}, t("nav.safety")),
    el(
      "section",
      { class: "card", "aria-labelledby": "not" },
      el("h2", { id: "not" }, t("safety.not")),
      lines("safety.not", 5),
    ),
    el(
      "section",
      { class: "card", "aria-labelledby": "protected" },
      el("h2", { id: "protected" }, t("safety.yes")),
      lines("safety.yes", 4),
    ),
    el(
      "section",
      { class: "card", "aria-labelledby": "yourself" },
      el("h2", { id: "yourself" }, t("safety.do")),
      el(
        "ol",
        {},
        [1, 2, 3, 4].map((i) => el("li", {}, t(`safety.do.${i}`))),
      ),
      el("p", {}, t("safety.mine"), " ", el("code", { class: "block" }, cluster.fingerprint)),
    ),
  ]);
  await read("election"); // so that the panel can say who answers
});
