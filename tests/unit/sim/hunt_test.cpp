#include "tests/sim/hunt.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "server/base/ensure.h"
#include "tests/sim/report.h"

namespace prytany::sim {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

TEST(Hunt, goes_through_the_profiles_that_the_table_names_seed_by_seed) {
  const auto named = profiles_for({1, "m", "f.cpp", "byzantine swarm"});
  ASSERT_THAT(named, SizeIs(2));
  EXPECT_EQ(named[0]->name, "byzantine");
  EXPECT_EQ(nth_try(named, 0).seed, 1U);
  EXPECT_EQ(nth_try(named, 1).profile, named[1]);
  EXPECT_EQ(nth_try(named, 1).seed, 1U);
  EXPECT_EQ(nth_try(named, 4).profile, named[0]);
  EXPECT_EQ(nth_try(named, 4).seed, 3U);
}

TEST(Hunt, knows_several_places_where_any_bug_may_show_and_no_unknown_one) {
  EXPECT_GT(profiles_for({1, "m", "f.cpp", "any"}).size(), 4U);
  EXPECT_THAT(profiles_for({1, "m", "f.cpp", "byzantine nowhere"}), IsEmpty());
}

TEST(Hunt, counts_violations_and_aborts_and_not_that_a_run_was_slow) {
  RunResult result;
  Outcome outcome;
  outcome.output = to_message(result);
  std::string by;
  EXPECT_FALSE(noticed(outcome, by));
  result.violations = {"agreement: something", "state: other"};
  outcome.output = to_message(result);
  EXPECT_TRUE(noticed(outcome, by));
  EXPECT_EQ(by, "agreement: something");
  Outcome slow;
  slow.death = "took longer than 60 s";
  slow.hung = true;
  EXPECT_FALSE(noticed(slow, by));
}

TEST(Hunt, tells_which_assertion_stopped_a_process) {
  RunnerOptions options;
  options.keeps_errors = true;
  std::string by;
  run_seeds(
      1, 1, options,
      [](std::uint64_t) {
        ENSURE(1 + 1 == 3);
        return std::string();
      },
      [&](const Outcome& outcome) { return noticed(outcome, by); });
  EXPECT_THAT(by, HasSubstr("ENSURE(1 + 1 == 3)"));
}

}  // namespace
}  // namespace prytany::sim
