// SQL values, between JavaScript's types and the wire's. Nothing is guessed and nothing is rounded.
import { fromBase64, toBase64 } from "./bytes.js";
import { misuse } from "./errors.js";

/** A number that is to be a REAL although it has no fraction. */
export class Real {
  constructor(value) {
    if (typeof value !== "number" || isNaN(value)) misuse("real() takes a number");
    this.value = value;
  }
}
export const real = (value) => new Real(value);

export function toWire(input) {
  if (input === null) return null;
  if (typeof input === "string") return { type: "text", value: input };
  if (typeof input === "number" && !isNaN(input)) {
    if (!Number.isInteger(input)) input = real(input);
    else if (!Number.isSafeInteger(input))
      misuse(`${input} is beyond 2^53 - 1, where numbers are rounded: write a bigint, or real()`);
  }
  if (input instanceof Real)
    return { type: "float", value: isFinite(input.value) ? input.value : String(input.value) };
  if (input instanceof ArrayBuffer) input = new Uint8Array(input);
  if (input instanceof Uint8Array) return { type: "blob", base64: toBase64(input) };
  if (["bigint", "boolean", "number"].includes(typeof input) && !Number.isNaN(input))
    return { type: "integer", value: String(BigInt(input)) };
  return misuse(`${Object.prototype.toString.call(input)} is no SQL value`);
}

/** `undefined` is left out, as JSON does. */
export const toArguments = (named = {}) =>
  Object.entries(named)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => ({ name, value: toWire(value) }));

export const toInteger = (text, integers) =>
  integers === "number" && Number.isSafeInteger(Number(text)) ? Number(text) : BigInt(text);

export function fromWire(value, integers) {
  switch (value?.type) {
    case "integer":
      return toInteger(value.value, integers);
    case "float":
      return Number(value.value);
    // Bytes that are not UTF-8 cannot be a string without changing: they stay bytes.
    case "text":
      return value.value.base64 === undefined ? value.value : fromBase64(value.value.base64);
    case "blob":
      return fromBase64(value.base64);
    default:
      return null;
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
