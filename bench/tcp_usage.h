// How many bytes and segments went over TCP between ports of this machine, as the kernel counted
// them for each connection.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>

#include "server/base/result.h"

namespace prytany::bench {

struct TcpUsage {
  std::uint64_t bytes = 0;     // payload, in both directions, repeated ones too
  std::uint64_t segments = 0;  // with payload
  /// Bytes and segments of each end of a connection, by the kernel's number for it.
  std::map<std::uint64_t, std::pair<std::uint64_t, std::uint64_t>> ends = {};
  bool operator==(const TcpUsage&) const = default;
};

/// What went over since `before`; nothing if a connection has ended meanwhile, which took its count
/// with it.
std::optional<TcpUsage> since(const TcpUsage& before, const TcpUsage& after);

/// Of all connections that stand and have one of `ports` at either end, since each began.
Result<TcpUsage> tcp_usage(const std::set<std::uint16_t>& ports);

}  // namespace prytany::bench
