// Question: something asked of every replica, from the first sending until enough of them said the
// same, or refused alike. It is asked again after silence, and of whoever connects meanwhile.
import { ApplicationError, gaveUp, nobody, NoQuorum, OutcomeUnknown, Refused } from "./errors.js";
import { cancel, later } from "./platform.js";

const retransmitFirstMs = 1_000; // doubling
const retransmitMaxMs = 8_000;
const wholePatienceMs = 50; // the digests agree but nobody sent the rows: ask everybody for them
// Whoever did not send them is not asked for rows for so long: one that never sends any costs that
// patience now and then, not for each of its requests.
const rowsPauseMs = 1_000; // doubling until it sends some
const rowsPauseMaxMs = 60_000;
// A refusal is asked for again before it is believed: replicas that lag behind refuse what they
// will accept a moment later.
const refusalRetryMs = 100;
const refusalRounds = 5;

/** In trouble, or behind, a replica may think otherwise in a moment: never believed for good. */
const passing = ["overloaded", "number_too_new"];
/** Replicas at different numbers may answer a read differently; they are asked again. */
const readRetryMs = 20;

export const now = () => performance.now();

/** Everybody sends digests of a question, one the rows: the work is spread over the group. */
export function sender(ready, number) {
  const willing = ready.filter(({ rowsAt = 0 }) => now() >= rowsAt);
  const of = willing[0] ? willing : ready;
  return of[number % of.length]?.id;
}

/** It should have sent rows, and others agreed. All that was asked of it at once counts once. */
export function keptRows(channel) {
  if (now() < channel.rowsAt) return;
  channel.rowsPause = Math.min(2 * channel.rowsPause || rowsPauseMs, rowsPauseMaxMs);
  channel.rowsAt = now() + channel.rowsPause;
}

/** What the caller hears of an outcome that is an error; nothing of others. */
export function failure({ outcome, agreement }) {
  const { type, code, message, procedure, statement } = outcome;
  if (type === "error")
    return new ApplicationError(code, message, { procedure, statement, sent: true, agreement });
}

/** Calls back into the caller's code, whose mistakes must not become ours. */
function tell(callback, ...args) {
  try {
    callback?.(...args);
  } catch (error) {
    queueMicrotask(() => {
      throw error;
    });
  }
}

/**
 * `about` may change until ask(): {digest (hex, of a request, a join or a read), number and
 * size (of a request), what (in words, if replicas are judged by it), mayRun (whether it changes
 * the state), timeout and linger (ms), signal, onAgreement, token (hears the tokens of a join),
 * sign() and tag(channel) (what proves to everybody, or to one replica, whose request it is)}; and,
 * each at most once and instead of what is done by default: {take({outcome, seq, agreed,
 * agreement}), f+1 said the same; refused(error), a quorum insists; failed(), the caller has an
 * error}.
 */
