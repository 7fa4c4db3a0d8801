// Step 1: the personal code becomes a key in this browser, and the servers say who that is.
import { Credential } from "../../prytany-client.js";
import { troubleSummary } from "../../lib/ballot.js";
import { codeCount, codeTrouble } from "../../lib/code.js";
import { announce, el, mark, notice } from "../../lib/dom.js";
import { explain } from "../../lib/errors.js";
import { stateLine } from "../../lib/election.js";
import { t } from "../../lib/i18n.js";
import { draw } from "../../lib/page.js";
import { endWords } from "../../lib/servers.js";
import { choose } from "./choose.js";
import { over } from "./over.js";

/** `trouble`: {title(), todo()} of what was typed before. */
export function enter(booth, { typed = "", trouble = null, focus = true } = {}) {
  const model = { typed, trouble, busy: false };
  const again = (why) => enter(booth, { typed: model.typed, trouble: why });

  async function submit(event) {
    event.preventDefault();
    if (model.busy) return;
    const given = model.typed;
    if (codeTrouble(given))
      return again({ title: () => codeTrouble(given), todo: () => t("todo.bad_code") });
    Object.assign(model, { busy: true, trouble: null });
    draw();
    announce(t("vote.code.busy"));
    try {
      booth.credential = await Credential.code(given, booth.cluster);
      await join(booth);
      afterJoin(booth);
    } catch (error) {
      booth.servers.refused(error);
      if (["not_open", "closed", "excluded"].includes(explain(error).key)) over(booth, { error });
      else again({ title: () => explain(error).title, todo: () => explain(error).todo });
    }
  }
  booth.goTo("code", () => view(booth, model, submit), { focus });
}

function view(booth, model, submit) {
  const { trouble } = model;
  return [
    el("h1", {}, t("vote.code.title")),
    stateLine(booth.election),
    trouble && troubleSummary([{ target: "code", words: trouble.title() }]),
    el(
      "form",
      { class: "card", onsubmit: submit, novalidate: true },
      el("label", { for: "code" }, t("vote.code.label")),
      el("p", { class: "hint", id: "code-hint" }, t("vote.code.hint")),
      trouble &&
        el(
          "p",
          { class: "trouble", id: "code-trouble" },
          mark("bad"),
          `${trouble.title()} ${trouble.todo()}`,
        ),
      codeInput(model),
      el("p", { class: "counter", id: "code-count" }, codeCount(model.typed)),
      el(
        "button",
        { id: "enter", class: "main", "aria-disabled": model.busy ? "true" : undefined },
        t(model.busy ? "vote.code.busy" : "vote.code.enter"),
      ),
    ),
    el(
      "section",
      { class: "card quiet", "aria-labelledby": "right-place" },
      el("h2", { id: "right-place" }, t("vote.place")),
      el("p", {}, t("vote.place.what")),
      el("p", {}, el("code", { class: "block" }, booth.cluster.fingerprint)),
    ),
  ];
}

const codeInput = (model) =>
  el("input", {
    id: "code",
    class: "code",
    type: "text",
    autocomplete: "off",
    spellcheck: "false",
    autocapitalize: "characters",
    maxlength: "60",
    value: model.typed,
    "aria-invalid": model.trouble ? "true" : undefined,
    "aria-describedby": `code-hint code-count${model.trouble ? " code-trouble" : ""}`,
    oninput: (event) => {
      model.typed = event.target.value;
      document.getElementById("code-count").textContent = codeCount(model.typed);
    },
  });

async function join(booth) {
  const client = await booth.cluster.join({ credential: booth.credential });
  booth.client = client;
  if (client.role !== "voter") {
    client.leave().catch(() => {});
    throw Object.assign(new Error(client.role), { code: "not_a_voter" });
  }
  client.addEventListener("end", ({ reason }) => {
    if (booth.client === client && reason !== "left" && ["choose", "check"].includes(booth.at))
      ended(booth, reason);
  });
  const heard = (agreement) => booth.servers.heard(agreement);
  const options = { linger: 300, onAgreement: heard };
  const [me, paper] = await Promise.all([
    client.call("my_status", {}, options),
    client.call("ballot_paper", {}, options),
  ]);
  booth.me = me.one();
  booth.takePaper(paper);
  booth.tests = booth.me.tests;
}

function afterJoin(booth) {
  if (booth.me.voted) return over(booth, { key: "already_voted" });
  history.replaceState({ at: "choose" }, "");
  choose(booth);
}

/** With the key that is still here, after another window took over or an answer got lost. */
export async function resume(booth) {
  try {
    await join(booth);
    afterJoin(booth);
  } catch (error) {
    over(booth, { error });
  }
}

/** The session is no more, and nothing was cast in it. The choices are kept. */
export function ended(booth, reason) {
  booth.goTo("choose", () => [
    el("h1", {}, t("vote.ended")),
    notice(
      "warn",
      el("p", {}, endWords(reason)),
      el("p", {}, el("strong", {}, t("vote.ended.nothing"))),
    ),
    el(
      "p",
      {},
      el(
        "button",
        { id: "continue", type: "button", class: "main", onclick: () => resume(booth) },
        t("vote.ended.continue"),
      ),
    ),
  ]);
}
