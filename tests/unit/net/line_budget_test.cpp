#include "server/net/line_budget.h"

#include <gtest/gtest.h>

namespace prytany::net {
namespace {

constexpr std::uint64_t ten_seconds_us = 10'000'000;

TEST(LineBudget, lets_through_what_a_restart_says_at_once_however_often_there_is_one_in_a_while) {
  LineBudget budget(ten_seconds_us);
  for (std::uint64_t restart = 0; restart < 5; ++restart)
    for (unsigned i = 0; i < LineBudget::lines_max; ++i)
      EXPECT_EQ(budget.say(Time{restart * ten_seconds_us + i}, "up"), "up");
  EXPECT_EQ(budget.due(), never);
}

TEST(LineBudget, of_a_flood_says_a_few_lines_then_how_many_and_the_last) {
  LineBudget budget(ten_seconds_us);
  for (unsigned i = 0; i < LineBudget::lines_max; ++i) EXPECT_TRUE(budget.say(Time{i}, "up"));
  EXPECT_FALSE(budget.say(Time{100}, "one"));
  EXPECT_FALSE(budget.say(Time{101}, "two"));
  EXPECT_FALSE(budget.say(Time{102}, "down: reset"));
  ASSERT_EQ(budget.due(), Time{ten_seconds_us});
  EXPECT_EQ(budget.take(budget.due()), "down: reset (2 such lines before are left out)");
  EXPECT_EQ(budget.due(), never);
  EXPECT_EQ(budget.say(Time{ten_seconds_us + 1}, "up"), "up") << "it is heard again";
}

TEST(LineBudget, a_flood_that_lasts_gets_no_more_in_each_period) {
  LineBudget budget(ten_seconds_us);
  unsigned lines = 0;
  for (std::uint64_t ms = 0; ms < 100'000; ++ms) {
    const Time now{ms * 1'000};
    if (budget.due() <= now) lines += budget.take(now).empty() ? 0U : 1U;
    if (budget.say(now, "up")) ++lines;
  }
  EXPECT_EQ(lines, 10 * LineBudget::lines_max);
}

}  // namespace
}  // namespace prytany::net
