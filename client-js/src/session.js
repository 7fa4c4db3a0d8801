// Session: numbered requests, from the queue through the window to a result that f+1 replicas gave
// (docs/wire.md sections 5.2 and 6). What a single replica says, a wrong result, a refusal, the end of
// the session, changes nothing and is remembered against it.
import { join, toHex } from "./bytes.js";
import * as codec from "./codec.js";
import { hash, sign, word } from "./crypto.js";
import { ApplicationError, OutcomeUnknown, Refused, Usage } from "./errors.js";
import { whole } from "./group.js";
import { Question } from "./question.js";

const windowMax = 64;
const queueMax = 100_000;

export async function signedRequest(group, signer, session, number, operation, encoded) {
  const body = codec.encode(codec.requestBody,
                            { session, number, signer: signer.publicKey, operation: encoded });
  const digest = await hash("prytany request", body);
  const signature = await sign(signer.key, join(word("prytany signed request"), group.cluster, digest));
  const message = { type: "request", session, number, signer: signer.publicKey, operation,
                    signature: toHex(signature) };
  return { digest: toHex(digest), message };
}

/** Throws Usage for what no replica would take. */
export function encodeOperation(operation, type = codec.operation) {
  try {
    const encoded = codec.encode(type, operation);
    if (encoded.length <= 1 << 20) return encoded;
  } catch (error) {
    if (!(error instanceof codec.Malformed)) throw error;
    if (!(error instanceof codec.TooLarge)) throw new Usage(`a part of the request is not ${error.message}`);
    throw new Usage(`a part of the request is too large: ${error.message}`, "too_large");
  }
  throw new Usage("a request is at most 1 MiB", "too_large");
}

/** An answer of the middleware, not of an application or of SQL. */
const isSessionError = ({ code, procedure, statement }) =>
  procedure === "" && statement === 0 && ["unknown_session", "session_ended", "number_too_old"].includes(code);

export class Session {
  ended = null;
  #group;
  #signer;
  #id;
  #onEnd;
  #lastNumber = 0;
  #queue = [];
  #pending = new Map();  // number -> question
  #settled = new Map();  // the last of them, so that late voices are still judged
  #endClaims = new Map();

  constructor(group, signer, id, onEnd) {
    this.#group = group;
    this.#signer = signer;
    this.#id = id;
    this.#onEnd = onEnd;
    group.sessions.set(id, this);
  }

  /** Resolves to {outcome, seq, agreed, agreement}, where the outcome is no error. */
  submit(operation, { timeout, signal, linger = 0, onAgreement }) {
    const encoded = encodeOperation(operation);
    if (this.ended !== null) throw this.#hasEnded();
    if (this.#queue.length >= queueMax)
      throw new Refused("queue_full", "too many requests wait for their turn in this session");
    const entry = { operation, encoded, leaves: operation.type === "leave" };
    entry.question = new Question(this.#group, entry.about = {
      linger,
      onAgreement,
      fits: (reply) => reply.session === this.#id && reply.request === entry.about.digest,
      take: ([reply], agreement) => this.#take(entry, reply, agreement),
      refused: (refusal) => this.#believeRefusal(entry, refusal),
      failed: () => { this.#queue = this.#queue.filter((other) => other !== entry); },
    });
    const promise = entry.question.promise({ timeout, signal });
    if (!entry.question.told) {
      this.#queue.push(entry);
      this.#fillWindow();
    }
    return promise;
  }

  #fillWindow() {
    while (this.ended === null && this.#queue.length > 0) {
      const [lowest = this.#lastNumber + 1] = this.#pending.keys();
      if (this.#pending.size >= windowMax || this.#lastNumber + 1 >= lowest + windowMax) return;
      // A leave goes last: what it overtook could not be answered any more.
      if (this.#queue[0].leaves && this.#pending.size > 0) return;
      const entry = this.#queue.shift();
      entry.number = ++this.#lastNumber;
      this.#pending.set(entry.number, entry);
      this.#send(entry);
    }
  }
  async #send(entry) {
    const { about, question, number, operation, encoded } = entry;
    about.number = String(number);
    about.what = `request ${number}`;
    const { digest, message } =
      await signedRequest(this.#group, this.#signer, this.#id, about.number, operation, encoded);
    about.digest = digest;
    // From here on the number has to be used even if the caller gave up: numbers have no gaps.
    if (this.#pending.has(number)) question.ask(message);
  }

  hear(replica, message) {
    const number = Number(message.number);
    const entry = this.#pending.get(number) ?? this.#settled.get(number);
    if (!entry?.about.digest) return;
    // A reply to another request under our number is a voice too: a differing one.
    if (message.request === entry.about.digest) entry.question.hear(replica, message.said, whole(message));
    else entry.question.hear(replica, `to another request: ${message.said}`);
  }

  #take(entry, { outcome, seq, agreed }, agreement) {
    this.#pending.delete(entry.number);
    this.#settled.set(entry.number, entry);
    if (this.#settled.size > windowMax) this.#settled.delete(this.#settled.keys().next().value);
    entry.operation = entry.encoded = undefined;
    const { question, leaves } = entry;
    if (outcome.type === "error" && isSessionError(outcome)) {
      // It did not run now; whether it ran before the session ended, nobody can say any more.
      question.fail(new OutcomeUnknown(
        outcome.code, "the session ended before the answer came: the request may have run", { agreement }));
      if (outcome.code !== "number_too_old") return this.end(outcome.code);
    } else if (outcome.type === "error") {
      question.fail(new ApplicationError(outcome, agreement));
    } else {
      question.answer({ outcome, seq, agreed, agreement });
      if (leaves) return this.end("left");
    }
    this.#fillWindow();
  }

  // ---- what does not end in an answer ---------------------------------------------------------------

  #believeRefusal(entry, { code, message }) {
    if (code === "unknown_session" || code === "session_ended") return this.end(code);
    this.#pending.delete(entry.number);
    entry.question.close();
    // Too old: it ran, or its number went by; the stored reply is gone.
    const Kind = code === "number_too_old" ? OutcomeUnknown : Refused;
    entry.question.fail(new Kind(code, message, { sent: true }));
    // Numbers have no gaps: what follows a number that the group will not take cannot run for long.
    this.end("request_refused");
  }

  hearEnded(replica, reason) {
    // Our own LEAVE is about to be answered.
    if (this.ended !== null || (reason === "left" && [...this.#pending.values()].some((e) => e.leaves))) return;
    this.#endClaims.set(replica, reason);
    const alike = [...this.#endClaims.values()].filter((claim) => claim === reason).length;
    const believed = alike >= this.#group.weakQuorum;
    this.#group.note(`replica ${replica} says the session ended (${reason}) -> ${believed ? "believed" : "one voice"}`);
    if (believed) this.end(reason);
  }

  #hasEnded() {
    return new Refused("session_ended", `the session has ended: ${this.ended}`);
  }
  end(reason) {
    if (this.ended !== null) return;
    this.ended = reason;
    this.#group.sessions.delete(this.#id);
    const code = reason === "closed" ? "closed" : "outcome_unknown";
    for (const { question } of this.#pending.values()) {
      question.close();
      question.fail(question.sent
        ? new OutcomeUnknown(code, `the session ended (${reason}) before the answer came: the request may have run`)
        : this.#hasEnded());
    }
    this.#pending.clear();
    for (const { question } of this.#queue.splice(0)) question.fail(this.#hasEnded());
    this.#onEnd(reason);
  }
}
