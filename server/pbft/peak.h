// The highest that a number has been since some moment. For what is granted by a number that falls
// again: who was promised a place behind forty others still waits for thirty when ten are left.
#pragma once

#include <cstdint>
#include <deque>

#include "server/wire/ids.h"

namespace prytany::pbft {

class Peak {
 public:
  /// It is `value` from now on, and what it was before `since` is of no interest any more.
  void observe(Time now, std::uint64_t value, Time since) {
    if (!falling_.empty()) falling_.back().until = now;
    while (!falling_.empty() && falling_.back().value <= value) falling_.pop_back();
    while (!falling_.empty() && falling_.front().until < since) falling_.pop_front();
    falling_.push_back({value, now});
  }
  /// The highest since the latest `since`. Requires: observe() was called.
  [[nodiscard]] std::uint64_t value() const { return falling_.front().value; }

 private:
  struct Held {
    std::uint64_t value;
    Time until;
  };
  std::deque<Held> falling_;  // each later and lower than the one before
};

}  // namespace prytany::pbft
