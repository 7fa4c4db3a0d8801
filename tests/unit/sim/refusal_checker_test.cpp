// The checker of refusals, shown what time explains and what it must call by name.
#include "tests/sim/refusal_checker.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "server/pbft/refusal.h"

namespace prytany::sim {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

constexpr ReplicaId q0{0};
constexpr ReplicaId q1{1};
constexpr ReplicaId q2{2};

wire::Refused refused(const char* code) {
  wire::Refused answer;
  answer.code = {code};
  answer.message = {"why"};
  return answer;
}

struct RefusalCheckers : testing::Test {
  void blames(ReplicaId by, std::set<ReplicaId> whom) {
    pbft::ReplicaStatus status;
    for (const ReplicaId each : whom) status.blamed.emplace(each, pbft::Refusal::conflicting_vote);
    checker.after_turn(by, status);
  }
  const std::vector<std::string>& found() const { return violations.all(); }

  Violations violations;
  std::set<ReplicaId> faulty{q2};
  RefusalChecker checker{violations, [this](ReplicaId id) { return !faulty.contains(id); }};
};

TEST_F(RefusalCheckers, find_that_a_correct_replica_blames_a_correct_one_once) {
  checker.started(q1);
  blames(q1, {q0});
  blames(q1, {q0});
  EXPECT_THAT(found(), ElementsAre("refusals: r1 blames r0, which is correct: conflicting vote"));
}

TEST_F(RefusalCheckers, do_not_mind_what_is_said_of_a_liar_or_by_one) {
  blames(q1, {q2});
  blames(q2, {q0});
  checker.refused_frame(q1, q2);
  checker.refused_frame(q2, q1);
  checker.refused(q2, refused("malformed"));
  EXPECT_THAT(found(), IsEmpty());
}

TEST_F(RefusalCheckers, judge_a_blame_by_who_was_correct_when_it_came) {
  blames(q1, {q2});
  faulty.clear();  // born again
  blames(q1, {q2});
  EXPECT_THAT(found(), IsEmpty());
  blames(q1, {});  // another configuration
  blames(q1, {q2});
  EXPECT_THAT(found(), SizeIs(1));
}

TEST_F(RefusalCheckers, find_a_frame_of_a_correct_replica_that_is_refused) {
  checker.refused_frame(q1, q0);
  EXPECT_THAT(found(), ElementsAre("refusals: r1 refuses a frame of r0, which is correct"));
}

TEST_F(RefusalCheckers, let_honest_clients_be_late_or_too_many_and_nothing_else) {
  checker.refused(q1, refused("overloaded"));
  checker.refused(q1, refused("number_too_old"));
  checker.refused(q1, refused("unknown_session"));
  EXPECT_THAT(found(), IsEmpty());
  checker.refused(q1, refused("number_reused"));
  EXPECT_THAT(found(), ElementsAre("refusals: r1 tells an honest client \"number_reused\" (why)"));
}

TEST_F(RefusalCheckers, know_that_tags_are_changed_on_their_way_in_some_seeds) {
  checker.refused(q1, refused("bad_signature"));
  EXPECT_THAT(found(), SizeIs(1));
  checker.expect_wrong_tags();
  checker.refused(q1, refused("bad_signature"));
  EXPECT_THAT(found(), SizeIs(1));
}

TEST(Refusals, that_blame_somebody_are_none_that_happen_every_day) {
  for (std::size_t i = 0; i < pbft::refusals; ++i) {
    const auto refusal = static_cast<pbft::Refusal>(i);
    EXPECT_FALSE(pbft::blames(refusal) && pbft::everyday(refusal)) << pbft::words(refusal);
  }
  EXPECT_FALSE(pbft::blames(pbft::Refusal::too_often));
  EXPECT_FALSE(pbft::blames(pbft::Refusal::above_window));
}

}  // namespace
}  // namespace prytany::sim
