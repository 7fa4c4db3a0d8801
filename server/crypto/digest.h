// SHA-256, with a domain word for each use so that bytes hashed for one purpose never stand for
// another.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <functional>
#include <memory>
#include <ostream>
#include <string>
#include <string_view>

#include "server/base/bytes.h"

namespace prytany::crypto {

struct Digest {
  static constexpr std::size_t size = 32;
  std::array<std::uint8_t, size> bytes{};

  auto operator<=>(const Digest&) const = default;
  [[nodiscard]] ByteView view() const { return bytes; }
  [[nodiscard]] std::string hex() const { return to_hex(bytes); }
  /// First eight hex digits, for logs and traces.
  [[nodiscard]] std::string brief() const { return hex().substr(0, 8); }
  friend std::ostream& operator<<(std::ostream& out, const Digest& d) { return out << d.brief(); }
};

/// Plain SHA-256 of `data`.
Digest sha256(ByteView data);

/// SHA-256 over (length of domain as one byte, domain, data). Requires: domain.size() < 256.
Digest sha256(std::string_view domain, ByteView data);

/// SHA-256 of two digests side by side: an inner node of a Merkle tree. One compression-friendly
/// call.
Digest sha256_pair(const Digest& left, const Digest& right);

/// Incremental SHA-256 with a domain word; sha256(domain, data) when the data came in pieces.
class Hasher {
 public:
  explicit Hasher(std::string_view domain);
  ~Hasher();
  Hasher(Hasher&&) noexcept;
  Hasher& operator=(Hasher&&) noexcept;

  /// Requires: not finished.
  Hasher& add(ByteView data);
  /// Once.
  Digest finish();

 private:
  struct Context;
  std::unique_ptr<Context> context_;
};

}  // namespace prytany::crypto

template <>
struct std::hash<prytany::crypto::Digest> {
  std::size_t operator()(const prytany::crypto::Digest& d) const noexcept {
    std::size_t h = 0;
    for (int i = 0; i < 8; ++i) h = (h << 8) | d.bytes[static_cast<std::size_t>(i)];
    return h;
  }
};
