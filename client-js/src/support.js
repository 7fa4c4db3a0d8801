// Why this page or program cannot be a client, in words for whoever is in front of the screen.
import { newAgreement, newSigner } from "./crypto.js";
import { readGenesis } from "./genesis.js";
import { here } from "./platform.js";

/** Addresses without TLS, but for those of one's own machine. */
const isPlain = ({ url }) => /^ws:(?!\/\/(127\.|\[::1\]|([^/:]+\.)?localhost\b))/.test(url);

const because = (code, message) => ({ code, message });
const missing = (code, what) =>
  because(code, `There are no ${what} here: use a current browser or Node.`);

export async function problem(genesis, { WebSocket = here.WebSocket } = {}) {
  const { location, isSecureContext } = here;
  if (isSecureContext === false) {
    return because(
      "insecure_page",
      `This page came unprotected from ${location?.host}: open it by https, ` +
        "or on the server's own machine as http://localhost.",
    );
  }
  // Tried, since names alone say little.
  let lacks = missing("no_ed25519", "Ed25519 signatures");
  try {
    await newSigner();
    lacks = missing("no_x25519", "X25519 keys");
    await newAgreement();
  } catch {
    return lacks;
  }
  if (!WebSocket) return missing("no_websocket", "WebSockets");
  if (genesis && location?.protocol === "https:") {
    const { members } = await readGenesis(genesis);
    const plain = members.find(isPlain);
    if (plain) {
      return because(
        "insecure_address",
        `A page by https may not connect to ${plain.url}: servers need wss addresses.`,
      );
    }
  }
  return null;
}
