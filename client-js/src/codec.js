// The canonical encoding (docs/wire.md section 1): whatever is hashed, signed, tagged or compared is
// this. A type is a function that appends a value, as JSON has it, to a Writer; it throws Malformed for
// values that are not of the type. A client never has to decode: replicas send JSON.
import { fromBase64, fromHex, utf8 } from "./bytes.js";

/** A value that is not of the type it should be. */
export class Malformed extends Error {}
/** A value that exceeds a bound of docs/wire.md section 8. */
export class TooLarge extends Malformed {}

class Writer {
  #bytes = new Uint8Array(256);
  #view = new DataView(this.#bytes.buffer);
  #size = 0;

  /** Where the next `size` bytes go. */
  #room(size) {
    const end = this.#size + size;
    if (end > this.#bytes.length) {
      const larger = new Uint8Array(Math.max(end, 2 * this.#bytes.length));
      larger.set(this.#bytes);
      this.#bytes = larger;
      this.#view = new DataView(larger.buffer);
    }
    const at = this.#size;
    this.#size = end;
    return at;
  }
  put(bytes) {
    const at = this.#room(bytes.length);
    this.#bytes.set(bytes, at);
  }
  /** `size` bytes by one of DataView's setters. */
  set(setter, size, value) {
    const at = this.#room(size);
    this.#view[setter](at, value);
  }
  bytes() {
    return this.#bytes.slice(0, this.#size);
  }
}

export function encode(type, value) {
  const writer = new Writer();
  type(writer, value);
  return writer.bytes();
}

// ---- kinds of types -------------------------------------------------------------------------------

const small = (size) => (writer, value) => {
  if (!Number.isInteger(value) || value < 0 || value >= 2 ** (8 * size)) throw new Malformed("a number");
  writer.set(`setUint${8 * size}`, size, value);
};
/** 64 bits are strings of digits in JSON, in their one canonical form. */
const large = (setter, fit) => (writer, value) => {
  if (typeof value !== "string" || !/^(0|-?[1-9][0-9]{0,19})$/.test(value)) throw new Malformed("an integer");
  const big = BigInt(value);
  if (fit(64, big) !== big) throw new Malformed("an integer beyond 64 bits");
  writer.set(setter, 8, big);
};
const u8 = small(1);
export const u16 = small(2);
const u32 = small(4);
const u64 = large("setBigUint64", BigInt.asUintN);
export const i64 = large("setBigInt64", BigInt.asIntN);

const bool = (writer, value) => {
  if (typeof value !== "boolean") throw new Malformed("true or false");
  u8(writer, value ? 1 : 0);
};
const f64 = (writer, value) => {
  const number = { Infinity, "-Infinity": -Infinity }[value] ?? value;
  if (typeof number !== "number" || Number.isNaN(number)) throw new Malformed("a float");
  writer.set("setFloat64", 8, number);
};
const fixed = (size) => (writer, value) => {
  const bytes = fromHex(value);
  if (bytes?.length !== size) throw new Malformed(`${size} bytes in hex`);
  writer.put(bytes);
};
const counted = (max, bytes, writer) => {
  if (bytes.length > max) throw new TooLarge(`at most ${max} bytes`);
  u32(writer, bytes.length);
  writer.put(bytes);
};
const unbase64 = (value) => {
  try {
    if (typeof value === "string") return fromBase64(value);
  } catch {
    // told below
  }
  throw new Malformed("base64");
};
const base64 = (max) => (writer, value) => counted(max, unbase64(value), writer);
/** Bytes at hand, not in JSON. */
const raw = (max) => (writer, value) => counted(max, value, writer);
const text = (max) => (writer, value) => {
  if (typeof value !== "string") return counted(max, unbase64(value?.base64), writer);
  // A lone surrogate has no UTF-8; TextEncoder would put another character in its place.
  if (/\p{Surrogate}/u.test(value)) throw new Malformed("text of whole characters");
  counted(max, utf8(value), writer);
};
const list = (item, max) => (writer, values) => {
  if (!Array.isArray(values)) throw new Malformed("a list");
  if (values.length > max) throw new TooLarge(`at most ${max} of a kind`);
  u32(writer, values.length);
  for (const value of values) item(writer, value);
};
const struct = (fields) => {
  const entries = Object.entries(fields);
  return (writer, value) => {
    if (typeof value !== "object" || value === null) throw new Malformed("an object");
    for (const [name, type] of entries) type(writer, value[name]);
  };
};
const variant = (alternatives) => {
  const names = Object.keys(alternatives);
  return (writer, value) => {
    const index = names.indexOf(value?.type);
    if (index < 0) throw new Malformed("of a known type");
    u8(writer, index);
    alternatives[names[index]](writer, value);
  };
};
const nothing = () => {};

// ---- section 4: what is encoded -------------------------------------------------------------------

const MiB = 1 << 20;
const digest = fixed(32);
const key = fixed(32);
const signature = fixed(64);
const nonce = fixed(16);
export const name = text(256);

const typedValue = variant({
  null: nothing,
  integer: struct({ value: i64 }),
  float: struct({ value: f64 }),
  text: struct({ value: text(MiB) }),
  blob: struct({ base64: base64(MiB) }),
});
export const value = (writer, v) => typedValue(writer, v === null ? { type: "null" } : v);
const named = list(struct({ name, value }), 256);
export const call = struct({ procedure: name, arguments: named });
const statement = struct({ sql: text(256 << 10), positional: list(value, 256), named });

export const identificationName = text(4096);
const identification = struct({ kind: name, name: identificationName, credential: key, signature });
/** What a credential signs of a join. */
export const credentialClaim = struct({ session_key: key, nonce, kind: name, name: identificationName });
export const joinBegin = struct({ session_key: key, nonce, identification });
const joinToken = { replica: u16, address: name, expires: i64, signature };

export const operation = variant({
  join: struct({ begin: joinBegin, tokens: list(struct(joinToken), 128) }),
  leave: nothing,
  call,
  execute: struct({ statements: list(statement, 64), read_only: bool }),
  install: struct({ files: list(struct({ path: name, content: base64(960 << 10) }), 512) }),
  null: struct({ reply_bytes: u32, payload: base64(MiB) }),
});
/** `operation` here is the encoding of one. */
export const requestBody = struct({ session: u64, number: u64, signer: key, operation: raw(MiB) });

const result = struct({
  columns: list(name, 200), rows: list(list(value, 200), 100_000), changes: i64, last_insert_rowid: i64,
});
export const outcome = variant({
  done: nothing,
  error: struct({ code: name, message: text(1024), procedure: name, statement: u32 }),
  results: struct({ results: list(result, 64) }),
  joined: struct({ session: u64, principal: name, role: name, replaced: u64 }),
  null: struct({ bytes: base64(MiB) }),
});
export const reply = struct({
  session: u64, number: u64, request: digest, seq: u64, agreed: i64, outcome,
});

export const clientHello = struct({ cluster: digest, key, nonce });
/** What a replica signs of its hello. */
export const serverHello = struct({ replica: u16, key, nonce });
export const toClient = variant({
  hello_ok: struct({ replica: u16, key, nonce, signature }),
  join_token: struct({ join: digest, ...joinToken }),
  reply,
  reply_digest: struct({ session: u64, number: u64, request: digest, reply: digest }),
  read_reply: struct({ id: u64, executed: u64, agreed: i64, outcome }),
  refused: struct({ request: digest, code: name, message: text(1024) }),
  session_ended: struct({ session: u64, reason: name }),
  status_reply: struct({
    id: u64, replica: u16, view: u64, primary: u16, last_executed: u64, stable_checkpoint: u64,
    state_digest: digest, connected_peers: u64,
  }),
});

// ---- section 3: genesis, prepared by genesis.js ---------------------------------------------------

const member = struct({ name, key, peer_host: name, peer_port: u16, client: name });
export const genesis = struct({
  version: u8, name, nonce, development: bool, faults: u32, members: list(member, 128),
  administrators: list(key, 128), approvals: u32, checkpoint_interval: u64, window: u64,
  sessions_max: u64, session_idle_us: i64, steps_per_request_max: u64, application_pages_max: u64,
  engine: name,
});
