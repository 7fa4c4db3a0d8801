// X25519 and HKDF-SHA-256: two parties that know each other's ephemeral public key share secrets.
#pragma once

#include <array>
#include <optional>
#include <span>
#include <string_view>

#include "server/base/bytes.h"
#include "server/crypto/mac.h"
#include "server/crypto/sign.h"

namespace prytany::crypto {

using DhPublic = std::array<std::uint8_t, 32>;

class DhSecret {
 public:
  using Seed = std::array<std::uint8_t, 32>;
  explicit DhSecret(const Seed& seed);
  static DhSecret generate();
  ~DhSecret();  // wipes the secret
  DhSecret(const DhSecret&) = default;
  DhSecret& operator=(const DhSecret&) = default;

  [[nodiscard]] const DhPublic& public_key() const { return public_; }
  /// Nothing when `theirs` is of small order (the shared secret would be all zero).
  [[nodiscard]] std::optional<std::array<std::uint8_t, 32>> agree(const DhPublic& theirs) const;

 private:
  DhPublic public_{};
  std::array<std::uint8_t, 32> secret_{};
};

/// HKDF-SHA-256 (RFC 5869), 32 bytes out.
std::array<std::uint8_t, 32> hkdf(ByteView secret, ByteView salt, std::string_view info);

/// The operating system's randomness.
void random_bytes(std::span<std::uint8_t> out);
template <std::size_t N>
std::array<std::uint8_t, N> random_array() {
  std::array<std::uint8_t, N> out{};
  random_bytes(out);
  return out;
}

}  // namespace prytany::crypto
