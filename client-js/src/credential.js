// Who one is: a key that signs joins, and is never sent. Codes, key files, and IndexedDB.
import { fromBase64, random, utf8 } from "./bytes.js";
import * as codec from "./codec.js";
import { hkdf, newSigner, sign, signerFromPkcs8, signerFromSeed, word } from "./crypto.js";
import { misuse } from "./errors.js";
import { readGenesis } from "./genesis.js";
import { assign, here } from "./platform.js";

const alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"; // Crockford's, no I L O U
const digitsMin = 26; // 5 bits each: 130
const digitsMax = 64;
const differentMin = 8; // of 26 random digits fewer differ once in 10^10

const plainlyNotRandom = (digits) => new Set(digits).size < differentMin;

/** What people meant by what they typed. */
function canonicalCode(typed) {
  const badCode = (why) => misuse(`the code ${why}`, "bad_code");
  const digits = typed
    .replace(/[-\s]/g, "")
    .replace(/[a-z]/g, (c) => c.toUpperCase())
    .replace(/O/g, "0")
    .replace(/[IL]/g, "1");
  if ([...digits].some((c) => !alphabet.includes(c))) badCode("no character of a code");
  const { length } = digits;
  if (length < digitsMin || length > digitsMax)
    badCode(`is too ${length > digitsMax ? "long" : "short"}: ${length} of ${digitsMin} digits`);
  if (plainlyNotRandom(digits)) badCode("is not random");
  return digits;
}

/** A new code of 130 random bits. */
export function generateCode() {
  let digits;
  do {
    // 256 is a multiple of 32: the low five bits of a random byte are uniform.
    digits = Array.from(random(digitsMin), (byte) => alphabet[byte & 31]).join("");
  } while (plainlyNotRandom(digits));
  return digits.match(/.{1,4}/g).join("-");
}

// ---- IndexedDB: CryptoKeys are kept as they are, unreadable -------------------------------------

const storeName = "credentials";

const done = (request) =>
  new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });

async function inStore(act) {
  if (!here.indexedDB) misuse("there is no IndexedDB here", "no_storage");
  const opening = indexedDB.open("prytany-client", 1);
  opening.onupgradeneeded = () => opening.result.createObjectStore(storeName);
  const database = await done(opening);
  try {
    return await done(act(database.transaction(storeName, "readwrite").objectStore(storeName)));
  } finally {
    database.close();
  }
}

// ---- Credential ---------------------------------------------------------------------------------

/** A signer, for modules of this package: its `key` signs, and no script can read it. */
export class Credential {
  constructor(signer) {
    assign(this, signer);
  }

  static async generated() {
    return new Credential(await newSigner());
  }
  static async code(code, genesis) {
    const digits = utf8(canonicalCode(code));
    const seed = await hkdf(digits, (await readGenesis(genesis)).id, "prytany credential v1");
    return new Credential(await signerFromSeed(seed));
  }
  static async pem(text) {
    const [, body] = /-----BEGIN PRIVATE KEY-----([^-]+)-----END/.exec(text) ?? [];
    try {
      return new Credential(await signerFromPkcs8(fromBase64(body.trim())));
    } catch {
      return misuse("no Ed25519 private key in PKCS#8 PEM", "bad_key");
    }
  }
  static async load(name) {
    const signer = await inStore((store) => store.get(name));
    return signer ? new Credential(signer) : null;
  }
  static forget(name) {
    return inStore((store) => store.delete(name));
  }
  async save(name) {
    await inStore((store) => store.put({ ...this }, name));
  }

  /** Signs a join: docs/wire.md, credential's signature. For join.js. */
  async identify(cluster, claim) {
    const said = codec.encodeOurs(codec.credentialClaim, claim);
    return sign(this.key, word("prytany credential", cluster, said));
  }
}

export const credentialPublicKey = async (code, genesis) =>
  (await Credential.code(code, genesis)).publicKey;
