// The smallest HTTP client that can ask a replica on this machine for its pages.
#pragma once

#include <cstdint>
#include <string>

#include "server/base/result.h"
#include "server/wire/genesis.h"

namespace prytany::cli {

/// The body of a 200 answer. Blocks for at most `timeout_us`. Requires: a numeric host.
Result<std::string> http_get(const wire::HostPort& address, const std::string& path,
                             std::uint64_t timeout_us);

}  // namespace prytany::cli
