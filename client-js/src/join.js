// Joining, in two phases (docs/wire.md section 5.2). One: each replica signs a token for us, without
// agreement. Two: a request with f+1 tokens is ordered, and every replica answers it alike.
import { fromHex, join, random, toHex } from "./bytes.js";
import * as codec from "./codec.js";
import { hash, newSigner, sign, verify, word } from "./crypto.js";
import { ApplicationError, Refused, Usage } from "./errors.js";
import { Question } from "./question.js";
import { signedRequest } from "./session.js";

const attemptsMax = 16;
/** How long a second attempt waits for tokens of replicas that were not part of the first. */
const tokenPatienceMs = 200;

/** The tokens were no good: one of them came from a liar, or they took too long to be ordered. */
const blamesTokens = ({ code, procedure }) =>
  procedure === "" && ["token_expired", "bad_token", "stale_join"].includes(code);

/** Resolves to {signer, joined (the outcome), agreement}; rejects with a ClientError. */
export async function joinGroup(group, { credential, name = "", timeout, signal }) {
  const signer = await newSigner();
  const until = performance.now() + timeout;
  const blame = new Map();  // replica -> how often a join with its token was refused
  for (let attempt = 1; ; ++attempt) {
    const left = { timeout: Math.max(0, until - performance.now()), signal };
    const begin = await makeBegin(group, credential, signer, name);
    const digest = await hash("prytany join", codec.encode(codec.joinBegin, begin));
    const tokens = await gatherTokens(group, begin, digest, blame, attempt, left);
    left.timeout = Math.max(0, until - performance.now());
    const { outcome, agreement } = await orderJoin(group, signer, begin, tokens, attempt, left);
    if (outcome.type === "joined") return { signer, joined: outcome, agreement };
    if (outcome.type !== "error")
      throw new Refused("protocol", "the join was answered with something else", { sent: true, agreement });
    if (!blamesTokens(outcome) || attempt === attemptsMax) throw new ApplicationError(outcome, agreement);
    for (const { replica } of tokens) blame.set(replica, (blame.get(replica) ?? 0) + 1);
    group.note(`the join was refused for its tokens (${outcome.code}) -> ask for new ones`);
  }
}

async function makeBegin(group, credential, signer, name) {
  const begin = { session_key: signer.publicKey, nonce: toHex(random(16)) };
  try {
    const signature = toHex(await credential.identify(group.cluster, begin.session_key, begin.nonce, name));
    return { ...begin, identification: { kind: "key", name, credential: credential.publicKey, signature } };
  } catch (error) {
    if (error instanceof codec.Malformed) throw new Usage(`the name: ${error.message}`, "too_large");
    throw error;
  }
}

/** f+1 tokens, by replica. The least blamed first; among equals a new choice with every attempt. */
function gatherTokens(group, begin, digest, blame, attempt, wait) {
  const tokens = new Map();
  const joinDigest = toHex(digest);
  let patience;
  const question = new Question(group, {
    digest: joinDigest,
    refused: ({ code, message }) => question.fail(new Refused(code, message, { sent: true })),
    failed: () => finish(),
  });
  const finish = () => {
    clearTimeout(patience);
    question.close();
    group.joins.delete(joinDigest);
  };
  const choose = () => {
    finish();
    const dice = new Map([...tokens.keys()].map((replica) => [replica, attempt > 1 ? Math.random() : replica]));
    const order = (replica) => [blame.get(replica) ?? 0, dice.get(replica)];
    const chosen = [...tokens.keys()].sort((a, b) => {
      const [x, y] = [order(a), order(b)];
      return x[0] - y[0] || x[1] - y[1];
    });
    question.answer(chosen.slice(0, group.weakQuorum).sort((a, b) => a - b).map((replica) => tokens.get(replica)));
  };
  group.joins.set(joinDigest, async (replica, { address, expires, signature, replica: signer }) => {
    const token = { replica, address, expires, signature };
    if (signer !== replica || !await isGenuine(group, digest, token)) {
      group.note(`replica ${replica} gives a token that is not its own -> ignored`);
      ++group.channels[replica].standing.differed;
      return;
    }
    tokens.set(replica, token);
    if (tokens.size < group.weakQuorum || question.told) return;
    if (attempt === 1 || tokens.size >= group.ready.length) choose();
    else patience ??= setTimeout(choose, tokenPatienceMs);
  });
  const promise = question.promise(wait);
  if (!question.told) question.ask({ type: "join_begin", ...begin });
  return promise;
}

function isGenuine(group, digest, { replica, address, expires, signature }) {
  const said = join(word("prytany join token"), group.cluster, digest,
                    codec.encode(codec.name, address), codec.encode(codec.i64, expires));
  return verify(group.members[replica].key, fromHex(signature), said);
}

async function orderJoin(group, signer, begin, tokens, attempt, wait) {
  const operation = { type: "join", begin, tokens };
  const encoded = codec.encode(codec.operation, operation);
  const { digest, message } = await signedRequest(group, signer, "0", String(attempt), operation, encoded);
  const question = new Question(group, {
    digest,
    number: String(attempt),
    what: "the join",
    linger: 0,
    fits: (reply) => reply.number === String(attempt),
    take: ([{ outcome }], agreement) => question.answer({ outcome, agreement }),
    refused: ({ code, message: text }) => question.fail(new Refused(code, text, { sent: true })),
    failed: () => question.close(),
  });
  const promise = question.promise(wait);
  if (!question.told) question.ask(message);
  return promise;
}
