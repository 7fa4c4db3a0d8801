#include "tests/sim/leave_checker.h"

#include <gtest/gtest.h>

#include "server/wire/frame.h"

namespace prytany::sim {
namespace {

/// r0 of four, f = 1. It has a vote.
struct FourReplicas : testing::Test {
  FourReplicas() { (void)complaints_in(0); }
  void asks(std::uint16_t from, std::uint64_t view, std::uint64_t configuration = 0) {
    wire::Signed<wire::ViewChange> message;
    message.message.view = View{view};
    // Not the only one in its frame.
    const std::vector<wire::PeerMessage> all{wire::Prepare{}, message, wire::Commit{}};
    std::vector<std::shared_ptr<const wire::EncodedMessage>> encoded;
    for (const auto& each : all)
      encoded.push_back(std::make_shared<const wire::EncodedMessage>(wire::encode_message(each)));
    const crypto::Mac key{crypto::MacKey{}};
    checker.gets(r0, ReplicaId{from}, wire::seal(ConfigNumber{configuration}, key, encoded));
  }
  [[nodiscard]] std::size_t complaints_in(std::uint64_t view, bool voting = true) {
    pbft::ReplicaStatus status;
    status.view = View{view};
    status.voting = voting;
    checker.after_turn(r0, status);
    return violations.all().size();
  }
  static constexpr ReplicaId r0{0};
  Violations violations;
  LeaveChecker checker{violations, 2};
};

TEST_F(FourReplicas, need_not_follow_one_of_them) {
  asks(1, 5);
  asks(1, 6);
  EXPECT_EQ(complaints_in(4), 0U);
}

TEST_F(FourReplicas, must_follow_two_to_what_one_of_them_has_reached) {
  asks(1, 5);
  asks(2, 9);
  EXPECT_EQ(complaints_in(5), 0U);
  EXPECT_EQ(checker.judged(), 1U);
  EXPECT_EQ(complaints_in(4), 1U);
}

TEST_F(FourReplicas, must_leave_at_the_end_of_that_turn) {
  asks(1, 1);
  EXPECT_EQ(complaints_in(0), 0U);
  asks(3, 1);
  EXPECT_EQ(complaints_in(0), 1U);
}

TEST_F(FourReplicas, follow_only_who_is_in_their_configuration) {
  asks(1, 1);
  asks(2, 1, 3);
  EXPECT_EQ(complaints_in(0), 0U);
}

TEST_F(FourReplicas, may_have_forgotten_what_they_heard_without_a_vote_or_before_they_started) {
  asks(1, 1);
  EXPECT_EQ(complaints_in(0, false), 0U);
  asks(2, 1);
  asks(3, 1);
  EXPECT_EQ(complaints_in(0), 0U) << "it got its vote in this turn";
  asks(1, 1);
  checker.started(r0);
  asks(2, 1);
  EXPECT_EQ(complaints_in(0), 0U);
  asks(1, 1);
  asks(2, 1);
  EXPECT_EQ(complaints_in(0), 1U);
}

}  // namespace
}  // namespace prytany::sim
