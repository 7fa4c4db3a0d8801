// genesis.json (docs/reference/genesis.md): all that a client knows of a cluster. It comes from the
// caller, never from a replica. Replicas and `prytany genesis verify` check more of it; here
// matters what it names, and that its members signed exactly that.
import { fromHex, toHex } from "./bytes.js";
import * as codec from "./codec.js";
import { hash, verifier, verify, word } from "./crypto.js";
import { misuse } from "./errors.js";

/** Every member must have approved, except in development. */
async function checkApprovals({ signatures, development }, id, keys) {
  const approved = new Set();
  for (const { member, signature } of signatures) {
    const data = word("prytany genesis approval", id);
    if (!keys[member] || !(await verify(keys[member], fromHex(signature), data)))
      misuse(`member ${member}: wrong signature`);
    approved.add(member);
  }
  if (!development && approved.size < keys.length) misuse("not every member signed it");
}

async function check(file, format, type) {
  const { name, development, faults, members, requests } = file;
  if (file.format !== format) misuse("another format");
  if (faults >= members.length) misuse("too many faults");
  // Who stood in it twice would have two voices.
  if (new Set(members.map(({ key }) => key)).size < members.length)
    misuse("two members share a key");
  const id = await hash("prytany genesis", codec.encode(type, file));
  const keys = await Promise.all(members.map(({ key }) => verifier(fromHex(key))));
  await checkApprovals(file, id, keys);
  return {
    name,
    development,
    faults,
    macs: requests === "mac",
    id,
    members: members.map(({ name, client }, i) => ({ name, key: keys[i], url: client })),
    fingerprint: toHex(id.slice(0, 20)).match(/.{4}/g).join(" "),
  };
}

/**
 * Checked: {name, development, faults, members: [{name, key, url}], id (bytes), fingerprint}, where
 * `key` verifies. Throws Usage, code bad_genesis. Of a Cluster: what it has. Other modules of this
 * package know another format.
 */
export async function readGenesis(input, format = "prytany genesis 1", type = codec.genesis) {
  if (input?.checked) return input.checked;
  try {
    return await check(typeof input === "string" ? JSON.parse(input) : input, format, type);
  } catch (error) {
    // Whatever is wrong with it: a field is missing or malformed, or it is something else
    // altogether.
    return misuse(`genesis: ${error.message}`, "bad_genesis");
  }
}

export const fingerprint = async (genesis) => (await readGenesis(genesis)).fingerprint;
