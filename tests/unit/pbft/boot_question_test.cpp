// Who has just started votes only when the others know of no vote that its journal lacks
// (docs/design.md section 10).
#include "server/pbft/boot_question.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/play/group.h"

namespace prytany::pbft {
namespace {

using play::digest_of;
using play::request_of;
using testing::HasSubstr;
using testing::Optional;

Config asking(unsigned n = 4, unsigned f = 1) {
  Config config = play::small_config(n, f);
  config.boot_question = true;
  return config;
}
ReplicaId r(unsigned id) { return ReplicaId{static_cast<std::uint16_t>(id)}; }

// ---- what the journal knows -------------------------------------------------------------------

/// A journal in view 2, state.db at n4: prepared n5 as "a" in view 1 and 2, and n6; committed n5.
Recovered journal() {
  Recovered recovered;
  recovered.first_boot = false;
  recovered.view = View{2};
  recovered.image = Seq{4};
  RecoveredSlot& five = recovered.slots[Seq{5}];
  five.pre_prepared = {{Seq{5}, digest_of("b"), View{1}}, {Seq{5}, digest_of("a"), View{2}}};
  five.commit = wire::Commit{View{2}, Seq{5}, digest_of("a")};
  recovered.slots[Seq{6}].pre_prepared = {{Seq{6}, digest_of("c"), View{2}}};
  return recovered;
}
wire::VotesSeen seen(std::uint64_t view, std::uint64_t prepared, std::uint64_t committed) {
  return {View{view}, Seq{prepared}, Seq{committed}, View{2}, {}};
}
wire::VotesSeen seen_vote(std::uint64_t in, wire::SeenVote vote) {
  return {View{2}, Seq{6}, Seq{5}, View{in}, {{vote}}};
}

TEST(BootQuestion, knows_what_the_journal_holds_and_what_state_db_covers) {
  const BootQuestion mine(asking(), journal());
  EXPECT_EQ(mine.above(), Seq{4});
  for (const wire::VotesSeen& known :
       {seen(0, 0, 0), seen(2, 6, 5), seen(1, 3, 4),
        seen_vote(2, {Seq{5}, digest_of("a"), digest_of("a")}),
        seen_vote(1, {Seq{5}, digest_of("b"), std::nullopt}),
        seen_vote(1, {Seq{5}, std::nullopt, digest_of("b")}),  // a commit of an earlier view
        seen_vote(2, {Seq{3}, digest_of("x"), digest_of("x")})})
    EXPECT_EQ(mine.lacks(known), std::nullopt);
}

TEST(BootQuestion, notices_each_vote_that_the_journal_lacks) {
  const BootQuestion mine(asking(), journal());
  EXPECT_THAT(mine.lacks(seen(3, 6, 5)), Optional(HasSubstr("view 3")));
  EXPECT_THAT(mine.lacks(seen(2, 7, 5)), Optional(HasSubstr("prepare of n7")));
  EXPECT_THAT(mine.lacks(seen(2, 6, 6)), Optional(HasSubstr("commit of n6")));
  const auto vote = [&](std::uint64_t in, const wire::SeenVote& of) {
    return mine.lacks(seen_vote(in, of));
  };
  EXPECT_THAT(vote(2, {Seq{5}, digest_of("b"), std::nullopt}), Optional(HasSubstr("n5")));
  EXPECT_THAT(vote(2, {Seq{5}, std::nullopt, digest_of("b")}), Optional(HasSubstr("n5")));
  EXPECT_THAT(vote(2, {Seq{6}, std::nullopt, digest_of("c")}), Optional(HasSubstr("n6")));
  EXPECT_THAT(vote(2, {Seq{7}, digest_of("d"), std::nullopt}), Optional(HasSubstr("n7")));
}

// ---- when it is answered ----------------------------------------------------------------------

TEST(BootQuestion, is_answered_by_n_less_f_replicas_myself_among_them) {
  BootQuestion four(asking(4, 1), journal());
  EXPECT_EQ(four.answer(r(1), seen(0, 0, 0)), BootQuestion::Verdict::wait);
  EXPECT_EQ(four.answer(r(1), seen(0, 0, 0)), BootQuestion::Verdict::wait) << "the same again";
  EXPECT_EQ(four.answer(r(3), seen(0, 0, 0)), BootQuestion::Verdict::go_on);
  EXPECT_FALSE(four.asking());
  EXPECT_FALSE(BootQuestion(asking(1, 0), journal()).asking()) << "there is nobody to ask";
}

// Decision 0013, why not quorum(): with n=3 and f=0, r1 and I committed n5, and my disk was lost.
// r2 knows nothing of it, and is enough with me to decide n5 otherwise.
// It must learn that my words are worth nothing any more.
TEST(BootQuestion, is_for_everybody_until_each_has_answered) {
  BootQuestion four(asking(4, 1), journal());
  EXPECT_TRUE(four.awaits(r(2)));
  (void)four.answer(r(1), seen(0, 0, 0));
  (void)four.answer(r(3), seen(0, 0, 0));
  ASSERT_FALSE(four.asking());
  EXPECT_FALSE(four.awaits(r(1)));
  EXPECT_TRUE(four.awaits(r(2))) << "its answer was not needed";
  four.late(r(2));
  EXPECT_FALSE(four.awaits(r(2)));
  Config config = asking(4, 1);
  config.boot_question = false;
  EXPECT_FALSE(BootQuestion(config, journal()).awaits(r(2)));
}

TEST(BootQuestion, who_alone_knows_of_my_vote_is_waited_for_also_where_fewer_make_a_quorum) {
  const wire::VotesSeen nothing;
  BootQuestion three(asking(3, 0), Recovered{});
  EXPECT_EQ((pbft::Group{3, 0}.quorum()), 2U);
  EXPECT_EQ(three.answer(r(2), nothing), BootQuestion::Verdict::wait);
  EXPECT_EQ(three.answer(r(1), seen(0, 5, 5)), BootQuestion::Verdict::lost);
  // And with n=6, f=1: r1 and r2 have seen it, r3 to r5 not, and four make a quorum.
  BootQuestion six(asking(6, 1), Recovered{});
  for (const unsigned id : {3U, 4U, 5U})
    EXPECT_EQ(six.answer(r(id), nothing), BootQuestion::Verdict::wait);
  EXPECT_EQ(six.answer(r(1), seen(0, 5, 5)), BootQuestion::Verdict::wait);
  EXPECT_EQ(six.answer(r(2), seen(0, 5, 5)), BootQuestion::Verdict::lost);
}

TEST(BootQuestion, one_liar_neither_stops_me_nor_counts_as_an_answer) {
  BootQuestion four(asking(4, 1), journal());
  EXPECT_EQ(four.answer(r(1), seen(9, 0, 0)), BootQuestion::Verdict::wait);
  EXPECT_EQ(four.answer(r(2), seen(0, 0, 0)), BootQuestion::Verdict::wait);
  EXPECT_FALSE(four.awaits(r(1)));
  EXPECT_TRUE(four.awaits(r(3)));
  EXPECT_EQ(four.answer(r(3), seen(0, 0, 0)), BootQuestion::Verdict::go_on);
}

TEST(BootQuestion, f_and_one_who_have_seen_more_prove_that_votes_are_lost) {
  BootQuestion seven(asking(7, 2), journal());
  EXPECT_EQ(seven.answer(r(1), seen(3, 0, 0)), BootQuestion::Verdict::wait);
  EXPECT_EQ(seven.answer(r(2), seen(0, 9, 0)), BootQuestion::Verdict::wait);
  EXPECT_EQ(seven.answer(r(3), seen(0, 0, 9)), BootQuestion::Verdict::lost);
}

// ---- in a group -------------------------------------------------------------------------------

/// So many requests, executed by all.
void work(play::Group& group, std::uint64_t from, std::uint64_t count) {
  for (std::uint64_t n = from; n < from + count; ++n) group.submit_to_all(request_of(1, n));
  group.advance(200);
}

TEST(BootQuestionInAGroup, of_a_group_that_starts_for_the_first_time_is_answered_at_once) {
  play::Group group(asking());
  for (unsigned id = 0; id < 4; ++id) EXPECT_FALSE(group.status(id).voting);
  group.deliver();
  for (unsigned id = 0; id < 4; ++id) EXPECT_TRUE(group.status(id).voting);
  work(group, 1, 5);
  EXPECT_EQ(group.executed_requests(), 5U);
}

TEST(BootQuestionInAGroup, of_all_who_restart_at_once_is_answered_by_all_while_they_ask) {
  play::Group group(asking());
  work(group, 1, 7);
  for (unsigned id = 0; id < 4; ++id) group.kill(id);
  for (unsigned id = 0; id < 4; ++id) group.restart(id);
  group.advance(100);
  for (unsigned id = 0; id < 4; ++id) EXPECT_TRUE(group.status(id).voting) << id;
  work(group, 8, 3);
  EXPECT_EQ(group.executed_requests(), 10U);
  EXPECT_EQ(group.converge(), "");
}

TEST(BootQuestionInAGroup,
     waits_while_fewer_than_n_less_f_are_there_and_nothing_is_sent_meanwhile) {
  play::Group group(asking());
  work(group, 1, 5);
  for (unsigned id = 1; id < 4; ++id) group.kill(id);
  group.restart(1);
  group.submit_to_all(request_of(1, 6));
  group.advance(5000);
  EXPECT_FALSE(group.status(1).voting);
  EXPECT_FALSE(group.executed(request_of(1, 6)));
  group.restart(2);
  group.advance(5000);
  EXPECT_TRUE(group.status(1).voting);
  EXPECT_TRUE(group.executed(request_of(1, 6)));
  EXPECT_EQ(group.converge(), "");
}

// Whoever has left a view still holds its votes: they are told as votes of that view.
TEST(BootQuestionInAGroup, is_no_false_alarm_while_the_others_change_views) {
  play::Group group(asking());
  work(group, 1, 2);
  group.drop({{}, {}, "view-change", {}});
  group.kill(0);
  group.submit_to_all(request_of(1, 3));
  group.advance(700);
  ASSERT_FALSE(group.status(1).active);
  ASSERT_FALSE(group.status(2).active);
  group.kill(3);
  group.restart(3);
  group.advance(100);
  EXPECT_EQ(group.host(3).stopped, std::nullopt);
  EXPECT_TRUE(group.status(3).voting);
  EXPECT_EQ(group.converge(), "");
}

TEST(BootQuestionInAGroup, finds_a_lost_disk_and_the_others_go_on) {
  play::Group group(asking());
  work(group, 1, 6);
  group.advance(2000);  // a checkpoint covers all, and the votes are gone
  group.kill(2);
  group.disk(2) = {};
  group.set_faulty(2);
  group.restart(2);
  group.advance(300);
  ASSERT_TRUE(group.host(2).stopped);
  EXPECT_THAT(*group.host(2).stopped, HasSubstr("must not vote again under its key"));
  EXPECT_FALSE(group.status(2).voting);
  work(group, 7, 6);
  EXPECT_EQ(group.executed_requests(), 12U);
}

// Votes are not cast in the order of numbers: here the COMMIT of n1 comes after that of n2, and is
// lost alone. Only what the others hold of single votes shows it.
TEST(BootQuestionInAGroup, finds_a_lost_vote_below_one_that_is_not_lost) {
  play::Group group(asking());
  group.deliver();
  group.drop({{}, 3, "prepare", 1});
  group.submit_to_all(request_of(1, 1));
  group.submit_to_all(request_of(1, 2));
  group.advance(100);
  group.kill(3);
  group.clear_rules();
  auto& journal = group.disk(3).journal;
  const auto commit_of = [&](std::uint64_t seq) {
    return std::ranges::find_if(journal, [&](const JournalRecord& record) {
      const auto* commit = std::get_if<CommitVote>(&record);
      return commit != nullptr && commit->vote.seq == Seq{seq};
    });
  };
  ASSERT_LT(commit_of(2), commit_of(1));
  ASSERT_NE(commit_of(1), journal.end());
  journal.erase(commit_of(1), journal.end());
  group.set_faulty(3);
  group.restart(3);
  group.advance(100);
  EXPECT_THAT(group.host(3).stopped, Optional(HasSubstr("my commit of n1 in view 0")));
}

// The disk is put back to every moment of its past. Everybody else heard every vote, so wherever
// one is missing it is found; and where none is, nothing stands in the way.
TEST(BootQuestionInAGroup, finds_an_old_disk_wherever_a_vote_is_missing_and_nowhere_else) {
  const auto play = [](std::optional<std::size_t> keep) {
    auto group = std::make_unique<play::Group>(asking());
    work(*group, 1, 6);
    group->kill(3);  // and its view: the next primaries are 0, 1, 2
    group->kill(0);
    group->advance(3000);
    group->restart(0);
    group->restart(3);
    work(*group, 7, 3);
    group->kill(3);
    if (keep) {
      group->disk(3).journal.resize(*keep);
      group->set_faulty(3);
      group->restart(3);
      group->advance(2000);
    }
    return group;
  };
  const play::Disk whole = play(std::nullopt)->disk(3);
  const auto is_vote = [](const JournalRecord& record) {
    return std::holds_alternative<PreparedVote>(record) ||
           std::holds_alternative<CommitVote>(record) ||
           std::holds_alternative<ViewChangeRecord>(record);
  };
  int found = 0;
  for (std::size_t keep = 0; keep <= whole.journal.size(); ++keep) {
    // What state.db is at must be proven by the journal; otherwise it does not even start.
    Recovery recovery;
    for (std::size_t i = 0; i < keep; ++i) recovery.add(whole.journal[i]);
    if (!std::move(recovery).finish(whole.image, whole.image_state)) continue;
    const bool lost = std::any_of(whole.journal.begin() + static_cast<std::ptrdiff_t>(keep),
                                  whole.journal.end(), is_vote);
    const auto group = play(keep);
    EXPECT_EQ(group->host(3).stopped.has_value(), lost) << keep << " of " << whole.journal.size();
    EXPECT_EQ(group->status(3).voting, !lost) << keep;
    found += lost ? 1 : 0;
  }
  EXPECT_GT(found, 5);
}

}  // namespace
}  // namespace prytany::pbft
