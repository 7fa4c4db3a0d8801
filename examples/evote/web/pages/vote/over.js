// It did not go on: why, and what to do now.
import { el, notice } from "../../lib/dom.js";
import { explain } from "../../lib/errors.js";
import { t } from "../../lib/i18n.js";
import { check } from "./choose.js";
import { resume } from "./enter.js";

/** Refusals after which the choices can be put right. */
const mendable = ["wrong_number_of_choices", "question_missing", "try_again", "no_more_tests"];

/** `error`, or the `key` of a refusal. */
export function over(booth, { error, key }) {
  const explained = () =>
    error ? explain(error) : { key, title: t(`error.${key}`), todo: t(`todo.${key}`) };
  const why = explained().key;
  // It was sent, and nobody said what became of it. Asking as the same voter tells.
  const unknown = Boolean(
    error?.sent && ["outcome_unknown", "no_quorum"].includes(error.kind) && booth.credential,
  );
  const agreed = error?.agreement?.agreed.length ?? 0;
  const back = !unknown && mendable.includes(why);
  const already = why === "already_voted";
  const again = why === "paper_changed" && booth.credential;
  if (!unknown && !back && booth.client?.ended === null) booth.client.leave().catch(() => {});
  const button = (id, words, onclick) =>
    el("p", {}, el("button", { id, type: "button", class: "main", onclick }, t(words)));
  booth.goTo("over", () => {
    const { title, todo, detail } = explained();
    return [
      el("h1", {}, t(unknown ? "vote.unknown" : already ? "vote.already" : "vote.over")),
      el(
        "div",
        { id: "refusal", "data-code": why },
        notice(
          unknown ? "warn" : already ? "info" : "bad",
          el("p", {}, el("strong", {}, title)),
          el("p", {}, todo),
          detail && el("p", { class: "small" }, detail),
          agreed > 0 && el("p", { class: "small" }, booth.servers.refusalSummary(error.agreement)),
        ),
      ),
      unknown && button("look", "vote.unknown.look", () => resume(booth)),
      again && button("again", "vote.paper.again", () => resume(booth)),
      back && button("back", "vote.tested.back", () => check(booth)),
      el(
        "ul",
        { class: "links" },
        el("li", {}, el("a", { href: "board.html" }, t("nav.board"))),
        el("li", {}, el("a", { href: "./" }, t("nav.index"))),
      ),
    ];
  });
}
