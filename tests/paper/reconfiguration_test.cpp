// docs/design.md sections 4 and 10, docs/decisions/0014: a configuration ends at a checkpoint that
// nobody can have passed without having executed what ordered the next one.
#include <gtest/gtest.h>

#include "tests/play/group.h"

namespace prytany::play {
namespace {

TEST(Reconfiguration, is_in_force_after_the_first_checkpoint_at_or_above_n_plus_L) {
  Group group(small_config(4, 1));
  run(group, 2);
  group.submit(0, request_of(2, 1, reconfigure));
  group.deliver();
  ASSERT_EQ(group.host(0).ends(), Seq{12});  // 3 + 8 = 11
  run(group, 8, 3);
  EXPECT_EQ(group.host(0).executed(), Seq{11});
  EXPECT_EQ(group.host(0).configuration(), ConfigNumber{0});
  run(group, 2, 11);
  for (unsigned id = 0; id < 4; ++id) {
    EXPECT_EQ(group.host(id).configuration(), ConfigNumber{1}) << id;
    EXPECT_EQ(group.host(id).status().view, (View{pbft::views_per_configuration}));
  }
  run(group, 3, 20);
  EXPECT_EQ(group.converge(), "");
  EXPECT_GT(group.host(0).executed(), Seq{12});
}

TEST(Reconfiguration, nothing_is_proposed_or_voted_for_beyond_the_end) {
  auto config = small_config(4, 1);
  config.in_flight_max = 100;
  config.batch_requests_max = 1;
  Group group(config);
  group.submit(0, request_of(2, 1, reconfigure));
  group.deliver();
  for (unsigned id = 0; id < 4; ++id) group.host(id).disk_stalls = true;
  for (std::uint64_t number = 1; number <= 40; ++number) group.submit(0, request_of(1, number));
  group.advance(100);
  EXPECT_LE(group.status(0).proposed, Seq{12});
  for (unsigned id = 0; id < 4; ++id) group.host(id).disk_stalls = false;
}

TEST(Reconfiguration, an_idle_primary_fills_up_to_the_end) {
  Group group(small_config(4, 1));
  group.submit(0, request_of(2, 1, reconfigure));
  group.advance(5'000);
  for (unsigned id = 0; id < 4; ++id)
    EXPECT_EQ(group.host(id).configuration(), ConfigNumber{1}) << id;
  EXPECT_EQ(group.status(0).executed, Seq{12});
}

TEST(Reconfiguration, begins_although_the_primary_dies_and_nobody_asks_for_anything) {
  Group group(small_config(4, 1, 128, 256));
  group.submit_to_all(request_of(2, 1, reconfigure));
  group.deliver();
  group.kill(0);
  group.advance(20'000);
  for (unsigned id = 1; id < 4; ++id)
    EXPECT_EQ(group.host(id).configuration(), ConfigNumber{1}) << id;
}

// It orders what clients ask, and leaves the rest of the numbers alone.
TEST(Reconfiguration, begins_although_the_primary_lies_and_does_not_fill_up) {
  Group group(small_config(4, 1, 128, 256));
  group.set_faulty(0);
  group.mangle = [](unsigned, unsigned, wire::PeerMessage said) {
    const auto* proposal = std::get_if<wire::PrePrepare>(&said);
    const bool null = proposal != nullptr && proposal->batch.requests.empty();
    return null ? std::nullopt : std::optional(std::move(said));
  };
  group.submit_to_all(request_of(2, 1, reconfigure));
  group.advance(20'000);
  for (unsigned id = 1; id < 4; ++id)
    EXPECT_EQ(group.host(id).configuration(), ConfigNumber{1}) << id;
}

TEST(Reconfiguration, views_are_counted_anew_wherever_replicas_were) {
  Group group(small_config(4, 1));
  group.submit(0, request_of(2, 1, reconfigure));
  group.deliver();
  group.kill(0);
  group.submit(1, request_of(1, 1));
  group.submit(2, request_of(1, 1));
  group.advance(8'000);
  EXPECT_EQ(group.host(1).configuration(), ConfigNumber{1});
  group.restart(0);
  EXPECT_EQ(group.converge(), "");
  for (unsigned id = 0; id < 4; ++id)
    EXPECT_GE(group.status(id).view, (View{pbft::views_per_configuration}));
}

TEST(Reconfiguration, who_slept_through_it_gets_the_state_from_those_who_did_not) {
  Group group(small_config(4, 1));
  run(group, 1);
  group.kill(3);
  group.submit(0, request_of(2, 1, reconfigure));
  group.advance(5'000);
  run(group, 20, 2);
  EXPECT_EQ(group.host(0).configuration(), ConfigNumber{1});
  group.restart(3);
  EXPECT_EQ(group.host(3).configuration(), ConfigNumber{0});
  EXPECT_EQ(group.converge(), "");
  EXPECT_EQ(group.host(3).configuration(), ConfigNumber{1});
}

TEST(Reconfiguration, whoever_lacks_the_checkpoint_at_the_end_is_shown_it) {
  Group group(small_config(4, 1));
  group.submit(0, request_of(2, 1, reconfigure));
  group.deliver();
  // r3 executes all, and hears nobody say that they took the last checkpoint.
  group.drop({{}, 3, "checkpoint", 12});
  run(group, 14);
  EXPECT_EQ(group.host(0).configuration(), ConfigNumber{1});
  group.clear_rules();
  group.connect(0, 3);
  EXPECT_EQ(group.converge(), "");
  EXPECT_EQ(group.host(3).configuration(), ConfigNumber{1});
}

TEST(Reconfiguration, a_restart_at_any_moment_goes_on_in_the_configuration_of_its_state) {
  for (std::uint64_t batches = 0; batches <= 16; ++batches) {
    Group group(small_config(4, 1));
    group.submit(0, request_of(2, 1, reconfigure));
    group.deliver();
    run(group, batches);
    for (unsigned id = 0; id < 4; ++id) group.kill(id);
    for (unsigned id = 0; id < 4; ++id) group.restart(id);
    run(group, 16, 30, 1);
    group.advance(8'000);
    EXPECT_EQ(group.converge(), "") << batches;
    EXPECT_EQ(group.host(0).configuration(), ConfigNumber{1}) << batches;
  }
}

TEST(Reconfiguration, a_new_member_says_nothing_in_the_configuration_that_it_is_not_of) {
  auto config = small_config(4, 1);
  config.self = ReplicaId{3};
  config.mute = true;
  PlayClock clock;
  Disk disk;
  Host host(config, clock, disk);
  std::vector<std::string> said;
  host.on_send = [&](const pbft::Send& send) { said.emplace_back(wire::name_of(send.message)); };
  std::optional<Seq> fetched;
  host.on_fetch = [&](const wire::CheckpointProof& proof) { fetched = proof.checkpoint.seq; };
  const wire::PrePrepare proposal{
      View{0}, Seq{1}, {{{request_of(1, 1)}}}, {AgreedTime{epoch_us}, {}}};
  host.handle(at_ms(1), received(0, proposal));
  for (const unsigned from : {0U, 1U, 2U}) {
    host.handle(at_ms(2), pbft::PeerConnected{ReplicaId{static_cast<std::uint16_t>(from)}});
    host.handle(at_ms(2), received(from, wire::VotesSeen{}));
  }
  EXPECT_TRUE(said.empty());
  EXPECT_FALSE(host.status().voting);
  // It is shown a checkpoint of the next one: that it needs, and may ask for.
  host.handle(at_ms(3), pbft::Superseded{{{Seq{12}, digest_of("state")}, {}}});
  EXPECT_EQ(fetched, Seq{12});
  // By the time that it asks for it, the group may be further on.
  host.handle(at_ms(3), pbft::Superseded{{{Seq{16}, digest_of("later")}, {}}});
  EXPECT_EQ(fetched, Seq{16});
  for (std::uint64_t t = 4; t < 3'000; t += 10) host.tick_if_due(at_ms(t));
  for (const std::string& message : said) EXPECT_EQ(message, "status");
  EXPECT_FALSE(said.empty());
}

}  // namespace
}  // namespace prytany::play
