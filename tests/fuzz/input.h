// The bytes of an input as choices. What has run out is zeros, so every prefix of an input is one,
// and a byte that changes changes one choice.
#pragma once

#include <algorithm>
#include <initializer_list>
#include <string>

#include "server/base/bytes.h"
#include "server/crypto/sign.h"

namespace prytany::fuzz {

class Input {
 public:
  explicit Input(ByteView bytes) : rest_(bytes) {}

  [[nodiscard]] bool empty() const { return rest_.empty(); }
  std::uint8_t byte() {
    if (rest_.empty()) return 0;
    const std::uint8_t first = rest_.front();
    rest_ = rest_.subspan(1);
    return first;
  }
  /// 0 .. n - 1. Requires: 0 < n <= 256.
  unsigned below(unsigned n) { return byte() % n; }
  bool maybe() { return (byte() & 1) != 0; }
  std::uint64_t number() {
    std::uint64_t value = 0;
    for (int i = 0; i < 8; ++i) value = (value << 8) | byte();
    return value;
  }
  /// As many as there are, at most n.
  ByteView take(std::size_t n) {
    const ByteView taken = rest_.first(std::min(n, rest_.size()));
    rest_ = rest_.subspan(taken.size());
    return taken;
  }
  /// Up to the next line break, which goes; or all.
  ByteView line() {
    const auto end = std::find(rest_.begin(), rest_.end(), std::uint8_t{'\n'});
    const ByteView taken = take(static_cast<std::size_t>(end - rest_.begin()));
    (void)take(1);
    return taken;
  }
  /// Its length is two bytes before it.
  ByteView chunk() {
    const std::size_t high = byte();
    return take(high << 8 | byte());
  }
  ByteView rest() { return take(rest_.size()); }

 private:
  ByteView rest_;
};

// ---- The other way, for seeds -------------------------------------------------------------------

inline void put(Bytes& out, std::initializer_list<unsigned> bytes) {
  for (const unsigned byte : bytes) out.push_back(static_cast<std::uint8_t>(byte));
}
inline void put_chunk(Bytes& out, ByteView bytes) {
  out.push_back(static_cast<std::uint8_t>(bytes.size() >> 8));
  out.push_back(static_cast<std::uint8_t>(bytes.size()));
  out.insert(out.end(), bytes.begin(), bytes.end());
}
inline Bytes seed_of(std::string_view text) { return to_bytes(as_bytes(text)); }

/// A key that everybody can compute.
inline crypto::Signer known_key(std::uint8_t number) {
  crypto::Signer::Seed seed{};
  seed.fill(number);
  return crypto::Signer(seed);
}

}  // namespace prytany::fuzz
