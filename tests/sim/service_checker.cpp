#include "tests/sim/service_checker.h"

#include <algorithm>
#include <string>

namespace prytany::sim {

void ServiceChecker::begins(Time now) {
  if (!begun_) begun_ = now;
}
void ServiceChecker::replaced(Time now) {
  if (!replaced_) replaced_ = now;
}

/// Who came last has had as much time as all others.
void ServiceChecker::answered(std::size_t client) {
  if (met_.insert(client).second) served_.clear();
  if (!replaced_ || over_) return;
  ++since_;
  ++served_[client];
}

std::optional<std::uint64_t> ServiceChecker::replaced_after_us() const {
  if (!replaced_ || !begun_) return std::nullopt;
  return *replaced_ - std::min(*begun_, *replaced_);
}

bool ServiceChecker::judge_primary(Time now, std::uint64_t within_us) {
  if (!begun_) return false;
  const std::uint64_t took_us = replaced_after_us().value_or(now - *begun_);
  if (took_us > within_us)
    violations_.add("liveness", "a slow primary was not replaced within " +
                                    std::to_string(within_us / 1'000) + " ms");
  return took_us > within_us || (replaced_ && since_ >= enough);
}

void ServiceChecker::judge_turns(const std::set<std::size_t>& others) {
  std::uint64_t most = 0;
  std::uint64_t least = ~std::uint64_t{0};
  for (const std::size_t client : met_) {
    if (others.contains(client)) continue;
    const auto found = served_.find(client);
    const std::uint64_t count = found == served_.end() ? 0 : found->second;
    most = std::max(most, count);
    least = std::min(least, count);
  }
  if (most >= most_min && most > times_max * least)
    violations_.add("fairness", "of those who ask alike somebody was served " +
                                    std::to_string(most) + " times, and somebody " +
                                    std::to_string(least) + " times");
}

}  // namespace prytany::sim
