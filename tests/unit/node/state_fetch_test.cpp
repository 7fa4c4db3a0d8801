// The walk (Castro & Liskov TOCS 2002 section 5.3): what it fetches, and what it makes of peers
// that lie, stall, contradict themselves or say what nobody asked.
#include "server/node/state_fetch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/node/transfer_world.h"

namespace prytany::node {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

/// Both have `pages` pages, equal but for those in `different`.
void differ_in(Transfer& t, vfs::PageIndex pages, const std::vector<vfs::PageIndex>& different) {
  t.mine.fill(0, pages, 1);
  t.theirs.fill(0, pages, 1);
  for (const vfs::PageIndex page : different) t.theirs.fill(page, 1, 1000 + page);
  t.mine.checkpoint(64);
  t.theirs.checkpoint(128);
}

vfs::PageIndex roll(std::mt19937_64& random, std::uint64_t end) {
  return static_cast<vfs::PageIndex>(random() % end);
}

bool of_pages(const wire::StatePart& part) {
  return std::holds_alternative<wire::StatePages>(part.what);
}
bool of_nodes(const wire::StatePart& part) {
  return std::holds_alternative<wire::TreeNodes>(part.what);
}

TEST(StateFetch, fetches_only_the_pages_that_differ) {
  Transfer t;
  differ_in(t, 20'000, {0, 777, 778, 15'000, 19'999});
  t.begin(128);
  ASSERT_TRUE(t.run());
  EXPECT_EQ(t.counters.pages, 5u);
  EXPECT_EQ(t.fetch->progress().differing, 5u);
  EXPECT_EQ(t.fetch->progress().settled, 20'000u);
  // Four paths of at most four nodes with sixteen digests each, beside the pages.
  EXPECT_LT(t.counters.bytes, 5 * vfs::page_bytes + 17 * 16 * Digest::size);
  ASSERT_TRUE(t.install());
  EXPECT_TRUE(t.same());
}

class FullSlots final : public vfs::PageSlots {
 public:
  Result<Slot> count() override { return Slot{0}; }
  Result<void> write(Slot, vfs::PageView) override { return Error{"no space left"}; }
  Result<void> read(Slot, PageBuffer) override { return Error{"nothing was written"}; }
  Result<void> clear() override { return {}; }
};

TEST(StateFetch, an_answer_that_comes_again_after_our_own_disk_failed_is_nothing_new) {
  State mine;
  State theirs;
  mine.fill(0, 1, 1);
  mine.checkpoint(64);
  theirs.fill(0, 1, 2);
  const Digest state = theirs.checkpoint(128);
  FullSlots slots;
  vfs::FetchedPages fetched(slots);
  ASSERT_TRUE(fetched.load());
  TransferCounters counters;
  StateFetch fetch({*mine.store, fetched, counters}, proof_of(128, state), ReplicaId{3},
                   pbft::Group{4, 1}, {}, Time{0});
  StateServer server(*theirs.store);
  for (bool failed = false; !failed;) {
    const auto asks = fetch.ask(Time{1}, {ReplicaId{0}});
    ASSERT_EQ(asks.size(), 1u);
    const wire::StatePart part = server.serve(ReplicaId{3}, asks[0].second, Time{1});
    failed = !fetch.on(ReplicaId{0}, part, Time{2});
    if (!failed) continue;
    EXPECT_TRUE(fetch.on(ReplicaId{0}, part, Time{2}));
  }
  EXPECT_EQ(counters.unrequested, 1u);
}

TEST(StateFetch, fetches_nothing_but_the_root_when_nothing_differs) {
  Transfer t;
  differ_in(t, 3000, {});
  t.begin(128);
  ASSERT_TRUE(t.run());
  EXPECT_EQ(t.counters.pages, 0u);
  EXPECT_EQ(t.counters.parts, 1u);
  ASSERT_TRUE(t.install());
  EXPECT_TRUE(t.same());
}

TEST(StateFetch, fills_an_empty_replica_from_all_peers_at_once) {
  Transfer t;
  t.theirs.fill(0, 5000, 1);
  t.theirs.checkpoint(128);
  t.begin(128);
  ASSERT_TRUE(t.run());
  EXPECT_EQ(t.counters.pages, 5000u);
  for (unsigned i = 0; i < 3; ++i) EXPECT_GT(t.source(i).bytes, 1000 * vfs::page_bytes) << i;
  ASSERT_TRUE(t.install());
  EXPECT_TRUE(t.same());
}

TEST(StateFetch, cuts_a_state_that_shrank_and_lengthens_one_that_grew) {
  for (const auto& [had, has] : {std::pair{5000U, 3U}, {3U, 5000U}, {300U, 1U}, {1U, 300U}}) {
    Transfer t;
    t.mine.fill(0, had, 1);
    t.mine.checkpoint(64);
    t.theirs.fill(0, has, 1);
    t.theirs.checkpoint(128);
    t.begin(128);
    ASSERT_TRUE(t.run()) << had << " to " << has;
    EXPECT_EQ(t.counters.pages, has > had ? has - had : 0);
    ASSERT_TRUE(t.install());
    EXPECT_TRUE(t.same()) << had << " to " << has;
  }
}

TEST(StateFetch, arrives_from_any_state_at_any_other) {
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    Transfer t;
    std::mt19937_64 random(seed);
    for (int i = 0; i < 4; ++i) {
      t.mine.fill(roll(random, 600), 1 + roll(random, 50), random() % 3);
      t.theirs.fill(roll(random, 600), 1 + roll(random, 50), random() % 3);
    }
    t.mine.checkpoint(64);
    t.mine.fill(roll(random, 600), 3, 77);  // and what was executed since
    t.theirs.checkpoint(128);
    t.begin(128);
    ASSERT_TRUE(t.run()) << "seed " << seed;
    ASSERT_TRUE(t.install()) << "seed " << seed;
    EXPECT_TRUE(t.same()) << "seed " << seed;
  }
}

TEST(StateFetch, knows_who_sent_a_wrong_page_and_never_asks_it_again) {
  Transfer t;
  t.theirs.fill(0, 3000, 1);
  t.theirs.checkpoint(128);
  t.source(1).mangle = [](const wire::FetchPart&, wire::StatePart part) {
    if (auto* pages = std::get_if<wire::StatePages>(&part.what)) pages->bytes.bytes[5000] ^= 1;
    return std::optional(part);
  };
  t.begin(128);
  ASSERT_TRUE(t.run());
  EXPECT_THAT(t.fetch->progress().avoided, ElementsAre(ReplicaId{1}));
  EXPECT_EQ(t.counters.lies, 1u);
  ASSERT_EQ(t.notes.size(), 1u);
  EXPECT_THAT(t.notes[0], HasSubstr("r1"));
  EXPECT_THAT(t.notes[0], HasSubstr("a wrong page"));
  EXPECT_LE(t.source(1).asks, 16u);
  ASSERT_TRUE(t.install());
  EXPECT_TRUE(t.same());
}

TEST(StateFetch, knows_who_sent_a_wrong_node) {
  Transfer t;
  differ_in(t, 3000, {5, 2000});
  t.source(0).mangle = [](const wire::FetchPart&, wire::StatePart part) {
    if (auto* nodes = std::get_if<wire::TreeNodes>(&part.what))
      nodes->digests.items.back().bytes[31] ^= 1;
    return std::optional(part);
  };
  t.begin(128);
  ASSERT_TRUE(t.run());
  EXPECT_THAT(t.fetch->progress().avoided, ElementsAre(ReplicaId{0}));
  EXPECT_THAT(t.notes[0], HasSubstr("a wrong node"));
  EXPECT_EQ(t.counters.pages, 2u);
  ASSERT_TRUE(t.install());
  EXPECT_TRUE(t.same());
}

TEST(StateFetch, does_not_believe_who_claims_a_larger_tree) {
  Transfer t;
  differ_in(t, 300, {5});
  t.source(0).mangle = [](const wire::FetchPart&, wire::StatePart part) {
    if (auto* root = std::get_if<wire::TreeRoot>(&part.what)) root->page_count = 4'000'000'000;
    return std::optional(part);
  };
  t.begin(128);
  ASSERT_TRUE(t.run());
  EXPECT_THAT(t.fetch->progress().avoided, ElementsAre(ReplicaId{0}));
  EXPECT_EQ(t.fetch->progress().pages, 300u);
}

TEST(StateFetch, refuses_too_few_pages_too_many_and_halves) {
  for (const std::ptrdiff_t change : {-1, -100, 1, 4096, -4096}) {
    Transfer t;
    differ_in(t, 300, {5, 6, 7});
    t.source(0).mangle = [&](const wire::FetchPart&, wire::StatePart part) {
      if (auto* pages = std::get_if<wire::StatePages>(&part.what))
        pages->bytes.bytes.resize(static_cast<std::size_t>(
            static_cast<std::ptrdiff_t>(pages->bytes.bytes.size()) + change));
      return std::optional(part);
    };
    t.begin(128);
    ASSERT_TRUE(t.run());
    EXPECT_THAT(t.fetch->progress().avoided, ElementsAre(ReplicaId{0})) << change;
  }
}

TEST(StateFetch, refuses_too_few_nodes_and_too_many) {
  for (const bool more : {true, false}) {
    Transfer t;
    differ_in(t, 300, {5});
    t.source(0).mangle = [&](const wire::FetchPart&, wire::StatePart part) {
      if (auto* nodes = std::get_if<wire::TreeNodes>(&part.what))
        nodes->digests.items.resize(nodes->digests.size() +
                                    (more ? std::size_t{1} : ~std::size_t{0}));
      return std::optional(part);
    };
    t.begin(128);
    ASSERT_TRUE(t.run());
    EXPECT_THAT(t.fetch->progress().avoided, ElementsAre(ReplicaId{0}));
  }
}

TEST(StateFetch, refuses_an_answer_to_another_question) {
  Transfer t;
  differ_in(t, 300, {5});
  t.source(0).mangle = [](const wire::FetchPart&, wire::StatePart part) {
    if (of_nodes(part)) part.what = wire::StatePages{};
    return std::optional(part);
  };
  t.begin(128);
  ASSERT_TRUE(t.run());
  EXPECT_THAT(t.fetch->progress().avoided, ElementsAre(ReplicaId{0}));
}

TEST(StateFetch, drops_what_nobody_asked_this_peer_for) {
  Transfer t;
  differ_in(t, 300, {5});
  t.begin(128);
  const auto asks = t.fetch->ask(t.now, t.connected);
  ASSERT_EQ(asks.size(), 1u);
  const auto& [to, ask] = asks.front();
  const wire::StatePart honest = t.source(to.value).server.serve(to, ask, t.now);
  wire::StatePart other_seq = honest;
  other_seq.seq = Seq{64};
  wire::StatePart other_ask = honest;
  other_ask.ask += 7;
  const ReplicaId other{static_cast<std::uint16_t>((to.value + 1) % 3)};
  ASSERT_TRUE(t.fetch->on(to, other_seq, t.now).ok());
  ASSERT_TRUE(t.fetch->on(to, other_ask, t.now).ok());
  ASSERT_TRUE(t.fetch->on(other, honest, t.now).ok());
  EXPECT_EQ(t.counters.unrequested, 3u);
  EXPECT_EQ(t.fetch->progress().pages, 0u);
  ASSERT_TRUE(t.fetch->on(to, honest, t.now).ok());
  EXPECT_EQ(t.fetch->progress().pages, 300u);
  ASSERT_TRUE(t.fetch->on(to, honest, t.now).ok());  // again
  EXPECT_EQ(t.counters.unrequested, 4u);
}

TEST(StateFetch, bounds_what_it_asks_of_one_peer_at_once) {
  Transfer t;
  t.theirs.fill(0, 12'000, 1);
  t.theirs.checkpoint(128);
  for (unsigned i = 0; i < 3; ++i) t.source(i).latency_us = 100'000;
  t.begin(128);
  ASSERT_TRUE(t.run());
  for (unsigned i = 0; i < 3; ++i) {
    EXPECT_GT(t.source(i).in_flight_max, 8u);
    EXPECT_LE(t.source(i).in_flight_max, 16u);
  }
}

TEST(StateFetch, asks_others_for_what_a_silent_peer_owes_and_counts_its_silence) {
  Transfer t;
  t.theirs.fill(0, 3000, 1);
  t.theirs.checkpoint(128);
  t.source(2).mangle = [](const wire::FetchPart&, wire::StatePart) {
    return std::optional<wire::StatePart>();
  };
  for (const unsigned other : {0U, 1U}) t.source(other).latency_us = 250'000;
  t.begin(128);
  const Time began = t.now;
  ASSERT_TRUE(t.run());
  EXPECT_LT(t.now - began, 6'000'000u);
  EXPECT_LE(t.source(2).asks, 4u);
  EXPECT_TRUE(t.fetch->progress().avoided.empty());  // slow is not a lie
  EXPECT_GE(t.counters.stalls, 1u);
  ASSERT_FALSE(t.notes.empty());
  EXPECT_THAT(t.notes[0], HasSubstr("r2 does not answer"));
}

TEST(StateFetch, leaves_a_silent_peer_alone_longer_each_time) {
  Transfer t;
  differ_in(t, 300, {5});
  for (unsigned i = 0; i < 3; ++i)
    t.source(i).mangle = [](const wire::FetchPart&, wire::StatePart) {
      return std::optional<wire::StatePart>();
    };
  t.begin(128);
  EXPECT_FALSE(t.run(~0ULL, 60'000'000));
  EXPECT_GE(t.counters.stalls, 9u);
  EXPECT_LE(t.asks(), 30u);
  for (unsigned i = 0; i < 3; ++i) t.source(i).mangle = nullptr;
  EXPECT_TRUE(t.run());
}

TEST(StateFetch, says_now_and_then_how_far_it_is) {
  Transfer t;
  t.theirs.fill(0, 3000, 1);
  t.theirs.checkpoint(128);
  for (unsigned i = 0; i < 3; ++i) t.source(i).latency_us = 900'000;
  t.begin(128);
  ASSERT_TRUE(t.run(~0ULL, 600'000'000));
  ASSERT_FALSE(t.notes.empty());
  EXPECT_THAT(t.notes[0], HasSubstr("of 3000 pages are here"));
}

TEST(StateFetch, asks_a_slow_peer_for_less) {
  Transfer t;
  t.theirs.fill(0, 12'000, 1);
  t.theirs.checkpoint(128);
  t.source(1).latency_us = 400'000;
  for (const unsigned fast : {0U, 2U}) t.source(fast).latency_us = 20'000;
  t.begin(128);
  ASSERT_TRUE(t.run());
  EXPECT_LT(t.source(1).bytes, t.source(0).bytes / 4);
  EXPECT_GT(t.source(2).bytes, t.source(0).bytes / 2);
}

TEST(StateFetch, does_not_wait_at_the_end_for_the_slowest_peer) {
  Transfer t;
  differ_in(t, 300, {5});
  t.source(0).latency_us = 900'000;
  t.begin(128);
  const Time began = t.now;
  ASSERT_TRUE(t.run());
  EXPECT_LT(t.now - began, 800'000u);
}

TEST(StateFetch, goes_on_with_others_at_once_when_a_link_breaks) {
  Transfer t;
  t.theirs.fill(0, 3000, 1);
  t.theirs.checkpoint(128);
  t.begin(128);
  ASSERT_FALSE(t.run(20));
  t.connected.erase(ReplicaId{0});
  t.fetch->lost(ReplicaId{0});
  const Time broke = t.now;
  ASSERT_TRUE(t.run());
  EXPECT_LT(t.now - broke, 900'000u);
  EXPECT_EQ(t.counters.stalls, 0u);
}

TEST(StateFetch, waits_without_peers_and_goes_on_when_one_returns) {
  Transfer t;
  t.theirs.fill(0, 3000, 1);
  t.theirs.checkpoint(128);
  t.begin(128);
  ASSERT_FALSE(t.run(20));
  const std::uint64_t had = t.counters.pages;
  const auto all = std::exchange(t.connected, {});
  for (const ReplicaId peer : all) t.fetch->lost(peer);
  ASSERT_FALSE(t.run(~0ULL, 10'000'000));
  EXPECT_EQ(t.fetch->deadline(), never);
  t.connected = {ReplicaId{2}};
  ASSERT_TRUE(t.run());
  EXPECT_EQ(t.counters.pages, 3000u);
  EXPECT_GT(had, 0u);
}

TEST(StateFetch, fetches_nothing_twice_after_a_restart) {
  Transfer t;
  t.theirs.fill(0, 3000, 1);
  t.theirs.checkpoint(128);
  t.begin(128);
  ASSERT_FALSE(t.run(40));
  const std::uint64_t before = t.counters.pages;
  ASSERT_GT(before, 300u);
  t.begin(128);
  ASSERT_TRUE(t.run());
  EXPECT_EQ(t.counters.pages, 3000u);
  EXPECT_EQ(t.counters.pages_at_hand, before);
  ASSERT_TRUE(t.install());
  EXPECT_TRUE(t.same());
}

TEST(StateFetch, fetches_anew_after_a_restart_what_a_crash_tore) {
  Transfer t;
  t.theirs.fill(0, 3000, 1);
  t.theirs.checkpoint(128);
  t.begin(128);
  ASSERT_FALSE(t.run(40));
  for (std::size_t i = 0; i < t.slots.slots.size(); i += 3) t.slots.slots[i].bytes[17] ^= 1;
  t.begin(128);
  ASSERT_TRUE(t.run());
  EXPECT_GT(t.counters.pages, 3000u);
  ASSERT_TRUE(t.install());
  EXPECT_TRUE(t.same());
}

TEST(StateFetch, keeps_what_is_still_valid_when_it_moves_on_to_a_newer_checkpoint) {
  Transfer t;
  t.theirs.fill(0, 9000, 1);
  t.theirs.checkpoint(128);
  t.begin(128);
  ASSERT_FALSE(t.run(40));
  const std::uint64_t before = t.counters.pages;
  t.theirs.fill(100, 10, 99);
  const Digest newer = t.theirs.checkpoint(256);
  t.theirs.store->discard_below(vfs::Label{256});
  EXPECT_FALSE(t.run(~0ULL, 3'000'000));
  EXPECT_TRUE(t.fetch->exhausted(t.connected));
  EXPECT_FALSE(t.fetch->progressing(t.now + 10'000'000));
  t.fetch->retarget(proof_of(256, newer), t.now);
  EXPECT_FALSE(t.fetch->exhausted(t.connected));
  ASSERT_TRUE(t.run());
  EXPECT_GT(before, 300u);
  EXPECT_LE(t.counters.pages, 9010u);
  EXPECT_GE(t.counters.pages_at_hand, before - 10);
  ASSERT_TRUE(t.install());
  EXPECT_TRUE(t.same());
}

TEST(StateFetch, keeps_avoiding_a_liar_when_it_moves_on) {
  Transfer t;
  t.theirs.fill(0, 300, 1);
  t.theirs.checkpoint(128);
  t.source(0).mangle = [](const wire::FetchPart&, wire::StatePart part) {
    if (of_pages(part)) part.what = wire::StatePages{};
    return std::optional(part);
  };
  t.begin(128);
  ASSERT_TRUE(t.run());
  ASSERT_THAT(t.fetch->progress().avoided, ElementsAre(ReplicaId{0}));
  const std::uint64_t asks = t.source(0).asks;
  t.theirs.fill(0, 300, 2);
  t.fetch->retarget(proof_of(256, t.theirs.checkpoint(256)), t.now);
  ASSERT_TRUE(t.run());
  EXPECT_EQ(t.source(0).asks, asks);
}

TEST(StateFetch, is_exhausted_when_all_lie_or_lack_it) {
  Transfer t;
  differ_in(t, 300, {5});
  t.source(0).mangle = [](const wire::FetchPart& ask, wire::StatePart) {
    return std::optional(wire::StatePart{ask.seq, ask.ask, wire::TreeRoot{1, {}}});
  };
  for (const unsigned i : {1U, 2U})
    t.source(i).mangle = [](const wire::FetchPart& ask, wire::StatePart) {
      return std::optional(wire::StatePart{ask.seq, ask.ask, wire::NotHeld{}});
    };
  t.begin(128);
  EXPECT_FALSE(t.run(~0ULL, 5'000'000));
  EXPECT_TRUE(t.fetch->exhausted(t.connected));
}

TEST(StateFetch, is_exhausted_when_who_says_later_may_be_faulty) {
  Transfer t;
  differ_in(t, 300, {5});
  const auto says = [](auto what) {
    return [what](const wire::FetchPart& ask, wire::StatePart) {
      return std::optional(wire::StatePart{ask.seq, ask.ask, what});
    };
  };
  t.source(0).mangle = t.source(1).mangle = says(wire::AskLater{});
  t.source(2).mangle = says(wire::NotHeld{});
  t.begin(128);
  EXPECT_FALSE(t.run(~0ULL, 100'000));
  EXPECT_FALSE(t.fetch->exhausted(t.connected)) << "one of the two is correct";
  t.source(1).mangle = says(wire::NotHeld{});
  EXPECT_FALSE(t.run(~0ULL, 100'000));
  EXPECT_TRUE(t.fetch->exhausted(t.connected));
}

TEST(StateFetch, waits_a_little_for_who_says_later) {
  Transfer t;
  differ_in(t, 300, {5});
  std::uint64_t refusals = 0;
  for (unsigned i = 0; i < 3; ++i)
    t.source(i).mangle = [&](const wire::FetchPart& ask, wire::StatePart part) {
      if (refusals++ < 9) part = {ask.seq, ask.ask, wire::AskLater{}};
      return std::optional(part);
    };
  t.begin(128);
  ASSERT_TRUE(t.run());
  EXPECT_LT(t.asks(), 20u);
  EXPECT_FALSE(t.fetch->exhausted(t.connected));
}

TEST(StateFetch, compares_anew_when_what_it_compared_with_has_changed) {
  Transfer t;
  differ_in(t, 3000, {5, 2999});
  t.begin(128);
  ASSERT_FALSE(t.run(2));
  t.mine.fill(1000, 1, 55);
  t.mine.checkpoint(65);
  ASSERT_TRUE(t.run());
  EXPECT_EQ(t.counters.pages, 3u);
  ASSERT_TRUE(t.install());
  EXPECT_TRUE(t.same());
}

TEST(StateFetch, fetches_pages_that_were_damaged_below_their_digests) {
  Transfer t;
  differ_in(t, 3000, {5});
  const_cast<std::uint8_t*>(t.mine.store->data())[1234 * vfs::page_bytes] ^= 1;
  t.begin(128, t.mine.store->verify(vfs::Label{64}, t.mine.store->root()).damaged);
  ASSERT_TRUE(t.run());
  EXPECT_EQ(t.counters.pages, 2u);
  ASSERT_TRUE(t.install());
  EXPECT_TRUE(t.mine.store->verify(vfs::Label{128}, t.theirs.store->root()).whole);
}

TEST(StateFetch, fetches_again_what_rotted_before_it_was_installed) {
  Transfer t;
  differ_in(t, 300, {5, 77, 200});
  t.begin(128);
  ASSERT_TRUE(t.run());
  t.slots.slots[1].bytes[9] ^= 1;
  EXPECT_FALSE(t.fetch->recheck().value());
  EXPECT_FALSE(t.fetch->complete());
  EXPECT_EQ(t.fetch->progress().settled, 299U);
  ASSERT_TRUE(t.run());
  EXPECT_TRUE(t.fetch->recheck().value());
  EXPECT_EQ(t.counters.pages, 4U);
  EXPECT_EQ(t.fetch->progress().settled, 300U);
  ASSERT_TRUE(t.install());
  EXPECT_TRUE(t.same());
}

TEST(StateFetch, stops_the_replica_when_its_disk_keeps_nothing_of_what_it_fetched) {
  Transfer t;
  differ_in(t, 300, {5});
  t.begin(128);
  bool stopped = false;
  for (int i = 0; i < 20 && !stopped; ++i) {
    ASSERT_TRUE(t.run());
    for (vfs::Page& page : t.slots.slots) page.bytes[9] ^= 1;
    stopped = !t.fetch->recheck().ok();
  }
  EXPECT_TRUE(stopped);
}

TEST(StateFetch, stops_the_replica_when_a_page_rots_in_the_moment_of_installing) {
  Transfer t;
  differ_in(t, 300, {5});
  t.begin(128);
  ASSERT_TRUE(t.run());
  ASSERT_TRUE(t.fetch->recheck().value());
  t.slots.slots[0].bytes[9] ^= 1;
  EXPECT_FALSE(t.install());
}

TEST(StateFetch, bounds_the_file_beside_the_database_however_often_its_target_changes) {
  Transfer t;
  t.theirs.fill(0, 9000, 1);
  t.theirs.checkpoint(128);
  t.begin(128);
  for (std::uint64_t round = 1; round < 12; ++round) {
    ASSERT_FALSE(t.run(120));
    t.theirs.fill(0, 9000, 1 + round);
    t.fetch->retarget(proof_of(128 + round, t.theirs.checkpoint(128 + round)), t.now);
  }
  ASSERT_TRUE(t.run());
  EXPECT_LE(t.slots.slots.size(), 2u * 9000 + 64);
  ASSERT_TRUE(t.install());
  EXPECT_TRUE(t.same());
}

TEST(StateFetch, arrives_whatever_one_peer_makes_of_its_answers) {
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    Transfer t;
    differ_in(t, 2000, {1, 2, 3, 700, 1999});
    t.theirs.fill(0, 1000, seed);
    const Digest wanted = t.theirs.checkpoint(129);
    std::mt19937_64 random(seed);
    t.source(static_cast<unsigned>(seed % 3)).mangle = [&](const wire::FetchPart&,
                                                           wire::StatePart part) {
      if (random() % 3 == 0) return std::optional(part);
      if (random() % 5 == 0) return std::optional<wire::StatePart>();
      Bytes bytes = wire::encode(part);
      for (int i = 0; i < 3; ++i) bytes[random() % bytes.size()] ^= std::uint8_t{16};
      auto damaged = wire::decode<wire::StatePart>(bytes);
      return damaged ? std::optional(*damaged) : std::nullopt;
    };
    t.begin(129);
    ASSERT_TRUE(t.run()) << "seed " << seed;
    ASSERT_TRUE(t.install()) << "seed " << seed;
    ASSERT_EQ(t.mine.store->root(), wanted) << "seed " << seed;
  }
}

}  // namespace
}  // namespace prytany::node
