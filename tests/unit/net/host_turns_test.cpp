#include "server/net/host_turns.h"

#include <gtest/gtest.h>

#include <map>

namespace prytany::net {
namespace {

constexpr Slice::Rule generous = {.turn_us = 10'000, .burst_us = 1'000'000, .percent = 50};

/// Connections that always have a text more, each of which takes so long.
struct Crowd {
  explicit Crowd(Slice::Rule rule) : turns(rule) {}
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
  HostTurns turns(generous);
  const Time now{1'000'000};
  EXPECT_TRUE(turns.may_go(now));
  EXPECT_EQ(turns.again(), never);
  turns.spend(now, 40'000);
  EXPECT_FALSE(turns.may_go(now)) << "the slice is used up";
  turns.wait("a", ConnectionId{1});
  EXPECT_LE(turns.again(), now) << "but its next turn is due";
  turns.next_turn(now, [](ConnectionId) { return HostTurns::Handled{}; });
  EXPECT_TRUE(turns.may_go(now));
}

}  // namespace
}  // namespace prytany::net
