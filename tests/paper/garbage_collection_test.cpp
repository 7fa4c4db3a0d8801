// Castro & Liskov, TOCS 2002, sections 4.3 (garbage collection), 5.2 (retransmission) and 5.3
// (state transfer: when).
#include <gtest/gtest.h>

#include "tests/play/group.h"

namespace prytany::play {
namespace {

// "when the checkpoint ... becomes stable ... the replica discards all pre-prepare, prepare, and
// commit messages with sequence number less than or equal to n from its log": here not before
// state.db holds it, too (docs/design.md section 4).
TEST(GarbageCollection, h_advances_only_when_the_checkpoint_is_durable_4_3) {
  Group group(small_config(4, 1, 2, 4));
  group.host(1).disk_stalls = true;
  run(group, 2);
  EXPECT_EQ(group.status(0).stable, Seq{2});
  EXPECT_EQ(group.status(1).stable, Seq{0});
  group.host(1).handle(group.now(), pbft::CheckpointDurable{Seq{2}});
  EXPECT_EQ(group.status(1).stable, Seq{2});
}

// "The water marks ... limit": a primary proposes nothing above h + L.
TEST(GarbageCollection, the_window_stops_the_primary_until_it_moves_4_3) {
  auto config = small_config(4, 1, 2, 4);
  config.in_flight_max = 100;
  config.batch_requests_max = 1;
  Group group(config);
  for (unsigned id = 0; id < 4; ++id) group.host(id).disk_stalls = true;
  for (std::uint64_t number = 1; number <= 10; ++number) group.submit(0, request_of(1, number));
  group.deliver();
  EXPECT_EQ(group.status(0).proposed, Seq{4});
  EXPECT_EQ(group.status(0).waiting, 6U);
  for (unsigned id = 0; id < 4; ++id)
    group.host(id).handle(group.now(), pbft::CheckpointDurable{Seq{4}});
  group.deliver();
  EXPECT_EQ(group.status(0).executed, Seq{8});
}

// Section 5.2, and Practicality section 2.4: a lost message delays one replica by a retransmission
// interval, not until the next checkpoint.
TEST(Retransmission, any_single_lost_message_costs_one_interval_5_2) {
  for (const char* type : {"pre-prepare", "prepare", "commit"}) {
    for (unsigned from = 0; from < 4; ++from) {
      for (unsigned to = 0; to < 4; ++to) {
        if (from == to) continue;
        Group group(small_config(4, 1, 64, 128));
        group.drop({from, to, type, {}});
        group.submit(0, request_of(1, 1));
        group.advance(40);
        group.clear_rules();
        group.advance(100);
        for (unsigned id = 0; id < 4; ++id)
          EXPECT_EQ(group.status(id).executed, Seq{1}) << type << " r" << from << " to r" << to;
      }
    }
  }
}

TEST(Retransmission, a_replica_that_was_cut_off_catches_up_in_the_window_without_a_checkpoint_5_2) {
  Group group(small_config(4, 1, 64, 128));
  group.kill(3);
  run(group, 40);
  group.restart(3);
  group.advance(300);
  EXPECT_EQ(group.status(3).executed, Seq{40});
  EXPECT_EQ(group.status(3).stable, Seq{0});
}

// docs/design.md section 4: weak_quorum() COMMITTED prove commitment; fewer do not.
TEST(Retransmission, one_peers_word_that_something_is_committed_is_not_enough) {
  auto config = small_config(4, 1);
  config.self = ReplicaId{1};
  PlayClock clock;
  Disk disk;
  Host host(config, clock, disk);
  const Digest d = digest_of("d");
  for (int i = 0; i < 5; ++i) host.handle(Time{0}, received(3, wire::Committed{Seq{1}, d}));
  bool asked = false;
  host.on_send = [&](const pbft::Send& send) {
    asked = asked || std::holds_alternative<wire::FetchBatch>(send.message);
  };
  host.handle(Time{0}, received(2, wire::Committed{Seq{1}, digest_of("e")}));
  EXPECT_FALSE(asked);
  host.handle(Time{0}, received(0, wire::Committed{Seq{1}, d}));
  EXPECT_TRUE(asked);
}

// Section 5.3: state transfer is for those whose missing messages were discarded by all.
TEST(StateTransfer, is_asked_for_only_by_who_is_behind_what_peers_can_resend_5_3) {
  Group group(small_config(4, 1, 4, 8));
  group.kill(3);
  run(group, 3);
  group.restart(3);
  group.advance(500);
  EXPECT_FALSE(group.status(3).fetching);
  EXPECT_EQ(group.status(3).executed, Seq{3});
  group.kill(3);
  run(group, 17, 4);
  group.restart(3);
  group.advance(20);
  EXPECT_TRUE(group.status(3).fetching);
  group.advance(500);
  EXPECT_EQ(group.status(3).executed, group.status(0).executed);
}

TEST(StateTransfer, a_gap_within_the_window_that_nobody_can_fill_is_fetched_too_5_3) {
  Group group(small_config(4, 1, 4, 8));
  group.kill(3);
  run(group, 5);  // the others hold n5 only: what is below is in their stable checkpoint 4
  group.restart(3);
  group.advance(2'000);
  EXPECT_EQ(group.status(3).executed, group.status(0).executed);
  EXPECT_EQ(group.host(3).state(), group.host(0).state());
}

// Practicality section 2.4: who misses something has it within an interval, while the others need
// its vote.
TEST(StateTransfer, of_what_the_others_discarded_does_not_wait_for_a_second_interval) {
  Group group(small_config(4, 1, 4, 8));
  group.kill(3);
  run(group, 5);
  group.restart(3);
  group.advance(small_config(4, 1).retransmit_us / 1000 + group.transfer_ms + 60);
  EXPECT_EQ(group.status(3).executed, group.status(0).executed);
}

TEST(StateTransfer, goes_on_while_the_group_goes_on_5_3) {
  Group group(small_config(4, 1, 4, 8));
  group.transfer_ms = 300;
  group.kill(3);
  run(group, 20);
  group.restart(3);
  for (std::uint64_t number = 21; number <= 60; ++number) {
    group.submit(0, request_of(1, number));
    group.advance(30);
  }
  EXPECT_EQ(group.converge(), "");
  EXPECT_EQ(group.executed_requests(), 60U);
}

TEST(StateTransfer, a_target_that_does_not_come_gives_way_to_a_newer_one_with_twice_the_time) {
  auto config = small_config(4, 1, 4, 8);
  config.self = ReplicaId{1};
  PlayClock clock;
  Disk disk;
  Host host(config, clock, disk);
  std::vector<std::uint64_t> targets;
  host.on_fetch = [&](const auto& proof) { targets.push_back(proof.checkpoint.seq.value); };
  const auto certify = [&](Time now, std::uint64_t seq) {
    host.handle(now, received(2, wire::CheckpointProof{{Seq{seq}, digest_of("s")}, {}}));
  };
  host.handle(at_ms(0), pbft::Tick{});
  certify(at_ms(0), 20);
  EXPECT_EQ(targets, (std::vector<std::uint64_t>{20}));
  certify(at_ms(500), 24);
  EXPECT_EQ(targets.size(), 1U) << "the older one is under way";
  host.tick_if_due(at_ms(1'000));
  EXPECT_EQ(targets, (std::vector<std::uint64_t>{20, 24}));
  certify(at_ms(1'500), 28);
  host.tick_if_due(at_ms(2'900));
  EXPECT_EQ(targets.size(), 2U);
  host.tick_if_due(at_ms(3'000));
  EXPECT_EQ(targets, (std::vector<std::uint64_t>{20, 24, 28}));
  // Either may arrive.
  host.install(at_ms(3'100), {Seq{24}, digest_of("s")});
  EXPECT_EQ(host.status().stable, Seq{24});
  EXPECT_FALSE(host.status().fetching);
}

TEST(StateTransfer, a_target_that_is_gone_gives_way_to_a_newer_one_at_once) {
  auto config = small_config(4, 1, 4, 8);
  config.self = ReplicaId{1};
  PlayClock clock;
  Disk disk;
  Host host(config, clock, disk);
  std::vector<std::uint64_t> targets;
  host.on_fetch = [&](const auto& proof) { targets.push_back(proof.checkpoint.seq.value); };
  const auto certify = [&](Time now, std::uint64_t seq) {
    host.handle(now, received(2, wire::CheckpointProof{{Seq{seq}, digest_of("s")}, {}}));
  };
  unsigned statuses = 0;
  host.on_send = [&](const pbft::Send& send) {
    statuses += std::holds_alternative<wire::Status>(send.message) ? 1 : 0;
  };
  host.handle(at_ms(0), pbft::Tick{});
  certify(at_ms(0), 20);
  certify(at_ms(1), 24);
  host.handle(at_ms(2), pbft::StateGone{Seq{16}});
  EXPECT_EQ(targets, (std::vector<std::uint64_t>{20})) << "of another target";
  host.handle(at_ms(2), pbft::StateGone{Seq{20}});
  EXPECT_EQ(targets, (std::vector<std::uint64_t>{20, 24}));
  // Nothing newer is known: it asks, and goes on to what is shown.
  statuses = 0;
  host.handle(at_ms(3), pbft::StateGone{Seq{24}});
  EXPECT_EQ(statuses, 1U) << "to all";
  EXPECT_EQ(targets.size(), 2U);
  certify(at_ms(4), 28);
  EXPECT_EQ(targets, (std::vector<std::uint64_t>{20, 24, 28}));
  certify(at_ms(5), 32);
  EXPECT_EQ(targets.size(), 3U) << "that one is not known to be gone";
}

TEST(StateTransfer, ends_with_the_first_target_however_many_newer_ones_were_proven_meanwhile) {
  auto config = small_config(4, 1, 4, 8);
  config.self = ReplicaId{1};
  PlayClock clock;
  Disk disk;
  Host host(config, clock, disk);
  host.handle(Time{0}, received(2, wire::CheckpointProof{{Seq{20}, digest_of("s")}, {}}));
  std::size_t asked = 0;
  host.on_fetch = [&](const auto&) { ++asked; };
  // While a host writes a large state, a busy group makes dozens of checkpoints, and any member can
  // show them one by one.
  for (std::uint64_t seq = 24; seq <= 400; seq += 4)
    host.handle(Time{0}, pbft::Superseded{{{Seq{seq}, digest_of("s")}, {}}});
  EXPECT_EQ(asked, 95U);
  host.install(at_ms(1), {Seq{20}, digest_of("s")});
  EXPECT_EQ(host.status().stable, Seq{20});
  EXPECT_TRUE(host.status().fetching) << "the newest is beyond the window";
}

TEST(StateTransfer, who_arrives_at_a_state_that_the_group_left_behind_asks_for_the_next_at_once) {
  auto config = small_config(4, 1, 4, 8);
  config.self = ReplicaId{1};
  PlayClock clock;
  Disk disk;
  Host host(config, clock, disk);
  std::vector<std::uint64_t> targets;
  host.on_fetch = [&](const auto& proof) { targets.push_back(proof.checkpoint.seq.value); };
  for (const std::uint64_t seq : {20U, 40U})
    host.handle(Time{0}, received(2, wire::CheckpointProof{{Seq{seq}, digest_of("s")}, {}}));
  host.install(Time{0}, {Seq{20}, digest_of("s")});
  EXPECT_EQ(targets, (std::vector<std::uint64_t>{20, 40}));
}

// Restart: nothing that was executed anywhere is lost when all are killed at once (Practicality:
// memory is not stable storage).
TEST(Restart, of_all_at_once_loses_nothing) {
  Group group(small_config(4, 1, 4, 8));
  run(group, 6);
  for (std::uint64_t number = 7; number <= 9; ++number) group.submit(0, request_of(1, number));
  group.advance(25);  // in the middle of their phases
  for (unsigned id = 0; id < 4; ++id) group.kill(id);
  for (unsigned id = 0; id < 4; ++id) group.restart(id);
  EXPECT_EQ(group.converge(), "");
  EXPECT_EQ(group.executed_requests(), 9U);
}

TEST(Restart, at_every_moment_never_contradicts_a_vote) {
  // The group's network checks every vote ever sent, across restarts.
  for (std::uint64_t moment = 0; moment <= 60; moment += 2) {
    for (unsigned victim = 0; victim < 4; ++victim) {
      Group group(small_config(4, 1, 2, 4), false);
      group.submit(0, request_of(1, 1));
      group.submit(0, request_of(1, 2));
      group.advance(moment);
      group.kill(victim);
      group.advance(moment % 7);
      group.restart(victim);
      ASSERT_EQ(group.converge(), "") << moment << " r" << victim;
    }
  }
}

}  // namespace
}  // namespace prytany::play
