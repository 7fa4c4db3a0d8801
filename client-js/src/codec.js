// The canonical encoding (docs/wire.md section 1): whatever is hashed, signed, tagged or compared
// is this. A type is a function that appends the bytes of a value, as JSON has it, to a list, and
// returns what it encoded of it; it throws Usage for what is not of the type. A client never has to
// decode: replicas send JSON.
import { Bytes, concat, fromBase64, fromHex, utf8 } from "./bytes.js";
import { misuse } from "./errors.js";
import { isExact } from "./values.js";
import { entries, isArray } from "./platform.js";

const MiB = 1 << 20;

const wrong = (wanted, code) => misuse(`not ${wanted}`, code);
/** Of section 8. */
const bound = (size, max) => {
  if (size > max) wrong(`at most ${max} bytes, or entries`, "too_large");
};

export function encode(type, value) {
  const out = [];
  type(out, value);
  return concat(out);
}

/** Of something that is to become one request. */
export function encodeOurs(type, value) {
  const encoded = encode(type, value);
  bound(encoded.length, MiB);
  return encoded;
}

// ---- kinds of types -----------------------------------------------------------------------------

const eightBytes = () => new DataView(new ArrayBuffer(8));
/** Big-endian. `isOne`: whether the JSON is such a number; `fit`: what of it the bits can hold. */
const integer =
  (bits, isOne = isExact, fit = BigInt.asUintN) =>
  (out, value) => {
    const big = isOne(value) ? BigInt(value) : wrong("an integer");
    if (fit(bits, big) !== big) wrong(`${bits} bits`);
    const view = eightBytes();
    view.setBigUint64(0, big);
    out.push(new Bytes(view.buffer, 8 - bits / 8));
    return value;
  };
/** What JSON's numbers would round travels as digits, in their one canonical form. */
const isDecimal = (value) => typeof value === "string" && /^(0|-?[1-9]\d{0,19})$/.test(value);
export const u8 = integer(8);
export const u16 = integer(16);
const u32 = integer(32);
export const u64 = integer(64, isDecimal);
export const i64 = integer(64, isDecimal, BigInt.asIntN);
export const bool = (out, value) => !!u8(out, value === !!value ? +value : wrong("true or false"));
const f64 = (out, value) => {
  const number = { Infinity, "-Infinity": -Infinity }[value] ?? value;
  const view = eightBytes();
  view.setFloat64(0, number === +number ? number : wrong("a float"));
  out.push(new Bytes(view.buffer));
  return value;
};

const fixed = (size) => (out, value) => {
  const bytes = fromHex(value);
  out.push(bytes.length === size ? bytes : wrong(`${size} bytes in hex`));
  return value;
};
/** Bytes at hand, not in JSON. */
export const raw = (max) => (out, bytes) => {
  bound(bytes.length, max);
  u32(out, bytes.length);
  out.push(bytes);
};
const base64 = (max) => (out, value) => {
  let bytes;
  try {
    bytes = fromBase64(typeof value === "string" ? value : "*");
  } catch {
    wrong("text or base64");
  }
  raw(max)(out, bytes);
  return value;
};
export const text = (max) => (out, value) => {
  if (typeof value !== "string") return { base64: base64(max)(out, value?.base64) };
  // Half a character has no UTF-8; TextEncoder would put another in its place.
  raw(max)(out, /\p{Surrogate}/u.test(value) ? wrong("whole characters") : utf8(value));
  return value;
};
export const list = (item, max) => (out, values) => {
  bound(isArray(values) ? values.length : wrong("a list"), max);
  u32(out, values.length);
  return values.map((value) => item(out, value));
};
export const struct = (fields) => {
  const members = entries(fields);
  return (out, value) => {
    const known = {};
    for (const [name, type] of members) {
      try {
        known[name] = type(out, value?.[name]);
      } catch (error) {
        error.message = `${name}: ${error.message}`;
        throw error;
      }
    }
    return known;
  };
};
/** What only some pages ask for is added to `alternatives` by append() when it is asked for. */
export const variant = (alternatives) => (out, value) => {
  const type = value?.type;
  u8(out, Object.keys(alternatives).indexOf(type)); // refuses -1
  return { type, ...alternatives[type](out, value) };
};
export const nothing = () => {};
/**
 * Adds alternatives in the order of the wire: `more` begins with those before them, as `nothing`
 * where this module does not speak of them. What another module added stays.
 */
