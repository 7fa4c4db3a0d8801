// That the Byzantine replicas do lie: a liar that says the truth would show nothing. And that what
// they say is judged as it must be.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <sstream>

#include "server/wire/client_json.h"
#include "tests/sim/adjustments.h"
#include "tests/sim/byzantine/casting.h"
#include "tests/sim/byzantine/leaves.h"
#include "tests/sim/byzantine/plot.h"
#include "tests/sim/checks.h"
#include "tests/sim/world.h"

namespace prytany::sim {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

wire::NewView new_view() {
  wire::NewView m;
  m.view = View{3};
  m.view_changes.items.resize(2);
  m.choices.items = {{Seq{5}, Digest{}}, {Seq{6}, std::nullopt}};
  return m;
}

TEST(Leaves, are_all_fields_of_a_message_however_deep) {
  wire::Prepare prepare{View{1}, Seq{2}, {}};
  EXPECT_EQ(leaves_of(prepare).size(), 3U);
  wire::NewView message = new_view();
  const Leaves leaves = leaves_of(message);
  // Of each VIEW-CHANGE: sender, view, an optional proof, two lists, a signature.
  EXPECT_EQ(leaves.size(), 1U + (1 + 2 * 6) + 3 + (1 + 2 + 3));
}

TEST(Leaves, change_a_message_each_in_its_own_way_and_it_can_still_be_encoded) {
  Rng rng(7);
  std::set<Bytes> seen;
  const std::size_t count = leaves_of(*std::make_unique<wire::NewView>(new_view())).size();
  for (std::size_t i = 0; i < count; ++i) {
    for (unsigned again = 0; again < 20; ++again) {
      wire::NewView message = new_view();
      Leaves leaves = leaves_of(message);
      change(leaves[i], rng);
      const Bytes bytes = wire::encode(message);
      const auto back = wire::decode<wire::NewView>(bytes);
      ASSERT_TRUE(back);
      EXPECT_EQ(*back, message);
      seen.insert(bytes);
    }
  }
  EXPECT_GT(seen.size(), count);
}

TEST(Leaves, change_places_only_with_their_own_kind) {
  Rng rng(1);
  wire::Prepare message{View{1}, Seq{2}, {}};
  Leaves leaves = leaves_of(message);
  while (!swap_two(leaves, rng)) {
  }
  EXPECT_EQ(message.view, View{2});
  EXPECT_EQ(message.seq, Seq{1});
  const wire::Prepare before = message;
  wire::Prepare earlier{View{8}, Seq{9}, Digest{rng.bytes<32>()}};
  Leaves others = leaves_of(earlier);
  EXPECT_TRUE(take_from(leaves, others, rng));
  EXPECT_NE(message, before);
}

TEST(Leaves, change_places_only_where_there_is_room_for_them) {
  wire::Agreed agreed;
  wire::RequestBody request;
  request.operation.bytes.resize(limits::nondeterminism_bytes_max + 1);
  Leaves small = leaves_of(agreed.choice);
  Leaves large = leaves_of(request.operation);
  Rng rng(1);
  EXPECT_FALSE(take_from(small, large, rng));
  request.operation.bytes.resize(3);
  EXPECT_TRUE(take_from(small, large, rng));
  EXPECT_EQ(agreed.choice.bytes.size(), 3U);
}

TEST(Plot, divides_the_correct_ones_and_tells_its_friends_the_truth) {
  Plot plot;
  plot.group = {7, 2};
  plot.liars = {ReplicaId{0}, ReplicaId{1}, ReplicaId{2}};
  plot.even = true;
  unsigned others = 0;
  for (std::uint16_t i = 0; i < 7; ++i) {
    others += plot.other_side(ReplicaId{i}, View{4});
    if (i < 3) {
      EXPECT_FALSE(plot.other_side(ReplicaId{i}, View{4}));
    }
  }
  EXPECT_EQ(others, 2U);
}

TEST(Checks, blame_nobody_for_what_a_byzantine_replica_says) {
  const Digest cluster;
  Checks checks(cluster, {4, 1}, {ReplicaId{3}}, {}, {ReplicaId{3}});
  wire::Reply reply;
  reply.session = SessionId{1};
  reply.number = RequestNumber{1};
  wire::Reply lie = reply;
  lie.seq = Seq{9};
  checks.text_left(ReplicaId{3}, node::ConnectionId{1},
                   wire::to_json(wire::TaggedToClient{lie, crypto::Tag16{}}));
  checks.text_left(ReplicaId{0}, node::ConnectionId{1},
                   wire::to_json(wire::TaggedToClient{reply, crypto::Tag16{}}));
  EXPECT_THAT(checks.violations.all(), IsEmpty());
  checks.replies.accepted("c0", {SessionId{1}, RequestNumber{1}, Seq{9}, {}, {}});
  EXPECT_THAT(checks.violations.all(), Contains(StartsWith("client acceptance")));
}

TEST(Checks, believe_the_whole_of_a_reply_that_a_byzantine_replica_sent_and_another_named) {
  const Digest cluster;
  Checks checks(cluster, {4, 1}, {ReplicaId{3}}, {}, {ReplicaId{3}});
  wire::Reply reply;
  reply.session = SessionId{1};
  reply.number = RequestNumber{1};
  reply.seq = Seq{9};
  checks.text_left(ReplicaId{3}, node::ConnectionId{1},
                   wire::to_json(wire::TaggedToClient{reply, crypto::Tag16{}}));
  checks.replies.replied(
      ReplicaId{0},
      wire::ReplyDigest{SessionId{1}, RequestNumber{1}, {}, wire::reply_digest(cluster, reply)});
  checks.replies.accepted("c0", {SessionId{1}, RequestNumber{1}, Seq{9}, {}, {}});
  EXPECT_THAT(checks.violations.all(), IsEmpty());
}

RunResult run_with(Lie lie, std::uint64_t seed) {
  Options options;
  options.seed = seed;
  Parameters parameters = draw_parameters(options);
  parameters.plan.clear();
  parameters.liar.reset();
  parameters.gentle = false;
  parameters.no_log = false;
  parameters.liars = {{ReplicaId{0}, {lie}}};
  if (lie == Lie::accomplices) parameters.hostiles = {{{Attack::whispers}, 10'000}};
  parameters.requests_min = 60;  // sanitizers make each dear
  return World(parameters, nullptr).run();
}

/// Some lies need a restart, a view change or a transfer to be told.
TEST(World, holds_while_a_replica_tells_every_lie_there_is) {
  constexpr std::uint64_t seeds_max = 12;
  for (unsigned i = 0; i < lies_count; ++i) {
    const Lie lie = static_cast<Lie>(i);
    std::uint64_t told = 0;
    for (std::uint64_t seed = 1; told == 0; ++seed) {
      ASSERT_LE(seed, seeds_max) << "nobody ever told a lie of this kind: " << name_of(lie);
      const RunResult result = run_with(lie, seed);
      EXPECT_THAT(result.violations, IsEmpty()) << result.parameters;
      told = result.counters.lies;
    }
  }
}

/// A request is ordered, and refused by execution alone, of every kind that no correct replica lets
/// in. What a client proves to one replica only is done all the same, if a liar gives its word.
void expect_refusals_of_what_accomplices_bring(bool mac_requests) {
  std::set<std::string> missing{"wrong_key",      "unknown_session", "number_too_new",
                                "number_too_old", "stale_join",      "not_allowed"};
  if (mac_requests) missing.insert("done");
  constexpr std::uint64_t seeds_max = 12;
  Options options;
  for (options.seed = 1; !missing.empty(); ++options.seed) {
    ASSERT_LE(options.seed, seeds_max) << "never ordered: what is answered " << *missing.begin();
    Parameters parameters = draw_parameters(options);
    make_gentle(parameters);
    without_process_faults(parameters);
    parameters.gentle = parameters.no_log = false;
    parameters.liar.reset();
    parameters.rounds = 0;
    parameters.choices.mac_requests = mac_requests;
    parameters.liars = {{ReplicaId{0}, {Lie::accomplices}}};
    parameters.hostiles = {{{Attack::whispers}, 10'000}};
    parameters.requests_min = 150;
    const RunResult result = World(parameters, nullptr).run();
    EXPECT_THAT(result.violations, IsEmpty()) << result.parameters;
    for (const auto& [answer, times] : result.counters.confided) missing.erase(answer);
  }
}
TEST(World, orders_what_a_liars_accomplices_may_not_ask_and_refuses_it_everywhere) {
  expect_refusals_of_what_accomplices_bring(false);
}
TEST(World, orders_what_they_prove_to_few_on_the_liars_word_too) {
  expect_refusals_of_what_accomplices_bring(true);
}

TEST(World, repairs_a_replica_whose_sqlite_gave_other_rows_and_believes_it_in_nothing) {
  constexpr std::uint64_t seeds_max = 8;
  bool found_out = false;
  Options options;
  for (options.seed = 1; !found_out; ++options.seed) {
    ASSERT_LE(options.seed, seeds_max) << "it never had another state than others";
    Parameters parameters = draw_parameters(options);
    parameters.plan.clear();
    parameters.liar.reset();
    parameters.gentle = parameters.no_log = false;
    parameters.application = ApplicationKind::native;
    parameters.astray = ReplicaId{2};
    std::ostringstream lines;
    const RunResult result = World(parameters, &lines).run();
    EXPECT_THAT(result.violations, IsEmpty()) << result.parameters;
    found_out = lines.str().find("-> stop voting and executing, fetch state") != std::string::npos;
  }
}

TEST(World, holds_while_a_replica_is_two_and_others_do_see_both) {
  std::ostringstream lines;
  Options options;
  options.seed = 5;
  options.profile = profile_named("twins");
  const RunResult result = simulate(options, &lines);
  EXPECT_THAT(result.violations, IsEmpty()) << result.parameters;
  EXPECT_THAT(lines.str(), HasSubstr("turns its other face to"));
  EXPECT_THAT(lines.str(), HasSubstr("turns its first face to"));
}

}  // namespace
}  // namespace prytany::sim
