// Virtual time: what happens next, and when. Two things at one instant happen in the order in which
// they were scheduled, so that nothing depends on a heap's whim.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <utility>
#include <vector>

#include "server/base/ensure.h"
#include "server/wire/ids.h"

namespace prytany::sim {

class EventQueue {
 public:
  using Action = std::function<void()>;

  [[nodiscard]] Time now() const { return now_; }
  [[nodiscard]] std::uint64_t handled() const { return handled_; }
  [[nodiscard]] bool empty() const { return heap_.empty(); }

  /// What should have happened in the past happens now.
  void at(Time when, Action action) {
    heap_.push_back({std::max(when, now_), next_sequence_++, std::move(action)});
    std::push_heap(heap_.begin(), heap_.end(), later);
  }
  void after(std::uint64_t microseconds, Action action) {
    at(now_ + microseconds, std::move(action));
  }

  /// Moves time to the next event and runs it. Requires: !empty().
  void run_one() {
    ENSURE(!heap_.empty());
    std::pop_heap(heap_.begin(), heap_.end(), later);
    Entry entry = std::move(heap_.back());
    heap_.pop_back();
    ENSURE(entry.when >= now_);
    now_ = entry.when;
    ++handled_;
    entry.action();
  }

 private:
  struct Entry {
    Time when;
    std::uint64_t sequence;
    Action action;
  };
  static bool later(const Entry& a, const Entry& b) {
    return std::pair{a.when, a.sequence} > std::pair{b.when, b.sequence};
  }

  std::vector<Entry> heap_;
  Time now_{1'000'000};
  std::uint64_t next_sequence_ = 0;
  std::uint64_t handled_ = 0;
};

}  // namespace prytany::sim
