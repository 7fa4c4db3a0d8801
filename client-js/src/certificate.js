// Joining with an X.509 certificate, whose key signs this join and no other. A page that does not
// import it does not carry it.
import { fromBase64, toBase64 } from "./bytes.js";
import { word } from "./crypto.js";
import { misuse } from "./errors.js";
import { joinWithProof } from "./identity.js";
import { here } from "./platform.js";

const linksMax = 4;
const linkBytesMax = 4096;

const kinds = [
  { name: "Ed25519" },
  { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" },
  { name: "RSA-PSS", hash: "SHA-256", saltLength: 32 },
];

const blocksOf = (pem, label) =>
  [
    ...String(pem ?? "").matchAll(
      new RegExp(`-----BEGIN ${label}-----([A-Za-z0-9+/=\\s]+)-----END ${label}-----`, "g"),
    ),
  ].map(([, body]) => body.replace(/\s/g, ""));

/** Base64 of DER, the client's own first. */
function chainOf(pem) {
  const chain = blocksOf(pem, "CERTIFICATE");
  const fits = (link) => link.length <= Math.ceil(linkBytesMax / 3) * 4;
  if (!chain.length || chain.length > linksMax || !chain.every(fits))
    misuse("one to four certificates in PEM, the client's first", "bad_certificate");
  return chain;
}

/** A CryptoKey as it is, or one of what a PEM text holds, which no script can read then. */
async function signingKey(key) {
  if (key?.type === "private" && kinds.some(({ name }) => name === key.algorithm.name)) return key;
  const [body] = blocksOf(key?.type ? "" : key, "PRIVATE KEY");
  for (const kind of body ? kinds : [])
    try {
      return await here.crypto.subtle.importKey("pkcs8", fromBase64(body), kind, false, ["sign"]);
    } catch {
      // of another kind
    }
  return misuse(
    "no private key of Ed25519, P-256 or RSA, as a CryptoKey (RSA-PSS, SHA-256) or PKCS#8 PEM",
    "bad_key",
  );
}

/** r and s of 32 bytes each, as WebCrypto has them, in DER. */
function ecdsaDer(signature) {
  const integers = [signature.subarray(0, 32), signature.subarray(32)].flatMap((number) => {
    const bytes = [...number];
    while (bytes.length > 1 && bytes[0] === 0 && bytes[1] < 128) bytes.shift();
    if (bytes[0] > 127) bytes.unshift(0);
    return [2, bytes.length, ...bytes];
  });
  return Uint8Array.of(48, integers.length, ...integers);
}

async function sign(key, said) {
  const kind = kinds.find(({ name }) => name === key.algorithm.name);
  const signature = new Uint8Array(await here.crypto.subtle.sign(kind, key, said));
  return kind.name === "ECDSA" ? ecdsaDer(signature) : signature;
}

/**
 * `certificate`: PEM, with intermediate ones after the client's own. `key`: its private key, a
 * CryptoKey or PKCS#8 PEM.
 */
export async function joinWithCertificate(cluster, { certificate, key, ...options }) {
  const chain = chainOf(certificate);
  const signer = await signingKey(key);
  const prove = async (group, digest) => {
    const said = word("prytany certificate", group.cluster, digest);
    return { type: "certificate", chain, signature: toBase64(await sign(signer, said)) };
  };
  return joinWithProof(cluster, "certificate", prove, options);
}
