// Requests that need a signature at the same time share one (docs/wire.md section 2): replicas check
// nothing that costs them more. The first is signed at once; what comes meanwhile waits for it.
import { toHex } from "./bytes.js";
import { hash, sign, word } from "./crypto.js";

const togetherMax = 16;

/** Of one session key in one cluster: (digest) => what the signature adds to that request. */
export function makeSigning(cluster, key) {
  let waiting; // while a signature is made
  return (digest) =>
    new Promise((done, failed) => {
      const one = { digest, branch: [], done, failed };
      if (waiting) waiting.push(one);
      else {
        waiting = [one];
        signWaiting();
      }
    });

  async function signWaiting() {
    while (waiting.length > 0) {
      const some = waiting.splice(0, togetherMax);
      try {
        const signature = await signRoot(some);
        some.forEach(({ branch, done }, place) =>
          done(some.length > 1 ? { signature, branch, place } : { signature }),
        );
      } catch (error) {
        for (const { failed } of some) failed(error);
      }
    }
    waiting = undefined;
  }
  /** Each learns its branch. */
  async function signRoot(some) {
    let level = some.map(({ digest }) => digest);
    for (let height = 0; level.length > 1; ++height) {
      if (level.length % 2) level.push(level.at(-1));
      some.forEach(({ branch }, place) => branch.push(toHex(level[(place >> height) ^ 1])));
      const lefts = level.filter((_, i) => i % 2 === 0);
      level = await Promise.all(
        lefts.map((left, i) => hash("prytany requests", left, level[2 * i + 1])),
      );
    }
    const kind = `prytany signed request${some.length > 1 ? "s" : ""}`;
    return sign(key, word(kind, cluster, level[0]));
  }
}
