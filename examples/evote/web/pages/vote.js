// The voter: code, choices, check, cast, receipt. One step on the screen at a time.
import { Credential } from "../prytany-client.js";
import { Ballot, ballotTroubles, questionField, troubleSummary } from "../lib/ballot.js";
import { codeCount, codeTrouble, spelled } from "../lib/code.js";
import { announce, download, el, mark, notice } from "../lib/dom.js";
import { explain } from "../lib/errors.js";
import { readElection, readPaper, stateLine } from "../lib/election.js";
import { moment, t } from "../lib/i18n.js";
import { draw, show, start } from "../lib/page.js";
import { endWords, serverList } from "../lib/servers.js";

// The library goes on asking for so long; a ballot that was sent is not given up by a hurried page.
const castTimeoutMs = 30 * 60_000;
const slowMs = 6_000;
const leaveMs = 2_000;
const steps = ["code", "choose", "check", "done"];

start("vote", async ({ cluster, read, servers }) => {
  const model = { typed: "", tests: 0, triesLeft: 2 };
  const [election, questions] = await Promise.all([readElection(read), readPaper(read)]);
  const ballot = new Ballot(questions);

  const goTo = (step, view, heading) => {
    model.step = step;
    model.view = view;
    show(() => frame(step, view()), { focus: true, heading });
  };
  const frame = (step, content) => [
    el("p", { class: "over" }, election.title),
    el("ol", { class: "steps", "aria-label": t("vote.steps") }, steps.map((name, i) => {
      const at = step === "casting" ? "check" : step;
      const now = steps.indexOf(at);
      return el("li", { class: i < now ? "past" : undefined, "aria-current": name === at ? "step" : undefined },
        el("span", { class: "step" }, i < now ? "✓" : String(i + 1)), t(`vote.step.${name}`));
    })),
    content,
  ];
  const stop = (event) => { event.preventDefault(); };

  // ---- 1: code ------------------------------------------------------------------------------------

  const codeView = () => [
    el("h1", {}, t("vote.code.title")),
    stateLine(election),
    model.trouble && troubleSummary([{ target: "code", words: model.trouble.title() }]),
    el("form", { class: "card", onsubmit: enter, novalidate: true },
      el("label", { for: "code" }, t("vote.code.label")),
      el("p", { class: "hint", id: "code-hint" }, t("vote.code.hint")),
      model.trouble && el("p", { class: "trouble", id: "code-trouble" }, mark("bad"),
        `${model.trouble.title()} ${model.trouble.todo()}`),
      el("input", { id: "code", class: "code", type: "text", autocomplete: "off", spellcheck: "false", maxlength: "60",
        autocapitalize: "characters", value: model.typed, "aria-invalid": model.trouble ? "true" : undefined,
        "aria-describedby": `code-hint code-count${model.trouble ? " code-trouble" : ""}`,
        oninput: (e) => {
          model.typed = e.target.value;
          document.getElementById("code-count").textContent = codeCount(model.typed);
        } }),
      el("p", { class: "counter", id: "code-count" }, codeCount(model.typed)),
      el("button", { id: "enter", class: "main", "aria-disabled": model.busy ? "true" : undefined },
        model.busy ? t("vote.code.busy") : t("vote.code.enter"))),
    el("section", { class: "card quiet", "aria-labelledby": "right-place" },
      el("h2", { id: "right-place" }, t("vote.place")),
      el("p", {}, t("vote.place.what")),
      el("p", {}, el("code", { class: "block" }, cluster.fingerprint))),
  ];
  const refuseCode = (title, todo) => {
    model.trouble = { title, todo };
    model.busy = false;
    goTo("code", codeView);
  };
  async function enter(event) {
    stop(event);
    if (model.busy) return;
    const typed = model.typed;
    if (codeTrouble(typed)) return refuseCode(() => codeTrouble(typed), () => t("todo.bad_code"));
    model.busy = true;
    model.trouble = null;
    draw();
    announce(t("vote.code.busy"));
    try {
      model.credential = await Credential.code(typed, cluster);
      await join();
      model.typed = "";
      model.busy = false;
      if (model.me.voted) over({ key: "already_voted" });
      else beginChoosing();
    } catch (error) {
      const { key } = explain(error);
      if (["not_open", "closed", "excluded"].includes(key)) return over({ error });
      refuseCode(() => explain(error).title, () => explain(error).todo);
    }
  }
  async function join() {
    const client = await cluster.join({ credential: model.credential });
    model.client = client;
    if (client.role !== "voter") {
      client.leave().catch(() => {});
      throw Object.assign(new Error(client.role), { code: "not_a_voter" });
    }
    client.addEventListener("end", ({ reason }) => {
      if (model.client !== client || reason === "left" || !["choose", "check"].includes(model.step)) return;
      goTo(model.step, () => endedView(reason));
    });
    const status = await client.call("my_status", {}, { linger: 300, onAgreement: (a) => servers.heard(a) });
    model.me = status.one();
    model.tests = model.me.tests;
  }
  const endedView = (reason) => [
    el("h1", {}, t("vote.ended")),
    notice("warn", el("p", {}, endWords(reason)), el("p", {}, el("strong", {}, t("vote.ended.nothing")))),
    el("p", {}, el("button", { id: "continue", type: "button", class: "main", onclick: resume }, t("vote.ended.continue"))),
  ];
  async function resume() {
    try {
      await join();
      if (model.me.voted) over({ key: "already_voted" });
      else beginChoosing();
    } catch (error) {
      over({ error });
    }
  }
  function beginChoosing() {
    history.replaceState({ at: "choose" }, "");
    goTo("choose", chooseView);
  }

  // ---- 2: choices ---------------------------------------------------------------------------------

  const chooseView = () => {
    const troubles = model.showTrouble ? ballotTroubles(ballot) : [];
    return [
      el("h1", {}, t("vote.choose.title")),
      el("p", { class: "lead" }, t("vote.choose.lead", { name: model.me.name })),
      troubles.length > 0 && troubleSummary(troubles),
      el("form", { onsubmit: review, novalidate: true },
        questions.map((question) => questionField(ballot, question, { showTrouble: model.showTrouble })),
        el("p", { class: "row" }, el("button", { id: "review", class: "main" }, t("vote.choose.next"))),
        el("p", { class: "small" }, t("vote.choose.not_cast"))),
    ];
  };
  function review(event) {
    stop(event);
    model.showTrouble = ballot.troubles.length > 0;
    if (model.showTrouble) return goTo("choose", chooseView);
    history.pushState({ at: "check" }, "");
    goTo("check", checkView);
  }
  // "Back" of the browser goes back to the choices. A ballot on its way, or cast, cannot be gone back from.
  addEventListener("popstate", ({ state }) => {
    if (model.step === "check" && state?.at === "choose") goTo("choose", chooseView);
    else if (model.step === "choose" && state?.at === "check" && ballot.troubles.length === 0) goTo("check", checkView);
  });

  // ---- 3: check and cast --------------------------------------------------------------------------

  const checkView = () => [
    el("h1", {}, t("vote.check.title")),
    notice("warn", el("p", {}, el("strong", {}, t("vote.check.not_cast"))), el("p", {}, t("vote.check.once"))),
    el("div", { class: "card" }, el("dl", { class: "choices" }, questions.map((question) => {
      const names = ballot.names(question);
      return el("div", {}, el("dt", {}, question.text),
        names.length > 0 ? names.map((name) => el("dd", {}, name)) : el("dd", { class: "blank" }, t("ballot.blank")),
        el("dd", { class: "change" }, el("button", {
          type: "button", id: `change-${question.question}`, "aria-label": t("vote.check.change_one", { question: question.text }),
          onclick: () => { goTo("choose", chooseView); document.getElementById(`question-${question.question}`).focus(); },
        }, t("vote.check.change"))));
    }))),
    el("p", { class: "row" },
      el("button", { id: "cast", type: "button", class: "main cast", onclick: () => cast(false) }, t("vote.check.cast"))),
    el("details", { class: "card quiet", id: "test-details" },
      el("summary", { id: "test-summary" }, t("vote.test.title")),
      el("p", {}, t("vote.test.what")),
      el("p", {}, t("vote.test.left", { n: Math.max(0, 3 - model.tests) })),
      model.tests < 3 && el("button", { id: "test", type: "button", onclick: () => cast(true) }, t("vote.test.do"))),
  ];

  const castingView = () => [
    el("h1", {}, t(model.testing ? "vote.casting.test" : "vote.casting.title")),
    el("div", { class: "card casting" }, el("progress", { "aria-label": t("vote.casting.title") }),
      el("p", {}, t(model.slow ? "vote.casting.slow" : "vote.casting.what", { n: servers.replicas.length }))),
  ];
  const hold = (event) => event.preventDefault();

  async function cast(testing) {
    if (model.step === "casting") return;
    Object.assign(model, { testing, slow: false, agreement: null });
    goTo("casting", castingView);
    addEventListener("beforeunload", hold);
    const slow = setTimeout(() => {
      model.slow = true;
      draw();
      announce(t("vote.casting.slow"));
    }, slowMs);
    try {
      const answer = await model.client.call("cast_ballot", { ballot: ballot.json, spoil: testing ? 1 : 0 },
        { timeout: castTimeoutMs, onAgreement: confirmed });
      model.receipt = { code: answer.value(), seq: answer.seq, us: answer.agreedUs };
      model.agreement = answer.agreement;
      if (testing) finishTest();
      else finish();
    } catch (error) {
      if (error.code === "try_again" && model.triesLeft-- > 0) {
        model.step = "check";
        return cast(testing);
      }
      over({ error });
    } finally {
      clearTimeout(slow);
      removeEventListener("beforeunload", hold);
    }
  }
  /** Called again for every server that is heard later. */
  function confirmed(agreement) {
    model.agreement = agreement;
    servers.heard(agreement);
    if (model.step !== "done") return;
    draw();
    announce(servers.summary(agreement));
  }

  // ---- 4: done ------------------------------------------------------------------------------------

  function finish() {
    goTo("done", doneView, () => t("vote.done.title"));
    const { client } = model;
    model.credential = null;
    // Late confirmations may still come; then the session ends, and with it what servers keep of it.
    setTimeout(() => client.leave().catch(() => {}), leaveMs);
    read("find_receipt", { receipt: model.receipt.code }).then((answer) => {
      model.onBoard = { found: answer.one().found, agreement: answer.agreement };
      if (model.step === "done") draw();
    }, () => {});
  }
  const receiptText = () => [election.title, "", `${t("receipt.code")}: ${model.receipt.code}`,
    `${t("receipt.when")}: ${moment(model.receipt.us)}`, `${t("receipt.seq")}: ${model.receipt.seq}`,
    servers.summary(model.agreement), `${t("servers.fingerprint")} ${cluster.fingerprint}`, "",
    t("receipt.what"), new URL(`board.html#receipt=${model.receipt.code}`, location.href).href, ""].join("\r\n");
  const doneView = () => [
    el("div", { class: "done" }, el("span", { class: "seal", "aria-hidden": "true" }, "✓"),
      el("h1", {}, t("vote.done.title")),
      el("p", { class: "lead" }, t("vote.done.lead"))),
    el("section", { class: "card receipt-card", "aria-labelledby": "receipt-title" },
      el("h2", { id: "receipt-title" }, t("receipt.code")),
      el("p", { class: "receipt" }, el("span", { "aria-hidden": "true", id: "receipt" }, model.receipt.code),
        el("span", { class: "unseen" }, spelled(model.receipt.code))),
      el("p", { id: "confirmed" }, mark("good"), el("strong", {}, servers.summary(model.agreement)), "."),
      serverList(servers, model.agreement),
      model.onBoard && el("p", { id: "on-board" }, mark(model.onBoard.found ? "good" : "bad"),
        t(model.onBoard.found ? "receipt.on_board" : "receipt.not_on_board"), " ", servers.summary(model.onBoard.agreement), "."),
      el("dl", { class: "facts" },
        el("div", {}, el("dt", {}, t("receipt.election")), el("dd", {}, election.title)),
        el("div", {}, el("dt", {}, t("receipt.when")), el("dd", {}, moment(model.receipt.us))),
        el("div", {}, el("dt", {}, t("receipt.seq")), el("dd", {}, String(model.receipt.seq))),
        el("div", { class: "print-only" }, el("dt", {}, t("servers.fingerprint")), el("dd", {}, cluster.fingerprint))),
      el("p", { class: "row no-print" },
        el("button", { id: "print", type: "button", class: "main", onclick: () => print() }, t("receipt.print")),
        el("button", { id: "save", type: "button",
          onclick: () => download("receipt.txt", "text/plain", receiptText()) }, t("receipt.save")))),
    el("section", { class: "card quiet", "aria-labelledby": "and-now" }, el("h2", { id: "and-now" }, t("vote.done.now")),
      el("ul", {}, el("li", {}, t("receipt.what")), el("li", {}, t("receipt.hides")), el("li", {}, t("vote.done.close"))),
      el("p", { class: "no-print" }, el("a", { href: `board.html#receipt=${model.receipt.code}` }, t("nav.board")))),
  ];

  function finishTest() {
    ++model.tests;
    goTo("check", testView, () => t("vote.tested.title"));
  }
  const testView = () => [
    el("h1", {}, t("vote.tested.title")),
    notice("warn", el("p", {}, el("strong", {}, t("vote.tested.not_cast"))), el("p", {}, t("vote.tested.what"))),
    el("div", { class: "card" }, el("h2", {}, t("vote.tested.code")),
      el("p", { class: "receipt" }, el("span", { "aria-hidden": "true", id: "receipt" }, model.receipt.code),
        el("span", { class: "unseen" }, spelled(model.receipt.code))),
      el("p", {}, mark("good"), servers.summary(model.agreement), "."),
      el("p", {}, el("a", { href: `board.html#receipt=${model.receipt.code}`, target: "_blank", rel: "noopener" }, t("vote.tested.look")))),
    el("p", { class: "row" },
      el("button", { id: "back", type: "button", class: "main", onclick: () => goTo("check", checkView) }, t("vote.tested.back"))),
  ];

  // ---- what ends it -------------------------------------------------------------------------------

  /** It did not go on: why, and what to do now. */
  function over({ error, key }) {
    const explained = () => error ? explain(error) : { key, title: t(`error.${key}`), todo: t(`todo.${key}`) };
    const unknown = error && error.sent && ["outcome_unknown", "no_quorum"].includes(error.kind) && model.credential;
    const back = error && !unknown && ["wrong_number_of_choices", "question_missing", "try_again", "no_more_tests"].includes(explained().key);
    if (!unknown && model.client?.ended === null && !back) model.client.leave().catch(() => {});
    goTo("over", () => {
      const { title, todo, detail } = explained();
      return [
        el("h1", {}, t(unknown ? "vote.unknown" : "vote.over")),
        el("div", { id: "refusal", "data-code": explained().key }, notice(unknown ? "warn" : "bad",
          el("p", {}, el("strong", {}, title)), el("p", {}, todo),
          detail && el("p", { class: "small" }, detail))),
        unknown && el("p", {}, el("button", { id: "look", type: "button", class: "main", onclick: resume }, t("vote.unknown.look"))),
        back && el("p", {}, el("button", { id: "back", type: "button", onclick: () => goTo("check", checkView) }, t("vote.tested.back"))),
        el("ul", { class: "links" }, el("li", {}, el("a", { href: "board.html" }, t("nav.board"))),
          el("li", {}, el("a", { href: "./" }, t("nav.index")))),
      ];
    });
  }

  if (!election || election.state !== "open") {
    const key = !election ? "none" : election.state;
    show(() => [el("h1", {}, t("vote.title")), stateLine(election),
      el("div", { id: "refusal", "data-code": key },
        notice("wait", el("p", {}, el("strong", {}, t(`vote.not.${key}`))), el("p", {}, t(`vote.not.${key}.todo`)))),
      el("ul", { class: "links" }, el("li", {}, el("a", { href: "./" }, t("nav.index"))),
        ["closed", "ended", "published"].includes(key) && el("li", {}, el("a", { href: "board.html" }, t("nav.board"))),
        key === "published" && el("li", {}, el("a", { href: "results.html" }, t("nav.results"))))]);
    return;
  }
  model.step = "code";
  show(() => frame("code", codeView()));
});
