// Allocations of processes, counted by a library that is loaded into them before all others
// (count_allocations.cpp). Where nobody asks, there is no such library, and it costs nothing.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

#include "server/base/result.h"

namespace prytany::bench {

/// "NAME=value" for processes that shall be counted, which then write into `folder`. The library is
/// looked for beside this program. The Error says that it is not there.
Result<std::vector<std::string>> environment_to_count_allocations(const std::string& folder);

/// Since that process began.
Result<std::uint64_t> allocations_of(const std::string& folder, pid_t process);

}  // namespace prytany::bench
