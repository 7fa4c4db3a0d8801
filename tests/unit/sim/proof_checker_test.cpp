// The checker of proofs, shown what convinces others and what does not.
#include "tests/sim/proof_checker.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>

namespace prytany::sim {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr ReplicaId p1{1};

struct ProofCheckers : testing::Test {
  ProofCheckers() {
    group.quorum = 3;
    for (std::uint8_t i = 0; i < 4; ++i) {
      crypto::Signer::Seed seed{};
      seed.front() = static_cast<std::uint8_t>(i + 1);
      signers.emplace_back(seed);
      group.replica_keys.push_back(signers.back().public_key());
    }
    checker.begins(group);
  }
  template <class M>
  wire::Signed<M> by(std::uint16_t who, M message) {
    return wire::sign(group, ReplicaId{who}, signers[who], std::move(message));
  }
  /// Whose last signature is over another state.
  wire::CheckpointProof proof(std::uint16_t signatures, bool last_differs = false) {
    wire::CheckpointProof made;
    made.checkpoint.seq = Seq{8};
    for (std::uint16_t i = 0; i < signatures; ++i) {
      wire::Checkpoint said = made.checkpoint;
      if (last_differs && i + 1 == signatures) said.state.bytes[0] = 1;
      made.signatures.items.push_back({ReplicaId{i}, by(i, said).signature});
    }
    return made;
  }
  void left(wire::PeerMessage message, ConfigNumber config = {}) {
    checker.left(p1, config, {std::move(message)});
  }
  const std::vector<std::string>& found() const { return violations.all(); }

  wire::Membership group;
  std::deque<crypto::Signer> signers;
  Violations violations;
  ProofChecker checker{violations};
};

TEST_F(ProofCheckers, accept_what_others_accept) {
  left(proof(3));
  left(by(1, wire::Checkpoint{}));
  wire::ViewChange change{View{1}, proof(4), {}, {}};
  left(by(1, change));
  left(wire::Prepare{});  // its sender's word
  EXPECT_THAT(found(), IsEmpty());
  EXPECT_EQ(checker.judged(), 3U);
}

TEST_F(ProofCheckers, find_a_certificate_with_a_signature_for_another_state) {
  left(proof(4, true));
  EXPECT_THAT(found(), ElementsAre(HasSubstr(
                           "r1 sent a checkpoint-proof that every other replica refuses: not a "
                           "proof of a checkpoint")));
}

TEST_F(ProofCheckers, find_it_in_a_view_change_too) {
  left(by(1, wire::ViewChange{View{1}, proof(2), {}, {}}));
  EXPECT_THAT(found(), ElementsAre(HasSubstr("no proof of a view-change's checkpoint")));
}

TEST_F(ProofCheckers, find_a_new_view_with_a_view_change_that_its_sender_did_not_sign) {
  wire::NewView message;
  message.view = View{1};
  message.view_changes.items.push_back(
      {ReplicaId{2}, by(3, wire::ViewChange{View{1}, {}, {}, {}})});
  left(by(1, message));
  EXPECT_THAT(found(), ElementsAre(HasSubstr("wrong signature of a view-change in a new-view")));
}

TEST_F(ProofCheckers, find_a_request_that_its_client_did_not_sign) {
  wire::PrePrepare message;
  wire::ClientRequest request;
  request.proof.signature.emplace();
  message.batch.requests.items.own().push_back(request);
  left(message);
  EXPECT_THAT(found(), ElementsAre(HasSubstr("wrong signature of a request in a batch")));
}

TEST_F(ProofCheckers, find_a_vote_without_a_signature_where_one_is_asked_for) {
  group.signed_votes = true;
  checker.begins(group);
  left(by(1, wire::Prepare{}));
  EXPECT_THAT(found(), IsEmpty());
  left(wire::Prepare{});
  EXPECT_THAT(found(), ElementsAre(HasSubstr("a vote without a signature")));
}

TEST_F(ProofCheckers, leave_configurations_that_nobody_has_proven_to_others) {
  left(proof(1), ConfigNumber{1});
  EXPECT_THAT(found(), IsEmpty());
  EXPECT_EQ(checker.judged(), 0U);
}

}  // namespace
}  // namespace prytany::sim
