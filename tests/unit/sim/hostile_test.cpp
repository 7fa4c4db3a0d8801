// Hostile clients: that each attack is made, that none does harm, and that who counts what is held
// complains.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/sim/world.h"

namespace prytany::sim {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

TEST(HostileClients, make_every_attack_and_neither_change_a_view_nor_make_anybody_wait) {
  Options options;
  options.seed = 12;
  options.profile = profile_named("hostile-gentle");
  Parameters parameters = draw_parameters(options);
  parameters.hostiles.assign(4, HostileClient{{}, 8'000});
  for (std::size_t i = 0; i < attacks_count; ++i)
    parameters.hostiles[i % 4].attacks.push_back(static_cast<Attack>(i));
  parameters.backlog_joins_max = 0;
  parameters.requests_min = 1'000;
  const RunResult result = World(parameters, nullptr).run();
  EXPECT_THAT(result.violations, IsEmpty()) << result.parameters;
  EXPECT_EQ(result.counters.views, 0U);
  EXPECT_GT(result.counters.filled, 0U) << "nothing was ever as full as it may be";
  for (std::size_t i = 0; i < attacks_count; ++i) {
    const auto attack = static_cast<Attack>(i);
    if (attack == Attack::whispers) continue;  // here nobody would listen
    std::uint64_t hits = 0;
    for (std::size_t phase = 0; phase < phases_count; ++phase)
      hits += result.coverage.hits(fault_of(attack), static_cast<During>(phase));
    EXPECT_GT(hits, 0U) << name_of(attack);
  }
}

TEST(HostileClients, are_the_same_for_the_same_seed) {
  Options options;
  options.seed = 3;
  options.profile = profile_named("hostile-clients");
  EXPECT_EQ(simulate(options).trace_hash, simulate(options).trace_hash);
}

struct Bounds : testing::Test {
  void holds(const node::Held& held) { checker.after_turn(ReplicaId{2}, held, config); }
  Violations violations;
  BoundsChecker checker{violations};
  pbft::Config config;
};

TEST_F(Bounds, are_kept_by_who_holds_as_much_as_it_may) {
  config.group = {4, 1};
  node::Held held;
  held.core.requests = config.backlog_requests_max;
  held.core.of_one_session = held.answers_of_one = 64;
  holds(held);
  EXPECT_TRUE(violations.none());
  EXPECT_EQ(checker.filled(), 2U);
}

TEST_F(Bounds, are_broken_by_one_more_of_anything) {
  config.group = {4, 1};
  const auto one = [&](auto set) {
    node::Held held;
    set(held);
    const std::size_t before = violations.all().size();
    holds(held);
    EXPECT_EQ(violations.all().size(), before + 1);
  };
  one([&](auto& h) { h.core.requests = config.backlog_requests_max + 1; });
  one([&](auto& h) { h.core.bytes = config.backlog_bytes_max + 1; });
  one([&](auto& h) { h.core.of_one_session = 65; });
  one([&](auto& h) { h.core.joins = 2 * config.backlog_joins_max + 1; });
  one([&](auto& h) { h.core.unproven = config.backlog_requests_max + 257; });
  one([&](auto& h) { h.core.unproven_of_one = 65; });
  one([&](auto& h) { h.core.brought_by_one = 65; });
  one([&](auto& h) { h.answers_of_one = 257; });
  one([&](auto& h) { h.sessions_of_one = 65; });
  one([&](auto& h) { h.early = 4097; });
  one([&](auto& h) { h.early_of_one = 65; });
  one([&](auto& h) { h.reads = 4097; });
  one([&](auto& h) { h.reads_of_one = 65; });
  one([&](auto& h) { h.session_reads_of_one = 257; });
  one([&](auto& h) { h.leaves = 1025; });
  one([&](auto& h) { h.subscriptions_of_one = 65; });
  one([&](auto& h) { h.subscriptions = 262'145; });
  one([&](auto& h) { h.turns = 1; });
  EXPECT_THAT(violations.all().front(), HasSubstr("bounds: r2 holds"));
}

TEST(Capricious, requests_may_be_refused_anew_but_are_executed_once) {
  Violations violations;
  ReplyChecker replies(violations, Digest{});
  const auto reply = [](std::uint64_t seq, wire::Outcome outcome) {
    wire::Reply r;
    r.session = SessionId{5};
    r.number = RequestNumber{1};
    r.request = crypto::sha256(as_bytes("asked"));
    r.seq = Seq{seq};
    r.outcome = std::move(outcome);
    return r;
  };
  replies.capricious(crypto::sha256(as_bytes("asked")));
  replies.replied(ReplicaId{0}, reply(3, wire::ErrorReply{{"unknown_session"}, {}, {}, 0}));
  replies.replied(ReplicaId{1}, reply(4, wire::ErrorReply{{"number_too_new"}, {}, {}, 0}));
  replies.replied(ReplicaId{1}, reply(5, wire::DoneReply{}));
  EXPECT_TRUE(violations.none());
  replies.replied(ReplicaId{1}, reply(6, wire::DoneReply{}));
  EXPECT_THAT(violations.all(), ElementsAre(HasSubstr("exactly once")));
}

}  // namespace
}  // namespace prytany::sim
