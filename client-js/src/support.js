// Why this page or program cannot be a client, in words for whoever is in front of the screen.
import { newAgreement, newSigner } from "./crypto.js";
import { readGenesis } from "./genesis.js";

const isLoopback = (host) => /^(localhost|.*\.localhost|127(\.[0-9]+){3}|\[::1\])$/.test(host);

/** Whether the runtime has it; it is tried, since names alone say little. */
const works = (attempt) => attempt().then(() => true, () => false);

export async function problem(genesis, { WebSocket = globalThis.WebSocket } = {}) {
  const { location, isSecureContext } = globalThis;
  if (isSecureContext === false) {
    return { code: "insecure_page", message:
      `This page came by ${location?.protocol ?? "http:"}//, unprotected, from ${location?.host ?? "another machine"}. ` +
      "Anybody on the way could have changed it, and browsers refuse cryptography to such pages. " +
      "Open it by https, or on the server's own machine as http://localhost." };
  }
  if (!globalThis.crypto?.subtle || !await works(newSigner)) {
    return { code: "no_ed25519", message:
      "This browser cannot make Ed25519 signatures, which prove who you are without telling a secret. " +
      "Please use a current version of Firefox, Chrome, Edge or Safari." };
  }
  if (!await works(newAgreement)) {
    return { code: "no_x25519", message:
      "This browser cannot agree on X25519 keys, by which the servers prove who they are. " +
      "Please use a current version of Firefox, Chrome, Edge or Safari." };
  }
  if (!WebSocket) {
    return { code: "no_websocket", message:
      "There is no WebSocket here. Node has it from version 22; or pass a constructor in the options." };
  }
  if (genesis && location?.protocol === "https:") {
    const { members } = await readGenesis(genesis);
    const plain = members.find(({ url }) => url.startsWith("ws:") && !isLoopback(new URL(url).hostname));
    if (plain) {
      return { code: "insecure_address", message:
        `This page came by https, and ${plain.name} is addressed by ${plain.url}: browsers refuse to mix ` +
        "the two. The servers need certificates and wss addresses." };
    }
  }
  return null;
}
