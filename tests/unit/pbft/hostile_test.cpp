// Nothing that a peer sends, however authentic, may stop a replica, make it lie, or make it
// remember without bound.
#include <gtest/gtest.h>

#include <map>

#include "server/pbft/catch_up.h"
#include "tests/play/group.h"

namespace prytany::pbft {
namespace {

using play::digest_of;

class Dice {
 public:
  explicit Dice(std::uint64_t seed) : state_(seed) {}
  std::uint64_t roll(std::uint64_t sides) {
    state_ = state_ * 6364136223846793005ULL + 1442695040888963407ULL;
    return (state_ >> 33) % sides;
  }

 private:
  std::uint64_t state_;
};

/// Any message with small numbers, so that many of them fit together by chance, and now and then a
/// huge one.
class Babel {
 public:
  explicit Babel(std::uint64_t seed) : dice_(seed) {}

  wire::PeerMessage any() {
    switch (dice_.roll(14)) {
      case 0: return wire::PrePrepare{view(), seq(), batch(), agreed()};
      case 1: return wire::Prepare{view(), seq(), digest()};
      case 2: return wire::Commit{view(), seq(), digest()};
      case 3: return wire::Signed<wire::Checkpoint>{{seq(), digest()}, {}};
      case 4: return wire::Committed{seq(), digest()};
      case 5: return wire::Forward{play::request_of(dice_.roll(4), dice_.roll(50))};
      case 6: return status();
      case 7: return wire::FetchBatch{seq(), digest()};
      case 8: return wire::BatchBody{seq(), batch(), agreed()};
      case 9: return wire::Signed<wire::ViewChange>{view_change(), {}};
      case 10: return new_view();
      case 11: return wire::Ping{dice_.roll(4)};
      case 12: return wire::Pong{dice_.roll(4)};
      default: return wire::FetchPart{seq(), 1, wire::RootWish{}};
    }
  }
  unsigned sender() { return static_cast<unsigned>(dice_.roll(5)); }
  std::uint64_t pause() { return dice_.roll(20'000); }

 private:
  View view() { return View{dice_.roll(10) == 0 ? huge() : 0}; }
  Seq seq() { return Seq{dice_.roll(20) == 0 ? huge() : dice_.roll(14)}; }
  std::uint64_t huge() { return ~std::uint64_t{0} - dice_.roll(3); }
  wire::Batch batch() {
    wire::Batch b;
    if (dice_.roll(2) == 0) b.requests.items.push_back(play::request_of(1, 1 + dice_.roll(2)));
    return b;
  }
  wire::Agreed agreed() {
    constexpr auto far = std::numeric_limits<std::int64_t>::max();
    return {AgreedTime{dice_.roll(8) == 0 ? far : play::epoch_us}, {}};
  }
  /// Half of the time that of a batch which somebody may propose.
  Digest digest() {
    return dice_.roll(2) == 0 ? wire::batch_digest(batch(), {AgreedTime{play::epoch_us}, {}})
                              : digest_of(std::to_string(dice_.roll(3)));
  }
  wire::Status status() {
    wire::Status s{view(), view(), seq(), seq(), {}};
    for (std::uint64_t i = dice_.roll(30); i > 0; --i)
      s.slots.items.push_back({seq(), dice_.roll(2) == 0, dice_.roll(2) == 0, dice_.roll(2) == 0});
    return s;
  }
  wire::ViewChange view_change() {
    wire::ViewChange m{View{1 + dice_.roll(3)}, {}, {}, {}};
    if (dice_.roll(3) == 0) m.stable = wire::CheckpointProof{{seq(), digest()}, {}};
    if (dice_.roll(2) == 0) m.prepared.items.push_back({seq(), digest(), View{0}});
    if (dice_.roll(2) == 0) m.pre_prepared.items.push_back({seq(), digest(), View{0}});
    return m;
  }
  wire::Signed<wire::NewView> new_view() {
    wire::NewView m{View{1 + dice_.roll(4)}, {}, {}, {}};
    for (std::uint16_t i = 0; i < 3; ++i) {
      auto inner = view_change();
      inner.view = m.view;
      m.view_changes.items.push_back({ReplicaId{i}, {std::move(inner), {}}});
    }
    return {std::move(m), {}};
  }

  Dice dice_;
};

void babel(std::uint64_t seed, unsigned self) {
  auto config = play::small_config(4, 1);
  config.self = ReplicaId{static_cast<std::uint16_t>(self)};
  config.notes = seed % 2 == 0;
  play::PlayClock clock;
  play::Disk disk;
  play::Host host(config, clock, disk);
  std::size_t sent = 0;
  host.on_send = [&](const Send&) { ++sent; };
  Babel peers(seed);
  Time now{0};
  constexpr std::size_t messages = 2000;
  for (std::size_t i = 0; i < messages; ++i) {
    now = now + peers.pause();
    host.tick_if_due(now);
    host.handle(now, play::received(peers.sender(), peers.any()));
    // All that it remembers of slots is within the window; the invariants check it at every step.
    ASSERT_LE(host.status().proposed.value, host.status().stable.value + config.window);
  }
  // Each message causes a bounded number of others.
  EXPECT_LT(sent, messages * 30) << "seed " << seed;
}

TEST(Hostile, no_sequence_of_authentic_messages_stops_a_backup) {
  for (std::uint64_t seed = 1; seed <= 40; ++seed) babel(seed, 1);
}

TEST(Hostile, nor_a_primary) {
  for (std::uint64_t seed = 1; seed <= 40; ++seed) babel(seed, 0);
}

TEST(Hostile, a_flood_of_questions_is_answered_within_a_budget) {
  auto config = play::small_config(4, 1);
  play::PlayClock clock;
  play::Disk disk;
  play::Host primary(config, clock, disk);
  std::size_t sent = 0;
  primary.on_send = [&](const Send& send) { sent += send.to.has_value() ? 1U : 0U; };
  for (std::uint64_t number = 1; number <= 4; ++number)
    primary.handle(Time{0}, play::submitted(play::request_of(1, number)));
  for (int i = 0; i < 10'000; ++i)
    primary.handle(Time{1}, play::received(3, wire::Status{View{0}, View{0}, {}, {}, {}}));
  EXPECT_LE(sent, 2 * 1024U);
  EXPECT_GT(primary.status().refused, 5'000U);
  const std::size_t flooded = sent;
  primary.handle(Time{1}, play::received(2, wire::Status{View{0}, View{0}, {}, {}, {}}));
  EXPECT_GT(sent, flooded) << "another peer is answered as before";
}

TEST(Hostile, a_peer_that_connects_over_and_over_is_told_what_is_missing_a_few_times) {
  auto config = play::small_config(4, 1);
  play::PlayClock clock;
  play::Disk disk;
  config.self = ReplicaId{1};
  play::Host backup(config, clock, disk);
  std::map<ReplicaId, std::size_t> told;
  backup.on_send = [&](const Send& send) {
    if (send.to && std::holds_alternative<wire::Status>(send.message)) ++told[*send.to];
  };
  for (int i = 0; i < 1'000; ++i) backup.handle(Time{1}, PeerConnected{ReplicaId{3}});
  EXPECT_EQ(told[ReplicaId{3}], Peers::links_per_second);
  EXPECT_EQ(backup.status().refused, 1'000 - Peers::links_per_second);
  backup.handle(Time{1}, PeerConnected{ReplicaId{2}});
  EXPECT_EQ(told[ReplicaId{2}], 1U) << "another peer's links are its own";
  backup.handle(Time{1'000'001}, PeerConnected{ReplicaId{3}});
  EXPECT_EQ(told[ReplicaId{3}], Peers::links_per_second + 1) << "and it is heard again";
}

TEST(Hostile, a_body_that_was_not_asked_for_is_not_even_hashed) {
  auto config = play::small_config(4, 1);
  config.self = ReplicaId{1};
  play::PlayClock clock;
  play::Disk disk;
  play::Host backup(config, clock, disk);
  const Digest d = digest_of("d");
  for (const unsigned from : {2U, 3U})
    backup.handle(Time{0}, play::received(from, wire::Committed{Seq{1}, d}));
  const auto before = backup.status().refused;
  // It asked r3 (the turn of n1); r2 was not asked.
  for (int i = 0; i < 10; ++i)
    backup.handle(Time{0}, play::received(2, wire::BatchBody{Seq{1}, {}, {}}));
  EXPECT_EQ(backup.status().refused, before + 10);
  EXPECT_EQ(backup.executed(), Seq{0});
}

}  // namespace
}  // namespace prytany::pbft
