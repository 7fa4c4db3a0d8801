// Hashes, signatures and tags (docs/wire.md section 2), by WebCrypto and nothing else.
import { join, toHex, utf8 } from "./bytes.js";

const subtle = () => globalThis.crypto.subtle;
const bytes = (buffer) => new Uint8Array(buffer);

/** The domain word: one byte with its length, then its letters. */
export const word = (text) => join([text.length], utf8(text));

export const sha256 = async (data) => bytes(await subtle().digest("SHA-256", data));
/** H(word, x) */
export const hash = (text, ...parts) => sha256(join(word(text), ...parts));

export async function hkdf(secret, salt, info) {
  const key = await subtle().importKey("raw", secret, "HKDF", false, ["deriveBits"]);
  const how = { name: "HKDF", hash: "SHA-256", salt, info: utf8(info) };
  return bytes(await subtle().deriveBits(how, key, 256));
}

// ---- Ed25519 --------------------------------------------------------------------------------------

export const verifier = (publicKey) =>
  subtle().importKey("raw", publicKey, "Ed25519", false, ["verify"]);
export const verify = (key, signature, data) => subtle().verify("Ed25519", key, signature, data);
export const sign = async (key, data) => bytes(await subtle().sign("Ed25519", key, data));

/** A key pair whose private half scripts cannot read: {key, publicKey in hex}. */
export async function newSigner() {
  const { privateKey, publicKey } = await subtle().generateKey("Ed25519", false, ["sign", "verify"]);
  return { key: privateKey, publicKey: toHex(bytes(await subtle().exportKey("raw", publicKey))) };
}

/** The same from a private key in PKCS#8. It is readable only here, to learn the public key. */
export async function signerFromPkcs8(pkcs8) {
  const readable = await subtle().importKey("pkcs8", pkcs8, "Ed25519", true, ["sign"]);
  const { x } = await subtle().exportKey("jwk", readable);
  const publicKey = Uint8Array.from(atob(x.replace(/-/g, "+").replace(/_/g, "/")), (c) => c.charCodeAt(0));
  return {
    key: await subtle().importKey("pkcs8", pkcs8, "Ed25519", false, ["sign"]),
    publicKey: toHex(publicKey),
  };
}

// RFC 8410: SEQUENCE { version 0, algorithm 1.3.101.112, OCTET STRING { OCTET STRING seed } }
const pkcs8Head = [0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20];
export async function signerFromSeed(seed) {
  const pkcs8 = join(pkcs8Head, seed);
  try {
    return await signerFromPkcs8(pkcs8);
  } finally {
    pkcs8.fill(0);
    seed.fill(0);
  }
}

// ---- X25519 and tags ------------------------------------------------------------------------------

/** An ephemeral key: {key, publicKey as bytes}. */
export async function newAgreement() {
  const { privateKey, publicKey } = await subtle().generateKey("X25519", false, ["deriveBits"]);
  return { key: privateKey, publicKey: bytes(await subtle().exportKey("raw", publicKey)) };
}

/** The shared secret, or undefined for a key that agrees on nothing (of small order). */
export async function agree(mine, theirs) {
  try {
    const key = await subtle().importKey("raw", theirs, "X25519", false, []);
    const secret = bytes(await subtle().deriveBits({ name: "X25519", public: key }, mine, 256));
    return secret.some((byte) => byte !== 0) ? secret : undefined;
  } catch {
    return undefined;
  }
}

export const macKey = (raw) =>
  subtle().importKey("raw", raw, { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);

export async function checkTag(key, data, tag) {
  const right = bytes(await subtle().sign("HMAC", key, data));
  // Without a shortcut, so that the time tells nothing of how much was right.
  let wrong = tag.length === 16 ? 0 : 1;
  for (let i = 0; i < 16; ++i) wrong |= right[i] ^ tag[i];
  return wrong === 0;
}
