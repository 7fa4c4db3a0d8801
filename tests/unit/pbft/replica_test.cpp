#include "server/pbft/replica.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/play/group.h"

namespace prytany::pbft {
namespace {

using play::digest_of;
using play::Host;
using play::received;
using play::request_of;
using play::submitted;

/// One replica alone with the test, which speaks for all others.
struct Solo {
  explicit Solo(unsigned self, Config c = play::small_config(4, 1)) : config(std::move(c)) {
    config.self = ReplicaId{static_cast<std::uint16_t>(self)};
    replica = std::make_unique<Replica>(config, signer, clock, Recovered{});
    step(Tick{});
  }
  const Effects& step(Event event, Time now = Time{0}) {
    at = std::max(at, now);
    effects.clear();
    replica->step(at, std::move(event), effects);
    return effects;
  }
  template <class E>
  std::vector<E> all() const {
    std::vector<E> found;
    for (const Effect& effect : effects)
      if (const auto* e = std::get_if<E>(&effect)) found.push_back(*e);
    return found;
  }
  template <class M>
  std::vector<M> sent() const {
    std::vector<M> found;
    for (const Send& send : all<Send>())
      if (const auto* m = std::get_if<M>(&send.message)) found.push_back(*m);
    return found;
  }
  /// "persist pre-prepare", "send prepare", ...: the order of effects, in words.
  std::vector<std::string> order() const {
    static const char* const records[] = {"stable",    "pre-prepare", "prepare", "commit",
                                          "committed", "view-change", "new-view"};
    std::vector<std::string> words;
    for (const Effect& effect : effects) {
      if (const auto* p = std::get_if<Persist>(&effect))
        words.push_back(std::string(p->lazy ? "persist lazily " : "persist ") +
                        records[p->record.index()]);
      if (const auto* s = std::get_if<Send>(&effect))
        words.push_back(std::string(s->at_once ? "send at once " : "send ") +
                        wire::name_of(s->message));
      if (std::holds_alternative<Execute>(effect)) words.emplace_back("execute");
    }
    return words;
  }

