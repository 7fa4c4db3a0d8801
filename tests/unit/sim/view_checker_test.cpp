// The checker of view changes, shown what it must accept and what it must refuse.
#include "tests/sim/view_checker.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace prytany::sim {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr ReplicaId replica1{1};
constexpr ReplicaId replica2{2};

Digest digest_of(std::uint8_t mark) {
  Digest d{};
  d.bytes[0] = mark;
  return d;
}
wire::Signed<wire::ViewChange> view_change(std::uint64_t view, bool with_p = false) {
  wire::Signed<wire::ViewChange> m;
  m.message.view = View{view};
  if (with_p) m.message.prepared.items.push_back({Seq{1}, digest_of(1), View{0}});
  return m;
}
wire::Signed<wire::NewView> new_view(std::uint64_t view, std::vector<wire::Choice> choices = {}) {
  wire::Signed<wire::NewView> m;
  m.message.view = View{view};
  m.message.choices.items = std::move(choices);
  return m;
}
pbft::PreparedVote prepare(std::uint64_t view) {
  return {wire::Prepare{View{view}, Seq{1}, digest_of(1)}};
}
pbft::CommitVote commit(std::uint64_t view, bool prepared = true) {
  return {wire::Commit{View{view}, Seq{1}, digest_of(1)}, prepared};
}
/// That tells of a vote for number 1.
wire::Signed<wire::ViewChange> view_change_with_q(std::uint64_t view, std::uint64_t voted_in) {
  auto m = view_change(view);
  m.message.pre_prepared.items.push_back({Seq{1}, digest_of(1), View{voted_in}});
  return m;
}

struct ViewCheckers : testing::Test {
  void leaves(ReplicaId by, const wire::Signed<wire::ViewChange>& m) {
    checker.synced(by, pbft::ViewChangeRecord{m.message});
    checker.sent(by, m);
  }
  void enters(ReplicaId by, const wire::Signed<wire::NewView>& m) {
    checker.synced(by, pbft::NewViewRecord{m});
    checker.sent(by, m);
  }
  void commits(std::uint64_t view, std::uint64_t seq, std::uint8_t mark, unsigned replicas) {
    for (std::uint16_t i = 0; i < replicas; ++i)
      checker.sent(ReplicaId{i}, wire::Commit{View{view}, Seq{seq}, digest_of(mark)});
  }
  std::vector<std::string> found() {
    checker.finish();
    return violations.all();
  }
  Violations violations;
  std::set<ReplicaId> forgetful;
  ViewChecker checker{violations, {4, 1}, forgetful};
};

TEST_F(ViewCheckers, accept_a_view_change_that_keeps_what_was_committed) {
  commits(0, 1, 1, 3);
  checker.synced(replica1, prepare(0));
  leaves(replica1, view_change_with_q(1, 0));
  enters(replica2, new_view(1, {{Seq{1}, digest_of(1)}}));
  enters(replica1, new_view(1, {{Seq{1}, digest_of(1)}}));
  checker.synced(replica1, prepare(1));
  EXPECT_THAT(found(), IsEmpty());
  EXPECT_EQ(checker.entered(), 1U);
}
TEST_F(ViewCheckers, find_a_new_view_that_leaves_out_what_was_committed) {
  commits(0, 1, 1, 3);
  enters(replica1, new_view(1));
  EXPECT_THAT(found(), Contains(HasSubstr("leaves out n1")));
}
TEST_F(ViewCheckers, find_a_new_view_that_replaces_it_by_null) {
  commits(0, 1, 1, 3);
  enters(replica1, new_view(1, {{Seq{1}, std::nullopt}}));
  EXPECT_THAT(found(), Contains(HasSubstr("leaves out n1")));
}
TEST_F(ViewCheckers, ask_nothing_of_what_fewer_than_a_quorum_or_a_later_view_committed) {
  commits(0, 1, 1, 2);
  commits(1, 2, 1, 3);
  enters(replica1, new_view(1));
  EXPECT_THAT(found(), IsEmpty());
}
TEST_F(ViewCheckers, find_two_view_changes_of_one_replica_for_one_view) {
  leaves(replica1, view_change(1));
  leaves(replica1, view_change(1, true));
  EXPECT_THAT(found(), Contains(HasSubstr("two view-changes")));
}
TEST_F(ViewCheckers, find_two_new_views_of_one_view) {
  enters(replica1, new_view(1));
  enters(replica1, new_view(1, {{Seq{1}, std::nullopt}}));
  EXPECT_THAT(found(), Contains(HasSubstr("two new-views")));
}
TEST_F(ViewCheckers, find_what_leaves_before_its_record) {
  checker.sent(replica1, view_change(1));
  EXPECT_THAT(found(), Contains(HasSubstr("before its record")));
  checker.sent(replica1, new_view(2));
  EXPECT_THAT(found(), Contains(HasSubstr("new-view v2")));
}
TEST_F(ViewCheckers, find_a_vote_in_a_view_that_was_left) {
  leaves(replica1, view_change(1));
  checker.synced(replica1, prepare(0));
  EXPECT_THAT(found(), Contains(HasSubstr("after its view-change")));
}
TEST_F(ViewCheckers, find_a_restart_in_a_view_that_was_left) {
  leaves(replica1, view_change(1));
  checker.recovered(replica1, pbft::Recovered{});
  EXPECT_THAT(found(), Contains(HasSubstr("restarted in v0")));
}

