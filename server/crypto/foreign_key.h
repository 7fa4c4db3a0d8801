// Public keys of others' making, of the kinds that certificates and token issuers have, checked by
// OpenSSL. Nothing that is ordered depends on them: a replica checks a proof on its own, and what
// counts is that others found the same (docs/decisions/0028-proofs-are-not-ordered.md).
#pragma once

#include <memory>
#include <optional>
#include <string_view>
#include <utility>

#include "server/base/bytes.h"

struct evp_pkey_st;
struct x509_st;

namespace prytany::crypto {

enum class Algorithm {
  rsa_pkcs1,  // RS256: RSASSA-PKCS1-v1_5, SHA-256
  rsa_pss,    // PS256: RSASSA-PSS, SHA-256, 32 bytes of salt
  p256,       // ES256: ECDSA with P-256, SHA-256
  ed25519,    // EdDSA
};

class ForeignKey {
 public:
  enum class Kind { rsa, p256, ed25519 };

  /// Each: nothing for what is no such key, or a weak one. Numbers are big-endian; RSA has 2,048
  /// to 4,096 bits and an odd exponent from 65,537 to 2^32; a coordinate has 32 bytes.
  static std::optional<ForeignKey> rsa(ByteView modulus, ByteView exponent);
  static std::optional<ForeignKey> p256(ByteView x, ByteView y);
  static std::optional<ForeignKey> ed25519(ByteView bytes);
  /// The same of a certificate's subject.
  static std::optional<ForeignKey> of(const x509_st& certificate);

  [[nodiscard]] Kind kind() const { return kind_; }
  /// False also where the algorithm is another kind of key's. An ECDSA signature is DER.
  [[nodiscard]] bool verify(Algorithm algorithm, ByteView message, ByteView signature) const;

 private:
  ForeignKey(Kind kind, std::shared_ptr<evp_pkey_st> key) : kind_(kind), key_(std::move(key)) {}
  static std::optional<ForeignKey> judged(std::shared_ptr<evp_pkey_st> key);

  Kind kind_;
  std::shared_ptr<evp_pkey_st> key_;
};

/// r and s of 32 bytes each, as a JWS has them, in DER; nothing for another length.
std::optional<Bytes> ecdsa_der(ByteView r_and_s);

/// Signs as `Algorithm` says for the key's kind (RSA: rsa_pss) with a private key in PEM, without a
/// passphrase. Nothing if it is no such key.
std::optional<Bytes> sign_with_pem(std::string_view private_key, ByteView message);

}  // namespace prytany::crypto
