// SQL values, between JavaScript's types and the wire's. Nothing is guessed and nothing is rounded.
import { Bytes, fromBase64, toBase64 } from "./bytes.js";
import { misuse } from "./errors.js";
import { entries, isArray } from "./platform.js";

/** Whether it is an integer that no double rounds. */
export const isExact = Number.isSafeInteger;

/** A number that is to be a REAL although it has no fraction. */
export class Real {
  constructor(value) {
    if (typeof value !== "number" || isNaN(value)) misuse(`${value} is no number`);
    this.value = value;
  }
}
export const real = (value) => new Real(value);

export function toWire(input) {
  if (input === null) return null;
  const type = typeof input;
  const isNumber = type === "number";
  if (isNumber && !Number.isInteger(input)) input = real(input);
  if (input instanceof Real) {
    const { value } = input;
    return { type: "float", value: isFinite(value) ? value : String(value) };
  }
  if (input instanceof ArrayBuffer) input = new Bytes(input);
  if (input instanceof Bytes) return { type: "blob", base64: toBase64(input) };
  if (type === "string") return { type: "text", value: input };
  if (isNumber && !isExact(input))
    misuse(`${input} is beyond 2^53-1: use a bigint or real()`);
  if (isNumber || type === "bigint" || type === "boolean")
    return { type: "integer", value: String(BigInt(input)) };
  return misuse(`no value of SQL: ${type}`);
}

/** `undefined` is left out, as JSON does. */
export const entriesOf = (object = {}) =>
  entries(object).filter(([, value]) => value !== undefined);

export const toArguments = (named = {}) =>
  entriesOf(Object(named) === named ? named : misuse("arguments are an object")).map(([name, value]) => ({ name, value: toWire(value) }));

export const toInteger = (text, integers) =>
  integers === "number" && isExact(+text) ? +text : BigInt(text);

export function fromWire(typed, integers) {
  const { type, value = null, base64 = value?.base64 } = typed ?? {};
  if (type === "integer") return toInteger(value, integers);
  if (type === "float") return +value;
  // Text whose bytes are not UTF-8 cannot be a string without changing: they stay bytes.
  return base64 === undefined ? value : fromBase64(base64);
}

/** JSON.stringify, but -0 keeps its sign: it is another float. */
export function toJson(value) {
  if (Object.is(value, -0)) return "-0.0";
  if (isArray(value)) return `[${value.map(toJson)}]`;
  if (Object(value) !== value) return JSON.stringify(value);
  return `{${entriesOf(value).map((pair) => pair.map(toJson).join(":"))}}`;
}
