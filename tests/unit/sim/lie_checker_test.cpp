#include "tests/sim/lie_checker.h"

#include <gtest/gtest.h>

#include "server/wire/frame.h"

namespace prytany::sim {
namespace {

constexpr ReplicaId told{3};

Digest batch_named(std::uint8_t which) {
  Digest digest;
  digest.bytes.fill(which);
  return digest;
}

/// r3, led by r0, which lies.
class WhoIsToldOtherwise : public testing::Test {
 protected:
  WhoIsToldOtherwise() { turn(); }
  void turn(std::uint64_t view = 1) {
    pbft::ReplicaStatus status;
    status.view = View{view};
    status.primary = ReplicaId{0};
    checker.after_turn(told, status, 8);
  }
  template <class M>
  void hears(std::uint16_t from, M message) {
    const crypto::Mac key{crypto::MacKey{}};
    const std::vector messages{std::make_shared<const wire::EncodedMessage>(
        wire::encode_message(wire::PeerMessage(message)))};
    checker.gets(told, ReplicaId{from}, from == 0, wire::seal(ConfigNumber{0}, key, messages));
  }
  void is_lied_to_at(std::uint64_t number) {
    checker.votes(told, {View{1}, Seq{number}, batch_named(1)});
    hears(1, wire::Prepare{View{1}, Seq{number}, batch_named(2)});
    hears(2, wire::Prepare{View{1}, Seq{number}, batch_named(2)});
  }
  Violations violations;
  LieChecker checker{violations, 2};
};

TEST_F(WhoIsToldOtherwise, may_stay_after_one_lie) {
  is_lied_to_at(1);
  turn();
  turn();
  EXPECT_TRUE(violations.none());
}

TEST_F(WhoIsToldOtherwise, must_leave_at_the_second) {
  is_lied_to_at(1);
  turn();
  is_lied_to_at(2);
  turn();
  EXPECT_FALSE(violations.none());
}

TEST_F(WhoIsToldOtherwise, does_right_to_leave) {
  is_lied_to_at(1);
  turn();
  is_lied_to_at(2);
  turn(2);
  EXPECT_TRUE(violations.none());
  EXPECT_EQ(checker.judged(), 1U);
}

TEST_F(WhoIsToldOtherwise, need_not_believe_one_voice_or_a_liars) {
  for (std::uint64_t number = 1; number < 4; ++number) {
    checker.votes(told, {View{1}, Seq{number}, batch_named(1)});
    hears(1, wire::Prepare{View{1}, Seq{number}, batch_named(2)});
    hears(0, wire::Prepare{View{1}, Seq{number}, batch_named(2)});
  }
  turn();
  EXPECT_TRUE(violations.none());
}

TEST_F(WhoIsToldOtherwise, need_not_remember_votes_above_its_window) {
  for (std::uint64_t number = 9; number < 12; ++number) is_lied_to_at(number);
  turn();
  EXPECT_TRUE(violations.none());
}

TEST_F(WhoIsToldOtherwise, may_know_what_was_decided_before) {
  for (std::uint64_t number = 1; number < 4; ++number) {
    hears(0, wire::Committed{Seq{number}, batch_named(2)});
    is_lied_to_at(number);
  }
  turn();
  EXPECT_TRUE(violations.none());
}

TEST_F(WhoIsToldOtherwise, begins_anew_in_another_view_and_another_life) {
  is_lied_to_at(1);
  turn();
  checker.started(told);
  turn();
  is_lied_to_at(2);
  turn();
  EXPECT_TRUE(violations.none());
}

}  // namespace
}  // namespace prytany::sim
