// System calls of processes, counted by Debian's `perf`: the kernel has no counter for them that
// costs nothing.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "server/base/result.h"

namespace prytany::bench {

class SyscallCount {
 public:
  /// From now on. perf writes into `folder`.
  SyscallCount(const std::vector<pid_t>& processes, const std::string& folder);
  ~SyscallCount();
  SyscallCount(const SyscallCount&) = delete;
  SyscallCount& operator=(const SyscallCount&) = delete;
  /// How many there were. The Error says why that is not known.
  Result<double> stop();

 private:
  std::string path_;
  pid_t perf_ = 0;
};

/// The number in what `perf stat -x,` wrote.
Result<double> perf_count_in(const std::string& text);

}  // namespace prytany::bench
