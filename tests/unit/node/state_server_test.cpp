// Serving state to peers, of whom some want too much, or for too long.
#include "server/node/state_server.h"

#include <gtest/gtest.h>

#include "tests/unit/node/transfer_world.h"

namespace prytany::node {
namespace {

struct Serving : testing::Test {
  Serving() {
    state.fill(0, 1000, 1);
    state.checkpoint(128);
  }
  wire::StatePart ask(decltype(wire::FetchPart::what) what, std::uint64_t seq = 128,
                      unsigned peer = 1) {
    return server.serve(ReplicaId{static_cast<std::uint16_t>(peer)}, {Seq{seq}, 7, std::move(what)},
                        now);
  }
  static wire::PagesWish pages(std::uint32_t first, std::uint32_t count) {
    wire::PagesWish wish;
    for (std::uint32_t i = 0; i < count; ++i) wish.indexes.items.push_back(first + i);
    return wish;
  }
  template <class Part>
  static bool is(const wire::StatePart& part) {
    return std::holds_alternative<Part>(part.what);
  }

  State state;
  StateServerOptions options;
  StateServer server{*state.store};
  Time now{1'000'000};
};

TEST_F(Serving, answers_with_what_a_retained_checkpoint_held_while_the_live_state_goes_on) {
  const auto before = std::get<wire::StatePages>(ask(pages(3, 2)).what);
  state.fill(0, 1000, 2);
  state.checkpoint(256);
  EXPECT_EQ(std::get<wire::StatePages>(ask(pages(3, 2)).what), before);
  EXPECT_EQ(ask(pages(3, 2)).ask, 7u);
}

TEST_F(Serving, says_so_when_a_checkpoint_is_not_held) {
  EXPECT_TRUE(is<wire::NotHeld>(ask(wire::RootWish{}, 64)));
  EXPECT_TRUE(is<wire::NotHeld>(ask(wire::RootWish{}, ~0ULL)));
}

TEST_F(Serving, gives_nothing_for_places_that_the_tree_does_not_have) {
  EXPECT_TRUE(is<wire::NotHeld>(ask(pages(1000, 1))));
  EXPECT_TRUE(is<wire::NotHeld>(ask(pages(~0U, 1))));
  EXPECT_TRUE(is<wire::NotHeld>(ask(wire::NodesWish{0, {{0}}})));
  EXPECT_TRUE(is<wire::NotHeld>(ask(wire::NodesWish{4, {{0}}})));
  EXPECT_TRUE(is<wire::NotHeld>(ask(wire::NodesWish{255, {{0}}})));
  EXPECT_TRUE(is<wire::NotHeld>(ask(wire::NodesWish{1, {{63}}})));
  EXPECT_TRUE(is<wire::TreeNodes>(ask(wire::NodesWish{1, {{62}}})));
}

TEST_F(Serving, bounds_what_one_peer_gets_at_once_and_lets_another_have_its_own) {
  std::uint64_t bytes = 0;
  for (int i = 0; i < 1000; ++i) {
    const wire::StatePart part = ask(pages(0, 64));
    if (const auto* got = std::get_if<wire::StatePages>(&part.what))
      bytes += got->bytes.bytes.size();
  }
  EXPECT_LE(bytes, options.burst_bytes);
  EXPECT_GT(bytes, options.burst_bytes / 2);
  EXPECT_TRUE(is<wire::AskLater>(ask(pages(0, 64))));
  EXPECT_TRUE(is<wire::StatePages>(ask(pages(0, 64), 128, 2)));
  now = now + 100'000;
  EXPECT_TRUE(is<wire::StatePages>(ask(pages(0, 64))));
}

TEST_F(Serving, keeps_a_checkpoint_while_somebody_reads_it_and_lets_it_go_afterwards) {
  (void)ask(wire::RootWish{});
  EXPECT_EQ(server.keep_from(Seq{512}, now), Seq{128});
  for (int i = 0; i < 20; ++i) {
    now = now + 4'000'000;
    (void)ask(pages(0, 1));
    EXPECT_EQ(server.keep_from(Seq{512}, now), Seq{128});
  }
  now = now + 6'000'000;
  EXPECT_EQ(server.keep_from(Seq{512}, now), Seq{512});
}

TEST_F(Serving, does_not_keep_a_checkpoint_for_ever_for_a_reader_that_never_ends) {
  Seq kept{128};
  for (int i = 0; i < 1000 && kept == Seq{128}; ++i) {
    now = now + 1'000'000;
    (void)ask(pages(0, 1));
    kept = server.keep_from(Seq{512}, now);
  }
  EXPECT_EQ(kept, Seq{512});
  EXPECT_LT(now.value, 1'000'000 + options.reader_total_us + 5'000'000);
}

TEST_F(Serving, does_not_start_the_clock_anew_for_who_takes_turns_between_checkpoints) {
  state.fill(0, 1, 2);
  state.checkpoint(256);
  Seq kept{128};
  for (int i = 0; i < 2000 && kept < Seq{512}; ++i) {
    now = now + 1'000'000;
    (void)ask(pages(0, 1), i % 2 == 0 ? 128 : 256);
    kept = server.keep_from(Seq{512}, now);
  }
  EXPECT_EQ(kept, Seq{512});
}

TEST_F(Serving, lets_go_when_old_pages_become_too_many) {
  options.retained_pages_max = 500;
  StateServer strict(*state.store, options);
  (void)strict.serve(ReplicaId{1}, {Seq{128}, 1, wire::RootWish{}}, now);
  state.fill(0, 400, 2);
  EXPECT_EQ(strict.keep_from(Seq{512}, now), Seq{128});
  state.fill(400, 200, 2);
  EXPECT_EQ(strict.keep_from(Seq{512}, now), Seq{512});
}

TEST_F(Serving, lets_the_reader_of_the_oldest_checkpoint_go_first) {
  options.retained_pages_max = 500;
  StateServer strict(*state.store, options);
  (void)strict.serve(ReplicaId{1}, {Seq{128}, 1, wire::RootWish{}}, now);
  state.fill(0, 600, 2);
  state.checkpoint(256);
  (void)strict.serve(ReplicaId{2}, {Seq{256}, 1, wire::RootWish{}}, now);
  state.fill(0, 300, 3);
  const Seq kept = strict.keep_from(Seq{512}, now);
  EXPECT_EQ(kept, Seq{256});
  state.store->discard_below(vfs::Label{kept.value});
  EXPECT_EQ(strict.keep_from(Seq{512}, now), Seq{256});
}

}  // namespace
}  // namespace prytany::node
