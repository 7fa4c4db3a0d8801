// Castro & Liskov, TOCS 2002, sections 4.4 (view changes) and 4.5.2 (liveness), with whole groups:
// what a view change must keep, and who may cause one.
#include <gtest/gtest.h>

#include "tests/play/group.h"

namespace prytany::play {
namespace {

/// When everybody has lost patience with a dead primary and the next view works.
constexpr std::uint64_t failover_ms = 800;

TEST(ViewChange, a_dead_primary_is_replaced_and_its_requests_are_executed_4_4) {
  for (const pbft::Group shape : {pbft::Group{4, 1}, {6, 1}, {7, 2}, {10, 3}, {3, 0}, {5, 0}}) {
    Group group(small_config(shape.n, shape.f));
    group.submit_to_all(request_of(1, 1));
    group.deliver();
    group.kill(0);
    group.submit_to_all(request_of(1, 2));
    group.advance(failover_ms);
    EXPECT_EQ(group.executed_requests(), 2U) << shape.n;
    EXPECT_EQ(group.status(1).view, View{1});
    EXPECT_EQ(group.converge(), "") << shape.n;
  }
}

// The heart of section 4.4: "if a request m committed with number n in view v", whoever knew it and
// whoever died, "no other request commits with n in a later view". Every moment of three phases.
TEST(ViewChange, at_every_moment_of_a_number_keeps_what_may_have_been_committed_4_4) {
  for (std::uint64_t moment = 0; moment <= 60; moment += 2) {
    for (const bool restart : {false, true}) {
      auto config = small_config(4, 1);
      config.batch_requests_max = 1;
      Group group(config, false);
      for (std::uint64_t number = 1; number <= 3; ++number)
        group.submit_to_all(request_of(number, 1));
      group.advance(moment);
      group.kill(0);
      group.advance(failover_ms);
      if (restart) group.restart(0);
      // Agreement is checked at every execution.
      ASSERT_EQ(group.converge(), "") << moment;
      EXPECT_EQ(group.executed_requests(), 3U) << moment;
    }
  }
}

TEST(ViewChange, a_batch_that_only_one_replica_executed_is_kept_4_4) {
  Group group(small_config(4, 1));
  group.drop({{}, 1, "commit", {}});
  group.drop({{}, 2, "commit", {}});
  group.submit_to_all(request_of(1, 1));
  group.advance(35);
  ASSERT_EQ(group.status(3).executed, Seq{1});
  ASSERT_EQ(group.status(1).executed, Seq{0});
  const Digest executed = group.history().at(Seq{1});
  group.kill(0);
  group.submit_to_all(request_of(2, 1));
  group.advance(500);
  group.clear_rules();
  group.advance(failover_ms);
  EXPECT_GE(group.status(1).view, View{1});
  EXPECT_EQ(group.converge(), "");
  EXPECT_EQ(group.history().at(Seq{1}), executed);
}

// Section 4.5.2: "if the timer expires ... before it receives a valid new-view ..., it starts the
// view change for view v + 2 but this time it will wait 2T".
// Section 4.4: above what its NEW-VIEW chose, the numbers of a view are its primary's to give out.
TEST(ViewChange, who_hears_of_commitments_in_a_view_before_its_new_view_enters_it_nevertheless) {
  Group group(small_config(4, 1, 128, 256), true);
  group.submit_to_all(request_of(1, 1));
  group.deliver();
  group.drop({0, {}, "pre-prepare", {}});
  group.drop({{}, 3, "new-view", {}});
  std::uint64_t n = 2;
  for (int i = 0; i < 100 && group.status(3).executed < Seq{3}; ++i) {
    if (i % 4 == 0) group.submit_to_all(request_of(1, n++));
    group.advance(10);
  }
  ASSERT_GE(group.status(3).executed, Seq{3}) << "it is told what is committed";
  ASSERT_FALSE(group.status(3).active) << "and not how the view began";
  group.clear_rules();
  for (const std::uint64_t last = n + 20; n < last; ++n) {
    group.submit_to_all(request_of(1, n));
    group.advance(20);
  }
  EXPECT_TRUE(group.status(3).active);
  EXPECT_EQ(group.status(3).view, View{1});
  for (const std::string& line : group.trace)
    EXPECT_EQ(line.find("r1 lies"), std::string::npos) << line;
  EXPECT_EQ(group.converge(), "");
}

TEST(ViewChange, dead_primaries_in_a_row_are_passed_by_and_the_wait_doubles_4_5_2) {
  Group group(small_config(10, 3));
  for (unsigned id = 0; id < 3; ++id) group.kill(id);
  group.submit_to_all(request_of(1, 1));
  group.advance(500 + 500 + 900);
  EXPECT_EQ(group.status(9).view, View{2}) << "view 2 is given twice the time of view 1";
  group.advance(300);
  EXPECT_EQ(group.status(9).view, View{3});
  EXPECT_EQ(group.executed_requests(), 1U);
}

// "... starts a timer when it receives 2f + 1 view-change messages": not before.
TEST(ViewChange, who_asks_alone_does_not_run_ahead_of_the_others_4_5_2) {
  Group group(small_config(4, 1));
  for (unsigned other = 0; other < 3; ++other) group.cut(3, other);
  group.submit(3, request_of(1, 1));
  group.advance(30'000);
  EXPECT_EQ(group.status(3).view, View{1}) << "it asked once";
  EXPECT_FALSE(group.status(3).active);
  group.heal();
  group.submit_to_all(request_of(1, 2));
  group.advance(1'500);
  EXPECT_EQ(group.status(0).view, View{0}) << "and nobody followed";
  EXPECT_EQ(group.status(3).executed, group.status(0).executed) << "but it is told of everything";
}

// "if a replica receives a set of f + 1 valid view-change messages from other replicas for views
// greater than its current view, it sends a view-change".
TEST(ViewChange, f_and_one_are_joined_and_f_are_not_4_5_2) {
  auto config = small_config(4, 1);
  config.self = ReplicaId{1};
  PlayClock clock;
  Disk disk;
  Host host(config, clock, disk);
  host.handle(Time{0}, pbft::Tick{});
  const auto ask = [&](unsigned from, std::uint64_t view) {
    wire::ViewChange m;
    m.view = View{view};
    host.handle(Time{0}, received(from, wire::Signed<wire::ViewChange>{m, {}}));
  };
  ask(3, 7);
  ask(3, 9);
  EXPECT_EQ(host.status().view, View{0}) << "one may be a liar";
  ask(2, 4);
  EXPECT_EQ(host.status().view, View{4})
      << "a correct one is at 4 at least; 9 is one replica's word";
}

// No view change without a cause.
TEST(ViewChange, an_idle_group_changes_nothing_for_an_hour) {
  Group group(small_config(4, 1));
  group.submit_to_all(request_of(1, 1));
  group.advance(3'600'000);
  for (unsigned id = 0; id < 4; ++id) EXPECT_EQ(group.status(id).view, View{0});
}

TEST(ViewChange, restarts_and_pauses_of_backups_are_no_cause) {
  Group group(small_config(4, 1));
  std::uint64_t number = 0;
  for (unsigned round = 0; round < 30; ++round) {
    const unsigned victim = 1 + round % 3;
    group.kill(victim);
    for (int i = 0; i < 5; ++i) {
      group.submit_to_all(request_of(1, ++number));
      group.advance(40);
    }
    group.restart(victim);
    group.advance(round % 2 == 0 ? 200 : 20);
  }
  EXPECT_EQ(group.converge(), "");
  for (unsigned id = 0; id < 4; ++id) EXPECT_EQ(group.status(id).view, View{0});
}

// A process that was stopped finds its timers up; that says nothing of the primary.
TEST(ViewChange, who_stood_still_itself_gives_the_primary_its_time_again) {
  auto config = small_config(4, 1);
  config.self = ReplicaId{1};
  PlayClock clock;
  Disk disk;
  Host host(config, clock, disk);
  host.handle(at_ms(0), submitted(request_of(1, 1)));
  host.handle(at_ms(60'000), pbft::Tick{});
  EXPECT_EQ(host.status().view, View{0});
  for (std::uint64_t t = 60'010; t < 61'000; t += 10) host.tick_if_due(at_ms(t));
  EXPECT_EQ(host.status().view, View{1});
}

// Decision 0012: what it may be excused by is bounded, or whoever keeps the backups busy, with long
// requests for instance, lets a primary censor for ever.
TEST(ViewChange, a_backups_own_long_turns_excuse_a_primary_sixteen_times) {
  for (const std::uint64_t turn_ms : {300U, 600U, 2000U}) {
    auto config = small_config(4, 1, 128, 256);
    config.self = ReplicaId{1};
    PlayClock clock;
    Disk disk;
    Host host(config, clock, disk);
    Time now{0};
    host.handle(now, pbft::Tick{});
    host.handle(now, submitted(request_of(7, 1)));
    unsigned turns = 0;
    for (; turns < 100 && host.status().view == View{0}; ++turns) {
      now = now + turn_ms * ms;
      host.handle(now, pbft::Tick{});
    }
    EXPECT_LE(turns, 19U) << turn_ms;
    if (turn_ms > 500) {
      EXPECT_GE(turns, 16U) << turn_ms << ": a correct primary is busy, too";
    }
  }
}

// docs/design.md section 4: "not restarted by other progress": a primary that serves all but one
// client is found as soon as a dead one.
TEST(ViewChange, serving_others_does_not_excuse_a_primary_that_censors_one) {
  Group group(small_config(4, 1, 64, 128));
  group.drop({{}, 0, "forward", {}});
  const auto censored = request_of(9, 1);
  for (unsigned id = 1; id < 4; ++id) group.submit(id, censored);
  std::uint64_t number = 0;
  for (std::uint64_t t = 0; t < 700; t += 20) {
    group.submit_to_all(request_of(1, ++number));
    group.advance(20);
  }
  EXPECT_EQ(group.status(1).view, View{1});
  group.advance(100);
  EXPECT_TRUE(group.executed(censored));
}

// The primary does not censor it: it never got it. Its backups pass it on, however busy others keep
// all.
TEST(ViewChange, a_primary_that_misses_one_clients_request_is_given_it_while_it_serves_others) {
  for (const bool tagged : {false, true}) {
    auto config = small_config(4, 1, 64, 128);
    config.mac_requests = tagged;
    Group group(config);
    const auto missed = tagged ? tagged_request_of(9, 1) : request_of(9, 1);
    for (unsigned id = 1; id < 4; ++id) group.submit(id, missed);
    std::uint64_t number = 0;
    for (std::uint64_t t = 0; t < 300; t += 20) {
      group.submit_to_all(request_of(1, ++number));
      group.advance(20);
    }
    EXPECT_TRUE(group.executed(missed));
    EXPECT_EQ(group.status(1).view, View{0});
  }
}

// "counting only requests within their client's fair share": a flood is its own delay.
TEST(ViewChange, a_client_that_pours_in_requests_cannot_depose_a_correct_primary) {
  auto config = small_config(4, 1, 64, 128);
  config.batch_requests_max = 1;
  config.in_flight_max = 1;
  Group group(config);
  for (std::uint64_t number = 1; number <= 64; ++number) group.submit_to_all(request_of(1, number));
  group.advance(5'000);  // one request every thirty milliseconds or so: two seconds
  EXPECT_EQ(group.executed_requests(), 64U);
  EXPECT_EQ(group.status(1).view, View{0});
}

// Its window is full and its own disk keeps it so: what the primary proposes is refused here.
TEST(ViewChange, who_waits_for_its_own_disk_does_not_blame_the_primary) {
  Group group(small_config(4, 1, 2, 4));
  group.host(1).disk_stalls = true;
  for (std::uint64_t number = 1; number <= 4; ++number) {
    group.submit(0, request_of(1, number));
    group.deliver();
  }
  ASSERT_EQ(group.status(1).executed, Seq{4});
  ASSERT_EQ(group.status(1).stable, Seq{0});
  group.kill(3);
  group.submit(1,
               request_of(1, 5));  // which forwards it after a while, so that r2's timer is later
  group.advance(560);
  EXPECT_EQ(group.status(1).view, View{0});
  group.host(1).handle(group.now(), pbft::CheckpointDurable{Seq{2}});
  group.host(1).handle(group.now(), pbft::CheckpointDurable{Seq{4}});
  group.advance(60);
  EXPECT_TRUE(group.executed(request_of(1, 5)));
  for (unsigned id = 0; id < 3; ++id) EXPECT_EQ(group.status(id).view, View{0});
}

TEST(ViewChange, a_request_that_will_never_be_executed_is_not_held_against_the_primary) {
  auto config = small_config(4, 1);
  config.self = ReplicaId{1};
  PlayClock clock;
  Disk disk;
  Host host(config, clock, disk);
  host.is_over = [](const Digest&) { return true; };  // its session has ended meanwhile
  host.handle(at_ms(0), submitted(request_of(1, 1)));
  for (std::uint64_t t = 10; t < 5'000; t += 10) host.tick_if_due(at_ms(t));
  EXPECT_EQ(host.status().view, View{0});
  EXPECT_EQ(host.status().waiting, 0U);
}

// What a liar says in place of a VIEW-CHANGE or NEW-VIEW is refused by name, and counted.
struct Liars : testing::Test {
  Liars() {
    config.self = ReplicaId{3};
    host = std::make_unique<Host>(config, clock, disk);
    host->on_note = [this](const std::string& text) { notes.push_back(text); };
    host->handle(Time{0}, pbft::Tick{});
  }
  static wire::SignedViewChange asks(unsigned from, std::uint64_t view) {
    wire::ViewChange m;
    m.view = View{view};
    return {ReplicaId{static_cast<std::uint16_t>(from)}, {std::move(m), {}}};
  }
  static wire::NewView good() {
    wire::NewView m{View{1}, {}, {}, {}};
    auto with_p = asks(0, 1);
    const wire::PreparedEntry entry{Seq{1}, digest_of("a"), View{0}};
    with_p.content.message.prepared.items = {entry};
    auto with_q = asks(1, 1);
    with_q.content.message.pre_prepared.items = {entry};
    with_p.content.message.pre_prepared.items = {entry};
    m.view_changes.items = {with_p, with_q, asks(2, 1)};
    m.choices.items = {{Seq{1}, digest_of("a")}};
    return m;
  }
  void hear(unsigned from, const wire::NewView& m) {
    host->handle(Time{0}, received(from, wire::Signed<wire::NewView>{m, {}}));
  }
  [[nodiscard]] bool refused(const std::string& reason) const {
    return !notes.empty() && notes.back().find(reason) != std::string::npos &&
           notes.back().find("-> refuse") != std::string::npos;
  }
  pbft::Config config = [] {
    auto c = small_config(4, 1);
    c.notes = true;
    return c;
  }();
  PlayClock clock;
  Disk disk;
  std::unique_ptr<Host> host;
  std::vector<std::string> notes;
};

TEST_F(Liars, a_good_new_view_is_entered_whoever_brings_it_4_4) {
  hear(2, good());
  EXPECT_EQ(host->status().view, View{1});
  EXPECT_TRUE(host->status().active);
}
TEST_F(Liars, a_new_view_with_another_plan_is_refused_4_4) {
  auto m = good();
  m.choices.items.clear();
  hear(1, m);
  EXPECT_TRUE(refused("new-view of another outcome"));
  m = good();
  m.choices.items[0].digest = digest_of("b");
  hear(1, m);
  EXPECT_TRUE(refused("new-view of another outcome"));
  EXPECT_EQ(host->status().view, View{0});
  EXPECT_EQ(host->status().refused, 2U);
}
TEST_F(Liars, a_new_view_of_too_few_or_of_other_views_view_changes_is_refused_4_4) {
  auto m = good();
  m.view_changes.items.pop_back();
  hear(1, m);
  EXPECT_TRUE(refused("new-view without a quorum"));
  m = good();
  m.view_changes.items[2] = asks(2, 5);
  hear(1, m);
  EXPECT_TRUE(refused("new-view without a quorum"));
  EXPECT_EQ(host->status().refused, 2U);
}
TEST_F(Liars, an_old_new_view_is_refused_4_4) {
  hear(1, good());
  hear(1, good());
  EXPECT_TRUE(refused("stale view"));
}
TEST_F(Liars, a_new_view_against_what_is_known_to_be_committed_is_refused) {
  for (const unsigned from : {0U, 2U})
    host->handle(Time{0}, received(from, wire::Committed{Seq{1}, digest_of("c")}));
  hear(1, good());
  EXPECT_TRUE(refused("new-view against what is committed"));
  EXPECT_EQ(host->status().view, View{0});
}
TEST_F(Liars, a_malformed_view_change_is_refused) {
  auto m = asks(2, 1).content;
  m.message.prepared.items = {{Seq{1}, digest_of("a"), View{1}}};  // prepared in the view asked for
  host->handle(Time{0}, received(2, m));
  EXPECT_TRUE(refused("malformed view-change"));
  m.message.prepared.items.clear();
  for (std::uint64_t n = 1; n <= config.window + 1; ++n)
    m.message.prepared.items.push_back({Seq{n}, digest_of("a"), View{0}});
  host->handle(Time{0}, received(2, m));
  EXPECT_TRUE(refused("malformed view-change")) << "more than a window holds";
  EXPECT_EQ(host->status().refused, 2U);
}

TEST(ViewChange, a_primary_that_leaves_its_own_view_is_followed_by_all) {
  pbft::Config config = small_config(4, 1);
  config.early_pre_prepare = true;
  Group group(config);
  group.submit(0, request_of(1, 1));
  group.advance(100);
  group.kill(0);
  group.restart(0);  // it proposes nothing more in a view that it led
  group.advance(300);
  for (unsigned id = 0; id < 4; ++id) {
    EXPECT_EQ(group.host(id).status().view, View{1}) << id;
    EXPECT_TRUE(group.host(id).status().active) << id;
  }
}

// Found by the simulator: r3 is dead, r1 has executed n1 and waits for nothing, r2 has left the
// view because it was not told of it, and r0, the primary, lacks a vote that r2 does not repeat.
// One word of what is committed convinces nobody, and one who asks for a view is joined by nobody.
TEST(ViewChange, a_primary_whose_own_number_hangs_follows_the_first_who_leaves) {
  Group group(small_config(4, 1));
  group.kill(3);
  group.drop({std::nullopt, 0, "commit", std::nullopt});
  group.drop({std::nullopt, 2, "commit", std::nullopt});
  group.drop({std::nullopt, std::nullopt, "committed", std::nullopt});
  group.submit(0, request_of(1, 1));
  group.submit(1, request_of(1, 1));
  group.submit(2, request_of(1, 1));
  for (int i = 0; i < 100 && group.host(2).status().view == View{0}; ++i) group.advance(100);
  EXPECT_GT(group.host(2).status().view, View{0});
  group.clear_rules();
  group.advance(30'000);
  for (unsigned id = 0; id < 3; ++id) EXPECT_GE(group.host(id).executed(), Seq{1}) << id;
}

// A backup waits 20 ms for each number, the primary 30: its clock begins a sync and a hop before.
// r3 asks once for a view far away, and is silent.
TEST(ViewChange, one_liars_lasting_wish_leaves_a_primary_as_much_time_as_backups_give_it) {
  pbft::Config config = small_config(4, 1, 8, 16);
  config.request_timeout_us = 25 * ms;
  Group group(config, false);
  group.set_faulty(3);
  wire::ViewChange far;
  far.view = View{1'000'000};
  for (unsigned to = 0; to < 3; ++to)
    group.forge(3, to, wire::sign({digest_of("play"), {}, 3, {}}, ReplicaId{3}, signer_of(3), far));
  group.mangle = [](unsigned, unsigned, wire::PeerMessage) {
    return std::optional<wire::PeerMessage>();
  };
  for (std::uint64_t number = 1; number <= 50; ++number) {
    group.submit_to_all(request_of(1, number));
    group.advance(100);
  }
  EXPECT_EQ(group.executed_requests(), 50U);
  EXPECT_EQ(group.status(0).view, View{0});
}

TEST(ViewChange, a_primary_whose_number_hangs_stays_while_nobody_asks_for_another_view) {
  Group group(small_config(4, 1));
  group.drop({1, 0, "", std::nullopt});
  group.drop({2, 0, "", std::nullopt});
  group.drop({3, 0, "", std::nullopt});
  group.submit(0, request_of(1, 1));
  group.advance(10'000);
  EXPECT_EQ(group.host(0).status().view, View{0});
}

}  // namespace
}  // namespace prytany::play
