// The ballot on its way; and test ballots, which go the same way and do not count.
import { announce, el, mark, notice } from "../../lib/dom.js";
import { t } from "../../lib/i18n.js";
import { draw } from "../../lib/page.js";
import { check } from "./choose.js";
import { done, receiptCode } from "./done.js";
import { ended } from "./enter.js";
import { over } from "./over.js";

export const testsMax = 3;
// The library goes on asking for so long; a ballot that was sent is not given up by a hurried page.
const castTimeoutMs = 30 * 60_000;
const slowMs = 6_000;
const lingerMs = 300;
const triesMax = 3; // of receipt codes that exist already: once in 2^60 ballots

const hold = (event) => event.preventDefault();

export async function cast(booth, { testing = false } = {}) {
  if (booth.at === "casting") return;
  let isSlow = false;
  booth.servers.asking();
  booth.goTo("casting", () => [
    el("h1", {}, t(testing ? "vote.casting.test" : "vote.casting.title")),
    el(
      "div",
      { class: "card casting" },
      el("progress", { "aria-label": t("vote.casting.title") }),
      el(
        "p",
        {},
        t(isSlow ? "vote.casting.slow" : "vote.casting.what", { n: booth.servers.replicas.length }),
      ),
    ),
  ]);
  addEventListener("beforeunload", hold);
  const slow = setTimeout(() => {
    isSlow = true;
    draw();
    announce(t("vote.casting.slow"));
  }, slowMs);
  try {
    const answer = await send(booth, testing);
    const receipt = { code: answer.value(), seq: answer.seq, us: answer.agreedUs };
    if (testing) tested(booth, receipt);
    else done(booth, receipt);
  } catch (error) {
    booth.servers.refused(error);
    // It was not sent: another window had taken over a moment before.
    if (error.code === "session_ended" && !error.sent) ended(booth, booth.client.ended);
    else over(booth, { error });
  } finally {
    clearTimeout(slow);
    removeEventListener("beforeunload", hold);
  }
}

async function send(booth, testing) {
  const ballot = { ballot: booth.ballot.json, spoil: testing ? 1 : 0, paper: booth.paper };
  const sending = (booth.sending = {});
  const onAgreement = (agreement) => {
    if (booth.sending !== sending) return; // late, of a test ballot
    booth.agreement = agreement;
    booth.servers.heard(agreement);
    booth.onAgreement?.();
  };
  for (let tries = 1; ; ++tries) {
    try {
      return await booth.client.call("cast_ballot", ballot, {
        timeout: castTimeoutMs,
        linger: lingerMs, // a refusal has no later voices
        onAgreement,
      });
    } catch (error) {
      if (error.code !== "try_again" || tries === triesMax) throw error;
    }
  }
}

function tested(booth, receipt) {
  ++booth.tests;
  booth.goTo("check", () => [
    el("h1", {}, t("vote.tested.title")),
    notice(
      "warn",
      el("p", {}, el("strong", {}, t("vote.tested.not_cast"))),
      el("p", {}, t("vote.tested.what")),
    ),
    el(
      "div",
      { class: "card" },
      el("h2", {}, t("vote.tested.code")),
      receiptCode(receipt),
      el("p", {}, mark("good"), booth.servers.summary(booth.agreement), "."),
      el(
        "p",
        {},
        el(
          "a",
          { href: `board.html#receipt=${receipt.code}`, target: "_blank", rel: "noopener" },
          t("vote.tested.look"),
        ),
      ),
    ),
    el(
      "p",
      { class: "row" },
      el(
        "button",
        { id: "back", type: "button", class: "main", onclick: () => check(booth) },
        t("vote.tested.back"),
      ),
    ),
  ]);
}
