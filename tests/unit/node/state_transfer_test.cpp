// Fetching a certified image from peers of which some lie, stall or no longer hold it.
#include "server/node/state_transfer.h"

#include <gtest/gtest.h>

namespace prytany::node {
namespace {

constexpr std::uint64_t chunk = limits::image_chunk_bytes_max / vfs::page_bytes;

wire::CheckpointProof proof_of(std::uint64_t seq) {
  wire::CheckpointProof proof;
  proof.checkpoint.seq = Seq{seq};
  return proof;
}

wire::Pages answer(const wire::FetchPages& ask, std::uint64_t total) {
  wire::Pages pages;
  pages.seq = ask.seq;
  pages.first_page = ask.first_page;
  pages.pages_total = total;
  if (ask.first_page < total)
    pages.bytes.bytes.assign(std::min(chunk, total - ask.first_page) * vfs::page_bytes, 7);
  return pages;
}

struct Fetching : testing::Test {
  StateFetch fetch{proof_of(128), ReplicaId{3}, 4, Time{0}};
  std::set<ReplicaId> all{ReplicaId{0}, ReplicaId{1}, ReplicaId{2}};
};

TEST_F(Fetching, asks_one_peer_and_ends_with_the_whole_image) {
  const std::uint64_t total = 3 * chunk + 5;
  Time now{0};
  while (!fetch.complete()) {
    const auto asks = fetch.ask(now, all);
    ASSERT_FALSE(asks.empty());
    for (const auto& [to, ask] : asks) {
      EXPECT_EQ(to, ReplicaId{0});
      fetch.on(to, answer(ask, total), now);
    }
  }
  EXPECT_EQ(fetch.image().size(), total * vfs::page_bytes);
}

TEST_F(Fetching, leaves_a_peer_that_stalls_and_starts_again_with_the_next) {
  EXPECT_EQ(fetch.ask(Time{0}, all).front().first, ReplicaId{0});
  EXPECT_EQ(fetch.ask(fetch.deadline(), all).front().first, ReplicaId{1});
}

TEST_F(Fetching, never_asks_again_whoever_sent_a_wrong_image) {
  (void)fetch.ask(Time{0}, all);
  fetch.reject_peer();
  (void)fetch.ask(Time{0}, all);
  fetch.reject_peer();
  EXPECT_EQ(fetch.ask(Time{0}, all).front().first, ReplicaId{2});
  fetch.reject_peer();
  EXPECT_TRUE(fetch.ask(Time{0}, all).empty());
  EXPECT_TRUE(fetch.exhausted());
}

TEST_F(Fetching, ignores_pages_that_it_did_not_ask_this_peer_for) {
  const auto asks = fetch.ask(Time{0}, all);
  fetch.on(ReplicaId{2}, answer(asks.front().second, 10), Time{0});
  wire::FetchPages other = asks.front().second;
  other.first_page = 640'000;
  fetch.on(ReplicaId{0}, answer(other, 10'000'000), Time{0});
  wire::FetchPages older = asks.front().second;
  older.seq = Seq{64};
  fetch.on(ReplicaId{0}, answer(older, 10), Time{0});
  EXPECT_EQ(fetch.progress(), 0.0);
}

TEST_F(Fetching, rejects_a_peer_whose_lengths_contradict_each_other) {
  auto asks = fetch.ask(Time{0}, all);
  wire::Pages half = answer(asks.front().second, 1000);
  half.bytes.bytes.resize(100);
  fetch.on(ReplicaId{0}, half, Time{0});
  EXPECT_EQ(fetch.ask(Time{0}, all).front().first, ReplicaId{1});
  fetch.on(ReplicaId{1}, answer(asks.front().second, 1000), Time{0});
  for (const auto& [to, ask] : fetch.ask(Time{0}, all)) fetch.on(to, answer(ask, 2000), Time{0});
  EXPECT_EQ(fetch.ask(Time{0}, all).front().first, ReplicaId{2});
}

TEST_F(Fetching, goes_on_with_another_peer_when_the_checkpoint_is_gone) {
  const auto asks = fetch.ask(Time{0}, all);
  wire::Pages gone;
  gone.seq = Seq{128};
  gone.gone = true;
  fetch.on(ReplicaId{0}, gone, Time{0});
  EXPECT_EQ(fetch.ask(Time{0}, all).front().first, ReplicaId{1});
}

}  // namespace
}  // namespace prytany::node
