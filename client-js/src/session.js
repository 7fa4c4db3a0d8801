// Session: numbered requests, from the queue through the window to a result that f+1 replicas gave
// (docs/wire.md sections 5.2 and 6). What a single replica says, a wrong result, a refusal, the end
// of the session, changes nothing and is remembered against it.
import { join, toHex } from "./bytes.js";
import * as codec from "./codec.js";
import { hash, sign, word } from "./crypto.js";
import { applicationError, OutcomeUnknown, Refused } from "./errors.js";
import { makeQuestion } from "./question.js";

const windowMax = 64;
const queueMax = 100_000;

/** {digest in hex, message} */
export async function signedRequest({ cluster }, { key, publicKey }, session, number, operation) {
  const body = codec.encode(codec.requestBody, {
    session,
    number,
    signer: publicKey,
    operation: codec.encodeOurs(codec.operation, operation),
  });
  const digest = await hash("prytany request", body);
  const signature = await sign(key, join(word("prytany signed request"), cluster, digest));
  return {
    digest: toHex(digest),
    message: { type: "request", session, number, signer: publicKey, operation, signature },
  };
}

/** An answer of the middleware, not of an application or of SQL. */
const isSessionError = ({ code, procedure, statement }) =>
  !procedure && !statement && ["unknown_session", "session_ended", "number_too_old"].includes(code);

export function makeSession(group, signer, id, onEnd) {
  const pending = new Map(); // number -> entry, ascending
  const settled = new Map(); // the last of them, so that late voices are still judged
  const endClaims = new Map();
  let queue = [];
  let lastNumber = 0;

  const self = { ended: null, submit, hear, hearEnded, end };
  group.sessions.set(id, self);
  return self;

  /** Resolves to {outcome, seq, agreed, agreement}, where the outcome is no error. */
  function submit(operation, { timeout, signal, linger, onAgreement }) {
    codec.encodeOurs(codec.operation, operation);
    if (self.ended !== null) throw hasEnded();
    if (queue.length >= queueMax)
      throw new Refused("queue_full", "too many requests wait in this session");
    const entry = { operation, leaves: operation.type === "leave" };
    const question = (entry.question = makeQuestion(
      group,
      {
        linger,
        onAgreement,
        take: ([reply], agreement) => take(entry, reply, agreement),
        refused: (code, message) => believeRefusal(entry, code, message),
        failed: () => {
          queue = queue.filter((other) => other !== entry);
        },
      },
      { timeout, signal },
    ));
    if (!question.told) queue.push(entry);
    fillWindow();
    return question.promise;
  }

  function fillWindow() {
    while (self.ended === null && queue.length > 0) {
      const [lowest = lastNumber + 1] = pending.keys();
      if (pending.size >= windowMax || lastNumber + 1 >= lowest + windowMax) return;
      // A leave goes last: what it overtook could not be answered any more.
      if (queue[0].leaves && pending.size > 0) return;
      const entry = queue.shift();
      pending.set((entry.number = ++lastNumber), entry);
      send(entry);
    }
  }
  async function send({ question, operation, number }) {
    const { digest, message } = await signedRequest(group, signer, id, String(number), operation);
    Object.assign(question.about, { digest, number, mayRun: true, what: `request ${number}` });
    // From here on the number has to be used even if the caller gave up: numbers have no gaps.
    if (pending.has(number)) question.ask(message);
  }

  function hear(replica, { number, request, said }, whole) {
    const { question } = pending.get(Number(number)) ?? settled.get(Number(number)) ?? {};
    // A reply to another request under our number is a voice too: a differing one.
    if (request === question?.about.digest) question.hear(replica, said, whole);
    else if (question?.about.digest) question.hear(replica, request);
  }

  function take({ question, number, leaves }, { outcome, seq, agreed }, agreement) {
    pending.delete(number);
    settled.set(number, { question });
    settled.delete(number - windowMax);
    if (outcome.type !== "error") {
      question.answer({ outcome, seq, agreed, agreement });
      if (leaves) return end("left");
    } else if (isSessionError(outcome)) {
      // It did not run now; whether it ran before the session ended, nobody can say any more.
      question.fail(unknown(outcome.code, { agreement }));
      if (outcome.code !== "number_too_old") return end(outcome.code);
    } else {
      question.fail(applicationError(outcome, agreement));
    }
    fillWindow();
  }

  // ---- what does not end in an answer -----------------------------------------------------------

  function believeRefusal({ question, number }, code, message) {
    if (["unknown_session", "session_ended"].includes(code)) return end(code);
    pending.delete(number);
    question.close();
    // Too old: it ran, or its number went by; the stored reply is gone.
    question.fail(
      code === "number_too_old" ? unknown(code) : new Refused(code, message, { sent: true }),
    );
    // Numbers have no gaps: what follows a number that the group will not take cannot run for long.
    end("request_refused");
  }

  function hearEnded(replica, reason) {
    // Our own LEAVE is about to be answered.
    if (reason === "left" && [...pending.values()].some(({ leaves }) => leaves)) return;
    endClaims.set(replica, reason);
    if ([...endClaims.values()].filter((claim) => claim === reason).length >= group.weakQuorum)
      end(reason);
  }

  function hasEnded() {
    return new Refused("session_ended", `the session has ended: ${self.ended}`);
  }
  function unknown(code, more) {
    return new OutcomeUnknown(
      code,
      "the session ended before the answer came: the request may have run",
      { sent: true, ...more },
    );
  }
  function end(reason) {
    if (self.ended !== null) return;
    self.ended = reason;
    group.sessions.delete(id);
    for (const { question } of [...pending.values(), ...queue]) {
      question.close();
      question.fail(
        question.sent ? unknown(reason === "closed" ? reason : "outcome_unknown") : hasEnded(),
      );
    }
    pending.clear();
    onEnd(reason);
  }
}
