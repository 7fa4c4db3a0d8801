#include "server/pbft/catch_up.h"

#include <gtest/gtest.h>

namespace prytany::pbft {
namespace {

TEST(Overdue, waits_for_nothing_when_nothing_is_awaited) {
  Overdue overdue(50, 400);
  overdue.watch(Time{0}, false, 1);
  EXPECT_EQ(overdue.due(), never);
}

TEST(Overdue, its_deadline_moves_only_with_progress) {
  Overdue overdue(50, 400);
  overdue.watch(Time{100}, true, 1);
  EXPECT_EQ(overdue.due(), Time{150});
  overdue.watch(Time{140}, true, 1);
  EXPECT_EQ(overdue.due(), Time{150});
  overdue.watch(Time{140}, true, 2);
  EXPECT_EQ(overdue.due(), Time{190});
  overdue.watch(Time{141}, false, 2);
  EXPECT_EQ(overdue.due(), never);
}

TEST(Overdue, doubles_up_to_its_longest) {
  Overdue overdue(50, 150);
  overdue.watch(Time{0}, true, 1);
  overdue.fired(Time{50});
  EXPECT_EQ(overdue.due(), Time{150});
  overdue.fired(Time{150});
  EXPECT_EQ(overdue.due(), Time{300});
  overdue.fired(Time{300});
  EXPECT_EQ(overdue.due(), Time{450});
  EXPECT_EQ(overdue.times(), 3U);
  overdue.watch(Time{400}, true, 2);
  EXPECT_EQ(overdue.due(), Time{450});
  EXPECT_EQ(overdue.times(), 0U);
}

TEST(Overdue, with_a_limit_it_gives_up_until_there_is_progress) {
  Overdue overdue(50, 400, 2);
  overdue.watch(Time{0}, true, 1);
  overdue.fired(Time{50});
  overdue.fired(Time{150});
  EXPECT_EQ(overdue.due(), never);
  overdue.watch(Time{1000}, true, 1);
  EXPECT_EQ(overdue.due(), never);
  overdue.watch(Time{1000}, true, 2);
  EXPECT_EQ(overdue.due(), Time{1050});
}

TEST(Overdue, hurries_only_when_something_is_awaited) {
  Overdue overdue(50, 400);
  overdue.hurry(Time{7});
  EXPECT_EQ(overdue.due(), never);
  overdue.watch(Time{7}, true, 1);
  overdue.fired(Time{57});
  overdue.hurry(Time{60});
  EXPECT_EQ(overdue.due(), Time{110});
}

TEST(Overdue, is_not_put_off_by_links_that_come_up_over_and_over) {
  Overdue overdue(50, 400);
  overdue.watch(Time{0}, true, 1);
  overdue.hurry(Time{40});
  EXPECT_EQ(overdue.due(), Time{50});
  overdue.fired(Time{50});
  overdue.hurry(Time{60});
  overdue.hurry(Time{100});
  EXPECT_EQ(overdue.due(), Time{110});
  EXPECT_EQ(overdue.times(), 1U);
}

struct Four : testing::Test {
  static Config four() {
    Config config;
    config.group = {4, 1};
    config.retransmit_us = 100;
    return config;
  }
  Config config = four();
  Peers peers{config};
};

TEST_F(Four, one_liar_cannot_make_us_wait_for_what_is_not_there) {
  peers.heard(ReplicaId{3}, Seq{1'000'000}, Seq{0});
  EXPECT_EQ(peers.executed_by_some_correct(), Seq{0});
  peers.heard(ReplicaId{1}, Seq{5}, Seq{0});
  EXPECT_EQ(peers.executed_by_some_correct(), Seq{5});
  peers.heard(ReplicaId{2}, Seq{7}, Seq{0});
  EXPECT_EQ(peers.executed_by_some_correct(), Seq{7});
}

TEST_F(Four, knows_who_was_not_heard_at_a_number) {
  peers.heard(ReplicaId{1}, Seq{5}, Seq{0});
  EXPECT_FALSE(peers.behind(ReplicaId{1}, Seq{5}));
  EXPECT_TRUE(peers.behind(ReplicaId{2}, Seq{5}));
  EXPECT_TRUE(peers.any_behind(Seq{5}));
  peers.heard(ReplicaId{2}, Seq{5}, Seq{0});
  peers.heard(ReplicaId{3}, Seq{6}, Seq{0});
  EXPECT_FALSE(peers.any_behind(Seq{5}));
}

TEST_F(Four, answers_a_peer_within_its_budget_per_interval) {
  const ReplicaId peer{1};
  EXPECT_TRUE(peers.may_answer(Time{1000}, peer));
  peers.answered(peer, Peers::answer_units);
  EXPECT_FALSE(peers.may_answer(Time{1050}, peer));
  EXPECT_TRUE(peers.may_answer(Time{1050}, ReplicaId{2})) << "another's is its own";
  EXPECT_TRUE(peers.may_answer(Time{1100}, peer));
}

TEST_F(Four, answers_a_backup_that_forwards_all_it_may) {
  const ReplicaId peer{1};
  for (std::size_t i = 0; i < Peers::forwards_per_interval + Peers::trials_per_interval; ++i)
    EXPECT_TRUE(peers.may_forward(Time{1000}, peer));
  EXPECT_FALSE(peers.may_forward(Time{1001}, peer));
  EXPECT_TRUE(peers.may_answer(Time{1001}, peer));
  EXPECT_TRUE(peers.may_forward(Time{1100}, peer));
}

TEST_F(Four, asks_a_peer_at_most_every_half_interval) {
  const ReplicaId peer{1};
  EXPECT_TRUE(peers.may_ask(Time{1000}, peer));
  EXPECT_FALSE(peers.may_ask(Time{1049}, peer));
  EXPECT_TRUE(peers.may_ask(Time{1050}, peer));
  EXPECT_TRUE(peers.connected(Time{1051}, peer));
  EXPECT_TRUE(peers.may_ask(Time{1051}, peer));
}

TEST_F(Four, acts_on_a_peers_links_eight_times_a_second) {
  const ReplicaId peer{1};
  std::size_t acted = 0;
  // A correct one waits 20 ms, 40, 80, ... a quarter less at most: it never calls in vain.
  for (const std::uint64_t ms : {0U, 15U, 45U, 105U, 225U, 465U, 945U})
    EXPECT_TRUE(peers.connected(Time{ms * 1'000}, ReplicaId{2})) << ms;
  for (std::uint64_t ms = 0; ms < 3'000; ++ms) acted += peers.connected(Time{ms * 1'000}, peer);
  EXPECT_EQ(acted, 3 * Peers::links_per_second);
  // Nor is what was asked just before forgotten by links that come to nothing.
  EXPECT_TRUE(peers.may_ask(Time{2'999'000}, peer));
  EXPECT_FALSE(peers.connected(Time{2'999'001}, peer));
  EXPECT_FALSE(peers.may_ask(Time{2'999'001}, peer));
  EXPECT_TRUE(peers.connected(Time{3'000'000}, peer));
}

}  // namespace
}  // namespace prytany::pbft
