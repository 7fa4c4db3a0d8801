// Hashes, signatures and tags (docs/wire.md section 2), by WebCrypto and nothing else.
import { Bytes, concat, fromBase64, toHex, utf8 } from "./bytes.js";

const subtle = () => crypto.subtle; // missing on insecure pages: see support.js
const bytes = async (buffer) => new Bytes(await buffer);
const importRaw = (raw, how, ...uses) => subtle().importKey("raw", raw, how, false, uses);

/** A domain word, one byte with its length, then its letters; and what it is said of. */
export const word = (text, ...parts) => concat([[text.length], utf8(text), ...parts]);

export const sha256 = (data) => bytes(subtle().digest("SHA-256", data));
/** H(word, x) */
export const hash = (text, ...parts) => sha256(word(text, ...parts));

export async function hkdf(secret, salt, info) {
  const how = { name: "HKDF", hash: "SHA-256", salt, info: utf8(info) };
  return bytes(subtle().deriveBits(how, await importRaw(secret, "HKDF", "deriveBits"), 256));
}

/** {key, publicKey in hex}; the private half cannot be read by scripts. */
async function newPair(algorithm, ...uses) {
  const { privateKey, publicKey } = await subtle().generateKey(algorithm, false, uses);
  return { key: privateKey, publicKey: toHex(await bytes(subtle().exportKey("raw", publicKey))) };
}

// ---- Ed25519 ------------------------------------------------------------------------------------

export const verifier = (publicKey) => importRaw(publicKey, "Ed25519", "verify");
export const verify = (key, signature, data) => subtle().verify("Ed25519", key, signature, data);
export const sign = async (key, data) => toHex(await bytes(subtle().sign("Ed25519", key, data)));

export const newSigner = () => newPair("Ed25519", "sign", "verify");

/** The same from a private key in PKCS#8. It is readable only here, to learn the public key. */
export async function signerFromPkcs8(pkcs8) {
  const make = (readable) => subtle().importKey("pkcs8", pkcs8, "Ed25519", readable, ["sign"]);
  const { x } = await subtle().exportKey("jwk", await make(true));
  return {
    key: await make(false),
    publicKey: toHex(fromBase64(x.replace(/-/g, "+").replace(/_/g, "/"))),
  };
}

/** RFC 8410: SEQUENCE { version 0, algorithm 1.3.101.112, OCTET STRING { OCTET STRING seed } } */
export const signerFromSeed = (seed) =>
  signerFromPkcs8(concat([[48, 46, 2, 1, 0, 48, 5, 6, 3, 43, 101, 112, 4, 34, 4, 32], seed]));

// ---- X25519 and tags ----------------------------------------------------------------------------

export const newAgreement = () => newPair("X25519", "deriveBits");

/** The shared secret. WebCrypto throws for a key that agrees on nothing (of small order). */
export async function agree(mine, theirs) {
  const how = { name: "X25519", public: await importRaw(theirs, "X25519") };
  return bytes(subtle().deriveBits(how, mine, 256));
}

export const macKey = (raw) => importRaw(raw, { name: "HMAC", hash: "SHA-256" }, "sign");

/**
 * In hex. How long comparing it takes may depend on what it is compared with: a wrong one ends the
 * connection and with it the key, so that nobody has a second guess.
 */
export const tagOf = async (key, data) =>
  toHex((await bytes(subtle().sign("HMAC", key, data))).subarray(0, 16));
