#include "server/pbft/journal.h"

#include <gtest/gtest.h>

#include "server/pbft/config.h"
#include "tests/play/group.h"

namespace prytany::pbft {
namespace {

using play::digest_of;

wire::PrePrepare pre_prepare(std::uint64_t seq, std::uint64_t view = 0,
                             const std::string& operation = "op") {
  wire::PrePrepare m{View{view}, Seq{seq}, {}, {AgreedTime{9}, {}}};
  m.batch.requests.items.push_back(play::request_of(1, seq, operation));
  return m;
}
Digest digest(const wire::PrePrepare& m) { return wire::batch_digest(m.batch, m.agreed); }

wire::CheckpointProof proof(std::uint64_t seq, const std::string& state) {
  return {{Seq{seq}, digest_of(state)}, {}};
}

Recovered fold(std::vector<JournalRecord> records, std::uint64_t image = 0,
               const Digest& state = {}) {
  Recovery recovery;
  for (JournalRecord& record : records) recovery.add(std::move(record));
  auto recovered = std::move(recovery).finish(Seq{image}, state);
  EXPECT_TRUE(recovered.ok());
  return std::move(*recovered);
}

TEST(Recovery, an_empty_journal_is_a_first_boot) {
  const Recovered recovered = fold({});
  EXPECT_TRUE(recovered.first_boot);
  EXPECT_TRUE(recovered.slots.empty());
}

TEST(Recovery, any_record_makes_it_a_restart) { EXPECT_FALSE(fold({StableRecord{}}).first_boot); }

TEST(Recovery, keeps_votes_and_proposals_above_the_image) {
  const auto m4 = pre_prepare(4), m5 = pre_prepare(5);
  const Recovered r =
      fold({StableRecord{View{0}, proof(4, "s")}, PrePreparedRecord{m4}, PrePreparedRecord{m5},
            PreparedVote{{View{0}, Seq{5}, digest(m5)}}, CommitVote{{View{0}, Seq{5}, digest(m5)}}},
           4, digest_of("s"));
  EXPECT_EQ(r.image, Seq{4});
  ASSERT_TRUE(r.stable);
  ASSERT_EQ(r.slots.size(), 1U);
  const RecoveredSlot& slot = r.slots.at(Seq{5});
  EXPECT_EQ(slot.pre_prepare, m5);
  EXPECT_EQ(slot.prepare->digest, digest(m5));
  EXPECT_EQ(slot.commit->digest, digest(m5));
  EXPECT_EQ(slot.pre_prepared.size(), 1U);
}

TEST(Recovery, a_committed_record_finds_the_batch_it_refers_to) {
  const auto m = pre_prepare(1);
  const Recovered r =
      fold({PrePreparedRecord{m}, CommittedRecord{{Seq{1}, digest(m)}, {}, {}, true}});
  ASSERT_TRUE(r.slots.at(Seq{1}).committed);
  EXPECT_EQ(r.slots.at(Seq{1}).committed->batch, m.batch);
  EXPECT_EQ(r.slots.at(Seq{1}).committed->agreed, m.agreed);
}

TEST(Recovery, a_committed_record_without_its_batch_says_nothing) {
  const auto m = pre_prepare(1), other = pre_prepare(1, 0, "other");
  const Recovered r =
      fold({PrePreparedRecord{other}, CommittedRecord{{Seq{1}, digest(m)}, {}, {}, true}});
  EXPECT_FALSE(r.slots.at(Seq{1}).committed);
}

TEST(Recovery, a_committed_record_with_its_own_batch_needs_no_other) {
  const auto m = pre_prepare(1);
  const Recovered r = fold({CommittedRecord{{Seq{1}, digest(m)}, m.batch, m.agreed, false}});
  EXPECT_EQ(r.slots.at(Seq{1}).committed->batch, m.batch);
}

TEST(Recovery, q_remembers_every_digest_over_views_and_the_latest_vote_wins) {
  const Recovered r = fold({PreparedVote{{View{0}, Seq{1}, digest_of("a")}},
                            PreparedVote{{View{1}, Seq{1}, digest_of("b")}},
                            PreparedVote{{View{2}, Seq{1}, digest_of("a")}}});
  EXPECT_EQ(r.view, View{2});
  EXPECT_EQ(r.slots.at(Seq{1}).prepare->view, View{2});
  EXPECT_EQ(r.slots.at(Seq{1}).pre_prepared,
            (std::vector<wire::PrePreparedEntry>{{Seq{1}, digest_of("b"), View{1}},
                                                 {Seq{1}, digest_of("a"), View{2}}}));
}

TEST(Recovery, an_image_that_no_proof_vouches_for_is_refused) {
  Recovery recovery;
  recovery.add(StableRecord{View{0}, proof(4, "s")});
  const auto refused = std::move(recovery).finish(Seq{8}, digest_of("s"));
  ASSERT_FALSE(refused.ok());
  EXPECT_NE(refused.error().message.find("loss of the disk"), std::string::npos);
}

TEST(Recovery, an_image_older_than_the_beginning_of_the_journal_is_refused) {
  // What came before 8 was thrown away because state.db held 8: an emptied file cannot go on.
  for (const std::uint64_t image : {0U, 4U}) {
    Recovery recovery;
    recovery.add(StableRecord{View{0}, proof(8, "s8")});
    recovery.add(StableRecord{View{0}, proof(16, "s16")});
    const auto refused = std::move(recovery).finish(Seq{image}, digest_of("s4"));
    ASSERT_FALSE(refused.ok());
    EXPECT_NE(refused.error().message.find("emptied"), std::string::npos);
  }
}

TEST(Recovery, a_first_start_that_saw_only_certificates_may_be_followed_by_another) {
  const Recovered r = fold({StableRecord{View{0}, {}}, StableRecord{View{0}, proof(8, "s8")}});
  EXPECT_EQ(r.image, Seq{0});
  EXPECT_EQ(r.certified->checkpoint.seq, Seq{8});
}

TEST(Recovery, tells_which_states_are_vouched_for) {
  Recovery recovery;
  recovery.add(StableRecord{View{0}, proof(8, "s8")});
  EXPECT_TRUE(recovery.vouches_for(digest_of("s8")));
  EXPECT_FALSE(recovery.vouches_for(digest_of("s9")));
}

TEST(Recovery, an_image_of_another_digest_is_refused) {
  Recovery recovery;
  recovery.add(StableRecord{View{0}, proof(4, "s")});
  EXPECT_FALSE(std::move(recovery).finish(Seq{4}, digest_of("changed")).ok());
}

TEST(Recovery, an_older_image_is_found_while_its_proof_is_there) {
  // Killed after the proof of 8 was durable and before state.db was.
  const Recovered r =
      fold({StableRecord{View{0}, proof(4, "s4")}, StableRecord{View{0}, proof(8, "s8")}}, 4,
           digest_of("s4"));
  EXPECT_EQ(r.stable->checkpoint.seq, Seq{4});
  // And what was certified is known, so that nobody need be asked.
  ASSERT_TRUE(r.certified);
  EXPECT_EQ(r.certified->checkpoint.seq, Seq{8});
}

TEST(Recovery, a_view_change_is_remembered_until_its_view_is_entered) {
  wire::ViewChange asked;
  asked.view = View{3};
  EXPECT_EQ(fold({ViewChangeRecord{asked}}).view_change, asked);
  wire::Signed<wire::NewView> entered;
  entered.message.view = View{3};
  const Recovered r = fold({ViewChangeRecord{asked}, NewViewRecord{entered}});
  EXPECT_FALSE(r.view_change);
  EXPECT_EQ(r.view, View{3});
}

TEST(Recovery, refuses_a_state_that_is_older_than_what_was_discarded_for_it) {
  // The segment of n4's proof stays because a vote above n8 is in it; the one before, which held a
  // vote for n5, went. So the opening record alone does not tell that something is missing.
  const auto recovered = [](std::uint64_t image, const std::string& state) {
    Recovery recovery;
    recovery.add(StableRecord{View{0}, proof(4, "s4")});
    recovery.add(PreparedVote{{View{0}, Seq{9}, {}}});
    recovery.add(StableRecord{View{0}, proof(8, "s8")});
    recovery.add(DiscardedRecord{Seq{8}});
    return std::move(recovery).finish(Seq{image}, digest_of(state)).ok();
  };
  EXPECT_TRUE(recovered(8, "s8"));
  EXPECT_FALSE(recovered(4, "s4"));
}

// docs/decisions/0014: what was said in a configuration that has ended is of numbers that the image
// covers, and of views that are over.
TEST(Recovery, forgets_views_of_a_configuration_that_has_ended) {
  constexpr View next{views_per_configuration};
  const auto recover = [&](std::vector<JournalRecord> records) {
    Recovery recovery;
    recovery.add(StableRecord{View{3}, proof(8, "s8")});
    for (JournalRecord& record : records) recovery.add(std::move(record));
    return std::move(recovery).finish(Seq{8}, digest_of("s8"), next).value();
  };
  wire::Signed<wire::NewView> entered;
  entered.message.view = View{3};
  const Recovered old = recover({NewViewRecord{entered}, ViewChangeRecord{{View{4}, {}, {}, {}}}});
  EXPECT_EQ(old.view, next);
  EXPECT_FALSE(old.view_change);
  EXPECT_FALSE(old.new_view);
  // What was said in this one stays.
  const wire::ViewChange left{next + 1, {}, {}, {}};
  const Recovered mine = recover({ViewChangeRecord{left}});
  EXPECT_EQ(mine.view, next + 1);
  EXPECT_EQ(mine.view_change, left);
}

TEST(JournalRecord, survives_its_encoding) {
  const auto m = pre_prepare(1);
  const std::vector<JournalRecord> records = {
      StableRecord{View{1}, proof(4, "s")},
      PrePreparedRecord{m},
      PreparedVote{{View{0}, Seq{1}, digest(m)}},
      CommitVote{{View{0}, Seq{1}, digest(m)}},
      CommittedRecord{{Seq{1}, digest(m)}, m.batch, m.agreed, false},
      ViewChangeRecord{},
      NewViewRecord{},
      DiscardedRecord{Seq{4}}};
  for (std::size_t i = 0; i < records.size(); ++i) {
    EXPECT_EQ(records[i].index(), i);
    const auto decoded = wire::decode<JournalRecord>(wire::encode(records[i]));
    ASSERT_TRUE(decoded.ok());
    EXPECT_EQ(*decoded, records[i]);
  }
}

}  // namespace
}  // namespace prytany::pbft
