// Joining with an OpenID Connect ID token. A page that does not import it does not carry it.
import * as codec from "./codec.js";
import { Credential } from "./credential.js";
import { hash } from "./crypto.js";
import { misuse } from "./errors.js";
import { readGenesis } from "./genesis.js";
import { joinWithProof } from "./identity.js";

const idTokenMax = 8192;

/** What an ID token must hold as its nonce to be of use with this credential, and no other. */
export async function idTokenNonce(credential, genesis) {
  const { id } = genesis.checked ?? (await readGenesis(genesis));
  const bound = codec.encode(codec.struct({ key: codec.key }), { key: credential.publicKey });
  const digest = await hash("prytany id token", id, bound);
  const base64 = btoa(String.fromCharCode(...digest));
  return base64.replace(/\+/g, "-").replace(/\//g, "_").replace(/=/g, "");
}

/** `idToken`: its text, or a function that gets one with a nonce. */
export async function joinWithIdToken(cluster, { idToken, ...options }) {
  const credential = options.credential ?? (await Credential.generated());
  const isAsked = typeof idToken === "function";
  const got = isAsked ? await idToken(await idTokenNonce(credential, cluster)) : idToken;
  const token = String(got ?? "").trim();
  if (!token || token.length > idTokenMax) misuse("no ID token", "bad_id_token");
  const proof = { type: "id_token", token };
  return joinWithProof(cluster, "id_token", () => proof, { ...options, credential });
}
