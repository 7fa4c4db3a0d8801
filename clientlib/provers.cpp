#include "clientlib/provers.h"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <optional>

#include "server/crypto/client_certificate.h"
#include "server/crypto/foreign_key.h"

namespace prytany::client {
namespace {

std::optional<std::string> content_of(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return std::nullopt;
  return std::string(std::istreambuf_iterator<char>(in), {});
}

}  // namespace

Result<Prover> prover_with_certificate(const Digest& cluster, const std::string& chain_file,
                                       const std::string& key_file) {
  const auto chain_text = content_of(chain_file);
  const auto key = content_of(key_file);
  if (!chain_text) return Error{"cannot read the certificate " + chain_file};
  if (!key) return Error{"cannot read the certificate's key " + key_file};
  wire::CertificateProof proof;
  for (Bytes& der : crypto::certificates_of_pem(*chain_text)) {
    if (der.size() > limits::certificate_bytes_max)
      return Error{chain_file + " holds a certificate of more than 4,096 bytes"};
    proof.chain.items.push_back({std::move(der)});
  }
  if (proof.chain.items.empty() || proof.chain.size() > limits::certificates_max)
    return Error{chain_file + " must hold one to four certificates in PEM, the client's first"};
  if (!crypto::sign_with_pem(*key, {}))
    return Error{key_file +
                 " is no private key in PEM without a passphrase, of Ed25519, P-256, or RSA with "
                 "2,048 to 4,096 bits"};
  if (!crypto::holds_key_of(proof.chain.items[0].view(), *key))
    return Error{key_file + " is not the key of the first certificate in " + chain_file};
  return Prover{"certificate", [cluster, proof, key = *key](const wire::JoinBegin& begin) {
                  wire::CertificateProof made = proof;
                  made.signature.bytes =
                      crypto::sign_with_pem(
                          key, wire::certificate_signed_bytes(cluster, wire::join_digest(begin)))
                          .value();
                  return wire::Proof{std::move(made)};
                }};
}

Result<Prover> prover_with_id_token(std::string token) {
  const auto blank = [](char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; };
  token.erase(token.begin(), std::ranges::find_if_not(token, blank));
  while (!token.empty() && blank(token.back())) token.pop_back();
  if (token.empty()) return Error{"there is no ID token"};
  if (token.size() > limits::id_token_bytes_max)
    return Error{"the ID token has more than 8,192 bytes"};
  return Prover{"id_token", [token](const wire::JoinBegin&) {
                  return wire::Proof{wire::IdTokenProof{{token}}};
                }};
}

std::string nonce_text(const Digest& cluster, const crypto::PublicKey& credential) {
  return to_base64url(wire::id_token_nonce(cluster, credential).view());
}

}  // namespace prytany::client
