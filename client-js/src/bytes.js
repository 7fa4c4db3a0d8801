// Byte strings and how they are written in JSON.
export const Bytes = Uint8Array;

export const utf8 = (text) => new TextEncoder().encode(text);

export function concat(parts) {
  const bytes = new Bytes(parts.reduce((size, part) => size + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

export const random = (size) => crypto.getRandomValues(new Bytes(size));

export const toHex = (bytes) =>
  Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");

/** Of lower-case hex and nothing else; no bytes at all for what is not. */
export const fromHex = (text) =>
  Bytes.from(/^([0-9a-f]{2})+$/.test(text) ? text.match(/../g) : [], (pair) =>
    +`0x${pair}`,
  );

// One character at a time: arguments of a call are limited.
export const toBase64 = (bytes) =>
  btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));

/** Throws for what is no base64. */
export const fromBase64 = (text) => Bytes.from(atob(text), (c) => c.charCodeAt(0));