export function makeQuestion(group, about) {
  const { timeout, signal } = about;
  const voices = new Map(); // replica -> {said: a digest in hex, whole: all of it, if it sent that}
  const refusals = new Map(); // replica -> {code, rounds in which it said so}
  let intervalMs = retransmitFirstMs / 2;
  let message, resendAt, settled, closed;
  let round = 0;
  let lacksRows = false; // of its first round, and the others agree
  let signature; // a promise of it, once somebody needs one
  let resend, lingering, agreedAt;

  const self = {
    about,
    sent: false,
    again,
    /** Whether replicas are still to be heard about it. */
    get open() {
      return !closed || (voices.size < group.links.length && !!isConfirming());
    },
    ask(what) {
      if (closed) return;
      message = what;
      group.questions.set(about.digest, self);
      transmit();
    },
    /** Also to one that has just proven itself. */
    askOf(channel) {
      if (closed && (voices.has(channel.id) || !isConfirming())) return;
      self.sent = true;
      if (!about.sign) return channel.send(message);
      // Those who cannot check a tag go by the word of others: a quorum gets tags, or nobody. Who
      // asks again lets nothing depend on them.
      const byTags = round === 1 && group.tagsServe();
      channel.complete(message, (byTags && about.tag?.(channel)) || (signature ??= about.sign()));
    },
    hear(replica, heard) {
      if (heard.type === "refused") hearRefusal(replica, heard);
      else if (heard.type === "join_token") about.token?.(replica, heard);
      else hearVoice(replica, heard);
    },
    /** An answer; whether the caller likes it is another matter. */
    finish(taken) {
      const error = failure(taken);
      if (error) self.fail(error);
      else self.answer(taken);
    },
    /** Asks no more. */
    close() {
      closed = true;
      if (settled === undefined) group.questions.delete(about.digest);
      cancel(resend);
      cancel(lingering);
      resendAt = Infinity;
    },
  };
  // answer() and fail() tell the caller, whoever is first; so do the timeout and the signal.
  self.promise = new Promise((resolve, reject) => {
    const abort = () => self.fail(gaveUp(signal, self.sent));
    const deadline = later(() => self.fail(unanswered()), timeout);
    let told = false; // then only the number is kept alive
    const once = (act) => (value) => {
      if (told) return;
      told = true;
      cancel(deadline);
      signal?.removeEventListener("abort", abort);
      act(value);
    };
    self.answer = once(resolve);
    self.fail = once((error) => {
      (about.failed ?? self.close)();
      reject(error);
    });
    signal?.addEventListener("abort", abort);
    if (signal?.aborted) abort();
  });
  return self;

  // ---- asking -----------------------------------------------------------------------------------

  /**
   * It is settled, and the caller wants to hear of the others, too: they are asked for as long as
   * their stored reply lasts.
   */
  function isConfirming() {
    return (
      about.onAgreement && group.sessions.has(message.session) && group.questions.has(about.digest)
    );
  }
  function transmit() {
    if (closed && !isConfirming()) return;
    if (++round > 1) group.probe();
    const keeps = lacksRows && group.links[message.designated];
    if (keeps) keptRows(keeps);
    resendAt = Infinity;
    again((intervalMs = Math.min(2 * intervalMs, retransmitMaxMs)));
    about.askedAt = round === 1 && now();
    if (group.road?.carries(self, message, round)) {
      self.sent = true;
      return;
    }
    const ready = group.up();
    // Later, all send the rows.
    message.designated = round === 1 ? sender(ready, about.number) : undefined;
    ready.forEach(self.askOf);
  }
  /** The next sending is no later than in so many milliseconds. */
  function again(ms) {
    const due = now() + ms;
    if (resendAt <= due) return;
    cancel(resend);
    resendAt = due;
    resend = later(transmit, ms);
  }

  // ---- voices -----------------------------------------------------------------------------------

  function hearVoice(replica, heard) {
    const { said } = heard; // a digest, of ours if it sent all of it
    const before = voices.get(replica);
    if (settled !== undefined) {
      if (before) return;
      voices.set(replica, { said });
      if (about.what) {
        // It was counted as silent when the result was taken.
        if (!about.bundled) --group.links[replica].standing.silent;
        group.judge(
          replica,
          said === settled ? "agreed" : "differed",
          `differs, late, ${about.what}`,
        );
      }
      return tell(about.onAgreement, agreement());
    }
    const known = before?.said === said && before.whole;
    voices.set(replica, { said, whole: heard.outcome ? heard : known });
    weigh();
  }

  function weigh() {
    const spoken = [...voices.values()];
    const last = group.weak - 1;
    // Each replica answers a read at what it had executed. What f+1 had reached one correct replica
    // had: whoever lies can make the answer look older, never newer. And the newest answer wins: a
    // liar beside one that is behind is f+1, too, and must not win by having spoken first.
    const reached = (voice, field) =>
      voice.map(({ whole }) => whole?.[field]).sort((a, b) => b - a)[last];
    const [alike] = spoken
      .map(({ said }) => spoken.filter((other) => other.said === said))
      .filter((voice) => voice[last])
      .sort((a, b) => reached(b, "executed") - reached(a, "executed"));
    const heard = ({ id }) => voices.has(id);
    if (!alike) {
      if (!about.number && group.up().every(heard)) again(readRetryMs);
      return;
    }
    const wholes = alike.flatMap(({ whole }) => whole || []);
    const [answer] = wholes;
    if (!answer) {
      lacksRows = round === 1;
      // Who sends the rows may be farther away than those who sent digests.
      // (Later, everybody is asked for them anyway.)
      if (lacksRows) again(Math.max(wholePatienceMs, now() - about.askedAt));
      return;
    }
    agreedAt ??= now();
    // Those that are only just connecting are worth waiting for, those that failed to are not.
    const everybody = group.links.every((c) => heard(c) || (!c.ready && c.failures > 0));
    if (about.linger > 0 && !everybody) {
      lingering ??= later(() => {
        about.linger = 0;
        weigh();
      }, about.linger);
      return;
    }
    settled = alike[0].said;
    const sends = round === 1 && group.links[message.designated];
    if (sends) sends.rowsPause = 0;
    self.close();
    group.settled(about.digest);
    const all = agreement();
    // A join that fails may be executed twice, with two numbers: then both answers are right.
    if (message.session === "0" && answer.outcome.type === "error") about.what = undefined;
    if (about.what) {
      const reason = `differs from ${all.agreed} ${about.what}`;
      // A gateway brings no more words than are needed.
      const { silent, ...spoke } = all;
      const judged = about.bundled ? spoke : all;
      for (const kind in judged)
        for (const replica of judged[kind]) group.judge(replica, kind, reason);
    }
    group.road?.took(about, agreedAt);
    const { outcome, seq = reached(alike, "executed") } = answer;
    const agreed = reached(alike, "agreed") ?? answer.agreed;
    for (const voice of spoken) delete voice.whole;
    (about.take ?? self.finish)({ outcome, agreed, seq, agreement: all });
    // Whoever shows "confirmed by k of n" must not show it for a refusal: errors have their
    // agreement.
    if (outcome.type === "error") about.onAgreement = undefined;
    tell(about.onAgreement, all);
    if (voices.size < group.links.length) again(intervalMs);
  }
  /** Before it is settled nobody's word has won: whoever spoke differed. */
  function agreement() {
    const lists = nobody();
    for (const { id } of group.links) {
      const voice = voices.get(id);
      lists[!voice ? "silent" : voice.said === settled ? "agreed" : "differed"].push(id);
    }
    return lists;
  }

  // ---- what does not end in an answer -----------------------------------------------------------

  function hearRefusal(replica, { code }) {
    const before = refusals.get(replica);
    if (code === "speak_for_first" && !before) {
      // It cannot check our tags on this connection: it gets signatures, nobody else is troubled.
      refusals.set(replica, { code, rounds: new Set() });
      const channel = group.links[replica];
      channel.wantsSignatures = true;
      return self.askOf(channel);
    }
    const rounds = before?.code === code ? before.rounds : new Set();
    refusals.set(replica, { code, rounds: rounds.add(round) });
    // As often as a quorum said so: one that said it once, and is silent since, takes nothing from
    // the others' word. Not f+1: correct replicas that are behind refuse, honestly, what the group
    // has long accepted.
    const times = [...refusals.values()]
      .filter((other) => other.code === code)
      .map((other) => other.rounds.size)
      .sort((a, b) => b - a)[group.quorum - 1];
    if (closed || passing.includes(code) || !times) return;
    if (times < refusalRounds) return again(refusalRetryMs << times);
    // In our words: the last to refuse may be a liar.
    (about.refused ?? self.fail)(new Refused(code, `refused: ${code}`, { sent: true }));
  }
  function unanswered() {
    // A request of a session that left may be ordered at any time from now on.
    const mayRun = self.sent && about.mayRun;
    // What one alone says becomes no text that people read.
    const codes = new Set(
      [...refusals.values()]
        .filter(({ code }, i, all) => all.filter((other) => other.code === code)[group.weak - 1])
        .map(({ code }) => `; refused by some: ${code}`),
    );
    const [Kind, code] = mayRun ? [OutcomeUnknown, "outcome_unknown"] : [NoQuorum, "no_quorum"];
    return new Kind(
      code,
      `fewer than ${group.weak} replicas answered alike in time${[...codes].join("")}` +
        group.hint() +
        (mayRun ? "; it may have run, or may still run, once" : ""),
      { sent: self.sent, agreement: agreement() },
    );
  }
}
