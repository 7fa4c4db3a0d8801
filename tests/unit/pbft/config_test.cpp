#include "server/pbft/config.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "server/pbft/view_change.h"
#include "server/wire/frame.h"
#include "server/wire/messages.h"

namespace prytany::pbft {
namespace {

TEST(Group, two_quorums_always_share_a_correct_replica) {
  for (unsigned n = 1; n <= 128; ++n) {
    for (unsigned f = 0; f < n; ++f) {
      const Group group{n, f};
      if (group.quorum() > n) continue;
      EXPECT_GT(2 * group.quorum(), n + f) << n << " " << f;
      // And it is the smallest such number.
      EXPECT_LE(2 * (group.quorum() - 1), n + f) << n << " " << f;
    }
  }
}

TEST(Group, a_weak_quorum_holds_a_correct_replica) {
  EXPECT_EQ((Group{4, 1}.weak_quorum()), 2U);
  EXPECT_EQ((Group{7, 2}.weak_quorum()), 3U);
}

TEST(Group, is_always_live_exactly_with_three_times_f_and_one_more) {
  for (unsigned f = 0; f <= 20; ++f)
    for (unsigned n = f + 1; n <= 70; ++n)
      EXPECT_EQ((Group{n, f}.always_live()), n >= 3 * f + 1) << n << " " << f;
}

TEST(Group, the_primary_goes_round) {
  const Group group{4, 1};
  EXPECT_EQ(group.primary_of(View{0}), ReplicaId{0});
  EXPECT_EQ(group.primary_of(View{6}), ReplicaId{2});
  EXPECT_EQ(group.primary_of(View{~std::uint64_t{0}}), ReplicaId{3});
}

Config good() {
  Config config;
  config.group = {4, 1};
  return config;
}

TEST(Config, the_defaults_for_four_replicas_are_good) { EXPECT_FALSE(good().refuse()); }

TEST(Config, says_what_is_wrong_with_it) {
  const auto refused = [](auto change) {
    Config config = good();
    change(config);
    return config.refuse().has_value();
  };
  EXPECT_TRUE(refused([](Config& c) { c.group.n = 0; }));
  EXPECT_TRUE(refused([](Config& c) { c.group.n = 129; }));
  EXPECT_TRUE(refused([](Config& c) { c.group.f = 4; }));
  EXPECT_TRUE(refused([](Config& c) { c.self = ReplicaId{4}; }));
  EXPECT_TRUE(refused([](Config& c) { c.checkpoint_interval = 0; }));
  EXPECT_TRUE(refused([](Config& c) { c.window = 2 * c.checkpoint_interval - 1; }));
  EXPECT_TRUE(refused([](Config& c) { c.window = limits::window_max + 1; }));
  EXPECT_TRUE(refused([](Config& c) { c.checkpoint_interval = 1; }));
  EXPECT_TRUE(refused([](Config& c) { c.in_flight_max = 0; }));
  EXPECT_TRUE(refused([](Config& c) { c.batch_requests_max = 0; }));
  EXPECT_TRUE(refused([](Config& c) { c.batch_requests_max = limits::batch_requests_max + 1; }));
  EXPECT_TRUE(refused([](Config& c) { c.batch_bytes_max = limits::batch_bytes_max + 1; }));
  EXPECT_TRUE(refused([](Config& c) { c.backlog_requests_max = 0; }));
  EXPECT_TRUE(refused([](Config& c) { c.retransmit_max_us = c.retransmit_us - 1; }));
}

/// Of as many replicas, all of whom say as much as they may.
wire::Signed<wire::NewView> longest_new_view(const Config& config) {
  wire::CheckpointProof proof;
  for (unsigned i = 0; i < config.group.n; ++i) proof.signatures.items.push_back({});
  wire::ViewChange said;
  said.stable = proof;
  said.prepared.items.resize(config.window);
  said.pre_prepared.items.resize(config.window * ViewChanges::digests_per_number_max);
  wire::NewView message;
  message.view_changes.items.resize(config.group.n, {ReplicaId{0}, {said, {}}});
  message.choices.items.resize(config.window, {Seq{1}, Digest{}});
  return {message, {}};
}

TEST(Config, lets_no_window_through_whose_longest_new_view_fits_no_frame) {
  for (const unsigned n : {4U, 31U, 100U}) {
    Config config = good();
    config.group = {n, (n - 1) / 3};
    config.checkpoint_interval = 2;
    config.window = limits::window_max;
    while (config.window > 4 && config.refuse()) {
      --config.window;
      config.checkpoint_interval = std::max<std::uint64_t>(2, config.window / 4);
    }
    ASSERT_FALSE(config.refuse()) << *config.refuse();
    const auto encoded = wire::encode_message(longest_new_view(config));
    constexpr std::size_t frame_own = 64;
    EXPECT_LE(encoded.bytes.size() + frame_own, limits::frame_bytes_max) << n;
  }
}

}  // namespace
}  // namespace prytany::pbft
