// Joining, in two phases (docs/wire.md section 5.2). One: each replica signs a token for us,
// without agreement. Two: a request with f+1 tokens is ordered, and every replica answers it alike.
import { fromHex, join, random, toHex } from "./bytes.js";
import * as codec from "./codec.js";
import { hash, newSigner, verify, word } from "./crypto.js";
import { applicationError, Refused } from "./errors.js";
import { makeQuestion } from "./question.js";
import { signedRequest } from "./session.js";

const attemptsMax = 16;
/** How long later attempts wait for everybody's token, so as not to be left with a liar's again. */
const tokenPatienceMs = 200;

/** The tokens were no good: one of them came from a liar, or they took too long to be ordered. */
const blamesTokens = ({ code, procedure }) =>
  !procedure && ["token_expired", "bad_token", "stale_join"].includes(code);

/** Resolves to {signer, joined (the outcome)}; rejects with a ClientError. */
export async function joinGroup(group, { credential, name = "", timeout, signal }) {
  const signer = await newSigner();
  const until = performance.now() + timeout;
  const wait = () => ({ timeout: Math.max(0, until - performance.now()), signal });
  for (let attempt = 1; ; ++attempt) {
    const begin = { session_key: signer.publicKey, nonce: toHex(random(16)) };
    const who = { kind: "key", name, credential: credential.publicKey };
    const signature = await credential.identify(group.cluster, { ...begin, ...who });
    begin.identification = { ...who, signature };
    const tokens = await gatherTokens(group, begin, attempt, wait());
    const number = String(attempt);
    const { digest, message } = await signedRequest(group, signer, "0", number, {
      type: "join",
      begin,
      tokens,
    });
    const question = ask(group, message, wait(), {
      digest,
      number,
      what: "the join",
      take: ([{ outcome }], agreement) => question.answer({ outcome, agreement }),
    });
    const { outcome, agreement } = await question.promise;
    if (outcome.type !== "error") return { signer, joined: outcome };
    if (!blamesTokens(outcome) || attempt === attemptsMax)
      throw applicationError(outcome, agreement);
  }
}

/** A question of which the caller is told every end. */
function ask(group, message, wait, about) {
  const question = makeQuestion(
    group,
    {
      refused: (code, text) => question.fail(new Refused(code, text, { sent: true })),
      failed: () => question.close(),
      ...about,
    },
    wait,
  );
  if (!question.told) question.ask(message);
  return question;
}

/**
 * f+1 tokens, by replica: the first to come, and then a new choice with every attempt, so that f
 * liars are soon not among them.
 */
async function gatherTokens(group, begin, attempt, wait) {
  const digest = await hash("prytany join", codec.encode(codec.joinBegin, begin));
  const id = toHex(digest);
  const tokens = [];
  let patience;
  const choose = () => {
    while (tokens.length > group.weakQuorum) tokens.splice(Math.random() * tokens.length, 1);
    question.answer(tokens.splice(0).sort((a, b) => a.replica - b.replica));
  };
  group.joins.set(id, async (replica, { replica: signer, address, expires, signature }) => {
    const said = join(
      word("prytany join token"),
      group.cluster,
      digest,
      codec.encode(codec.name, address),
      codec.encode(codec.i64, expires),
    );
    if (signer !== replica || !(await verify(group.members[replica].key, fromHex(signature), said)))
      return group.differs(replica, "gives a token that is not its own");
    if (tokens.some((token) => token.replica === replica)) return;
    tokens.push({ replica, address, expires, signature });
    if (tokens.length < group.weakQuorum) return;
    if (attempt === 1 || tokens.length >= group.connected().length) choose();
    else patience ??= setTimeout(choose, tokenPatienceMs);
  });
  const question = ask(group, { type: "join_begin", ...begin }, wait, { digest: id });
  try {
    return await question.promise;
  } finally {
    question.close();
    clearTimeout(patience);
    group.joins.delete(id);
  }
}
