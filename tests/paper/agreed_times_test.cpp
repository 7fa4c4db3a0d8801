// What the application does at agreed times (docs/decisions/0022-agreed-times.md): an idle group
// orders an empty batch for it, and leaves a primary that does not.
#include <gtest/gtest.h>

#include "tests/play/group.h"

namespace prytany::play {
namespace {

constexpr std::int64_t minute_us = 60'000'000;
constexpr std::uint64_t minute_ms = 60'000;
constexpr std::uint64_t grace_us = 2'000'000;  // what clocks may differ by

/// Something to do each minute, on each replica by the agreed time of what it executed.
class EveryMinute {
 public:
  explicit EveryMinute(Group& group) : group_(group), next_(group.size()), ran_(group.size()) {
    for (unsigned id = 0; id < group.size(); ++id) {
      next_[id] = epoch_us + minute_us;
      attach(id);
    }
  }
  /// To a replica that was just started, too.
  void attach(unsigned id) {
    group_.host(id).batch_due = [this, id](const wire::Agreed& agreed) {
      if (agreed.time.value >= next_[id]) {
        ran_[id].push_back(agreed.time.value);
        next_[id] += minute_us;
      }
      return due(id);
    };
    group_.host(id).handle(group_.now(), due(id));
  }
  [[nodiscard]] const std::vector<std::int64_t>& ran(unsigned id) const { return ran_[id]; }

 private:
  [[nodiscard]] pbft::BatchDue due(unsigned id) const {
    const std::int64_t wait =
        std::max<std::int64_t>(next_[id] - group_.clock(id).local(group_.now()), 0);
    const Time at = group_.now() + static_cast<std::uint64_t>(wait);
    return {at, at + grace_us};
  }

  Group& group_;
  std::vector<std::int64_t> next_;
  std::vector<std::vector<std::int64_t>> ran_;
};

TEST(AgreedTimes, an_idle_group_orders_a_batch_when_one_has_come) {
  Group group(small_config(4, 1));
  EveryMinute work(group);
  group.advance(10 * minute_ms + 1000);
  for (unsigned id = 0; id < 4; ++id) {
    ASSERT_EQ(work.ran(id).size(), 10U);
    for (std::size_t i = 0; i < 10; ++i) {
      const std::int64_t due = epoch_us + static_cast<std::int64_t>(i + 1) * minute_us;
      EXPECT_GE(work.ran(id)[i], due);
      EXPECT_LT(work.ran(id)[i], due + 10'000) << "within a moment";
    }
    EXPECT_EQ(group.status(id).view, View{0}) << "nobody is to blame";
  }
  EXPECT_EQ(group.executed_requests(), 0U);
  // One batch each, and those that fill up to a checkpoint (every fourth number).
  EXPECT_LE(group.status(0).executed, Seq{40});
}

TEST(AgreedTimes, no_more_than_one_batch_is_ordered_for_each) {
  Group group(small_config(4, 1, 1024, 2048));
  EveryMinute work(group);
  for (std::uint64_t number = 1; number <= 700; ++number) {
    group.submit(0, request_of(1, number));
    group.advance(200);
  }
  EXPECT_EQ(work.ran(0).size(), 2U);
  EXPECT_LE(group.status(0).executed, Seq{702}) << "700 requests, and two at most that came first";
}

TEST(AgreedTimes, a_primary_that_lets_time_stand_still_is_left) {
  Group group(small_config(4, 1));
  EveryMinute work(group);
  group.host(0).batch_due = nullptr;
  group.host(0).handle(group.now(), pbft::BatchDue{});
  group.advance(minute_ms + grace_us / ms);
  for (unsigned id = 1; id < 4; ++id) EXPECT_EQ(group.status(id).view, View{0}) << "clocks differ";
  group.advance(2000);
  for (unsigned id = 1; id < 4; ++id) {
    EXPECT_GT(group.status(id).view, View{0});
    EXPECT_EQ(work.ran(id).size(), 1U);
  }
  group.advance(minute_ms);
  EXPECT_EQ(work.ran(1).size(), 2U) << "and the next primary does it in time";
}

TEST(AgreedTimes, clocks_that_differ_a_little_change_no_view) {
  Group group(small_config(4, 1));
  group.clock(0).offset_us = -900'000;  // the primary's is slow
  group.clock(2).offset_us = 300'000;
  EveryMinute work(group);
  group.advance(10 * minute_ms + 2000);
  for (unsigned id = 0; id < 4; ++id) {
    EXPECT_EQ(work.ran(id).size(), 10U);
    EXPECT_EQ(group.status(id).view, View{0});
  }
}

// A primary whose clock was set back orders what nobody needs, once for each time that it is told.
TEST(AgreedTimes, a_batch_that_came_too_early_is_followed_by_the_next_in_time) {
  Group group(small_config(4, 1, 128, 256));
  EveryMinute work(group);
  group.advance(minute_ms / 2);
  group.clock(0).offset_us = -5'000'000;
  group.advance(minute_ms / 2 + 20'000);
  EXPECT_EQ(work.ran(1).size(), 1U);
  EXPECT_LE(group.status(1).executed, Seq{256});
}

}  // namespace
}  // namespace prytany::play
