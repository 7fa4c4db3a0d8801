// Clients that genesis lists: their sessions are there from the beginning, and nobody joins
// (docs/reference/genesis.md). A page that does not import it does not carry it.
import { Bytes } from "./bytes.js";
import { Cluster, session } from "./client.js";
import * as codec from "./codec.js";
import { misuse } from "./errors.js";
import { readGenesis } from "./genesis.js";

const { key, list, name, struct } = codec;
const clientsMax = 4096;
const clients = list(struct({ principal: name, role: name, key }), clientsMax);
/** Of format 2: as of format 1, but for its version, and with the clients at its end. */
const genesis = (out, file) => {
  codec.genesis(out, file);
  out[0] = Bytes.of(2);
  clients(out, file.clients);
};

export async function openStatic(input, options) {
  const checked = await readGenesis(input, "prytany genesis 2", genesis);
  const file = typeof input === "string" ? JSON.parse(input) : input;
  return Cluster.open({ checked: { ...checked, clients: file.clients } }, options);
}

/**
 * Whoever starts anew does not remember which numbers it used; they rise with the clock, and gaps
 * do no harm here.
 */
export async function attachStatic(cluster, { credential, ...options }) {
  const mine = ({ key }) => key === credential?.publicKey;
  const place = (cluster.clients ?? []).findIndex(mine);
  if (place < 0) misuse("genesis lists the clients, and this key is none of theirs", "not_listed");
  const { principal, role } = cluster.clients[place];
  const how = () => ({
    signer: { ...credential, after: Date.now() * 1000 },
    joined: { session: String(place + 1), principal, role },
  });
  const client = await cluster.join({ ...options, credential, how });
  // Nobody leaves; what ends is that this program speaks for it.
  client.leave = async () => client[session].end("left");
  return client;
}
