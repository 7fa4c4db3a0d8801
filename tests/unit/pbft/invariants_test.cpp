// Each invariant has a state or a transition that breaks it: a checker that cannot fail is a
// defect.
#include "server/pbft/invariants.h"

#include <gtest/gtest.h>

#include "tests/play/group.h"

namespace prytany::pbft {
namespace {

using play::digest_of;

Snapshot at(std::uint64_t stable, std::uint64_t executed) {
  Snapshot s;
  s.stable = Seq{stable};
  s.executed = s.handed = s.proposed = Seq{executed};
  s.window = 8;
  return s;
}
Persist prepare_record(const std::string& d, std::uint64_t view = 0) {
  return {PreparedVote{{View{view}, Seq{1}, digest_of(d)}}};
}
Send prepare(const std::string& d, std::uint64_t view = 0) {
  return {std::nullopt, wire::Prepare{View{view}, Seq{1}, digest_of(d)}};
}
Persist committed_record(const std::string& d) {
  return {CommittedRecord{{Seq{1}, digest_of(d)}, {}, {}, false}};
}
Execute execute(std::uint64_t seq, const std::string& d) {
  return {Seq{seq}, digest_of(d), {}, {}};
}

struct InvariantsDeathTest : testing::Test {
  Invariants fresh{Recovered{}};
  void good(const Snapshot& now, const Effects& effects = {}) { fresh.check(now, effects, 0); }
};

TEST_F(InvariantsDeathTest, a_good_run_passes) {
  good(at(0, 0), {prepare_record("a"), prepare("a")});
  good(at(0, 1), {committed_record("a"), execute(1, "a")});
  good(at(0, 1), {prepare("a")});
}

TEST_F(InvariantsDeathTest, stable_is_never_above_executed) {
  EXPECT_DEATH(good(at(4, 0)), "stable <= now.executed");
}
TEST_F(InvariantsDeathTest, execution_stays_within_the_window) {
  EXPECT_DEATH(good(at(0, 9)), "window");
}
TEST_F(InvariantsDeathTest, slots_are_in_the_window) {
  Snapshot s = at(0, 0);
  s.slots = 1;
  s.lowest_slot = s.highest_slot = Seq{9};
  EXPECT_DEATH(good(s), "highest_slot");
  s.lowest_slot = s.highest_slot = Seq{0};
  EXPECT_DEATH(good(s), "lowest_slot");
}
TEST_F(InvariantsDeathTest, the_view_never_decreases) {
  Snapshot s = at(0, 0);
  s.view = View{2};
  good(s);
  EXPECT_DEATH(good(at(0, 0)), "view");
}
TEST_F(InvariantsDeathTest, what_was_executed_stays_so) {
  good(at(0, 1), {committed_record("a"), execute(1, "a")});
  EXPECT_DEATH(good(at(0, 0)), "executed");
}
TEST_F(InvariantsDeathTest, but_a_certified_state_may_replace_a_wrong_one) {
  good(at(0, 1), {committed_record("a"), execute(1, "a")});
  fresh.installed(Seq{0});
  Snapshot back = at(0, 0);
  back.proposed = Seq{1};
  good(back);
  good(at(0, 1), {execute(1, "a")});
}
TEST_F(InvariantsDeathTest, a_vote_leaves_after_its_record) {
  EXPECT_DEATH(good(at(0, 0), {prepare("a")}), "ballot");
  EXPECT_DEATH(good(at(0, 0), {prepare("a"), prepare_record("a")}), "ballot");
}
TEST_F(InvariantsDeathTest, nobody_votes_twice_in_a_phase_view_and_number) {
  good(at(0, 0), {prepare_record("a"), prepare("a")});
  EXPECT_DEATH(good(at(0, 0), {prepare_record("b")}), "digest == ballot->digest");
  EXPECT_DEATH(good(at(0, 0), {prepare("b")}), "ballot");
}
TEST_F(InvariantsDeathTest, nobody_votes_in_a_view_that_was_left) {
  good(at(0, 0), {prepare_record("a", 2), prepare("a", 2)});
  EXPECT_DEATH(good(at(0, 0), {prepare_record("a", 1)}), "view >= ballot->view");
}
TEST_F(InvariantsDeathTest, votes_before_a_restart_bind_after_it) {
  Recovered recovered;
  recovered.slots[Seq{1}].prepare = wire::Prepare{View{0}, Seq{1}, digest_of("a")};
  Invariants restarted(recovered);
  restarted.check(at(0, 0), {prepare("a")}, 0);
  EXPECT_DEATH(restarted.check(at(0, 0), {prepare_record("b")}, 0), "digest == ballot->digest");
}
TEST_F(InvariantsDeathTest, execution_has_no_gaps_and_no_repetitions) {
  EXPECT_DEATH(good(at(0, 2), {committed_record("a"), execute(2, "a")}), "next_execution_");
  good(at(0, 1), {committed_record("a"), execute(1, "a")});
  EXPECT_DEATH(good(at(0, 1), {execute(1, "a")}), "next_execution_");
}
TEST_F(InvariantsDeathTest, only_what_is_committed_is_executed) {
  EXPECT_DEATH(good(at(0, 1), {execute(1, "a")}), "committed");
  EXPECT_DEATH(good(at(0, 1), {committed_record("a"), execute(1, "b")}), "committed");
}
TEST_F(InvariantsDeathTest, a_committed_digest_never_changes) {
  good(at(0, 0), {committed_record("a")});
  EXPECT_DEATH(good(at(0, 0), {committed_record("b")}), "committed");
}

}  // namespace
}  // namespace prytany::pbft
