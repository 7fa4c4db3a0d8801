// Who one is: a key that signs joins, and is never sent. Codes, key files, and IndexedDB.
import { fromBase64, join, random, utf8 } from "./bytes.js";
import * as codec from "./codec.js";
import { hkdf, newSigner, sign, signerFromPkcs8, signerFromSeed, word } from "./crypto.js";
import { Usage } from "./errors.js";
import { readGenesis } from "./genesis.js";

const alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";  // Crockford's, no I L O U
const digitsMin = 26;     // 5 bits each: 130
const digitsMax = 64;
const differentMin = 8;   // of 26 random digits fewer differ once in 10^10

const badCode = (why) => {
  throw new Usage(why, "bad_code");
};
const plainlyNotRandom = (digits) => new Set(digits).size < differentMin;

/** What people meant by what they typed. */
function canonicalCode(typed) {
  const digits = String(typed).replace(/[- ]/g, "").replace(/[a-z]/g, (c) => c.toUpperCase()).replace(/O/g, "0").replace(/[IL]/g, "1");
  if ([...digits].some((c) => !alphabet.includes(c)))
    badCode("the code holds a character that no code has; check what was typed");
  if (digits.length > digitsMax) badCode("the code is too long");
  if (digits.length < digitsMin)
    badCode(`the code is too short: a code has 26 digits, and here are ${digits.length}`);
  if (plainlyNotRandom(digits)) badCode("the code is too weak: its digits are plainly not random");
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

// ---- IndexedDB: CryptoKeys are kept as they are, unreadable ---------------------------------------

const storeName = "credentials";

function done(request) {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

async function inStore(mode, act) {
  if (!globalThis.indexedDB) throw new Usage("nothing can be kept here: there is no IndexedDB", "no_storage");
  const opening = indexedDB.open("prytany-client", 1);
  opening.onupgradeneeded = () => opening.result.createObjectStore(storeName);
  const database = await done(opening);
  try {
    return await done(act(database.transaction(storeName, mode).objectStore(storeName)));
  } finally {
    database.close();
  }
}

// ---- Credential -----------------------------------------------------------------------------------

export class Credential {
  #signer;
  constructor(signer) {
    this.#signer = signer;
  }
  get publicKey() {
    return this.#signer.publicKey;
  }

  static async generated() {
    return new Credential(await newSigner());
  }
  static async code(code, genesis) {
    const digits = canonicalCode(code);
    const { id } = await readGenesis(genesis);
    return new Credential(await signerFromSeed(await hkdf(utf8(digits), id, "prytany credential v1")));
  }
  static async pem(text) {
    const body = /-----BEGIN PRIVATE KEY-----([A-Za-z0-9+/=\s]+)-----END PRIVATE KEY-----/.exec(text);
    try {
      return new Credential(await signerFromPkcs8(fromBase64(body[1].replace(/\s/g, ""))));
    } catch {
      throw new Usage("this is no Ed25519 private key in PKCS#8 PEM", "bad_key");
    }
  }
  static async load(name) {
    const signer = await inStore("readonly", (store) => store.get(name));
    return signer ? new Credential(signer) : null;
  }
  static async forget(name) {
    await inStore("readwrite", (store) => store.delete(name));
  }
  async save(name) {
    await inStore("readwrite", (store) => store.put(this.#signer, name));
  }

  /** Signs a join: docs/wire.md, credential's signature. For join.js. */
  async identify(cluster, sessionKey, nonce, name) {
    const said = codec.encode(codec.credentialClaim, { session_key: sessionKey, nonce, kind: "key", name });
    return sign(this.#signer.key, join(word("prytany credential"), cluster, said));
  }
}

export const credentialPublicKey = async (code, genesis) =>
  (await Credential.code(code, genesis)).publicKey;
