#include "server/pbft/checkpoints.h"

#include <gtest/gtest.h>

#include "tests/play/group.h"

namespace prytany::pbft {
namespace {

using play::digest_of;

constexpr ReplicaId r0{0}, r1{1}, r2{2}, r3{3};

wire::Signed<wire::Checkpoint> vote(std::uint64_t seq, const std::string& state,
                                    std::uint8_t mark = 0) {
  wire::Signed<wire::Checkpoint> signed_one{{Seq{seq}, digest_of(state)}, {}};
  signed_one.signature.bytes[0] = mark;
  return signed_one;
}

struct Votes : testing::Test {
  Checkpoints checkpoints{Group{4, 1}};
};

TEST_F(Votes, a_quorum_of_equal_ones_is_a_proof_with_signers_in_order) {
  checkpoints.add(r3, vote(4, "s", 3));
  checkpoints.take(r0, vote(4, "s", 0));
  EXPECT_FALSE(checkpoints.proof(Seq{4}));
  checkpoints.add(r1, vote(4, "s", 1));
  const auto proof = checkpoints.proof(Seq{4});
  ASSERT_TRUE(proof);
  EXPECT_EQ(proof->checkpoint, (wire::Checkpoint{Seq{4}, digest_of("s")}));
  ASSERT_EQ(proof->signatures.size(), 3U);
  for (std::size_t i = 0; i + 1 < 3; ++i)
    EXPECT_LT(proof->signatures.items[i].signer, proof->signatures.items[i + 1].signer);
  for (const auto& s : proof->signatures) EXPECT_EQ(s.signature.bytes[0], s.signer.value);
}

TEST_F(Votes, others_digests_do_not_count_and_are_not_in_the_proof) {
  checkpoints.add(r3, vote(4, "lie"));
  checkpoints.add(r0, vote(4, "s"));
  checkpoints.add(r1, vote(4, "s"));
  EXPECT_FALSE(checkpoints.proof(Seq{4}));
  checkpoints.add(r2, vote(4, "s"));
  EXPECT_EQ(checkpoints.proof(Seq{4})->signatures.size(), 3U);
}

TEST_F(Votes, a_liars_many_digests_are_one_vote) {
  EXPECT_EQ(checkpoints.add(r3, vote(4, "a")), Added::counted);
  EXPECT_EQ(checkpoints.add(r3, vote(4, "b")), Added::conflicting);
  EXPECT_EQ(checkpoints.add(r3, vote(4, "a")), Added::repeated);
}

TEST_F(Votes, above_the_window_only_the_highest_of_each_sender_is_kept) {
  EXPECT_EQ(checkpoints.add_above(r1, vote(400, "s")), Added::counted);
  EXPECT_EQ(checkpoints.add_above(r1, vote(300, "s")), Added::repeated);
  EXPECT_EQ(checkpoints.add_above(r1, vote(400, "t")), Added::conflicting);
  EXPECT_EQ(checkpoints.add_above(r2, vote(500, "s")), Added::counted);
  EXPECT_EQ(checkpoints.add_above(r3, vote(500, "s")), Added::counted);
  EXPECT_FALSE(checkpoints.proof_above());
  EXPECT_EQ(checkpoints.add_above(r1, vote(500, "s")), Added::counted);
  const auto proof = checkpoints.proof_above();
  ASSERT_TRUE(proof);
  EXPECT_EQ(proof->checkpoint.seq, Seq{500});
  EXPECT_EQ(proof->signatures.size(), 3U);
}

TEST_F(Votes, knows_mine_and_how_many_differ_from_it) {
  checkpoints.add(r1, vote(4, "s"));
  checkpoints.add(r2, vote(4, "t"));
  EXPECT_EQ(checkpoints.differing(Seq{4}), 0U) << "mine is not there yet";
  checkpoints.take(r0, vote(4, "s"));
  EXPECT_EQ(checkpoints.mine(Seq{4}), digest_of("s"));
  EXPECT_EQ(checkpoints.differing(Seq{4}), 1U);
}

TEST_F(Votes, what_a_stable_checkpoint_covers_is_dropped) {
  for (const std::uint64_t seq : {4U, 8U}) {
    checkpoints.take(r0, vote(seq, "s"));
    checkpoints.add(r1, vote(seq, "s"));
  }
  checkpoints.add_above(r2, vote(8, "s"));
  checkpoints.discard(Seq{4});
  EXPECT_FALSE(checkpoints.mine(Seq{4}));
  EXPECT_EQ(checkpoints.mine_above(Seq{0}).size(), 1U);
  checkpoints.discard(Seq{8});
  EXPECT_TRUE(checkpoints.mine_above(Seq{0}).empty());
}

TEST_F(Votes, after_a_wrong_state_was_replaced_mine_can_be_taken_again) {
  checkpoints.take(r0, vote(4, "wrong"));
  checkpoints.forget_mine(r0);
  checkpoints.take(r0, vote(4, "right"));
  checkpoints.add(r1, vote(4, "right"));
  checkpoints.add(r2, vote(4, "right"));
  EXPECT_TRUE(checkpoints.proof(Seq{4}));
}

}  // namespace
}  // namespace prytany::pbft
