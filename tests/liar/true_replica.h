// The replica that tells the truth, as a child process behind the liar. It does not outlive it.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "server/base/result.h"
#include "server/wire/genesis.h"

namespace prytany::liar {

class TrueReplica {
 public:
  /// Runs `command` (program and arguments).
  static Result<TrueReplica> start(const std::vector<std::string>& command);
  TrueReplica(TrueReplica&& other) noexcept;
  TrueReplica& operator=(TrueReplica&&) = delete;
  /// Ends it, and waits.
  ~TrueReplica();

  /// Its exit code once it has ended by itself (128 and more: a signal); nothing while it runs.
  std::optional<int> ended();
  /// Until it serves its status at `address`.
  Result<void> wait_until_ready(const wire::HostPort& address, std::uint64_t timeout_us);

 private:
  explicit TrueReplica(pid_t process) : process_(process) {}
  pid_t process_;  // 0 when it has ended
};

}  // namespace prytany::liar
