// How many bytes and segments went over TCP between ports of this machine, as the kernel counted
// them for each connection.
#pragma once

#include <cstdint>
#include <set>

#include "server/base/result.h"

namespace prytany::bench {

struct TcpUsage {
  std::uint64_t bytes = 0;     // payload, in both directions, repeated ones too
  std::uint64_t segments = 0;  // with payload
};

/// Of all connections that stand and have one of `ports` at either end, since each began.
Result<TcpUsage> tcp_usage(const std::set<std::uint16_t>& ports);

}  // namespace prytany::bench
