// HMAC-SHA-256 truncated to 16 bytes, keyed once per key (re-keying per message costs twice as
// much).
#pragma once

#include <array>
#include <memory>

#include "server/base/bytes.h"

namespace prytany::crypto {

using MacKey = std::array<std::uint8_t, 32>;
using Tag16 = std::array<std::uint8_t, 16>;

/// One thread at a time: the keyed context is reused, also by the const members.
class Mac {
 public:
  explicit Mac(const MacKey& key);
  Mac(Mac&&) noexcept;
  Mac& operator=(Mac&&) noexcept;
  ~Mac();

  [[nodiscard]] Tag16 tag(ByteView data) const;
  /// In constant time.
  [[nodiscard]] bool check(ByteView data, const Tag16& tag) const;

 private:
  [[nodiscard]] Tag16 compute(ByteView data) const;

  struct Context;
  std::unique_ptr<Context> context_;
};

}  // namespace prytany::crypto
