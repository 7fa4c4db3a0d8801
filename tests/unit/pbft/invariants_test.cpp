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
  return {Seq{seq}, digest_of(d), {}, {}, {}};
}

Persist view_change_record(std::uint64_t view, std::uint64_t prepared = 0) {
  wire::ViewChange m;
  m.view = View{view};
  for (std::uint64_t n = 1; n <= prepared; ++n)
    m.prepared.items.push_back({Seq{n}, digest_of("a"), View{0}});
  return {ViewChangeRecord{std::move(m)}};
}
Send view_change(std::uint64_t view) {
  wire::Signed<wire::ViewChange> m;
  m.message.view = View{view};
  return {std::nullopt, m};
}
wire::Signed<wire::NewView> new_view(std::uint64_t view, std::uint8_t mark = 0) {
  wire::Signed<wire::NewView> m;
  m.message.view = View{view};
  m.signature.bytes[0] = mark;
  return m;
}
Persist new_view_record(std::uint64_t view) { return {NewViewRecord{new_view(view)}}; }
Snapshot in_view(std::uint64_t view, bool active = true) {
  Snapshot s = at(0, 0);
  s.view = View{view};
  s.active = active;
  return s;
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
  good(in_view(2), {new_view_record(2)});
  EXPECT_DEATH(good(at(0, 0)), "view");
}
TEST_F(InvariantsDeathTest, a_view_is_entered_with_its_new_view_and_left_with_a_view_change) {
  EXPECT_DEATH(good(in_view(1)), "view");
  EXPECT_DEATH(good(in_view(1, false)), "active");
  good(in_view(1, false), {view_change_record(1), view_change(1)});
  EXPECT_DEATH(good(in_view(1)), "active");
  good(in_view(1), {new_view_record(1)});
}
TEST_F(InvariantsDeathTest, a_view_change_and_a_new_view_leave_after_their_records) {
  EXPECT_DEATH(good(at(0, 0), {view_change(1)}), "left_for_");
  EXPECT_DEATH(good(at(0, 0), {Send{std::nullopt, new_view(1)}}), "new_view_");
  good(in_view(1), {new_view_record(1), Send{std::nullopt, new_view(1)}});
  EXPECT_DEATH(good(in_view(1), {Send{std::nullopt, new_view(1, 7)}}), "new_view_");
}
TEST_F(InvariantsDeathTest, there_is_one_view_change_of_ours_for_a_view) {
  good(in_view(1, false), {view_change_record(1)});
  good(in_view(1, false), {view_change_record(1)});
  EXPECT_DEATH(good(in_view(1, false), {view_change_record(1, 2)}), "left_for_");
}
TEST_F(InvariantsDeathTest, nobody_votes_between_its_view_change_and_the_new_view) {
  good(in_view(1, false), {view_change_record(1)});
  EXPECT_DEATH(good(in_view(1, false), {prepare_record("a", 0)}), "left_for_");
  EXPECT_DEATH(good(in_view(1, false), {prepare_record("a", 1)}), "left_for_");
}
TEST_F(InvariantsDeathTest, a_new_view_that_came_late_reopens_nothing) {
  good(in_view(3, false), {view_change_record(3)});
  good(in_view(3, false), {new_view_record(2)});
  EXPECT_DEATH(good(in_view(3, false), {prepare_record("a", 2)}), "left_for_");
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
TEST_F(InvariantsDeathTest, nobody_votes_who_does_not_know_yet_what_it_voted) {
  Snapshot asking = at(0, 0);
  asking.asking = true;
  EXPECT_DEATH(good(asking, {prepare_record("a"), prepare("a")}), "Prepare");
  EXPECT_DEATH(good(asking, {Send{std::nullopt, wire::PrePrepare{}}}), "PrePrepare");
}
TEST_F(InvariantsDeathTest, nobody_votes_twice_in_a_phase_view_and_number) {
  good(at(0, 0), {prepare_record("a"), prepare("a")});
  EXPECT_DEATH(good(at(0, 0), {prepare_record("b")}), "digest == ballot->digest");
  EXPECT_DEATH(good(at(0, 0), {prepare("b")}), "ballot");
}
TEST_F(InvariantsDeathTest, nobody_votes_in_a_view_that_was_left) {
  good(in_view(2), {new_view_record(2), prepare_record("a", 2), prepare("a", 2)});
  EXPECT_DEATH(good(in_view(2), {prepare_record("a", 1)}), "entered_");
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
