// What was missed is made up by peers, and soon: what the checker takes, and what it does not.
#include "tests/sim/missed_checker.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace prytany::sim {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::StartsWith;

constexpr std::uint64_t patience_us = 500'000;

struct Missed : testing::Test {
  Missed() {
    checker.watch(true);
    for (std::uint16_t i = 0; i < 4; ++i) {
      all.push_back({ReplicaId{i}, {}});
      at(i, 10, 10);
    }
    checker.turn_took(1'000);
    checker.frame_took(2'000);
    checker.saw(Time{0}, all);
    checker.begins(Time{0});
  }
  void at(std::size_t who, std::uint64_t executed, std::uint64_t proposed) {
    all[who].status.executed = Seq{executed};
    all[who].status.proposed = Seq{proposed};
  }
  /// r3 misses n11, which all others execute at once.
  void one_misses(std::uint64_t heard_of) {
    for (std::size_t i = 0; i < 3; ++i) at(i, 11, 11);
    at(3, 10, heard_of);
    checker.saw(Time{10'000}, all);
    ASSERT_TRUE(checker.quiet(Time{20'000}, all, patience_us, window));
    EXPECT_FALSE(checker.judge(Time{20'000}, all));
  }
  bool judge(std::uint64_t when) {
    checker.saw(Time{when}, all);
    return checker.judge(Time{when}, all);
  }

  static constexpr std::uint64_t window = 256;
  static constexpr std::uint64_t travel_us = MissedChecker::hops_max * 4'000;
  Violations violations;
  MissedChecker checker{violations, 2};
  std::vector<Shown> all;
};

TEST_F(Missed, number_is_there_within_an_interval_and_the_way) {
  one_misses(11);
  EXPECT_FALSE(judge(20'000 + 50'000 + travel_us));
  at(3, 11, 11);
  EXPECT_TRUE(judge(20'000 + 50'000 + travel_us));
  EXPECT_THAT(violations.all(), IsEmpty());
  EXPECT_EQ(checker.made_up(), 1U);
}

TEST_F(Missed, number_that_comes_later_is_a_violation) {
  one_misses(11);
  EXPECT_TRUE(judge(20'000 + 50'000 + travel_us + 1));
  EXPECT_THAT(violations.all(), ElementsAre(StartsWith("missed: r3 has executed n10 of n11")));
}

TEST_F(Missed, number_of_which_one_heard_nothing_may_take_another_interval) {
  one_misses(10);
  EXPECT_FALSE(judge(20'000 + 100'000 + travel_us));
  EXPECT_TRUE(judge(20'000 + 100'000 + travel_us + 1));
  EXPECT_THAT(violations.all(), ElementsAre(StartsWith("missed: r3")));
}

TEST_F(Missed, interval_is_what_doubling_has_made_of_it) {
  for (std::size_t i = 0; i < 3; ++i) at(i, 11, 11);
  at(3, 10, 11);
  checker.saw(Time{10'000}, all);
  // It has asked in vain 50 ms and 150 ms after its last progress, and asks again at 350 ms.
  ASSERT_TRUE(checker.quiet(Time{160'000}, all, patience_us, window));
  EXPECT_FALSE(judge(160'000));
  EXPECT_FALSE(judge(160'000 + 200'000 + travel_us));
  EXPECT_TRUE(judge(160'000 + 200'000 + travel_us + 1));
  EXPECT_THAT(violations.all(), ElementsAre(StartsWith("missed: r3")));
}

TEST_F(Missed, number_that_too_few_have_counts_from_the_groups_last_progress) {
  at(0, 10, 11);
  checker.saw(Time{10'000}, all);
  ASSERT_TRUE(checker.quiet(Time{20'000}, all, patience_us, window));
  at(0, 11, 11);
  EXPECT_FALSE(judge(60'000));
  for (std::size_t i = 1; i < 3; ++i) at(i, 11, 11);
  EXPECT_FALSE(judge(100'000));
  EXPECT_FALSE(judge(100'000 + 50'000 + travel_us));
  EXPECT_THAT(violations.all(), IsEmpty());
  EXPECT_TRUE(judge(100'000 + 200'000 + 50'000 + travel_us));
  EXPECT_THAT(violations.all(), ElementsAre(StartsWith("missed: r3")));
}

TEST_F(Missed, view_is_not_to_be_left_for_what_peers_can_make_up) {
  one_misses(11);
  all[3].status.active = false;
  EXPECT_TRUE(judge(30'000));
  EXPECT_THAT(violations.all(), ElementsAre(StartsWith("missed: r3 leaves view 0")));
}

TEST_F(Missed, rounds_show_nothing_of_who_fetches_state_or_changes_views) {
  all[2].status.fetching = true;
  EXPECT_FALSE(checker.quiet(Time{20'000}, all, patience_us, window));
  all[2].status.fetching = false;
  all[1].status.active = false;
  EXPECT_FALSE(checker.quiet(Time{20'000}, all, patience_us, window));
}

TEST_F(Missed, numbers_that_others_discarded_come_as_a_state) {
  one_misses(11);
  for (std::size_t i = 0; i < 3; ++i) all[i].status.stable = Seq{11};
  EXPECT_TRUE(judge(1'000'000));
  EXPECT_THAT(violations.all(), IsEmpty());
}

TEST_F(Missed, numbers_above_a_window_that_a_disk_holds_back_come_when_it_may) {
  at(0, 10, 300);
  checker.saw(Time{10'000}, all);
  ASSERT_TRUE(checker.quiet(Time{20'000}, all, patience_us, window));
  EXPECT_TRUE(judge(1'000'000));
  EXPECT_THAT(violations.all(), IsEmpty());
}

TEST_F(Missed, proposals_of_a_time_that_is_not_a_backups_wait_for_it) {
  one_misses(11);
  all[2].status.untimely = 1;
  EXPECT_TRUE(judge(1'000'000));
  EXPECT_THAT(violations.all(), IsEmpty());
}

TEST_F(Missed, number_that_nobody_has_may_lack_the_vote_of_who_did_not_hear_of_it) {
  at(0, 10, 11);
  checker.saw(Time{10'000}, all);
  ASSERT_TRUE(checker.quiet(Time{20'000}, all, patience_us, window));
  EXPECT_FALSE(judge(20'000 + 100'000 + travel_us));
  EXPECT_TRUE(judge(20'000 + 200'000 + travel_us + 1));
  EXPECT_THAT(violations.all(), ElementsAre(StartsWith("missed: r0")));
}

TEST_F(Missed, words_of_a_quorum_of_backups_bring_a_number) {
  Digest request;
  request.bytes.fill(7);
  const std::set<ReplicaId> backups{ReplicaId{1}, ReplicaId{2}, ReplicaId{3}};
  const auto none = [](const Digest&) { return false; };
  const auto known = [](const Digest&) { return true; };
  checker.vouched(ReplicaId{1}, request);
  checker.vouched(ReplicaId{2}, request);
  EXPECT_TRUE(checker.none_forgotten(Time{9'000'000}, backups, 3, 1, none)) << "two are no quorum";
  for (const ReplicaId id : backups) checker.vouched(id, request);
  EXPECT_FALSE(checker.none_forgotten(Time{MissedChecker::words_us}, backups, 3, 1, none));
  const Time later{MissedChecker::words_us + 2 * MissedChecker::forward_us};
  EXPECT_FALSE(checker.none_forgotten(later, backups, 3, 3, none));
  EXPECT_THAT(violations.all(), IsEmpty()) << "there is time yet";
  EXPECT_TRUE(checker.none_forgotten(Time{9'000'000}, backups, 3, 1, known));
  for (const ReplicaId id : backups) checker.vouched(id, request);
  EXPECT_FALSE(checker.none_forgotten(Time{9'000'000}, backups, 3, 1, none));
  EXPECT_THAT(violations.all(), ElementsAre(StartsWith("missed: request 0707")));
}

}  // namespace
}  // namespace prytany::sim
