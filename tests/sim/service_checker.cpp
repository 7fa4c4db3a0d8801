#include "tests/sim/service_checker.h"

#include <algorithm>
#include <string>

namespace prytany::sim {

void ServiceChecker::begins(Time now) {
  if (begun_) return;
  begun_ = now;
  span_ = {now};
}
void ServiceChecker::replaced(Time now) {
  if (!replaced_) replaced_ = now;
}

/// Who came last has had as much time as all others.
void ServiceChecker::answered(std::size_t client, Time asked, Time now) {
  if (begun_ && !over_ && asked >= span_.since) {
    span_.waited_us += now - asked;
    ++span_.answers;
  }
  if (met_.insert(client).second) served_.clear();
  if (!replaced_ || over_) return;
  ++since_;
  ++served_[client];
}

/// What was asked before is no view's alone.
void ServiceChecker::entered(std::size_t views, Time now) {
  if (views == views_) return;
  views_ = views;
  span_ = {now};
}

bool ServiceChecker::judge_service(Time now, std::uint64_t mean_us, std::uint64_t within_us) {
  if (!begun_) return false;
  if (over_ || now < span_.since + within_us) return spans_ >= enough_spans;
  const std::uint64_t mean = span_.answers == 0 ? within_us : span_.waited_us / span_.answers;
  longest_mean_us_ = std::max(longest_mean_us_, mean);
  if (mean > mean_us)
    violations_.add("liveness", "in " + std::to_string(within_us / 1'000) +
                                    " ms of one view clients waited " + std::to_string(mean) +
                                    " us for each of " + std::to_string(span_.answers) +
                                    " answers");
  span_ = {now};
  return ++spans_ >= enough_spans;
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
