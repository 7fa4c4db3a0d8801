// Step 4: the receipt, and who confirms it. What comes later is added as it comes.
import { spelled } from "../../lib/code.js";
import { announce, download, el, mark } from "../../lib/dom.js";
import { moment, t } from "../../lib/i18n.js";
import { draw } from "../../lib/page.js";
import { serverList } from "../../lib/servers.js";

// Late confirmations may still come; then the session ends, and with it what servers keep of it.
const leaveMs = 2_000;
// Servers that were silent are looked for, also after days: by whether the ballot is on their board.
const lookMs = 3_000;

export function done(booth, receipt) {
  const model = { receipt, onBoard: null };
  booth.goTo("done", () => view(booth, model));
  booth.credential = null;
  booth.onAgreement = () => {
    draw();
    announce(booth.servers.summary(booth.agreement));
  };
  setTimeout(() => booth.client.leave().catch(() => {}), leaveMs);
  lookOnBoard(booth, model);
}

/** Who was silent when the ballot was cast, and has it on the board now, confirms it now. */
async function lookOnBoard(booth, model) {
  try {
    const answer = await booth.read("find_receipt", { receipt: model.receipt.code });
    model.onBoard = { found: answer.one().found, agreement: answer.agreement };
    if (model.onBoard.found) heardLate(booth, answer.agreement.agreed);
    draw();
  } catch {
    // the receipt is good without it
  }
  if (!model.onBoard?.found || booth.agreement.silent.length > 0)
    setTimeout(lookOnBoard, lookMs, booth, model);
}
function heardLate(booth, ids) {
  const { agreed, differed, silent } = booth.agreement;
  const late = silent.filter((id) => ids.includes(id));
  if (late.length === 0) return;
  booth.agreement = {
    agreed: [...agreed, ...late].sort((a, b) => a - b),
    differed,
    silent: silent.filter((id) => !late.includes(id)),
  };
  booth.onAgreement();
}

/** On the screen as it is, and for a screen reader letter by letter. */
export const receiptCode = ({ code }) =>
  el(
    "p",
    { class: "receipt" },
    el("span", { "aria-hidden": "true", id: "receipt" }, code),
    el("span", { class: "unseen" }, spelled(code)),
  );

function view(booth, { receipt, onBoard }) {
  const { servers } = booth;
  return [
    el(
      "div",
      { class: "done" },
      el("span", { class: "seal", "aria-hidden": "true" }, "✓"),
      el("h1", {}, t("vote.done.title")),
      el("p", { class: "lead" }, t("vote.done.lead")),
    ),
    el(
      "section",
      { class: "card receipt-card", "aria-labelledby": "receipt-title" },
      el("h2", { id: "receipt-title" }, t("receipt.code")),
      receiptCode(receipt),
      el(
        "p",
        { id: "confirmed" },
        mark("good"),
        el("strong", {}, servers.summary(booth.agreement)),
        ".",
      ),
      serverList(servers, booth.agreement),
      onBoard &&
        el(
          "p",
          { id: "on-board" },
          mark(onBoard.found ? "good" : "bad"),
          t(onBoard.found ? "receipt.on_board" : "receipt.not_on_board"),
          " ",
          servers.summary(onBoard.agreement),
          ".",
        ),
      facts(booth, receipt),
      el(
        "p",
        { class: "row no-print" },
        el(
          "button",
          { id: "print", type: "button", class: "main", onclick: () => print() },
          t("receipt.print"),
        ),
        el(
          "button",
          {
            id: "save",
            type: "button",
            onclick: () => download("receipt.txt", "text/plain", receiptText(booth, receipt)),
          },
          t("receipt.save"),
        ),
      ),
    ),
    el(
      "section",
      { class: "card quiet", "aria-labelledby": "and-now" },
      el("h2", { id: "and-now" }, t("vote.done.now")),
      el(
        "ul",
        {},
        el("li", {}, t("receipt.what")),
        el("li", {}, t("receipt.hides")),
        el("li", {}, t("vote.done.close")),
      ),
      el(
        "p",
        { class: "no-print" },
        el("a", { href: `board.html#receipt=${receipt.code}` }, t("nav.board")),
      ),
    ),
  ];
}

function facts({ election, cluster }, { us, seq }) {
  const fact = (name, words, props = {}) =>
    el("div", props, el("dt", {}, name), el("dd", {}, words));
  return el(
    "dl",
    { class: "facts" },
    fact(t("receipt.election"), election.title),
    fact(t("receipt.when"), moment(us)),
    fact(t("receipt.seq"), String(seq)),
    fact(t("servers.fingerprint"), cluster.fingerprint, { class: "print-only" }),
  );
}

const receiptText = (booth, { code, us, seq }) =>
  [
    booth.election.title,
    "",
    `${t("receipt.code")}: ${code}`,
    `${t("receipt.when")}: ${moment(us)}`,
    `${t("receipt.seq")}: ${seq}`,
    booth.servers.summary(booth.agreement),
    `${t("servers.fingerprint")} ${booth.cluster.fingerprint}`,
    "",
    t("receipt.what"),
    new URL(`board.html#receipt=${code}`, location.href).href,
    "",
  ].join("\r\n");
