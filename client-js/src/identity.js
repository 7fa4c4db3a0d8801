// Joins that prove more than a key (docs/wire.md, "Joining with a proof"): what f+1 replicas found
// in the proof alike is what is ordered. For modules that pages import who need them; what it adds
// to the encoding, it adds when it is called.
import { fromHex, toHex } from "./bytes.js";
import * as codec from "./codec.js";
import { Credential } from "./credential.js";
import { hash, verify, word } from "./crypto.js";
import { byReplica, joinGroup, tokenPatienceMs } from "./join.js";
import { cancel, later } from "./platform.js";

const { text, name, i64, nothing, struct, list } = codec;

export const identity = struct({
  kind: name,
  issuer: text(1024),
  subject: text(1024),
  claims: text(4096),
  expires: i64,
});

/** The alternatives between are such as no page asks for, or is answered, if it has not said so. */
export const learn = () => {
  const before = (names) => Object.fromEntries(names.map((each) => [each, nothing]));
  const token = struct(codec.joinToken);
  codec.append(codec.operations, {
    ...before(["install", "null", "reconfigure", "transaction", "upgrade"]),
    identified_join: struct({ begin: codec.joinBegin, identity, tokens: list(token, 128) }),
  });
  codec.append(codec.messages, {
    ...before(["configurations", "fast_read_reply", "fast_read_digest", "changes"]),
    identity_token: struct({ join: codec.digest, identity, ...codec.joinToken }),
  });
};

/** `prove` makes the proof for a join with this digest. */
export async function joinWithProof(cluster, kind, prove, { credential, ...options }) {
  learn();
  credential ??= await Credential.generated();
  const how = (group, given) =>
    joinGroup(group, given, kind, (...about) => gather(prove, ...about));
  return cluster.join({ ...options, credential, how });
}

/**
 * The operation that orders what f+1 replicas found in the proof alike; in later attempts what most
 * of them found, with all their tokens.
 */
async function gather(prove, group, begin, attempt, makeOurs) {
  const digest = await hash("prytany join", codec.encode(codec.joinBegin, begin));
  const proof = await prove(group, digest);
  const vouched = new Map(); // replica -> {identity, said: its encoding in hex, token}
  let patience;
  const alike = (said) => [...vouched.values()].filter((other) => other.said === said);
  const choose = () => {
    const [most] = [...vouched.values()]
      .map(({ said }) => alike(said))
      .sort((a, b) => b.length - a.length);
    const tokens = most.map((one) => one.token).slice(0, attempt > 1 ? 128 : group.weak);
    question.answer({
      type: "identified_join",
      begin,
      identity: most[0].identity,
      tokens: tokens.sort(byReplica),
    });
  };
  const take = async (replica, { identity: found, address, expires, signature }) => {
    const encoded = codec.encode(identity, found);
    const claim = codec.encode(codec.tokenClaim, { address, expires });
    const said = word("prytany identity token", group.cluster, digest, encoded, claim);
    if (!(await verify(group.members[replica].key, fromHex(signature), said)))
      return group.judge(replica, "differed", "gives a wrong token");
    const token = { replica, address, expires, signature };
    vouched.set(replica, { identity: found, said: toHex(encoded), token });
    if (alike(toHex(encoded)).length < group.weak) return;
    patience ??= later(choose, attempt > 1 ? tokenPatienceMs : 0);
  };
  const question = makeOurs({ digest: toHex(digest) });
  const { hear } = question;
  question.hear = (replica, heard) => {
    if (heard.type === "identity_token") take(replica, heard);
    else if (heard.type === "refused") hear(replica, heard);
  };
  question.ask({ type: "identify", ...begin, proof });
  try {
    return await question.promise;
  } finally {
    question.close();
    cancel(patience);
  }
}