  Config config;
  crypto::Signer signer = play::signer_of(0);
  play::PlayClock clock;
  std::unique_ptr<Replica> replica;
  Effects effects;
  Time at;
};

wire::PrePrepare proposal(std::uint64_t seq, std::uint64_t number = 1) {
  wire::PrePrepare m{View{0}, Seq{seq}, {}, {AgreedTime{play::epoch_us}, {}}};
  m.batch.requests.items.push_back(request_of(1, number));
  return m;
}
Digest digest(const wire::PrePrepare& m) { return wire::batch_digest(m.batch, m.agreed); }

TEST(Replica, the_first_boot_opens_the_journal) {
  Solo r(1);
  ASSERT_EQ(r.all<Persist>().size(), 1U);
  EXPECT_EQ(r.all<Persist>()[0].record, JournalRecord(StableRecord{}));
}

TEST(Replica, asks_for_its_first_step_at_once_and_then_waits_for_nothing) {
  play::PlayClock clock;
  const auto signer = play::signer_of(0);
  Replica r(play::small_config(4, 1), signer, clock, Recovered{});
  EXPECT_EQ(r.deadline(), Time{0});
  Effects effects;
  r.step(Time{5}, Tick{}, effects);
  EXPECT_EQ(r.deadline(), never);
}

TEST(Replica, a_primary_makes_its_proposal_durable_before_anybody_sees_it) {
  Solo r(0);
  r.step(submitted(request_of(1, 1)));
  EXPECT_THAT(r.order(), testing::ElementsAre("persist pre-prepare", "send pre-prepare",
                                              "persist prepare", "send prepare"));
}

TEST(Replica, what_comes_at_one_moment_is_proposed_together) {
  Solo r(0);
  r.effects.clear();
  for (std::uint64_t session = 1; session <= 3; ++session)
    r.replica->hear(Time{7}, submitted(request_of(session, 1)), r.effects);
  EXPECT_TRUE(r.effects.empty());
  r.replica->conclude(Time{7}, r.effects);
  const auto proposals = r.sent<wire::PrePrepare>();
  ASSERT_EQ(proposals.size(), 1U);
  EXPECT_EQ(proposals[0].batch.requests.size(), 3U);
}

TEST(Replica, what_is_owed_is_that_of_the_last_moment) {
  Solo r(1);
  r.effects.clear();
  r.replica->hear(Time{7}, submitted(request_of(1, 1)), r.effects);
  EXPECT_EQ(r.replica->deadline(), never);
  r.replica->conclude(Time{7}, r.effects);
  EXPECT_NE(r.replica->deadline(), never) << "its primary has so long";
}

TEST(Replica, an_early_pre_prepare_leaves_at_once_but_no_vote_does) {
  auto config = play::small_config(4, 1);
  config.early_pre_prepare = true;
  Solo r(0, config);
  r.step(submitted(request_of(1, 1)));
  EXPECT_THAT(r.order(), testing::ElementsAre("send at once pre-prepare", "persist pre-prepare",
                                              "persist prepare", "send prepare"));
}

TEST(Replica, a_backup_records_then_votes_and_commitment_waits_for_no_disk) {
  Solo r(1);
  const auto m = proposal(1);
  r.step(received(0, m));
  EXPECT_THAT(r.order(),
              testing::ElementsAre("persist pre-prepare", "persist prepare", "send prepare"));
  r.step(received(0, wire::Prepare{View{0}, Seq{1}, digest(m)}));
  EXPECT_TRUE(r.order().empty());
  r.step(received(2, wire::Prepare{View{0}, Seq{1}, digest(m)}));
  EXPECT_THAT(r.order(), testing::ElementsAre("persist commit", "send commit"));
  r.step(received(0, wire::Commit{View{0}, Seq{1}, digest(m)}));
  r.step(received(2, wire::Commit{View{0}, Seq{1}, digest(m)}));
  EXPECT_THAT(r.order(), testing::ElementsAre("persist lazily committed", "execute"));
}

TEST(Replica, who_was_not_heard_of_the_last_number_is_told_within_an_interval) {
  Solo r(1);
  const auto m = proposal(1);
  r.step(received(0, m));
  for (const unsigned peer : {0U, 2U})
    r.step(received(peer, wire::Prepare{View{0}, Seq{1}, digest(m)}));
  for (const unsigned peer : {0U, 2U})
    r.step(received(peer, wire::Commit{View{0}, Seq{1}, digest(m)}));
  r.step(Executed{Seq{1}, std::nullopt});
  r.step(Tick{}, Time{r.config.retransmit_us});
  const auto sends = r.all<Send>();
  ASSERT_EQ(sends.size(), 1U);
  EXPECT_EQ(sends[0].to, ReplicaId{3});
  EXPECT_EQ(std::get<wire::Status>(sends[0].message).executed, Seq{1});
  // It answers; what it lacks it asks for itself from then on.
  r.step(received(3, wire::Status{View{0}, View{0}, Seq{0}, Seq{1}, {}}));
  r.step(Tick{}, Time{10 * r.config.retransmit_us});
  EXPECT_TRUE(r.sent<wire::Status>().empty());
}

TEST(Replica, a_single_replica_needs_nobody) {
  Solo r(0, play::small_config(1, 0));
  r.step(submitted(request_of(1, 1)));
  EXPECT_THAT(r.order(),
              testing::ElementsAre("persist pre-prepare", "persist prepare", "persist commit",
                                   "persist lazily committed", "execute"));
}

TEST(Replica, a_batch_is_shared_by_all_who_hold_it) {
  Solo r(0, play::small_config(1, 0));
  r.step(submitted(request_of(1, 1)));
  const auto records = r.all<Persist>();
  const auto& recorded = std::get<PrePreparedRecord>(records[0].record).pre_prepare.batch;
  EXPECT_EQ(&recorded.requests.items[0], &r.all<Execute>()[0].batch.requests.items[0]);
}

TEST(Replica, several_numbers_are_executed_in_order_however_they_commit) {
  Solo r(1);
  std::vector<wire::PrePrepare> m = {proposal(1, 1), proposal(2, 2), proposal(3, 3)};
  for (const auto& each : m) r.step(received(0, each));
  const auto commit = [&](std::size_t i) {
    for (const unsigned from : {0U, 2U, 3U})
      r.step(received(from, wire::Commit{View{0}, m[i].seq, digest(m[i])}));
    std::vector<std::uint64_t> executed;
    for (const Execute& e : r.all<Execute>()) executed.push_back(e.seq.value);
    return executed;
  };
  EXPECT_TRUE(commit(2).empty());
  EXPECT_TRUE(commit(1).empty());
  EXPECT_THAT(commit(0), testing::ElementsAre(1, 2, 3));
}

TEST(Replica, nothing_beyond_a_checkpoint_is_executed_before_it_is_taken) {
  Solo r(0, play::small_config(1, 0, 2, 8));
  r.step(submitted(request_of(1, 1)));
  r.step(submitted(request_of(1, 2)));
  r.step(submitted(request_of(1, 3)));
  EXPECT_TRUE(r.all<Execute>().empty()) << "n3 is committed, n2 not yet executed";
  r.step(Executed{Seq{1}});
  EXPECT_TRUE(r.all<TakeCheckpoint>().empty());
  r.step(Executed{Seq{2}});
  ASSERT_EQ(r.all<TakeCheckpoint>().size(), 1U);
  EXPECT_EQ(r.all<TakeCheckpoint>()[0].seq, Seq{2});
  ASSERT_EQ(r.all<Execute>().size(), 1U);
  EXPECT_TRUE(std::holds_alternative<TakeCheckpoint>(r.effects[0]));
}

TEST(Replica, the_proof_is_recorded_before_the_host_hears_of_stability) {
  Solo r(0, play::small_config(1, 0, 2, 8));
  r.step(submitted(request_of(1, 1)));
  r.step(submitted(request_of(1, 2)));
  r.step(Executed{Seq{2}});
  r.step(CheckpointTaken{Seq{2}, digest_of("s")});
  ASSERT_EQ(r.effects.size(), 2U);
  const auto& record = std::get<StableRecord>(std::get<Persist>(r.effects[0]).record);
  EXPECT_EQ(record.proof->checkpoint.state, digest_of("s"));
  EXPECT_EQ(std::get<Stable>(r.effects[1]).seq, Seq{2});
  EXPECT_EQ(r.replica->status().stable, Seq{0});
  r.step(CheckpointDurable{Seq{2}});
  // That state.db is there is written down before anything goes because of it.
  ASSERT_EQ(r.all<Persist>().size(), 1U);
  EXPECT_EQ(r.all<Persist>()[0].record, JournalRecord(DiscardedRecord{Seq{2}}));
  EXPECT_EQ(r.all<DiscardJournal>()[0].seq, Seq{2});
  EXPECT_EQ(r.replica->status().stable, Seq{2});
  EXPECT_EQ(r.replica->status().stable_state, digest_of("s"));
}

TEST(Replica, strangers_and_its_own_voice_are_refused) {
  Solo r(1);
  r.step(received(4, proposal(1)));
  r.step(received(1, wire::Prepare{View{0}, Seq{1}, digest_of("d")}));
  EXPECT_EQ(r.replica->status().refused, 2U);
  EXPECT_TRUE(r.effects.empty());
}

TEST(Replica, says_nothing_but_what_an_operator_wants_to_read_unless_asked) {
  Solo r(1);
  const auto m = proposal(1);
  r.step(received(0, m));
  EXPECT_TRUE(r.all<Note>().empty());
  r.step(received(0, proposal(1, 2)));
  ASSERT_EQ(r.all<Note>().size(), 1U) << "the primary lies";
  EXPECT_TRUE(r.all<Note>()[0].important);
  r.step(received(0, proposal(1, 3)));
  EXPECT_TRUE(r.all<Note>().empty()) << "once is enough";
}

TEST(Replica, a_restart_says_again_what_is_to_be_executed) {
  play::Disk disk;
  play::PlayClock clock;
  auto config = play::small_config(1, 0);
  {
    Host host(config, clock, disk);
    host.handle(Time{0}, submitted(request_of(1, 1)));
    host.handle(Time{0}, submitted(request_of(1, 2)));
  }
  Host again(config, clock, disk);
  EXPECT_EQ(again.executed(), Seq{0});
  again.handle(Time{0}, Tick{});
  EXPECT_EQ(again.executed(), Seq{2});
}

TEST(Replica, a_restarted_primary_gives_no_second_number_to_what_its_journal_has_one_for) {
  play::Disk disk;
  play::PlayClock clock;
  auto config = play::small_config(4, 1);
  config.boot_question = false;
  {
    Host host(config, clock, disk);
    host.handle(Time{0}, submitted(request_of(1, 1)));
    EXPECT_EQ(host.status().proposed, Seq{1});
  }
  Host again(config, clock, disk);
  again.handle(Time{0}, Tick{});
  again.handle(Time{0}, submitted(request_of(1, 1)));
  EXPECT_EQ(again.status().proposed, Seq{1}) << "its client asked again";
  again.handle(Time{0}, submitted(request_of(1, 2)));
  EXPECT_EQ(again.status().proposed, Seq{2});
}

TEST(Replica, a_single_replica_goes_on_from_every_point_at_which_its_journal_can_end) {
  play::Disk disk;
  play::PlayClock clock;
  auto config = play::small_config(1, 0);
  {
    Host host(config, clock, disk);
    host.handle(Time{0}, submitted(request_of(1, 1)));
  }
  const auto whole = disk.journal;
  ASSERT_EQ(whole.size(), 5U) << "stable, pre-prepare, prepare, commit, committed";
  for (std::size_t length = 2; length <= whole.size(); ++length) {
    play::Disk torn;
    torn.journal.assign(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(length));
    Host again(config, clock, torn);
    again.handle(Time{0}, Tick{});
    EXPECT_EQ(again.executed(), Seq{1}) << length;
    EXPECT_EQ(torn.journal, whole) << length;
  }
}

/// It differs at one checkpoint and, by chance, not at the next one: no state may become stable
/// above the one that is on its way, which is then older than the window.
TEST(Replica, that_fetches_a_state_does_not_go_beyond_it_by_its_own_later_ones) {
  Solo r(1);
  const auto commit = [&](std::uint64_t seq) {
    const auto m = proposal(seq, seq);
    r.step(received(0, m));
    for (const unsigned peer : {0U, 2U})
      r.step(received(peer, wire::Prepare{View{0}, Seq{seq}, digest(m)}));
    for (const unsigned peer : {0U, 2U})
      r.step(received(peer, wire::Commit{View{0}, Seq{seq}, digest(m)}));
    r.step(Executed{Seq{seq}, std::nullopt});
  };
  std::size_t stable = 0;
  std::size_t fetched = 0;
  const auto others_sign = [&](std::uint64_t seq, const Digest& state) {
    for (const unsigned peer : {0U, 2U, 3U}) {
      r.step(received(peer, wire::Signed<wire::Checkpoint>{{Seq{seq}, state, {}}, {}}));
      stable += r.all<Stable>().size();
      fetched += r.all<FetchState>().size();
    }
  };
  for (std::uint64_t seq = 1; seq <= 4; ++seq) commit(seq);
  r.step(CheckpointTaken{Seq{4}, digest_of("astray")});
  for (std::uint64_t seq = 5; seq <= 8; ++seq) commit(seq);
  r.step(CheckpointTaken{Seq{8}, digest_of("right again")});
  others_sign(4, digest_of("right"));
  ASSERT_EQ(fetched, 1U);
  others_sign(8, digest_of("right again"));
  EXPECT_EQ(stable, 0U);
  r.step(StateInstalled{{{Seq{4}, digest_of("right"), {}}, {}}, std::nullopt});
  EXPECT_EQ(r.replica->status().stable, Seq{4});
  EXPECT_FALSE(r.replica->status().diverged);
}

TEST(ReplicaDeathTest, a_host_that_reports_what_was_not_asked_is_a_bug) {
  Solo r(1);
  EXPECT_DEATH(r.step(Executed{Seq{1}}), "handed_");
  EXPECT_DEATH(r.step(CheckpointDurable{Seq{4}}), "pending_");
  EXPECT_DEATH(r.step(StateInstalled{{{Seq{4}, {}, {}}, {}}}), "target_");
}

TEST(ReplicaDeathTest, time_never_goes_back) {
  play::PlayClock clock;
  const auto signer = play::signer_of(0);
  Replica r(play::small_config(4, 1), signer, clock, Recovered{});
  Effects effects;
  r.step(Time{5}, Tick{}, effects);
  EXPECT_DEATH(r.step(Time{4}, Tick{}, effects), "now >= now_");
}

}  // namespace
}  // namespace prytany::pbft
