#include "server/pbft/slot.h"

#include <gtest/gtest.h>

#include "server/pbft/window.h"
#include "tests/play/group.h"

namespace prytany::pbft {
namespace {

using play::digest_of;

constexpr Group four{4, 1};
constexpr ReplicaId r0{0}, r1{1}, r2{2}, r3{3};

Body body_of(std::uint64_t number) {
  wire::Batch batch;
  batch.requests.items.push_back(play::request_of(1, number));
  return make_body(batch, {AgreedTime{5}, {}});
}

struct Accepted : testing::Test {
  Accepted() {
    slot.hold(body_of(1));
    slot.set_standing(Standing::accepted);
  }
  Slot slot;
  Digest d = body_of(1).digest;
};

TEST(Body, the_digest_covers_requests_their_order_and_the_agreed_values) {
  wire::Batch ab, ba;
  ab.requests.items = {play::request_of(1, 1), play::request_of(1, 2)};
  ba.requests.items = {play::request_of(1, 2), play::request_of(1, 1)};
  const Digest d = make_body(ab, {AgreedTime{5}, {}}).digest;
  EXPECT_NE(d, make_body(ba, {AgreedTime{5}, {}}).digest);
  EXPECT_NE(d, make_body(ab, {AgreedTime{6}, {}}).digest);
  EXPECT_NE(d, make_body(ab, {AgreedTime{5}, {{1}}}).digest);
  EXPECT_EQ(d, wire::batch_digest(ab, {AgreedTime{5}, {}}));
}

TEST_F(Accepted, is_prepared_only_with_a_quorum_of_prepares_own_included) {
  slot.prepares.add(r0, d);
  slot.prepares.add(r1, d);
  EXPECT_FALSE(slot.prepared(four));
  slot.prepares.add(r2, d);
  EXPECT_TRUE(slot.prepared(four));
}

TEST_F(Accepted, prepares_for_another_digest_do_not_prepare_it) {
  for (const ReplicaId id : {r0, r1, r2, r3}) slot.prepares.add(id, digest_of("other"));
  EXPECT_FALSE(slot.prepared(four));
}

TEST(Slot, without_an_accepted_pre_prepare_nothing_is_prepared) {
  Slot slot;
  const Body body = body_of(1);
  for (const ReplicaId id : {r0, r1, r2, r3}) slot.prepares.add(id, body.digest);
  EXPECT_FALSE(slot.prepared(four));
  slot.hold(body);
  slot.set_standing(Standing::doubted);
  EXPECT_FALSE(slot.prepared(four));
}

TEST(Slot, a_quorum_of_commits_decides_even_without_the_pre_prepare) {
  Slot slot;
  for (const ReplicaId id : {r1, r2}) slot.commits.add(id, digest_of("d"));
  EXPECT_EQ(slot.decided(four), std::nullopt);
  slot.commits.add(r3, digest_of("d"));
  EXPECT_EQ(slot.decided(four), digest_of("d"));
}

TEST(Slot, a_weak_quorum_that_say_committed_decides) {
  Slot slot;
  slot.told.add(r1, digest_of("d"));
  EXPECT_EQ(slot.decided(four), std::nullopt);
  slot.told.add(r2, digest_of("d"));
  EXPECT_EQ(slot.decided(four), digest_of("d"));
}

TEST_F(Accepted, another_pre_prepare_is_a_conflict_and_the_same_a_repetition) {
  EXPECT_EQ(slot.refuse_pre_prepare(d), Refusal::repeated);
  EXPECT_EQ(slot.refuse_pre_prepare(body_of(2).digest), Refusal::conflicting_pre_prepare);
}

TEST(Slot, a_pre_prepare_may_not_contradict_what_is_committed) {
  Slot slot;
  slot.set_committed(body_of(1).digest);
  EXPECT_EQ(slot.refuse_pre_prepare(body_of(2).digest), Refusal::conflicting_pre_prepare);
  EXPECT_EQ(slot.refuse_pre_prepare(body_of(1).digest), std::nullopt);
}

TEST_F(Accepted, is_executable_only_when_committed_and_held) {
  EXPECT_EQ(slot.executable(), nullptr);
  slot.set_committed(body_of(2).digest);
  EXPECT_EQ(slot.executable(), nullptr) << "another batch is committed than the one held";
  slot.supply(body_of(2));
  ASSERT_NE(slot.executable(), nullptr);
  EXPECT_EQ(slot.executable()->digest, body_of(2).digest);
}

TEST(SlotDeathTest, a_committed_digest_never_changes) {
  Slot slot;
  slot.set_committed(digest_of("d"));
  slot.set_committed(digest_of("d"));
  EXPECT_DEATH(slot.set_committed(digest_of("e")), "committed_");
}

TEST(Slot, is_not_awaited_on_a_single_liars_word) {
  Slot slot;
  slot.prepares.add(r3, digest_of("a"));
  slot.commits.add(r3, digest_of("b"));
  slot.told.add(r3, digest_of("c"));
  EXPECT_FALSE(slot.awaited(four));
  slot.commits.add(r2, digest_of("d"));
  EXPECT_TRUE(slot.awaited(four));
}

TEST(Window, holds_the_numbers_above_h_up_to_h_plus_l) {
  Window window(Seq{128}, 256);
  EXPECT_FALSE(window.contains(Seq{128}));
  EXPECT_TRUE(window.contains(Seq{129}));
  EXPECT_TRUE(window.contains(Seq{384}));
  EXPECT_FALSE(window.contains(Seq{385}));
  EXPECT_EQ(window.refuse(Seq{128}), Refusal::below_window);
  EXPECT_EQ(window.refuse(Seq{385}), Refusal::above_window);
  EXPECT_EQ(window.refuse(Seq{~std::uint64_t{0}}), Refusal::above_window);
}

TEST(Window, drops_slots_when_h_moves) {
  Window window(Seq{0}, 8);
  for (std::uint64_t n = 1; n <= 8; ++n) window.at(Seq{n});
  window.advance(Seq{4});
  EXPECT_EQ(window.slots().size(), 4U);
  EXPECT_EQ(window.find(Seq{4}), nullptr);
  EXPECT_NE(window.find(Seq{5}), nullptr);
  EXPECT_EQ(window.high(), Seq{12});
}

TEST(WindowDeathTest, never_makes_a_slot_outside_and_never_goes_back) {
  Window window(Seq{4}, 8);
  EXPECT_DEATH(window.at(Seq{13}), "contains");
  EXPECT_DEATH(window.advance(Seq{3}), "low >= low_");
}

}  // namespace
}  // namespace prytany::pbft
