// Question: something asked of every replica, from the first sending until enough of them said the
// same, or refused alike. It is asked again after silence, and of whoever connects meanwhile.
import { Aborted, NoQuorum } from "./errors.js";
import { Tally } from "./tally.js";
import { toJson } from "./values.js";

const retransmitFirstMs = 1_000;  // doubling
const retransmitMaxMs = 8_000;
const wholePatienceMs = 50;       // the digests agree but nobody sent the rows: ask everybody for them
// A refusal by f+1 replicas is asked for again before it is believed: replicas that lag behind refuse
// what they will accept a moment later.
const refusalRetryMs = 100;
const refusalRounds = 3;

/** A replica in trouble, or behind: it may think otherwise in a moment, so it is never believed for good. */
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

export class Question {
  sent = false;
  told = false;     // the caller has its answer; only the number is kept alive
  settled;          // what f+1 said, once the answer is taken
  tally = new Tally();
  #group;
  #message;
  #about;
  #asked = 0;
  #round = 0;
  #intervalMs = 0;
  #timers = {};
  #refusals = new Map();
  #wholeAsked = false;
  #lingered = false;

  /**
   * `about`: {digest (hex, of a request or join), number (of a request), what (in words, if replicas
   * are judged by it), linger (ms), retryMs (when all were heard and too few agree), onAgreement,
   * fits(whole): whether it answers this question; take(wholes, agreement): once, at f+1 voices;
   * refused({code, message}): once, when f+1 insist; failed(): the caller was told that there is no
   * answer}.
   */
  constructor(group, about) {
    this.#group = group;
    this.#about = about;
  }
  get digest() { return this.#about.digest; }
  get number() { return this.#about.number; }

  /** The caller's promise: fulfilled by answer(), rejected by fail(), the timeout, or the signal. */
  promise({ timeout, signal }) {
    return new Promise((resolve, reject) => {
      const abort = () => this.fail(new Aborted(signal.reason, this.sent));
      const settle = (act) => (value) => {
        if (this.told) return;
        this.told = true;
        clearTimeout(this.#timers.deadline);
        signal?.removeEventListener("abort", abort);
        act(value);
      };
      this.answer = settle(resolve);
      this.fail = settle((error) => {
        this.#about.failed?.();
        reject(error);
      });
      this.#timers.deadline = setTimeout(() => this.fail(this.#unanswered()), timeout);
      if (signal?.aborted) abort();
      else signal?.addEventListener("abort", abort);
    });
  }

  // ---- asking -------------------------------------------------------------------------------------

  ask(message) {
    this.#message = message;
    this.#group.questions.add(this);
    this.#transmit();
  }
  #transmit() {
    const group = this.#group;
    if (++this.#round === 1) {
      this.#asked = performance.now();
      this.#intervalMs = Math.min(Math.max(4 * group.latencyMs, retransmitFirstMs), retransmitMaxMs);
    } else {
      this.#intervalMs = Math.min(2 * this.#intervalMs, retransmitMaxMs);
      group.probe();
    }
    this.#again(this.#intervalMs, true);
    const ready = group.ready;
    // Everybody sends digests, one the rows: the work is spread over the group. Later, all the rows.
    if (this.#message.type === "request" && this.number !== undefined)
      this.#message.designated =
        this.#round === 1 ? ready[Number(this.number) % ready.length]?.id : undefined;
    const text = toJson(this.#message);
    for (const channel of ready) {
      this.sent = true;
      channel.send(text);
    }
  }
  /** Of one that has just proven itself. */
  transmitTo(channel) {
    if (!this.#message || this.settled) return;
    this.sent = true;
    // Nobody was there when it was first to be sent: whoever comes first sends the rows.
    if (this.#message.type === "request" && this.#round === 1) this.#message.designated ??= channel.id;
    channel.send(toJson(this.#message));
  }
  /** The next sending, no later than in so many milliseconds. */
  #again(ms, anew = false) {
    const due = performance.now() + ms;
    if (!anew && this.#timers.due <= due) return;
    clearTimeout(this.#timers.resend);
    this.#timers.due = due;
    this.#timers.resend = setTimeout(() => this.#transmit(), ms);
  }
  /** Whom it was to send the rows is gone: somebody else must. */
  lost(channel) {
    if (this.#message?.designated === channel.id && !this.settled) this.#again(wholePatienceMs);
  }

  // ---- voices -------------------------------------------------------------------------------------

  /** What this replica said; `whole` if it sent all of it. */
  hear(replica, said, whole) {
    const late = this.settled !== undefined && !this.tally.heard(replica);
    this.tally.say(replica, said, this.settled === undefined ? whole : undefined);
    if (this.settled === undefined) this.#weigh();
    else if (late) this.#judgeLate(replica, said);
  }
  #weigh() {
    const group = this.#group;
    const said = this.tally.settled(group.weakQuorum);
    const heard = ({ id }) => this.tally.heard(id);
    if (said === undefined) {
      // Replicas at different numbers may answer a read differently; they are asked again.
      if (this.#about.retryMs && group.ready.every(heard)) this.#again(this.#about.retryMs);
      return;
    }
    const wholes = this.tally.wholes(said);
    if (wholes.length === 0) {
      if (!this.#wholeAsked) this.#again(wholePatienceMs);
      this.#wholeAsked = true;
      return;
    }
    // f+1 would have to be faulty to say otherwise; nobody else may be believed instead.
    if (!this.#about.fits(wholes[0])) return;
    // Those that are only just connecting are worth waiting for, those that failed to are not.
    const everybody = group.channels.every((c) => heard(c) || (!c.ready && c.failures > 0));
    if (this.#about.linger > 0 && !everybody && !this.#lingered) {
      this.#timers.linger ??= setTimeout(() => {
        this.#lingered = true;
        this.#weigh();
      }, this.#about.linger);
      return;
    }
    if (this.#asked) group.latencyMs += (performance.now() - this.#asked - group.latencyMs) / 8;
    this.settled = said;
    this.close();
    const agreement = this.agreement();
    this.tally.forgetWholes();
    if (this.#about.what) group.judge(agreement, this.#about.what);
    // Whoever shows "confirmed by k of n" must not show it for a refusal: errors have their agreement.
    if (wholes[0].outcome?.type === "error") this.#about.onAgreement = undefined;
    this.#about.take(wholes, agreement);
    tell(this.#about.onAgreement, agreement);
  }
  #judgeLate(replica, said) {
    if (this.#about.what) this.#group.judgeLate(replica, said === this.settled, this.#about.what);
    tell(this.#about.onAgreement, this.agreement());
  }
  agreement() {
    return this.tally.about(this.settled, this.#group.channels.length);
  }

  // ---- what does not end in an answer -------------------------------------------------------------

  hearRefusal(replica, { code, message }) {
    if (this.settled !== undefined) return;
    let refusal = this.#refusals.get(replica);
    if (refusal?.code !== code) refusal = { code, message, heardIn: 0, rounds: 0 };
    if (refusal.heardIn !== this.#round) ++refusal.rounds;
    refusal.heardIn = this.#round;
    this.#refusals.set(replica, refusal);
    if (isPassing(code)) return;
    const alike = [...this.#refusals.values()].filter((other) => other.code === code);
    if (alike.length < this.#group.weakQuorum) return;
    const rounds = Math.min(...alike.map((other) => other.rounds));
    if (rounds >= refusalRounds) return this.#about.refused(refusal);
    this.#again(refusalRetryMs << rounds);
  }
  #unanswered() {
    const { weakQuorum, channels, ready } = this.#group;
    const codes = new Set([...this.#refusals.values()].map(({ code }) => code));
    let message = `fewer than ${weakQuorum} replicas answered alike in time (${this.tally.size} of ` +
      `${channels.length} answered, ${ready.length} are connected)`;
    for (const code of codes) message += `; refused by some: ${code}`;
    if (this.sent && this.number !== undefined) message += "; it may still run, once";
    return new NoQuorum(message, { sent: this.sent, agreement: this.agreement() });
  }
  /** Asks no more. */
  close() {
    this.#group.questions.delete(this);
    clearTimeout(this.#timers.resend);
    clearTimeout(this.#timers.linger);
  }
}
