#include "vfs/agreed_source.h"

#include <sqlite3.h>

#include <algorithm>
#include <array>

#include "server/base/ensure.h"

namespace prytany::vfs {
namespace {

// One SQLite, one generator, one request at a time in this process: the only place where that
// shows.
AgreedSource* scope_source = nullptr;

}  // namespace

void AgreedSource::set(std::int64_t time_us, const crypto::Digest& seed) {
  time_us_ = time_us;
  seed_ = seed;
  block_ = 0;
  used_ = crypto::Digest::size;
}

std::int64_t AgreedSource::julian_ms() const {
  constexpr std::int64_t unix_epoch_ms = 210'866'760'000'000;
  // Rounded down, so that time before 1970 does not jump.
  const std::int64_t ms = time_us_ / 1000 - (time_us_ % 1000 < 0 ? 1 : 0);
  return unix_epoch_ms + ms;
}

void AgreedSource::fill(std::span<std::uint8_t> out) {
  while (!out.empty()) {
    if (used_ == bytes_.bytes.size()) {
      std::array<std::uint8_t, crypto::Digest::size + 8> input;
      std::copy(seed_.bytes.begin(), seed_.bytes.end(), input.begin());
      for (unsigned i = 0; i < 8; ++i)
        input[crypto::Digest::size + i] = static_cast<std::uint8_t>(block_ >> (56 - 8 * i));
      bytes_ = crypto::sha256("prytany.vfs.random", input);
      ++block_;
      used_ = 0;
    }
    const std::size_t count = std::min(out.size(), bytes_.bytes.size() - used_);
    std::copy_n(bytes_.bytes.begin() + static_cast<std::ptrdiff_t>(used_), count, out.begin());
    used_ += count;
    out = out.subspan(count);
  }
}

AgreedScope::AgreedScope(AgreedSource& source) {
  ENSURE(scope_source == nullptr);
  scope_source = &source;
  sqlite3_randomness(0, nullptr);
}

AgreedScope::~AgreedScope() {
  scope_source = nullptr;
  sqlite3_randomness(0, nullptr);
}

AgreedSource& current_source() {
  if (scope_source != nullptr) return *scope_source;
  static AgreedSource fixed;
  // Always from its beginning: what was drawn earlier must not show.
  fixed.set(0, crypto::Digest{});
  return fixed;
}

}  // namespace prytany::vfs
