// What clients that watch were told: of each subscription every change of its topics, in the order
// of the log, none twice and none left out, each as it is when plain SQLite does what was
// committed.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "server/wire/values.h"
#include "tests/sim/violations.h"

namespace prytany::sim {

class WatchChecker {
 public:
  explicit WatchChecker(Violations& violations) : violations_(violations) {}

  /// `who`: names the subscription, and no other one. It begins after a position, or with what
  /// comes next.
  void began(const std::string& who, std::vector<std::string> topics,
             std::optional<std::uint64_t> after);
  struct Heard {
    bool missed = false;  // some that are kept no more
    std::vector<wire::Change> items;
    std::uint64_t position = 0;  // and that is all up to here
  };
  void heard(const std::string& who, Heard heard);
  /// Nothing more will be heard, whatever is told.
  void ended(const std::string& who);

  /// `told`: all changes, the first at position 1. `to_the_end`: who still watches has heard all.
  void compare(const std::vector<wire::Change>& told, bool to_the_end);
  [[nodiscard]] std::uint64_t changes_heard() const { return changes_heard_; }

 private:
  struct Subscription {
    std::vector<std::string> topics;
    std::optional<std::uint64_t> at;  // all up to here was heard; nothing: it has not begun
    std::vector<Heard> heard;
    bool ended = false;
  };
  void compare(const std::string& who, Subscription& watched,
               const std::vector<wire::Change>& told);
  void none_between(const std::string& who, const Subscription& watched,
                    const std::vector<wire::Change>& told, std::uint64_t upto);

  Violations& violations_;
  std::map<std::string, Subscription> subscriptions_;
  std::uint64_t changes_heard_ = 0;
};

}  // namespace prytany::sim
