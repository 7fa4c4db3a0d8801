// Where SQLite's time and randomness come from: what the group agreed on for the request that is
// executing.
#pragma once

#include <cstdint>
#include <span>

#include "server/crypto/digest.h"

namespace prytany::vfs {

/// Time and a stream of pseudo-random bytes; equal inputs give equal values on every machine.
class AgreedSource {
 public:
  /// Starts the stream anew. `time_us` is microseconds since 1970 UTC.
  void set(std::int64_t time_us, const crypto::Digest& seed);

  [[nodiscard]] std::int64_t time_us() const { return time_us_; }
  /// Milliseconds since noon of 24 November 4714 BC (proleptic Gregorian), as SQLite counts them.
  [[nodiscard]] std::int64_t julian_ms() const;
  /// The next bytes of SHA-256("prytany.vfs.random", seed, 0), SHA-256(.., 1) ...: the counter is 8
  /// bytes big-endian.
  void fill(std::span<std::uint8_t> out);

 private:
  std::int64_t time_us_ = 0;
  crypto::Digest seed_;
  std::uint64_t block_ = 0;
  crypto::Digest bytes_;
  std::size_t used_ = crypto::Digest::size;
};

/// While one of these lives, SQLite reads `source`: time, random(), and all else it draws
/// randomness for. SQLite has one generator per process, which it seeds from the default VFS; so
/// where several stores share a process, one at a time executes, each inside its own scope. Outside
/// any scope time stands at 1970 and randomness is a fixed stream. Entering and leaving make SQLite
/// forget what is left of its stream. Scopes do not nest.
class AgreedScope {
 public:
  explicit AgreedScope(AgreedSource& source);
  ~AgreedScope();
  AgreedScope(const AgreedScope&) = delete;
  AgreedScope& operator=(const AgreedScope&) = delete;
};

/// The source of the scope in force, or the fixed one. For the VFS.
AgreedSource& current_source();

}  // namespace prytany::vfs
