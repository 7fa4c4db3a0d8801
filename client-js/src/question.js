// Question: something asked of every replica, from the first sending until enough of them said the
// same, or refused alike. It is asked again after silence, and of whoever connects meanwhile.
import { Aborted, NoQuorum, OutcomeUnknown } from "./errors.js";
import { toJson } from "./values.js";

const retransmitFirstMs = 1_000; // doubling
const retransmitMaxMs = 8_000;
const wholePatienceMs = 50; // the digests agree but nobody sent the rows: ask everybody for them
// A refusal is asked for again before it is believed: replicas that lag behind refuse what they
// will accept a moment later.
const refusalRetryMs = 100;
const refusalRounds = 3;

/**
 * A replica in trouble, or behind: it may think otherwise in a moment, so it is never believed for
 * good.
 */
const isPassing = (code) => code === "overloaded" || code === "number_too_new";

/** Calls back into the caller's code, whose mistakes must not become ours. */
export function tell(callback, ...args) {
  try {
    callback?.(...args);
  } catch (error) {
    queueMicrotask(() => {
      throw error;
    });
  }
}

/**
 * `about` may change until ask(): {digest (hex, of a request or join), number (of a request), what
 * (in words, if replicas are judged by it), mayRun (whether it changes the state), linger (ms),
 * retryMs (when all were heard and too few agree), onAgreement; and, each at most once, take(whole
 * answers, agreement): f+1 said the same, of whom these sent all of it; refused(code, message): a
 * quorum insists; failed(): the caller has an error}.
 */
