// Ed25519 identities. Signing and verifying are libsodium's on every replica: OpenSSL accepts
// small-order public keys that libsodium refuses, and replicas that disagree on one signature
// diverge.
#pragma once

#include <array>
#include <compare>
#include <optional>
#include <string>

#include "server/base/bytes.h"

namespace prytany::crypto {

struct PublicKey {
  static constexpr std::size_t size = 32;
  std::array<std::uint8_t, size> bytes{};
  auto operator<=>(const PublicKey&) const = default;
  [[nodiscard]] std::string hex() const { return to_hex(bytes); }
};

struct Signature {
  static constexpr std::size_t size = 64;
  std::array<std::uint8_t, size> bytes{};
  auto operator<=>(const Signature&) const = default;
};

/// Nothing for anything but 32 bytes that encode a point of large order (a key worth registering).
std::optional<PublicKey> public_key_from(ByteView bytes);

/// `message` is signed as it is; callers put a domain in front (see server/wire/signing.h).
[[nodiscard]] bool verify(const PublicKey& key, ByteView message, const Signature& signature);

/// Holds a secret key; knows how to sign, never how to give it away except to key_file.
class Signer {
 public:
  using Seed = std::array<std::uint8_t, 32>;

  explicit Signer(const Seed& seed);
  /// From the operating system's randomness.
  static Signer generate();
  ~Signer();  // wipes the secret
  Signer(const Signer&) = default;
  Signer& operator=(const Signer&) = default;

  [[nodiscard]] const PublicKey& public_key() const { return public_; }
  [[nodiscard]] Signature sign(ByteView message) const;
  [[nodiscard]] Seed seed() const;

 private:
  PublicKey public_;
  std::array<std::uint8_t, 64> secret_{};
};

}  // namespace prytany::crypto
