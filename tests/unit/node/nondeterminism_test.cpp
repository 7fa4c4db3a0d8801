// The clock that proposes and the clock that judges (design.md section 6; Practicality
// section 2.5).
#include "server/node/nondeterminism.h"

#include <gtest/gtest.h>

#include <limits>

namespace prytany::node {
namespace {

class HandClock : public Clock {
 public:
  [[nodiscard]] Time now() const override { return Time{0}; }
  [[nodiscard]] AgreedTime wall() const override { return AgreedTime{wall_us}; }
  std::int64_t wall_us = 1'000'000'000;
};

class Picky : public app::Application {
 public:
  void opened(sqlite3*) override {}
  Result<app::Authorized, wire::ErrorReply> authorize(sqlite3*, const wire::Identification&,
                                                      const app::Context&) override {
    return wire::ErrorReply{};
  }
  wire::Outcome execute(sqlite3*, const wire::Call&, const app::Context&) override { return {}; }
  Bytes propose(const wire::Batch&, AgreedTime) override { return {4, 2}; }
  bool accept(const wire::Batch&, ByteView choice, AgreedTime) override {
    return choice.size() == 2 && choice[0] == 4;
  }
};

constexpr std::int64_t ahead_max = 500'000;
constexpr std::int64_t behind_max = 10'000'000;

struct Judging : testing::Test {
  HandClock clock;
  ClockNonDeterminism judge{clock, nullptr, ahead_max, behind_max};
  pbft::NonDeterminism::Verdict of(std::int64_t time) {
    return judge.judge({}, {AgreedTime{time}, {}}, Time{7}, AgreedTime{0});
  }
};

TEST_F(Judging, proposes_its_clock_unless_the_last_time_is_not_below_it) {
  EXPECT_EQ(judge.propose({}, Time{0}, AgreedTime{5}).time, AgreedTime{clock.wall_us});
  EXPECT_EQ(judge.propose({}, Time{0}, AgreedTime{clock.wall_us}).time,
            AgreedTime{clock.wall_us + 1});
}

TEST_F(Judging, proposes_without_overflow_after_a_liars_last_time) {
  const auto largest = std::numeric_limits<std::int64_t>::max();
  EXPECT_EQ(judge.propose({}, Time{0}, AgreedTime{largest}).time, AgreedTime{largest});
}

TEST_F(Judging, accepts_a_time_near_its_own_on_either_side) {
  using Accepted = pbft::NonDeterminism::Accepted;
  EXPECT_TRUE(std::holds_alternative<Accepted>(of(clock.wall_us)));
  EXPECT_TRUE(std::holds_alternative<Accepted>(of(clock.wall_us + ahead_max)));
  EXPECT_TRUE(std::holds_alternative<Accepted>(of(clock.wall_us - behind_max)));
}

TEST_F(Judging, holds_what_is_early_until_it_is_due) {
  const auto verdict = of(clock.wall_us + ahead_max + 250);
  ASSERT_TRUE(std::holds_alternative<pbft::NonDeterminism::Early>(verdict));
  EXPECT_EQ(std::get<pbft::NonDeterminism::Early>(verdict).due, Time{7 + 250});
}

TEST_F(Judging, refuses_what_is_absurdly_early_and_knows_what_is_late) {
  using Refused = pbft::NonDeterminism::Refused;
  using Late = pbft::NonDeterminism::Late;
  EXPECT_TRUE(std::holds_alternative<Late>(of(clock.wall_us - behind_max - 1)));
  EXPECT_TRUE(std::holds_alternative<Refused>(of(std::numeric_limits<std::int64_t>::max())));
  EXPECT_TRUE(std::holds_alternative<Late>(of(std::numeric_limits<std::int64_t>::min())));
}

TEST_F(Judging, asks_the_application_about_its_own_choice) {
  Picky application;
  ClockNonDeterminism with(clock, &application, ahead_max, behind_max);
  wire::Agreed agreed = with.propose({}, Time{0}, AgreedTime{0});
  EXPECT_EQ(agreed.choice.bytes, (Bytes{4, 2}));
  EXPECT_TRUE(std::holds_alternative<pbft::NonDeterminism::Accepted>(
      with.judge({}, agreed, Time{0}, AgreedTime{0})));
  agreed.choice.bytes = {5, 2};
  EXPECT_TRUE(std::holds_alternative<pbft::NonDeterminism::Refused>(
      with.judge({}, agreed, Time{0}, AgreedTime{0})));
}

}  // namespace
}  // namespace prytany::node
