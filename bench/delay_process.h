// The program prytany-bench-delay, as long as somebody needs it.
#pragma once

#include <sys/types.h>

#include <utility>
#include <vector>

#include "bench/delay.h"

namespace prytany::bench {

class DelayProcess {
 public:
  /// The program beside this one. The Error says that it is not there.
  static Result<DelayProcess> start(const std::vector<DelayRoute>& routes);
  DelayProcess(DelayProcess&& other) noexcept : process_(std::exchange(other.process_, 0)) {}
  DelayProcess& operator=(DelayProcess&&) = delete;
  ~DelayProcess();

 private:
  explicit DelayProcess(pid_t process) : process_(process) {}
  pid_t process_ = 0;
};

}  // namespace prytany::bench
