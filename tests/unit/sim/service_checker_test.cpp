#include "tests/sim/service_checker.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace prytany::sim {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::StartsWith;

constexpr std::uint64_t second_us = 1'000'000;

class Service : public testing::Test {
 protected:
  Violations violations;
  ServiceChecker checker{violations};

  static Time at(std::uint64_t seconds) { return Time{seconds * second_us}; }
  void serve(std::size_t client, unsigned times) {
    for (unsigned i = 0; i < times; ++i) checker.answered(client);
  }
};

TEST_F(Service, of_a_slow_primary_ends_in_time) {
  EXPECT_FALSE(checker.judge_primary(at(100), second_us)) << "nobody asks yet";
  checker.begins(at(100));
  EXPECT_FALSE(checker.judge_primary(at(101), 8 * second_us));
  checker.replaced(at(105));
  checker.replaced(at(190));
  EXPECT_EQ(checker.replaced_after_us(), 5 * second_us);
  EXPECT_FALSE(checker.judge_primary(at(200), 8 * second_us)) << "nothing to compare yet";
  serve(0, 200);
  EXPECT_TRUE(checker.judge_primary(at(200), 8 * second_us));
  EXPECT_THAT(violations.all(), IsEmpty());
}

TEST_F(Service, of_a_slow_primary_must_not_go_on) {
  checker.begins(at(100));
  EXPECT_TRUE(checker.judge_primary(at(109), 8 * second_us));
  EXPECT_THAT(violations.all(), ElementsAre(StartsWith("liveness: a slow primary")));
}

TEST_F(Service, of_a_slow_primary_must_not_have_gone_on_for_too_long) {
  checker.begins(at(100));
  checker.replaced(at(109));
  EXPECT_TRUE(checker.judge_primary(at(110), 8 * second_us));
  EXPECT_THAT(violations.all(), ElementsAre(StartsWith("liveness: a slow primary")));
}

TEST_F(Service, is_compared_from_when_all_are_there_and_another_leads) {
  serve(0, 1'000);
  checker.replaced(at(105));
  serve(0, 1'000);
  serve(1, 40);  // the first one begins
  serve(0, 40);
  checker.judge_turns({});
  EXPECT_THAT(violations.all(), IsEmpty());
}

TEST_F(Service, is_not_alike_where_one_gets_more_than_three_times_as_much) {
  serve(0, 1);
  serve(1, 1);
  checker.replaced(at(105));
  serve(0, 90);
  serve(1, 30);
  checker.judge_turns({});
  EXPECT_THAT(violations.all(), IsEmpty());
  serve(0, 1);
  checker.judge_turns({1});
  EXPECT_THAT(violations.all(), IsEmpty()) << "nobody is compared with itself";
  checker.judge_turns({});
  EXPECT_THAT(violations.all(), ElementsAre(StartsWith("fairness: of those")));
}

TEST_F(Service, is_not_compared_by_what_comes_when_nobody_asks_any_more) {
  serve(0, 1);
  serve(1, 1);
  checker.replaced(at(105));
  checker.ends();
  serve(0, 90);
  checker.judge_turns({});
  EXPECT_THAT(violations.all(), IsEmpty());
}

}  // namespace
}  // namespace prytany::sim
