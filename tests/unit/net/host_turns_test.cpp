#include "server/net/host_turns.h"

#include <gtest/gtest.h>

#include <map>

namespace prytany::net {
namespace {

constexpr Slice::Rule generous = {.turn_us = 10'000, .burst_us = 1'000'000, .percent = 50};

/// Connections that always have a text more, each of which takes so long.
struct Crowd {
  explicit Crowd(Slice::Rule rule, Slice::Rule of_host = generous) : turns(rule, of_host) {}
  void add(const std::string& host, std::uint64_t connection, std::uint64_t text_us) {
    costs[connection] = text_us;
    turns.wait(host, ConnectionId{connection});
  }
  void turn() {
    turns.next_turn(now, [this](ConnectionId connection) {
      const std::uint64_t us = costs.at(connection.value);
      now = now + us;
      had[connection.value] += us;
      return HostTurns::Handled{now, us, more};
    });
  }
  HostTurns turns;
  std::map<std::uint64_t, std::uint64_t> costs;
  std::map<std::uint64_t, std::uint64_t> had;
  Time now{1'000'000};
  bool more = true;
};

TEST(HostTurns, give_hosts_the_same_time_whatever_their_texts_cost) {
  Crowd crowd(generous);
  crowd.add("dear", 1, 400);
  crowd.add("cheap", 2, 10);
  for (int i = 0; i < 10; ++i) crowd.turn();
  EXPECT_NEAR(static_cast<double>(crowd.had[1]), static_cast<double>(crowd.had[2]), 400);
}

TEST(HostTurns, give_a_host_no_more_for_more_connections) {
  Crowd crowd(generous);
  for (std::uint64_t i = 10; i < 20; ++i) crowd.add("many", i, 50);
  crowd.add("one", 1, 50);
  for (int i = 0; i < 10; ++i) crowd.turn();
  std::uint64_t many = 0;
  for (std::uint64_t i = 10; i < 20; ++i) {
    many += crowd.had[i];
    EXPECT_NEAR(static_cast<double>(crowd.had[i]), static_cast<double>(crowd.had[1]) / 10, 50);
  }
  EXPECT_NEAR(static_cast<double>(many), static_cast<double>(crowd.had[1]), 50);
}

TEST(HostTurns, do_not_make_up_for_the_time_in_which_a_host_was_silent) {
  Crowd crowd(generous);
  crowd.add("always", 1, 100);
  for (int i = 0; i < 5; ++i) crowd.turn();
  crowd.had.clear();
  crowd.add("late", 2, 100);
  crowd.turn();
  EXPECT_NEAR(static_cast<double>(crowd.had[1]), static_cast<double>(crowd.had[2]), 100);
}

TEST(HostTurns, cost_others_a_slice_of_a_turn_however_many_hosts_have_more) {
  Crowd crowd({.turn_us = 2'000, .burst_us = 50'000, .percent = 67});
  for (std::uint64_t i = 0; i < 500; ++i) crowd.add(std::to_string(i), i, 50);
  const Time before = crowd.now;
  crowd.turn();
  EXPECT_EQ(crowd.now - before, 8'000U);
  for (int i = 0; i < 100; ++i) crowd.turn();
  const Time rested = crowd.turns.again();
  EXPECT_GT(rested, crowd.now) << "and no more than a share of the clock";
  crowd.had.clear();
  crowd.turn();
  EXPECT_TRUE(crowd.had.empty());
  crowd.now = rested;
  crowd.turn();
  EXPECT_FALSE(crowd.had.empty());
}

TEST(HostTurns, let_a_text_go_at_once_while_nobody_waits) {
  HostTurns turns(generous, generous);
  const Time now{1'000'000};
  EXPECT_TRUE(turns.may_go("a", now));
  EXPECT_EQ(turns.again(), never);
  turns.spend("a", now, 40'000);
  EXPECT_FALSE(turns.may_go("a", now)) << "the slice is used up";
  turns.wait("a", ConnectionId{1});
  EXPECT_LE(turns.again(), now) << "but its next turn is due";
  turns.next_turn(now, [](ConnectionId) { return HostTurns::Handled{}; });
  EXPECT_TRUE(turns.may_go("a", now));
}

/// Of a tenth of a second, how much the greedy host gets beside one that says something each 10 ms.
std::uint64_t had_beside_a_modest_host(bool modest_comes) {
  Crowd crowd({.turn_us = 500, .burst_us = 10'000, .percent = 80},
              {.turn_us = 500, .burst_us = 5'000, .percent = 30});
  crowd.add("greedy", 1, 100);
  const Time end = crowd.now + 1'000'000;
  for (Time next = crowd.now; crowd.now < end; crowd.now = crowd.now + 20) {
    crowd.turn();
    if (modest_comes && next <= crowd.now) {
      next = crowd.now + 10'000;
      crowd.turns.spend("modest", crowd.now, 50);
    }
    if (crowd.turns.again() > crowd.now) crowd.now = crowd.now + 100;
  }
  return crowd.had[1];
}

TEST(HostTurns, give_one_host_no_more_than_its_share_of_the_clock_while_there_are_others) {
  EXPECT_NEAR(static_cast<double>(had_beside_a_modest_host(true)), 300'000, 20'000);
  EXPECT_GT(had_beside_a_modest_host(false), 700'000U);
}

TEST(HostTurns, let_others_go_at_once_while_one_rests) {
  Crowd crowd({.turn_us = 500, .burst_us = 1'000'000, .percent = 80},
              {.turn_us = 500, .burst_us = 5'000, .percent = 30});
  crowd.turns.spend("modest", crowd.now, 1);
  crowd.add("greedy", 1, 100);
  for (int i = 0; i < 100; ++i) crowd.turn();
  EXPECT_GT(crowd.turns.again(), crowd.now);
  EXPECT_TRUE(crowd.turns.may_go("modest", crowd.now));
  EXPECT_FALSE(crowd.turns.may_go("greedy", crowd.now));
  crowd.now = crowd.turns.again();
  crowd.had.clear();
  crowd.turn();
  EXPECT_GT(crowd.had[1], 0U);
}

TEST(HostTurns, hold_it_against_nobody_what_it_had_while_nobody_waited) {
  Crowd crowd(generous);
  for (int i = 0; i < 1'000; ++i) crowd.turns.spend("early", crowd.now, 100);
  crowd.now = crowd.now + 1'000'000;
  crowd.add("late", 2, 100);
  crowd.add("early", 1, 100);
  crowd.turn();
  EXPECT_NEAR(static_cast<double>(crowd.had[1]), static_cast<double>(crowd.had[2]), 100);
}

TEST(HostTurns, let_who_was_alone_for_long_go_on_when_others_come) {
  Crowd crowd({.turn_us = 500, .burst_us = 50'000, .percent = 67},
              {.turn_us = 500, .burst_us = 25'000, .percent = 25});
  for (int i = 0; i < 60'000; ++i) {
    crowd.now = crowd.now + 1'000;
    crowd.turns.spend("alone", crowd.now, 600);
  }
  crowd.turns.spend("other", crowd.now, 1);
  crowd.add("alone", 1, 100);
  crowd.turn();
  EXPECT_GT(crowd.had[1], 0U);
}

TEST(HostTurns, forget_hosts_that_are_gone) {
  Crowd crowd(generous);
  for (int i = 0; i < 100'000; ++i) {
    crowd.now = crowd.now + 1'000;
    crowd.turns.spend(std::to_string(i), crowd.now, 1);
    ASSERT_LE(crowd.turns.hosts(), 2'100U);
  }
}

}  // namespace
}  // namespace prytany::net
