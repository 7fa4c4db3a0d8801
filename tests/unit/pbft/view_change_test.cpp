#include "server/pbft/view_change.h"

#include <gtest/gtest.h>

#include "tests/play/group.h"

namespace prytany::pbft {
namespace {

using play::digest_of;

struct Bookkeeping : testing::Test {
  Bookkeeping() { config = play::small_config(4, 1, 4, 8); }
  Config config;
  ViewChanges view_changes{config};
};

TEST_F(Bookkeeping, p_holds_the_latest_prepared_digest_of_each_number) {
  view_changes.prepared(Seq{1}, digest_of("a"), View{0});
  view_changes.prepared(Seq{1}, digest_of("b"), View{2});
  view_changes.prepared(Seq{3}, digest_of("c"), View{1});
  EXPECT_EQ(view_changes.p(),
            (std::vector<wire::PreparedEntry>{{Seq{1}, digest_of("b"), View{2}},
                                              {Seq{3}, digest_of("c"), View{1}}}));
}

TEST_F(Bookkeeping, q_holds_every_digest_voted_for_with_its_latest_view) {
  view_changes.pre_prepared(Seq{1}, digest_of("a"), View{0});
  view_changes.pre_prepared(Seq{1}, digest_of("b"), View{1});
  view_changes.pre_prepared(Seq{1}, digest_of("a"), View{2});
  const auto q = view_changes.q();
  ASSERT_EQ(q.size(), 2U);
  for (const auto& entry : q)
    EXPECT_EQ(entry.view, entry.digest == digest_of("a") ? View{2} : View{1});
}

TEST_F(Bookkeeping, q_is_bounded_and_forgets_the_oldest_view_first) {
  for (std::uint64_t view = 0; view < 10; ++view)
    view_changes.pre_prepared(Seq{1}, digest_of(std::to_string(view)), View{view});
  const auto q = view_changes.q();
  EXPECT_EQ(q.size(), ViewChanges::digests_per_number_max);
  for (const auto& entry : q) EXPECT_GE(entry.view, View{6});
}

TEST_F(Bookkeeping, a_stable_checkpoint_drops_what_it_covers) {
  for (const std::uint64_t seq : {4U, 5U}) {
    view_changes.prepared(Seq{seq}, digest_of("a"), View{0});
    view_changes.pre_prepared(Seq{seq}, digest_of("a"), View{0});
  }
  view_changes.discard(Seq{4});
  EXPECT_EQ(view_changes.p().size(), 1U);
  EXPECT_EQ(view_changes.q().size(), 1U);
}

TEST_F(Bookkeeping, what_it_makes_is_not_refused_by_others) {
  for (std::uint64_t seq = 5; seq <= 12; ++seq)
    for (std::uint64_t view = 0; view < 6; ++view) {
      view_changes.pre_prepared(Seq{seq}, digest_of(std::to_string(view)), View{view});
      view_changes.prepared(Seq{seq}, digest_of(std::to_string(view)), View{view});
    }
  const auto message =
      view_changes.make(View{6}, wire::CheckpointProof{{Seq{4}, digest_of("s4")}, {}});
  EXPECT_EQ(ViewChanges::refuse(config, message), std::nullopt);
  EXPECT_EQ(message.prepared.size(), 8U);
  EXPECT_EQ(message.pre_prepared.size(), 32U);
}

wire::ViewChange good() {
  wire::ViewChange m;
  m.view = View{3};
  m.stable = wire::CheckpointProof{{Seq{4}, digest_of("s4")}, {}};
  m.prepared.items = {{Seq{5}, digest_of("a"), View{2}}, {Seq{7}, digest_of("b"), View{0}}};
  m.pre_prepared.items = {{Seq{5}, digest_of("a"), View{2}}};
  return m;
}

TEST_F(Bookkeeping, what_no_correct_replica_can_say_is_refused) {
  const auto refused = [&](auto change) {
    wire::ViewChange m = good();
    change(m);
    return ViewChanges::refuse(config, m) == Refusal::view_change_malformed;
  };
  ASSERT_EQ(ViewChanges::refuse(config, good()), std::nullopt);
  EXPECT_TRUE(refused([](auto& m) { m.view = View{0}; }));
  EXPECT_TRUE(refused([](auto& m) { m.stable->checkpoint.seq = Seq{3}; }));
  EXPECT_TRUE(refused([](auto& m) { m.stable->checkpoint.seq = Seq{0}; }));
  EXPECT_TRUE(refused([](auto& m) { m.stable->checkpoint.seq = Seq{8}; }));
  EXPECT_TRUE(refused([](auto& m) { m.prepared.items[0].view = View{3}; }));
  EXPECT_TRUE(refused([](auto& m) { m.prepared.items[0].seq = Seq{4}; }));
  EXPECT_TRUE(refused([](auto& m) { m.prepared.items[1].seq = Seq{13}; }));
  EXPECT_TRUE(refused([](auto& m) { std::swap(m.prepared.items[0], m.prepared.items[1]); }));
  EXPECT_TRUE(refused([](auto& m) { m.pre_prepared.items.push_back(m.pre_prepared.items[0]); }));
  EXPECT_TRUE(refused([](auto& m) {
    m.pre_prepared.items.clear();
    for (std::uint8_t i = 0; i < 5; ++i) {
      Digest d{};
      d.bytes[0] = i;
      m.pre_prepared.items.push_back({Seq{5}, d, View{0}});
    }
  }));
}

TEST_F(Bookkeeping, one_view_change_is_held_per_sender) {
  const auto in_view = [](std::uint64_t view) {
    wire::Signed<wire::ViewChange> m{good(), {}};
    m.message.view = View{view};
    return m;
  };
  const ReplicaId r1{1};
  EXPECT_EQ(view_changes.store(r1, View{0}, in_view(3)), std::nullopt);
  EXPECT_EQ(view_changes.store(r1, View{0}, in_view(3)), Refusal::view_change_old);
  EXPECT_EQ(view_changes.store(r1, View{0}, in_view(4)), std::nullopt);
  EXPECT_EQ(view_changes.store(r1, View{0}, in_view(3)), Refusal::view_change_old);
  EXPECT_EQ(view_changes.store(ReplicaId{2}, View{3}, in_view(3)), Refusal::stale_view);
  EXPECT_TRUE(view_changes.stored(View{3}).empty());
  EXPECT_EQ(view_changes.stored(View{4}).size(), 1U);
}

struct Wanted : Bookkeeping {
  void ask(unsigned from, std::uint64_t view) {
    wire::Signed<wire::ViewChange> m{good(), {}};
    m.message.view = View{view};
    (void)view_changes.store(ReplicaId{static_cast<std::uint16_t>(from)}, View{0}, m);
  }
};

// TOCS 4.5.2: "f + 1 valid view-change messages from other replicas for views greater than its
// current view": as many hold a correct one, and it wants at least the lowest of them.
TEST_F(Wanted, f_liars_alone_cannot_make_others_want_a_view) {
  ask(3, 1'000'000);
  EXPECT_EQ(view_changes.wanted_by_some_correct(), std::nullopt);
  ask(1, 5);
  EXPECT_EQ(view_changes.wanted_by_some_correct(), View{5}) << "not the million of a liar";
  ask(2, 7);
  EXPECT_EQ(view_changes.wanted_by_some_correct(), View{7});
}
TEST_F(Wanted, my_own_word_does_not_count_as_others) {
  ask(0, 5);
  ask(1, 5);
  EXPECT_EQ(view_changes.wanted_by_some_correct(), std::nullopt);
  EXPECT_EQ(view_changes.asking_from(View{5}), 2U);
  EXPECT_EQ(view_changes.asking_from(View{6}), 0U);
}
TEST_F(Wanted, what_has_served_is_dropped) {
  ask(1, 5);
  ask(2, 6);
  view_changes.entered(View{5});
  EXPECT_EQ(view_changes.of(ReplicaId{1}), nullptr);
  EXPECT_NE(view_changes.of(ReplicaId{2}), nullptr);
}

struct Decided : Bookkeeping {
  Decided() {
    message.view = View{5};
    message.start = {Seq{4}, digest_of("s4")};
    message.choices.items = {{Seq{5}, digest_of("a")}, {Seq{6}, std::nullopt}};
  }
  std::vector<wire::PreparedEntry> after(std::vector<wire::PreparedEntry> p) {
    for (const auto& entry : p) view_changes.prepared(entry.seq, entry.digest, entry.view);
    view_changes.decided(message);
    return view_changes.p();
  }
  wire::NewView message;
};

TEST_F(Decided, a_new_view_drops_from_p_what_it_decided_otherwise) {
  EXPECT_TRUE(after({{Seq{5}, digest_of("b"), View{4}}}).empty());
  EXPECT_TRUE(after({{Seq{6}, digest_of("b"), View{4}}}).empty()) << "null was chosen";
  EXPECT_TRUE(after({{Seq{8}, digest_of("b"), View{4}}}).empty()) << "beyond all choices";
}
TEST_F(Decided, what_it_chose_stays_in_p_and_so_does_what_its_start_covers) {
  EXPECT_EQ(after({{Seq{5}, digest_of("a"), View{4}}}).size(), 1U);
  // A later view may start below: the checkpoint may not be everybody's yet.
  EXPECT_EQ(after({{Seq{3}, digest_of("b"), View{4}}}).size(), 2U);
}
TEST_F(Decided, what_was_prepared_in_that_view_or_later_stays_in_p) {
  EXPECT_EQ(after({{Seq{6}, digest_of("b"), View{5}}}).size(), 1U);
}
TEST_F(Decided, q_stays_since_others_may_not_have_heard) {
  view_changes.pre_prepared(Seq{6}, digest_of("b"), View{4});
  view_changes.decided(message);
  EXPECT_EQ(view_changes.q().size(), 1U);
  EXPECT_TRUE(view_changes.pins(Seq{6}, digest_of("b")));
  EXPECT_FALSE(view_changes.pins(Seq{6}, digest_of("c")));
}

}  // namespace
}  // namespace prytany::pbft