export const append = (alternatives, more) => {
  for (const [name, type] of entries(more))
    if ((alternatives[name] ?? nothing) === nothing) alternatives[name] = type;
};

// ---- section 4: what is encoded, as far as a client speaks or hears of it -----------------------

export const digest = fixed(32);
export const key = digest;
export const signature = fixed(64);
const nonce = fixed(16);
export const tag = nonce; // as long
export const name = text(256);

const typedValue = variant({
  null: nothing,
  integer: struct({ value: i64 }),
  float: struct({ value: f64 }),
  text: struct({ value: text(MiB) }),
  blob: struct({ base64: base64(MiB) }),
});
export const value = (out, v) => typedValue(out, v === null ? { type: "null" } : v);
const named = list(struct({ name, value }), 256);
export const statement = struct({ sql: text(MiB / 4), positional: list(value, 256), named });

const longName = text(4096);
/** What a credential signs of a join. */
export const credentialClaim = struct({ session_key: key, nonce, kind: name, name: longName });
const identification = struct({ kind: name, name: longName, credential: key, signature });
export const joinBegin = struct({ session_key: key, nonce, identification });
/** What a replica signs of a token, besides the join's digest. */
export const tokenClaim = struct({ address: name, expires: i64 });
export const joinToken = { replica: u16, address: name, expires: i64, signature };

export const operations = {
  join: struct({ begin: joinBegin, tokens: list(struct(joinToken), 128) }),
  leave: nothing,
  call: struct({ procedure: name, arguments: named }),
  execute: struct({ statements: list(statement, 64), read_only: bool }),
};
export const operation = variant(operations);
/** `operation` here is the encoding of one. */
export const requestBody = struct({ session: u64, number: u64, signer: key, operation: raw(MiB) });

export const result = struct({
  columns: list(name, 200),
  rows: list(list(value, 200), 100_000),
  changes: i64,
  last_insert_rowid: i64,
});
export const outcomes = {
  done: nothing,
  error: struct({ code: name, message: text(1024), procedure: name, statement: u32 }),
  results: struct({ results: list(result, 64) }),
  joined: struct({ session: u64, principal: name, role: name, replaced: u64 }),
};
export const outcome = variant(outcomes);
/** A question without a session: its digest is in the answer. */
export const publicRead = struct({ id: u64, procedure: name, arguments: named });
export const reply = struct({
  session: u64,
  number: u64,
  request: digest,
  seq: u64,
  agreed: i64,
  outcome,
});

export const clientHello = struct({ cluster: digest, key, nonce });
/** What a replica signs of its hello. */
export const helloFields = { replica: u16, key, nonce, configuration: u64 };
export const serverHello = struct(helloFields);
export const messages = {
  hello_ok: nothing, // never tagged
  join_token: struct({ join: digest, ...joinToken }),
  reply,
  reply_digest: struct({ session: u64, number: u64, request: digest, reply: digest }),
  read_reply: struct({ id: u64, question: digest, executed: u64, agreed: i64, outcome }),
  refused: struct({ request: digest, code: name, message: text(1024) }),
  session_ended: struct({ session: u64, reason: name }),
  status_reply: struct({
    id: u64,
    replica: u16,
    view: u64,
    primary: u16,
    last_executed: u64,
    stable_checkpoint: u64,
    state_digest: digest,
    connected_peers: u64,
  }),
};
export const toClient = variant(messages);

// ---- section 3: genesis.json, as it is ---------------------------------------------------------

const hostAndPort = (out, value) => {
  const [, host, port] = /^(.+):(\d+)$/.exec(value) ?? wrong("HOST:PORT");
  name(out, host);
  u16(out, +port);
};
const count = integer(64);
/** The words are checked by `prytany genesis verify`; another one gives another digest, at most. */
const is = (word) => (out, value) => u8(out, +(value === word));
export const genesis = struct({
  version: (out) => u8(out, 1),
  name,
  nonce,
  development: bool,
  faults: u32,
  members: list(struct({ name, key, peer: hostAndPort, client: name }), 128),
  administrators: list(key, 128),
  approvals: u32,
  checkpoint_interval: count,
  window: count,
  sessions_max: count,
  session_idle_us: count,
  steps_per_request_max: count,
  application_pages_max: count,
  engine: name,
  requests: is("mac"),
  votes: is("signed"),
  dissemination: is("all"),
});
