// Castro & Liskov, TOCS 2002, section 4.3: checkpoints.
#include <gtest/gtest.h>

#include "tests/play/group.h"

namespace prytany::play {
namespace {

wire::Signed<wire::Checkpoint> said(std::uint64_t seq, const std::string& state) {
  return {{Seq{seq}, digest_of(state)}, {}};
}

// "checkpoints ... are generated periodically, when a request with a sequence number divisible by
// some constant ... is executed"
TEST(Checkpoint, is_taken_at_multiples_of_k_4_3) {
  Group group(small_config(4, 1, 3, 6));
  run(group, 2);
  for (unsigned id = 0; id < 4; ++id) EXPECT_EQ(group.status(id).stable, Seq{0});
  run(group, 1, 3);
  for (unsigned id = 0; id < 4; ++id) EXPECT_EQ(group.status(id).stable, Seq{3});
}

// "Each replica collects checkpoint messages in its log until it has 2f + 1 of them (possibly
// including its own) for sequence number n with the same digest d signed by different replicas":
// quorum() here.
TEST(Checkpoint, is_stable_with_a_quorum_of_equal_signed_digests_4_3) {
  Group group(small_config(4, 1, 2, 4));
  group.drop({{}, 1U, "checkpoint", {}});
  group.drop({{}, 1U, "checkpoint-proof", {}});
  run(group, 2);
  EXPECT_EQ(group.status(0).stable, Seq{2});
  EXPECT_EQ(group.status(1).stable, Seq{0}) << "its own vote alone proves nothing";
  group.clear_rules();
  group.advance(500);
  EXPECT_EQ(group.status(1).stable, Seq{2}) << "and the proof is told to who asks";
}

TEST(Checkpoint, the_proof_is_a_quorum_of_signatures_that_verify_4_3) {
  Group group(small_config(4, 1, 2, 4));
  run(group, 2);
  for (unsigned id = 0; id < 4; ++id) {
    const wire::CheckpointProof* proof = nullptr;
    for (const auto& record : group.disk(id).journal)
      if (const auto* stable = std::get_if<pbft::StableRecord>(&record))
        if (stable->proof) proof = &*stable->proof;
    ASSERT_NE(proof, nullptr);
    EXPECT_GE(proof->signatures.size(), 3U);
    wire::Membership members{digest_of("play"), {}, 3, {}};
    for (unsigned m = 0; m < 4; ++m) members.replica_keys.push_back(signer_of(m).public_key());
    for (const auto& s : proof->signatures)
      EXPECT_TRUE(wire::verify_signed(members, s.signer, proof->checkpoint, s.signature));
  }
}

// f liars agree on another digest: with quorum() they would need a correct replica's signature.
TEST(Checkpoint, f_false_digests_neither_become_stable_nor_hinder_4_3) {
  Group group(small_config(7, 2, 2, 4));
  for (const unsigned liar : {5U, 6U})
    for (unsigned to = 0; to < 5; ++to) group.forge(liar, to, said(2, "lie"));
  group.deliver();
  run(group, 2);
  for (unsigned id = 0; id < 5; ++id) {
    EXPECT_EQ(group.status(id).stable, Seq{2});
    EXPECT_EQ(group.status(id).stable_state, group.status(0).stable_state);
    EXPECT_NE(group.status(id).stable_state, digest_of("lie"));
  }
}

// An idle group must not wait for the next request to become stable (docs/design.md section 4).
TEST(Checkpoint, an_idle_group_reaches_one_by_null_batches_and_then_is_silent) {
  Group group(small_config(4, 1, 128, 256));
  run(group, 1);
  group.advance(2'000);
  for (unsigned id = 0; id < 4; ++id) EXPECT_EQ(group.status(id).stable, Seq{128});
  EXPECT_EQ(group.executed_requests(), 1U);
  const auto sent = group.sent();
  group.advance(600'000);
  EXPECT_EQ(group.sent(), sent) << "not a message in ten minutes";
  for (unsigned id = 0; id < 4; ++id) EXPECT_EQ(group.host(id).replica().deadline(), never);
}

TEST(Checkpoint, null_batches_wait_while_requests_come) {
  Group group(small_config(4, 1, 128, 256));
  for (std::uint64_t number = 1; number <= 20; ++number) {
    group.submit(0, request_of(1, number));
    group.advance(400);  // less than idle_checkpoint_us
  }
  EXPECT_EQ(group.status(0).proposed, Seq{20});
}

// "if the digest does not match its own state": a replica whose state is wrong stops, and fetches.
TEST(Checkpoint, a_replica_whose_digest_differs_from_the_certified_one_stops_and_fetches) {
  Group group(small_config(4, 1, 2, 4));
  group.host(2).spoil = [](Digest d) { return crypto::sha256_pair(d, d); };
  group.transfer_ms = 500;
  for (const std::uint64_t number : {1U, 2U}) {
    group.submit(0, request_of(1, number));
    group.advance(45);
  }
  EXPECT_TRUE(group.status(2).diverged);
  EXPECT_TRUE(group.status(2).fetching);
  group.host(2).spoil = nullptr;
  // It votes for nothing; the other three go on.
  bool voted = false;
  group.set_faulty(2);
  group.mangle = [&](unsigned, unsigned, wire::PeerMessage m) -> std::optional<wire::PeerMessage> {
    voted = voted || std::holds_alternative<wire::Prepare>(m) ||
            std::holds_alternative<wire::Commit>(m);
    return m;
  };
  group.submit(0, request_of(1, 3));
  group.advance(35);
  EXPECT_FALSE(voted);
  EXPECT_EQ(group.status(0).executed, Seq{3});
  group.advance(1'000);
  EXPECT_FALSE(group.status(2).diverged);
  EXPECT_EQ(group.host(2).state(), group.host(0).state());
}

// Whoever holds a certificate forgets what it covers, and a view may begin there. So who signed
// must come back to that state by itself: r3, who alone proved it, dies.
TEST(Checkpoint, is_not_lost_when_those_who_signed_lose_power_and_who_proved_it_dies_4_3) {
  auto config = small_config(4, 1, 2, 4);
  config.early_pre_prepare = true;  // a restarted primary leaves its view
  Group group(config);
  group.transfer_ms = 1'000'000;
  for (unsigned to = 0; to < 3; ++to) {
    group.drop({{}, to, "checkpoint", {}});
    group.drop({{}, to, "checkpoint-proof", {}});
    group.drop({3, to, "committed", {}});
  }
  run(group, 2);
  group.advance(30);
  ASSERT_EQ(group.status(3).stable, Seq{2});
  for (unsigned id = 0; id < 3; ++id) {
    ASSERT_EQ(group.host(id).executed(), Seq{2});
    group.kill(id);
  }
  group.drop({2, 1, "view-change", {}});  // so that r1's view begins with r3's word
  for (unsigned id = 0; id < 3; ++id) group.restart(id);
  group.advance(300);
  ASSERT_EQ(group.status(1).view, View{1});
  ASSERT_TRUE(group.status(1).active);
  group.kill(3);
  group.clear_rules();
  group.submit_to_all(request_of(9, 1));
  group.advance(10'000);
  EXPECT_TRUE(group.executed(request_of(9, 1)));
}

}  // namespace
}  // namespace prytany::play
