// Why this page or program cannot be a client, in words for whoever is in front of the screen.
import { newAgreement, newSigner } from "./crypto.js";
import { readGenesis } from "./genesis.js";

const isLoopback = (host) => /^(localhost|.*\.localhost|127(\.\d+){3}|\[::1\])$/.test(host);

/** Whether the runtime has it; it is tried, since names alone say little. */
const fails = (attempt) =>
  attempt().then(
    () => false,
    () => true,
  );

const missing = (what) =>
  `This browser lacks ${what}. Please use a current Firefox, Chrome, Edge or Safari.`;

export async function problem(genesis, { WebSocket = globalThis.WebSocket } = {}) {
  const { location, isSecureContext } = globalThis;
  if (isSecureContext === false) {
    return {
      code: "insecure_page",
      message:
        `This page came unprotected from ${location?.host}: anybody on the way could have changed ` +
        "it, and browsers refuse it cryptography. Open it by https, or on the server's own machine " +
        "as http://localhost.",
    };
  }
  if (await fails(newSigner)) return { code: "no_ed25519", message: missing("Ed25519 signatures") };
  if (await fails(newAgreement)) return { code: "no_x25519", message: missing("X25519 keys") };
  if (!WebSocket)
    return { code: "no_websocket", message: "There is no WebSocket: use Node 22, or pass one" };
  if (genesis && location?.protocol === "https:") {
    const { members } = await readGenesis(genesis);
    const plain = members.find(
      ({ url }) => url.startsWith("ws:") && !isLoopback(new URL(url).hostname),
    );
    if (plain) {
      return {
        code: "insecure_address",
        message:
          `A page that came by https may not connect to ${plain.url}: ` +
          "the servers need certificates and wss addresses.",
      };
    }
  }
  return null;
}
