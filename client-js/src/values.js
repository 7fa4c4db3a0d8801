// SQL values, between JavaScript's types and the wire's. Nothing is guessed and nothing is rounded.
import { fromBase64, toBase64 } from "./bytes.js";
import { Usage } from "./errors.js";

/** A number that is to be a REAL although it has no fraction. */
export class Real {
  constructor(value) {
    if (typeof value !== "number" || Number.isNaN(value)) throw new Usage("real() takes a number");
    this.value = value;
  }
}
export const real = (value) => new Real(value);

const integer = (value) => ({ type: "integer", value: String(value) });
const float = (value) => ({
  type: "float",
  value: Number.isFinite(value) ? value : String(value),
});

export function toWire(input) {
  if (input === null) return null;
  switch (typeof input) {
    case "string":
      if (/\p{Surrogate}/u.test(input)) throw new Usage("a text with half a character (a lone surrogate)");
      return { type: "text", value: input };
    case "boolean": return integer(input ? 1 : 0);
    case "bigint":
      if (BigInt.asIntN(64, input) !== input) throw new Usage("an integer beyond SQLite's 64 signed bits");
      return integer(input);
    case "number":
      if (Number.isNaN(input)) throw new Usage("NaN is no SQL value");
      if (Number.isSafeInteger(input)) return integer(BigInt(input));
      if (!Number.isInteger(input)) return float(input);
      throw new Usage(`${input} is beyond 2^53 - 1, where numbers are rounded: write a bigint, or real()`);
    case "object":
      if (input instanceof Real) return float(input.value);
      if (input instanceof Uint8Array) return { type: "blob", base64: toBase64(input) };
      if (input instanceof ArrayBuffer) return { type: "blob", base64: toBase64(new Uint8Array(input)) };
  }
  const kind = typeof input === "object" ? input.constructor?.name ?? "an object" : typeof input;
  throw new Usage(`${kind} is no SQL value: give null, a number, bigint, boolean, string or Uint8Array`);
}

/** `undefined` is left out, as JSON does. */
export const toArguments = (named = {}) =>
  Object.entries(named).filter(([, value]) => value !== undefined)
    .map(([name, value]) => ({ name, value: toWire(value) }));

export function toInteger(text, integers) {
  const big = BigInt(text);
  const exact = BigInt(Number.MIN_SAFE_INTEGER) <= big && big <= BigInt(Number.MAX_SAFE_INTEGER);
  return integers === "number" && exact ? Number(big) : big;
}

export function fromWire(value, integers) {
  switch (value?.type) {
    case "integer": return toInteger(value.value, integers);
    case "float": return Number(value.value);
    case "text":
      // Bytes that are not UTF-8 cannot be a string without changing: they stay bytes.
      return typeof value.value === "string" ? value.value : fromBase64(value.value.base64);
    case "blob": return fromBase64(value.base64);
    default: return null;
  }
}

/** JSON.stringify, but -0 keeps its sign: it is another float. */
export function toJson(value) {
  if (Object.is(value, -0)) return "-0.0";
  if (Array.isArray(value)) return `[${value.map(toJson)}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const entries = Object.entries(value).filter(([, v]) => v !== undefined);
  return `{${entries.map(([key, v]) => `${JSON.stringify(key)}:${toJson(v)}`)}}`;
}
