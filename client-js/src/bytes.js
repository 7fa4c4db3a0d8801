// Byte strings and how they are written in JSON.
const encoder = new TextEncoder();

export const utf8 = (text) => encoder.encode(text);

export function concat(parts) {
  const bytes = new Uint8Array(parts.reduce((size, part) => size + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}
export const join = (...parts) => concat(parts);

export const random = (size) => crypto.getRandomValues(new Uint8Array(size));

export const toHex = (bytes) =>
  Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");

/** Of lower-case hex and nothing else; no bytes at all for what is not. */
export const fromHex = (text) =>
  Uint8Array.from(/^([0-9a-f]{2})+$/.test(text) ? text.match(/../g) : [], (pair) =>
    parseInt(pair, 16),
  );

// One character at a time: arguments of a call are limited.
export const toBase64 = (bytes) =>
  btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));

/** Throws for what is no base64. */
export const fromBase64 = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
