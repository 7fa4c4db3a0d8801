// What clients saw, and when. Each ordered request was executed at one number; the reference shows
// that its answer is that of executing all of them in the order of their numbers (reference.h). So
// what is left of linearizability (Herlihy and Wing, TOPLAS 1990) is real time: who asks after
// somebody was answered comes after him in that order.
#pragma once

#include <string>

#include "server/wire/ids.h"
#include "tests/sim/violations.h"

namespace prytany::sim {

class HistoryChecker {
 public:
  explicit HistoryChecker(Violations& violations) : violations_(violations) {}

  /// A client asks now: this request must come after all that were answered until now, which the
  /// mark stands for.
  using Mark = Seq;
  [[nodiscard]] Mark invoked() const { return highest_answered_; }
  /// The request that got `mark` was answered now, as executed at `seq`. A number in which somebody
  /// was answered holds nothing that was asked later: equal is too early, too.
  void answered(const std::string& client, Mark mark, Seq seq);
  [[nodiscard]] std::uint64_t judged() const { return judged_; }

 private:
  Violations& violations_;
  Seq highest_answered_;
  std::uint64_t judged_ = 0;
};

}  // namespace prytany::sim
