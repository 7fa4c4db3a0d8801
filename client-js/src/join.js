// Joining, in two phases (docs/wire.md section 5.2). One: each replica signs a token for us,
// without agreement. Two: a request with f+1 tokens is ordered, and every replica answers it alike.
import { fromHex, random, toHex } from "./bytes.js";
import * as codec from "./codec.js";
import { hash, newSigner, verify, word } from "./crypto.js";
import { makeQuestion, now } from "./question.js";
import { makeRequest } from "./session.js";
import { makeSigning } from "./signing.js";
import { cancel, later } from "./platform.js";

const attemptsMax = 16;
/** How long later attempts wait for everybody's token. */
export const tokenPatienceMs = 200;
/** After an attempt, times its number. Correct replicas' clocks differ, so that for a moment new
 *  tokens may be older than those of an earlier join. */
const pauseMs = 50;

export const byReplica = (a, b) => a.replica - b.replica;

/** The tokens were no good: one of them came from a liar, or they took too long to be ordered. */
const blamesTokens = ({ code, procedure }) =>
  !procedure && ["token_expired", "bad_token", "stale_join"].includes(code);

/**
 * Resolves to {signer, joined (the outcome)}; rejects with a ClientError. `gather` makes the
 * operation that phase two orders.
 */
export async function joinGroup(
  group,
  { credential, name = "", timeout, signal },
  kind = "key",
  gather = gatherTokens,
) {
  const signer = await newSigner();
  const until = now() + timeout;
  const makeOurs = (about) =>
    makeQuestion(group, { ...about, timeout: until - now(), signal });
  for (let attempt = 1; ; ++attempt) {
    const begin = { session_key: signer.publicKey, nonce: toHex(random(16)) };
    const who = { kind, name, credential: credential.publicKey };
    const signature = await credential.identify(group.cluster, { ...begin, ...who });
    begin.identification = { ...who, signature };
    const operation = await gather(group, begin, attempt, makeOurs);
    const number = String(attempt);
    const { digest, message } = await makeRequest(signer, "0", number, operation);
    const sign = () => makeSigning(group.cluster, signer.key)(digest);
    const question = makeOurs({ digest: toHex(digest), number, what: "about the join", sign });
    question.ask(message);
    try {
      const { outcome } = await question.promise;
      return { signer, joined: outcome };
    } catch (error) {
      if (!blamesTokens(error) || attempt === attemptsMax) throw error;
      if (attempt > 1) await new Promise((go) => later(go, pauseMs * attempt));
    }
  }
}

/**
 * With tokens, by replica: f+1, the first to come; in later attempts all, so that what f liars'
 * tokens say does not count.
 */
async function gatherTokens(group, begin, attempt, makeOurs) {
  const digest = await hash("prytany join", codec.encode(codec.joinBegin, begin));
  const tokens = [];
  let patience;
  const choose = () => {
    const shown = tokens.slice(0, attempt > 1 ? 128 : group.weak);
    question.answer({ type: "join", begin, tokens: shown.sort(byReplica) });
  };
  const token = async (replica, { address, expires, signature }) => {
    const claim = codec.encode(codec.tokenClaim, { address, expires });
    const said = word("prytany join token", group.cluster, digest, claim);
    if (!(await verify(group.members[replica].key, fromHex(signature), said)))
      return group.judge(replica, "differed", "gives a wrong token");
    if (tokens.some((other) => other.replica === replica)) return;
    tokens.push({ replica, address, expires, signature });
    if (tokens.length < group.weak) return;
    patience ??= later(choose, attempt > 1 ? tokenPatienceMs : 0);
  };
  const question = makeOurs({ digest: toHex(digest), token });
  question.ask({ type: "join_begin", ...begin });
  try {
    return await question.promise;
  } finally {
    question.close();
    cancel(patience);
  }
}
