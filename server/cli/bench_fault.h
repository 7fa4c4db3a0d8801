// What befalls a replica in the middle of a window, and how long it takes to be as before.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "bench/row.h"
#include "server/cli/local_cluster.h"

namespace prytany::cli {

/// kill-primary, kill-backup: SIGKILL. mute-backup: SIGSTOP, so that its connections stand.
/// restart-backup: SIGKILL, and started again half-way through what is left.
std::vector<std::string> bench_fault_names();

class BenchFault {
 public:
  /// `name` is one of the above.
  BenchFault(std::string name, LocalCluster& cluster) : name_(std::move(name)), cluster_(cluster) {}
  /// Lasts as long as the window; strikes after a third of it.
  Result<void> sit_through(double seconds);
  /// Everybody is back, for the next row.
  Result<void> mend();
  /// From the start of the process until it had executed what another had; restart-backup only.
  [[nodiscard]] std::optional<double> caught_up_ms() const { return caught_up_ms_; }

 private:
  [[nodiscard]] Result<std::uint64_t> told(unsigned replica, const char* counter) const;
  Result<void> choose();
  Result<void> restart_and_wait(double seconds);

  std::string name_;
  LocalCluster& cluster_;
  unsigned victim_ = 0;
  unsigned witness_ = 0;  // another one
  std::optional<double> caught_up_ms_;
};

}  // namespace prytany::cli