TEST_F(ViewCheckers, accept_a_restart_in_the_middle_of_a_view_change) {
  leaves(replica1, view_change(1));
  pbft::Recovered recovered;
  recovered.view = View{1};
  recovered.view_change = view_change(1).message;
  checker.recovered(replica1, recovered);
  pbft::ReplicaStatus status;
  status.view = View{1};
  status.active = false;
  checker.after_turn(replica1, status);
  checker.synced(replica1, pbft::NewViewRecord{new_view(1)});
  status.active = true;
  checker.after_turn(replica1, status);
  checker.synced(replica1, prepare(1));
  recovered.view_change.reset();  // it has begun
  checker.recovered(replica1, recovered);
  EXPECT_THAT(found(), IsEmpty());
}
TEST_F(ViewCheckers, find_a_restart_that_forgot_its_open_view_change) {
  leaves(replica1, view_change(1));
  pbft::Recovered recovered;
  recovered.view = View{1};
  checker.recovered(replica1, recovered);
  EXPECT_THAT(found(), Contains(HasSubstr("restarted without its view-change for v1")));
}
TEST_F(ViewCheckers, find_a_restart_with_another_view_change_than_was_sent) {
  leaves(replica1, view_change(1));
  pbft::Recovered recovered;
  recovered.view = View{1};
  recovered.view_change = view_change(1, true).message;
  checker.recovered(replica1, recovered);
  EXPECT_THAT(found(), Contains(HasSubstr("restarted with another view-change for v1")));
}
TEST_F(ViewCheckers, find_who_takes_part_in_a_view_that_it_asked_for_and_nobody_began) {
  leaves(replica1, view_change(1));
  pbft::ReplicaStatus status;
  status.view = View{1};
  checker.after_turn(replica1, status);
  EXPECT_THAT(found(), Contains(HasSubstr("takes part in v1")));
}
TEST_F(ViewCheckers, find_a_vote_in_a_view_that_nobody_began) {
  leaves(replica1, view_change(1));
  checker.synced(replica1, prepare(1));
  EXPECT_THAT(found(), Contains(HasSubstr("nobody began")));
}

TEST_F(ViewCheckers, find_a_view_change_that_does_not_tell_what_was_voted_for) {
  checker.synced(replica1, prepare(0));
  leaves(replica1, view_change(1));
  EXPECT_THAT(found(), Contains(HasSubstr("does not tell that it voted for n1")));
}
TEST_F(ViewCheckers, find_a_view_change_that_does_not_tell_what_was_prepared) {
  checker.synced(replica1, prepare(0));
  checker.synced(replica1, commit(0));
  leaves(replica1, view_change_with_q(1, 0));
  EXPECT_THAT(found(), Contains(HasSubstr("does not tell that it prepared n1")));
}
TEST_F(ViewCheckers, ask_nothing_of_a_commit_that_others_told_of) {
  checker.synced(replica1, prepare(0));
  checker.synced(replica1, commit(0, false));
  leaves(replica1, view_change_with_q(1, 0));
  EXPECT_THAT(found(), IsEmpty());
}
TEST_F(ViewCheckers, let_a_view_change_forget_what_a_later_view_decided_otherwise) {
  checker.synced(replica1, prepare(0));
  checker.synced(replica1, commit(0));
  enters(replica1, new_view(1, {{Seq{1}, digest_of(2)}}));
  leaves(replica1, view_change_with_q(2, 0));
  EXPECT_THAT(found(), IsEmpty());
}
TEST_F(ViewCheckers, let_no_view_that_kept_it_make_a_view_change_forget) {
  checker.synced(replica1, prepare(0));
  checker.synced(replica1, commit(0));
  enters(replica1, new_view(1, {{Seq{1}, digest_of(1)}}));
  leaves(replica1, view_change_with_q(2, 0));
  EXPECT_THAT(found(), Contains(HasSubstr("does not tell that it prepared n1")));
}

TEST_F(ViewCheckers, find_an_answer_from_before_what_it_helped_to_commit) {
  commits(0, 1, 1, 3);
  checker.answered_from(replica1, Seq{0});  // in the same life it may not have been asked after it
  checker.recovered(replica1, pbft::Recovered{});
  checker.answered_from(replica1, Seq{1});
  EXPECT_THAT(violations.all(), IsEmpty());
  checker.answered_from(replica1, Seq{0});
  EXPECT_THAT(violations.all(), Contains(HasSubstr("though it sent a commit of n1")));
}
TEST_F(ViewCheckers, ask_no_answer_to_wait_for_what_a_later_view_gave_up) {
  commits(0, 1, 1, 1);
  checker.recovered(ReplicaId{0}, pbft::Recovered{});
  enters(replica1, new_view(1));
  checker.answered_from(ReplicaId{0}, Seq{0});
  EXPECT_THAT(violations.all(), IsEmpty());
}

wire::CheckpointProof signed_by(unsigned replicas) {
  wire::CheckpointProof proof;
  proof.checkpoint.seq = Seq{8};
  for (std::uint16_t i = 0; i < replicas; ++i) proof.signatures.items.push_back({ReplicaId{i}, {}});
  return proof;
}

TEST_F(ViewCheckers, refuse_a_stable_checkpoint_that_fewer_than_a_quorum_signed) {
  checker.synced(replica1, pbft::StableRecord{View{0}, signed_by(3)});
  checker.sent(replica1, signed_by(3));
  EXPECT_THAT(found(), IsEmpty());
  checker.synced(replica1, pbft::StableRecord{View{0}, signed_by(2)});
  EXPECT_THAT(found(), Contains(HasSubstr("stable by 2 signatures")));
}

TEST_F(ViewCheckers, refuse_one_that_a_replica_shows_with_one_signature_twice) {
  auto change = view_change(1);
  change.message.stable = signed_by(2);
  change.message.stable->signatures.items.push_back({ReplicaId{1}, {}});
  leaves(replica2, change);
  EXPECT_THAT(found(), Contains(HasSubstr("stable by 2 signatures")));
}

}  // namespace
}  // namespace prytany::sim
