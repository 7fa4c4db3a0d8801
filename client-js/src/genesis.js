// genesis.json (docs/reference/genesis.md): what a client knows of a cluster, all of it. It comes from
// the caller, never from a replica.
import { fromHex, join, toHex } from "./bytes.js";
import * as codec from "./codec.js";
import { hash, verifier, verify, word } from "./crypto.js";
import { Usage } from "./errors.js";

const bytesMax = 1 << 20;
const whole = ["faults", "approvals", "checkpoint_interval", "window", "sessions_max", "session_idle_us",
               "steps_per_request_max", "application_pages_max"];
const fields = ["format", "name", "nonce", "development", "members", "administrators", "engine",
                "signatures", ...whole];
const memberFields = ["name", "key", "peer", "client"];

const refuse = (what) => {
  throw new Usage(`genesis: ${what}`, "bad_genesis");
};

function onlyFields(object, names, where) {
  if (typeof object !== "object" || object === null || Array.isArray(object))
    refuse(`${where} is no object`);
  for (const name of names) if (!Object.hasOwn(object, name)) refuse(`${where} lacks "${name}"`);
  for (const name of Object.keys(object)) if (!names.includes(name)) refuse(`${where} has an unknown "${name}"`);
}

function parse(input) {
  if (typeof input !== "string") return input;
  if (input.length > bytesMax) refuse("too large");
  try {
    return JSON.parse(input);
  } catch {
    refuse("this is not JSON; give the text of the cluster's genesis.json");
  }
}

function readMember(member, i) {
  onlyFields(member, memberFields, `member ${i}`);
  const address = /^(\[[0-9A-Fa-f:.]+\]|[^:[\]]+):([0-9]{1,5})$/.exec(member.peer);
  if (!address || address[2] < 1 || address[2] > 65535) refuse(`member ${i}: peer is no HOST:PORT`);
  if (!/^wss?:\/\/(\[[0-9A-Fa-f:.]+\]|[^:[\]/?#@\s]+):[0-9]{1,5}$/.test(member.client))
    refuse(`member ${i}: client is no ws://HOST:PORT or wss://HOST:PORT`);
  return { ...member, peer_host: address[1], peer_port: Number(address[2]) };
}

function encodeGenesis(file) {
  const members = file.members.map(readMember);
  const prepared = { ...file, version: 1, members };
  for (const name of whole) {
    if (!Number.isSafeInteger(file[name]) || file[name] < 0) refuse(`${name} is no whole number in range`);
    if (!["faults", "approvals"].includes(name)) prepared[name] = String(file[name]);
  }
  try {
    return codec.encode(codec.genesis, prepared);
  } catch (error) {
    if (!(error instanceof codec.Malformed)) throw error;
    refuse(`a field should be ${error.message}`);
  }
}

/** Who approved: every member must have, except in development. */
async function checkApprovals(file, id, keys) {
  const data = join(word("prytany genesis approval"), id);
  const approved = new Set();
  for (const { member, signature } of file.signatures) {
    const bytes = fromHex(signature);
    if (!keys[member] || approved.has(member) || bytes?.length !== 64) refuse("a signature is malformed");
    if (!await verify(keys[member], bytes, data)) refuse(`the signature of member ${member} is wrong`);
    approved.add(member);
  }
  if (!file.development && approved.size < keys.length)
    refuse(`${keys.length - approved.size} of ${keys.length} members have not signed it`);
}

/**
 * Checked: {name, development, faults, members: [{name, key, url}], id (bytes), fingerprint}, where
 * `key` verifies. Throws Usage, code bad_genesis. Something already checked is returned as it is.
 */
export async function readGenesis(input) {
  if (input?.checkedGenesis) return input.checkedGenesis;
  const file = parse(input);
  onlyFields(file, fields, "the file");
  if (file.format !== "prytany genesis 1") refuse(`its format is not "prytany genesis 1"`);
  for (const name of ["members", "administrators", "signatures"])
    if (!Array.isArray(file[name])) refuse(`${name} is no list`);
  if (file.members.length < 1 || file.faults >= file.members.length) refuse("faults leave no correct member");
  for (const name of ["key", "peer", "client"])
    if (new Set(file.members.map((m) => m?.[name])).size < file.members.length) refuse(`two members share a ${name}`);
  const id = await hash("prytany genesis", encodeGenesis(file));
  const keys = await Promise.all(file.members.map((m) => verifier(fromHex(m.key))));
  await checkApprovals(file, id, keys);
  return {
    name: file.name,
    development: file.development,
    faults: file.faults,
    members: file.members.map((m, i) => ({ name: m.name, key: keys[i], url: m.client })),
    id,
    fingerprint: toHex(id.subarray(0, 20)).match(/.{4}/g).join(" "),
  };
}

export const fingerprint = async (genesis) => (await readGenesis(genesis)).fingerprint;
