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
    for (unsigned i = 0; i < times; ++i) checker.answered(client, at(0), at(0));
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

constexpr std::uint64_t mean_max_us = second_us;
constexpr std::uint64_t span_us = 10 * second_us;

TEST_F(Service, of_one_view_is_slow_where_answers_take_too_long_on_average) {
  checker.begins(at(100));
  checker.answered(0, at(101), at(101));
  checker.answered(0, at(101), at(103));
  EXPECT_FALSE(checker.judge_service(at(110), mean_max_us, span_us));
  EXPECT_THAT(violations.all(), IsEmpty()) << "a second each is what it may be";
  checker.answered(0, at(111), at(111));
  checker.answered(0, at(111), at(114));
  EXPECT_FALSE(checker.judge_service(at(119), mean_max_us, span_us)) << "not ten seconds yet";
  EXPECT_TRUE(checker.judge_service(at(120), mean_max_us, span_us));
  EXPECT_THAT(violations.all(), ElementsAre(StartsWith("liveness: in 10000 ms of one view")));
  EXPECT_EQ(checker.longest_mean_us(), 3 * second_us / 2);
}

TEST_F(Service, of_one_view_in_which_nothing_is_answered_is_slow) {
  checker.begins(at(100));
  (void)checker.judge_service(at(110), mean_max_us, span_us);
  EXPECT_THAT(violations.all(), ElementsAre(StartsWith("liveness: in 10000 ms of one view")));
}

TEST_F(Service, of_one_view_is_not_judged_by_what_was_asked_in_another) {
  checker.begins(at(100));
  checker.entered(1, at(109));
  checker.answered(0, at(101), at(111));
  checker.answered(0, at(111), at(111));
  EXPECT_FALSE(checker.judge_service(at(110), mean_max_us, span_us));
  (void)checker.judge_service(at(119), mean_max_us, span_us);
  EXPECT_THAT(violations.all(), IsEmpty());
  EXPECT_EQ(checker.longest_mean_us(), 0U);
}

}  // namespace
}  // namespace prytany::sim
