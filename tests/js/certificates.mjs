// X.509 certificates for tests, in DER by hand: Node reads them and makes none.
import { generateKeyPairSync, sign } from "node:crypto";

const der = (tag, ...parts) => {
  const content = Buffer.concat(parts.map((part) => Buffer.from(part)));
  const { length } = content;
  const size = length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 255];
  return Buffer.concat([Buffer.from([tag, ...size]), content]);
};
const sequence = (...parts) => der(0x30, ...parts);
const word = (...bytes) => der(0x06, bytes);
const ed25519 = () => sequence(word(0x2b, 0x65, 0x70));
const nameOf = (text) => sequence(der(0x31, sequence(word(0x55, 4, 3), der(0x0c, Buffer.from(text)))));
const time = (at) => der(0x17, at.toISOString().replace(/[-:T]|\.\d+/g, "").slice(2));
const yes = der(1, [0xff]);
let serial = 0x1000;

/** An authority, whose key is of Ed25519. */
export function makeAuthority(name = "Authority") {
  const { publicKey, privateKey } = generateKeyPairSync("ed25519");
  const issue = (common, key, authority = false) => {
    ++serial;
    const said = sequence(
      der(0xa0, der(2, [2])),
      der(2, [serial >> 8, serial & 255]),
      ed25519(),
      nameOf(name),
      sequence(time(new Date(Date.now() - 3_600_000)), time(new Date(Date.now() + 3_600_000))),
      nameOf(common),
      key.export({ format: "der", type: "spki" }),
      der(0xa3, sequence(sequence(word(0x55, 0x1d, 0x13), yes, der(4, sequence(...(authority ? [yes] : [])))))),
    );
    const signature = sign(null, said, privateKey);
    const whole = sequence(said, ed25519(), der(3, [0], signature)).toString("base64");
    return `-----BEGIN CERTIFICATE-----\n${whole.match(/.{1,64}/g).join("\n")}\n-----END CERTIFICATE-----\n`;
  };
  return { issue, pem: issue(name, publicKey, true) };
}

/** {certificate, key} in PEM. */
export function makeMember(authority, common, kind, options) {
  const { publicKey, privateKey } = generateKeyPairSync(kind, options);
  return {
    certificate: authority.issue(common, publicKey),
    key: privateKey.export({ format: "pem", type: "pkcs8" }),
  };
}

export const memberKinds = [
  ["ed25519"],
  ["ec", { namedCurve: "P-256" }],
  ["rsa", { modulusLength: 2048 }],
];
