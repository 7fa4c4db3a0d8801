// A party's part of the loop's time. Whoever sends what costs much to look at (signatures to
// check, thousands of small frames) gets a slice of each turn, and waits with the rest, in the
// socket's buffer or ours, until everybody else had theirs. Turns are not time: they follow each
// other at once while somebody has more. So besides, beyond a burst, nobody has more than a share
// of the clock, and while a party rests the loop is there for others.
#pragma once

#include <algorithm>
#include <cstdint>

#include "server/wire/ids.h"

namespace prytany::net {

class Slice {
 public:
  struct Rule {
    std::uint64_t turn_us;   // at once; four times that while half of the burst is not used up
    std::uint64_t burst_us;  // turn after turn, before the share matters
    unsigned percent;        // of the clock; above 0
  };
  explicit Slice(Rule rule) : rule_(rule) {}

  /// Whether something is left of it, in this turn and by the clock. (Long turns are cheaper, and
  /// nobody minds those of who has been modest.)
  [[nodiscard]] bool left(Time now) const {
    const bool modest = paid_at_ <= now + of_the_clock(rule_.burst_us / 2);
    return used_us_ < (modest ? 4 * rule_.turn_us : rule_.turn_us) && !rests(now);
  }
  [[nodiscard]] bool rests(Time now) const { return now < rests_until_; }
  /// As if it had never been here.
  [[nodiscard]] bool fresh(Time now) const { return paid_at_ <= now; }
  /// When it does not rest any more; long ago if it does not.
  [[nodiscard]] Time again() const { return rests_until_; }
  /// `now`: when it was spent. The last thing that was begun may go beyond a turn's: the clock sees
  /// to that.
  void spend(Time now, std::uint64_t us) {
    used_us_ += us;
    paid_at_ = std::max(paid_at_, now) + of_the_clock(us);
    if (paid_at_ <= now + of_the_clock(rule_.burst_us)) return;
    // A turn's worth at least comes back, or each rest would be followed by one small thing.
    const std::uint64_t worth_waking = std::min(rule_.turn_us, rule_.burst_us);
    rests_until_ = Time{paid_at_.value - of_the_clock(rule_.burst_us - worth_waking)};
  }
  /// A turn of the loop has passed.
  void renew() { used_us_ = 0; }

 private:
  /// In what time so much comes back.
  [[nodiscard]] std::uint64_t of_the_clock(std::uint64_t us) const {
    return (us * 100 + rule_.percent - 1) / rule_.percent;
  }

  Rule rule_;
  std::uint64_t used_us_ = 0;  // in this turn
  Time paid_at_;               // all that was spent
  Time rests_until_;
};

}  // namespace prytany::net
