// Session: numbered requests, from the queue through the window to a result that f+1 replicas gave
// (docs/wire.md sections 5.2 and 6). What a single replica says, a wrong result, a refusal, the end
// of the session, changes nothing and is remembered against it.
import { toHex } from "./bytes.js";
import * as codec from "./codec.js";
import { hash } from "./crypto.js";
import { OutcomeUnknown, Refused } from "./errors.js";
import { makeQuestion } from "./question.js";
import { assign } from "./platform.js";
import { makeSigning } from "./signing.js";

const windowMax = 64;
const queueMax = 100_000;

/** {digest, size in bytes, message} */
export async function makeRequest({ publicKey }, session, number, operation) {
  const body = codec.encode(codec.requestBody, {
    session,
    number,
    signer: publicKey,
    operation: codec.encodeOurs(codec.operation, operation),
  });
  const digest = await hash("prytany request", body);
  return {
    digest,
    size: body.length,
    message: { type: "request", session, number, signer: publicKey, operation },
  };
}

/** Of the middleware, not of an application or of SQL: the session is no more. */
export const isOver = (code) => ["unknown_session", "session_ended"].includes(code);

export function makeSession(group, signer, id, onEnd) {
  const signing = makeSigning(group.cluster, signer.key);
  const pending = new Map(); // number -> entry, ascending
  const claims = new Map(); // replica -> {reason: why the session has ended, after: our last number}
  let queue = [];
  let lastNumber = signer.after ?? 0;

  const leaving = () => [...pending.values()].some(({ leaves }) => leaves);
  const self = { ended: null, submit, claim, end, leaving, group, signer, id };
  group.sessions.set(id, self);
  return self;

  /** Resolves to {outcome, seq, agreed, agreement}, where the outcome is no error. */
  function submit(operation, given) {
    codec.encodeOurs(codec.operation, operation);
    if (self.ended) throw hasEnded();
    if (queue.length >= queueMax) throw new Refused("queue_full", "too many wait");
    const entry = { operation, leaves: operation.type === "leave" };
    entry.question = makeQuestion(group, {
      ...given,
      take: (taken) => take(entry, taken),
      refused: (error) => believeRefusal(entry, error),
      failed: () => {
        queue = queue.filter((other) => other !== entry);
      },
    });
    if (!given.signal?.aborted) queue.push(entry);
    fillWindow();
    return entry.question.promise;
  }

  function fillWindow() {
    while (self.ended === null && queue.length > 0) {
      const [lowest = lastNumber + 1] = pending.keys();
      if (lastNumber + 1 >= lowest + windowMax) return;
      // A leave goes last: what it overtook could not be answered any more.
      if (queue[0].leaves && pending.size > 0) return;
      const entry = queue.shift();
      pending.set((entry.number = ++lastNumber), entry);
      send(entry);
    }
  }
  // A number has to be used even if the caller gave up meanwhile: numbers have no gaps.
  async function send({ question, operation, number }) {
    const { digest, size, message } = await makeRequest(signer, id, String(number), operation);
    assign(question.about, {
      digest: toHex(digest),
      size,
      number,
      sign: () => signing(digest),
      tag: (channel) => channel.takesTags(signer) && channel.tag(digest, signer),
      mayRun: true,
      what: `about request ${number}`,
    });
    question.ask(message);
  }

  function take({ question, number, leaves }, taken) {
    const { type, code, procedure, statement } = taken.outcome;
    const over = isOver(code);
    pending.delete(number);
    if (!procedure && !statement && (over || code === "number_too_old")) {
      // It did not run now; whether it ran before the session ended, nobody can say any more.
      question.fail(unknown(code, taken.agreement));
      if (over) return end(code);
    } else {
      question.finish(taken);
      // What was numbered after a claim, and ran, shows that it was false.
      for (const [replica, { after }] of claims)
        if (after < number && claims.delete(replica))
          group.judge(replica, "differed", "differs about the session's end");
      if (leaves && type !== "error") return end("left");
    }
    fillWindow();
  }

  // ---- what does not end in an answer -----------------------------------------------------------

  function believeRefusal({ question }, error) {
    const { code } = error;
    if (isOver(code)) return end(code);
    // Too old: it ran, or its number went by; the stored reply is gone.
    question.fail(code === "number_too_old" ? unknown(code) : error);
    // Numbers have no gaps: what follows a number that the group will not take cannot run for long.
    end("request_refused");
  }

  function claim(replica, reason) {
    // Our own LEAVE is about to be answered.
    if (reason === "left" && leaving()) return;
    claims.set(replica, { reason, after: lastNumber });
    const alike = [...claims.values()].filter((claim) => claim.reason === reason);
    if (alike.length >= group.weak) end(reason);
  }

  function hasEnded() {
    return new Refused("session_ended", `the session has ended: ${self.ended}`);
  }
  function unknown(code, agreement) {
    return new OutcomeUnknown(code, "the session ended first: the request may have run", {
      sent: true,
      agreement,
    });
  }
  function end(reason) {
    if (self.ended) return;
    self.ended = reason;
    group.sessions.delete(id);
    for (const { question } of [...pending.values(), ...queue]) {
      question.close();
      question.fail(question.sent ? unknown("outcome_unknown") : hasEnded());
    }
    pending.clear();
    onEnd(reason);
  }
}
