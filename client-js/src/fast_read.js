// Reads of a session that are not ordered (docs/protocol.md, "Reads that are not ordered"): quorum
// replicas gave the same outcome, each after it had executed whatever it might ever have helped to
// commit, so one of them at least had executed all that anybody was told before the read began. When
// they do not agree in time the read is ordered, like any request. A page that does not import it
// does not carry it.
import { toHex } from "./bytes.js";
import { ask, execution } from "./client.js";
import * as codec from "./codec.js";
import { hash } from "./crypto.js";
import { cancel, later } from "./platform.js";
import { failure, keptRows, now, sender } from "./question.js";
import { toArguments } from "./values.js";

/** Four times what such reads took lately, but no less, and no more: a bad time may be over. */
const patienceMinMs = 50;
const patienceMaxMs = 1_000;
const usualMs = new WeakMap(); // group -> what they took lately, once that is known

const { digest, i64, key, nothing, outcome, struct, u64 } = codec;
export const fastRead = struct({ id: u64, session: u64, signer: key, operation: codec.raw(1 << 20) });
const answered = { id: u64, question: digest, executed: u64, agreed: i64 };

export const learn = () =>
  codec.append(codec.messages, {
    configurations: nothing,
    fast_read_reply: struct({ ...answered, outcome }),
    fast_read_digest: struct({ ...answered, outcome: digest }),
  });

const outcomeDigest = async (whole) =>
  toHex(await hash("prytany fast read outcome", codec.encode(outcome, whole)));

export const fastCall = (client, procedure, args, options) =>
  read(client, { type: "call", procedure, arguments: toArguments(args) }, options);
export const fastQuery = (client, sql, args, options) =>
  read(client, execution([sql], args, true), options);

async function read(client, operation, options) {
  learn();
  return client[ask](operation, { ...options, by: unordered });
}

async function unordered(operation, given, session) {
  const { linger, onAgreement, signal, timeout } = given;
  const began = now();
  // Who wants to hear of every replica has it ordered: none may abstain then.
  if (!linger && !onAgreement && !signal?.aborted && session.ended === null) {
    const taken = await attempt(session, operation, given);
    const error = taken && failure(taken);
    if (error) throw error;
    if (taken) return taken;
  }
  return session.submit(operation, { ...given, timeout: Math.max(timeout - (now() - began), 0) });
}

/** Resolves to {outcome, seq, agreed, agreement}, or to nothing: then it has to be ordered. */
async function attempt({ group, signer, id: session }, operation, { signal, timeout }) {
  const encoded = codec.encodeOurs(codec.operation, operation);
  const asked = group.up().filter((channel) => channel.takesTags(signer));
  // A signature for each would cost more than to order it.
  if (!group.tagsServe() || asked.length < group.quorum) return;
  const id = String(group.nextId());
  const about = { id, session, signer: signer.publicKey };
  const body = codec.encode(fastRead, { ...about, operation: encoded });
  const digestOfIt = await hash("prytany fast read", body);
  const question = toHex(digestOfIt);
  const voices = new Map(); // replica -> {said: the digest of the outcome, whole, executed, agreed}
  const silent = new Set(asked.map((channel) => channel.id));
  const designated = sender(asked, Number(id));
  const patience = Math.min(
    Math.max(4 * (usualMs.get(group) ?? patienceMaxMs), patienceMinMs),
    patienceMaxMs,
  );
  const began = now();
  return new Promise((resolve) => {
    let over = false;
    const end = (taken) => {
      over = true;
      const took = now() - began;
      if (taken) usualMs.set(group, ((usualMs.get(group) ?? took) * 7 + took) / 8);
      cancel(timer);
      signal?.removeEventListener("abort", giveUp);
      group.questions.delete(question);
      resolve(taken);
    };
    const giveUp = () => end();
    const overdue = () => {
      if (most().length >= group.quorum && patience < timeout) keptRows(group.links[designated]);
      end();
    };
    const timer = later(overdue, Math.min(patience, timeout));
    signal?.addEventListener("abort", giveUp);
    // It is not asked again, nor of those who come later.
    group.questions.set(question, { hear, fail: giveUp, close() {}, askOf() {} });
    const message = { type: "fast_read", ...about, operation, designated };
    const kind = "prytany tagged fast read";
    for (const channel of asked) channel.complete(message, channel.tag(digestOfIt, signer, kind));

    async function hear(replica, { type, executed, agreed, outcome: heard }) {
      // Anything else is a refusal: it will not answer this one.
      if (type.startsWith("fast_read")) {
        const isWhole = type === "fast_read_reply";
        const said = isWhole ? await outcomeDigest(heard) : heard;
        const before = voices.get(replica);
        const whole = isWhole ? heard : before?.said === said && before.whole;
        voices.set(replica, { said, whole, executed, agreed });
      }
      silent.delete(replica);
      if (!over) weigh();
    }
    function weigh() {
      const alike = most();
      const answer = alike.find(({ whole }) => whole);
      if (alike.length < group.quorum) {
        if (alike.length + silent.size < group.quorum) giveUp();
      } else if (answer) end({ outcome: answer.whole, ...reached(alike), agreement: agreement() });
    }
  });

  /** The voices of the largest part that says the same. */
  function most() {
    const all = [...voices.values()];
    const [largest = []] = all
      .map(({ said }) => all.filter((other) => other.said === said))
      .sort((a, b) => b.length - a.length);
    return largest;
  }
  /** What so many had reached one correct replica had. */
  function reached(alike) {
    const place = (field) =>
      alike.map((voice) => voice[field]).sort((a, b) => b - a)[group.weak - 1];
    return { seq: place("executed"), agreed: place("agreed") };
  }
  function agreement() {
    const [{ said }] = most();
    const ids = (is) => group.links.map((channel) => channel.id).filter(is);
    return {
      agreed: ids((replica) => voices.get(replica)?.said === said),
      differed: ids((replica) => voices.has(replica) && voices.get(replica).said !== said),
      silent: ids((replica) => !voices.has(replica)),
    };
  }
}