export function makeQuestion(group, about, { timeout, signal }) {
  const voices = new Map(); // replica -> what it said: a digest in hex. One voice each
  const wholes = new Map(); // replica -> the whole answer with that digest
  const refusals = new Map(); // replica -> {code, rounds, heardIn}
  let message, asked, resendAt, intervalMs, settled, wholeAsked, lingered;
  let round = 0;
  let resend, lingering;

  const self = {
    about,
    sent: false,
    told: false, // the caller has its answer; only the number is kept alive
    ask(what) {
      message = what;
      group.questions.add(self);
      transmit();
    },
    /** To one that has just proven itself. */
    transmitTo(channel) {
      // Nobody was there when it was first to be sent: whoever comes first sends the rows.
      if (round === 1 && about.number) message.designated ??= channel.id;
      self.sent = true;
      channel.send(message);
    },
    /** Whom it was to send the rows is gone: somebody else must. */
    lost(replica) {
      if (message.designated === replica) again(wholePatienceMs);
    },
    hear,
    hearRefusal,
    /** Asks no more. */
    close() {
      group.questions.delete(self);
      clearTimeout(resend);
      clearTimeout(lingering);
    },
  };
  // answer() and fail() tell the caller, whoever is first; so do the timeout and the signal.
  self.promise = new Promise((resolve, reject) => {
    const abort = () =>
      self.fail(
        new Aborted("aborted", "the caller gave up" + mayRun(), {
          sent: self.sent,
          cause: signal.reason,
        }),
      );
    const deadline = setTimeout(() => self.fail(unanswered()), timeout);
    const once = (act) => (value) => {
      if (self.told) return;
      self.told = true;
      clearTimeout(deadline);
      signal?.removeEventListener("abort", abort);
      act(value);
    };
    self.answer = once(resolve);
    self.fail = once((error) => {
      about.failed?.();
      reject(error);
    });
    signal?.addEventListener("abort", abort);
    if (signal?.aborted) abort();
  });
  return self;

  // ---- asking -----------------------------------------------------------------------------------

  function transmit() {
    if (++round === 1) {
      asked = performance.now();
      intervalMs = Math.max(2 * group.latencyMs, retransmitFirstMs / 2);
    } else {
      group.probe();
    }
    resendAt = Infinity;
    again((intervalMs = Math.min(2 * intervalMs, retransmitMaxMs)));
    const ready = group.connected();
    // Everybody sends digests, one the rows: the work is spread over the group. Later, all the
    // rows.
    if (about.number)
      message.designated = round === 1 ? ready[about.number % ready.length]?.id : undefined;
    const text = toJson(message);
    for (const channel of ready) {
      self.sent = true;
      channel.send(text);
    }
  }
  /** The next sending is no later than in so many milliseconds. */
  function again(ms) {
    const due = performance.now() + ms;
    if (resendAt <= due) return;
    clearTimeout(resend);
    resendAt = due;
    resend = setTimeout(transmit, ms);
  }

  // ---- voices -----------------------------------------------------------------------------------

  /** What this replica said; `whole` if it sent all of it: `said` is then its digest, by us. */
  function hear(replica, said, whole) {
    const news = voices.get(replica) !== said;
    const late = settled !== undefined;
    if (late && voices.has(replica)) return;
    if (news) wholes.delete(replica);
    voices.set(replica, said);
    if (late) {
      if (about.what) group.judgeLate(replica, said === settled, about.what);
      return tell(about.onAgreement, agreement());
    }
    if (whole) wholes.set(replica, whole);
    weigh();
  }
  function supporters(said) {
    return [...voices.keys()].filter((replica) => voices.get(replica) === said);
  }

  function weigh() {
    const said = [...voices.values()].find((voice) => supporters(voice).length >= group.weakQuorum);
    const heard = ({ id }) => voices.has(id);
    if (said === undefined) {
      // Replicas at different numbers may answer a read differently; they are asked again.
      if (about.retryMs && group.connected().every(heard)) again(about.retryMs);
      return;
    }
    const answers = supporters(said)
      .map((replica) => wholes.get(replica))
      .filter(Boolean);
    if (!answers[0]) {
      if (!wholeAsked) again(wholePatienceMs);
      wholeAsked = true;
      return;
    }
    // Those that are only just connecting are worth waiting for, those that failed to are not.
    const everybody = group.channels.every((c) => heard(c) || (!c.ready && c.failures > 0));
    if (about.linger > 0 && !everybody && !lingered) {
      lingering ??= setTimeout(() => {
        lingered = true;
        weigh();
      }, about.linger);
      return;
    }
    group.latencyMs += (performance.now() - asked - group.latencyMs) / 8;
    settled = said;
    self.close();
    wholes.clear();
    if (about.what) group.judge(agreement(), about.what);
    about.take(answers, agreement());
    // Whoever shows "confirmed by k of n" must not show it for a refusal: errors have their
    // agreement.
    if (answers[0].outcome.type === "error") about.onAgreement = undefined;
    tell(about.onAgreement, agreement());
  }
  /** Before it is settled nobody's word has won: whoever spoke differed. */
  function agreement() {
    const lists = { agreed: [], differed: [], silent: [] };
    for (const { id } of group.channels)
      lists[!voices.has(id) ? "silent" : voices.get(id) === settled ? "agreed" : "differed"].push(
        id,
      );
    return lists;
  }

  // ---- what does not end in an answer -----------------------------------------------------------

  function hearRefusal(replica, { code, message: text }) {
    let refusal = refusals.get(replica);
    if (refusal?.code !== code) refusals.set(replica, (refusal = { code, rounds: 0 }));
    if (refusal.heardIn !== round) ++refusal.rounds;
    refusal.heardIn = round;
    const alike = [...refusals.values()].filter((other) => other.code === code);
    // Not f+1: correct replicas that are behind refuse, honestly, what the group has long accepted.
    if (isPassing(code) || alike.length < group.quorum) return;
    const rounds = Math.min(...alike.map((other) => other.rounds));
    if (rounds >= refusalRounds) about.refused(code, text);
    else again(refusalRetryMs << rounds);
  }
  /** A request of a session that left may be ordered at any time from now on. */
  function mayRun() {
    return self.sent && about.mayRun ? "; it may have run, or may still run, once" : "";
  }
  function unanswered() {
    const refused = [
      ...new Set([...refusals.values()].map(({ code }) => `; refused by some: ${code}`)),
    ];
    const [Kind, code] = mayRun() ? [OutcomeUnknown, "outcome_unknown"] : [NoQuorum, "no_quorum"];
    return new Kind(
      code,
      `fewer than ${group.weakQuorum} replicas answered alike in time ` +
        `(${voices.size} of ${group.channels.length} ` +
        `answered, ${group.connected().length} are connected)${refused.join("")}${mayRun()}`,
      { sent: self.sent, agreement: agreement() },
    );
  }
}
