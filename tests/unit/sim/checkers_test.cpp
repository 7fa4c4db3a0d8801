// A checker that cannot fail is a defect: each is shown what it must refuse, beside what it must
// accept.
#include "tests/sim/checks.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "server/wire/client_json.h"
#include "server/wire/frame.h"

namespace prytany::sim {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::StartsWith;

constexpr ReplicaId r1{1};
constexpr ReplicaId r2{2};

Digest digest(std::uint8_t value) {
  Digest made;
  made.bytes.fill(value);
  return made;
}

wire::ClientRequest request(std::uint64_t number) {
  wire::ClientRequest made;
  made.body.session = SessionId{5};
  made.body.number = RequestNumber{number};
  return made;
}

wire::Batch batch_of(std::uint64_t number) {
  wire::Batch batch;
  batch.requests.items.push_back(request(number));
  return batch;
}

class Checkers : public testing::Test {
 protected:
  Checks checks{digest(9), {4, 1}};
  const std::vector<std::string>& violations() const { return checks.violations.all(); }
  wire::Agreed agreed{AgreedTime{1}, {}};

  void commit(ReplicaId by, std::uint64_t seq, std::uint64_t number) {
    const wire::Batch batch = batch_of(number);
    checks.agreement.committed(by, Seq{seq}, wire::batch_digest(batch, agreed), batch, agreed);
  }
};

// ---- agreement --------------------------------------------------------------------------------

TEST_F(Checkers, accept_that_replicas_commit_the_same_batches) {
  checks.agreement.issued(wire::request_digest(request(1).body));
  checks.agreement.issued(wire::request_digest(request(2).body));
  commit(r1, 1, 1);
  commit(r2, 1, 1);
  commit(r1, 2, 2);
  checks.agreement.claimed(r2, Seq{2}, checks.agreement.log().at(Seq{2}).digest);
  EXPECT_THAT(violations(), IsEmpty());
  EXPECT_EQ(checks.agreement.contiguous(), Seq{2});
  EXPECT_EQ(checks.agreement.requests(), 2U);
}

TEST_F(Checkers, find_two_digests_at_one_number) {
  checks.agreement.issued(wire::request_digest(request(1).body));
  checks.agreement.issued(wire::request_digest(request(2).body));
  commit(r1, 1, 1);
  commit(r2, 1, 2);
  EXPECT_THAT(violations(), ElementsAre(StartsWith("agreement: r2 committed n1")));
}

TEST_F(Checkers, find_a_batch_that_is_not_what_its_digest_says) {
  checks.agreement.committed(r1, Seq{1}, digest(1), {}, agreed);
  EXPECT_THAT(violations(), ElementsAre(StartsWith("agreement: r1 committed n1")));
}

TEST_F(Checkers, find_a_request_that_no_client_made) {
  commit(r1, 1, 1);
  EXPECT_THAT(violations(), ElementsAre(StartsWith("agreement: n1 holds request")));
}

TEST_F(Checkers, find_who_accepts_a_request_that_no_client_made) {
  checks.agreement.issued(wire::request_digest(request(1).body));
  checks.agreement.accepted(r1, Seq{1}, {{{request(1)}}});
  EXPECT_THAT(violations(), IsEmpty());
  checks.agreement.accepted(r1, Seq{2}, {{{request(2)}}});
  EXPECT_THAT(violations(), ElementsAre(StartsWith("agreement: r1 accepts at n2")));
}

TEST_F(Checkers, find_a_claim_of_commitment_that_contradicts_others) {
  checks.agreement.claimed(r1, Seq{3}, digest(1));
  checks.agreement.claimed(r2, Seq{3}, digest(1));
  EXPECT_THAT(violations(), IsEmpty());
  checks.agreement.claimed(r2, Seq{3}, digest(2));
  EXPECT_THAT(violations(), ElementsAre(StartsWith("agreement: r2 says that n3")));
}

TEST_F(Checkers, find_a_claim_of_commitment_that_nobody_ever_wrote_down) {
  checks.agreement.claimed(r1, Seq{3}, digest(1));
  checks.agreement.finish();
  EXPECT_THAT(violations(), ElementsAre(StartsWith("agreement: r1 said that n3")));
}

// ---- votes ------------------------------------------------------------------------------------

TEST_F(Checkers, accept_a_vote_that_was_written_down_and_is_sent_again_after_a_restart) {
  const wire::Prepare vote{View{0}, Seq{1}, digest(1)};
  checks.votes.synced(r1, pbft::PreparedVote{vote});
  checks.votes.sent(r1, vote);
  pbft::Recovered recovered;
  recovered.slots[Seq{1}].prepare = vote;
  checks.votes.recovered(r1, recovered);
  checks.votes.sent(r1, vote);
  EXPECT_THAT(violations(), IsEmpty());
}

TEST_F(Checkers, find_a_vote_that_leaves_before_its_record_is_synced) {
  checks.votes.sent(r1, wire::Commit{View{0}, Seq{1}, digest(1)});
  EXPECT_THAT(violations(), ElementsAre(StartsWith("persist before send: r1 sent commit")));
}

TEST_F(Checkers, find_a_vote_whose_record_another_replica_synced) {
  const wire::Prepare vote{View{0}, Seq{1}, digest(1)};
  checks.votes.synced(r2, pbft::PreparedVote{vote});
  checks.votes.sent(r1, vote);
  EXPECT_THAT(violations(), ElementsAre(StartsWith("persist before send: r1 sent prepare")));
}

TEST_F(Checkers, find_a_vote_that_contradicts_an_earlier_one) {
  for (const Digest& which : {digest(1), digest(2)}) {
    const wire::Prepare vote{View{0}, Seq{1}, which};
    checks.votes.synced(r1, pbft::PreparedVote{vote});
    checks.votes.sent(r1, vote);
  }
  EXPECT_THAT(violations(), ElementsAre(StartsWith("votes: r1 sent prepare of v0 n1")));
}

TEST_F(Checkers, find_a_primary_that_proposes_two_batches_for_one_number) {
  checks.votes.sent(r1, wire::PrePrepare{View{1}, Seq{1}, batch_of(1), agreed});
  checks.votes.sent(r1, wire::PrePrepare{View{1}, Seq{1}, batch_of(2), agreed});
  EXPECT_THAT(violations(), ElementsAre(StartsWith("votes: r1 sent pre-prepare of v1 n1")));
}

TEST_F(Checkers, find_a_restart_that_forgot_a_vote_but_not_one_below_its_image) {
  const wire::Prepare vote{View{0}, Seq{4}, digest(1)};
  checks.votes.synced(r1, pbft::PreparedVote{vote});
  checks.votes.sent(r1, vote);
  pbft::Recovered recovered;
  recovered.image = Seq{4};
  checks.votes.recovered(r1, recovered);
  EXPECT_THAT(violations(), IsEmpty());
  recovered.image = Seq{3};
  checks.votes.recovered(r1, recovered);
  EXPECT_THAT(violations(), ElementsAre(StartsWith("memory: r1 restarted without its prepare")));
}

// ---- state ------------------------------------------------------------------------------------

TEST_F(Checkers, accept_equal_states_and_find_unequal_ones) {
  checks.state.signed_checkpoint(r1, Seq{8}, digest(1));
  checks.state.signed_checkpoint(r2, Seq{8}, digest(1));
  checks.state.signed_checkpoint(r1, Seq{16}, digest(2));
  EXPECT_THAT(violations(), IsEmpty());
  checks.state.signed_checkpoint(r2, Seq{16}, digest(3));
  EXPECT_THAT(violations(), ElementsAre(StartsWith("state: r2 has")));
}

TEST_F(Checkers, find_a_proof_of_another_state) {
  checks.state.signed_checkpoint(r1, Seq{8}, digest(1));
  checks.state.proof(r2, {{Seq{8}, digest(2)}, {}});
  EXPECT_THAT(violations(), ElementsAre(StartsWith("state: r2 has")));
}

// ---- progress ---------------------------------------------------------------------------------

pbft::ReplicaStatus status(std::uint64_t stable, std::uint64_t executed) {
  pbft::ReplicaStatus made;
  made.stable = Seq{stable};
  made.executed = Seq{executed};
  return made;
}

TEST_F(Checkers, accept_progress_and_a_restart_that_executes_its_journal_again) {
  checks.progress.started(r1, Seq{0});
  for (std::uint64_t n = 1; n <= 5; ++n) checks.progress.committed_durably(r1, Seq{n});
  checks.progress.after_turn(r1, status(0, 3), Seq{5}, 8);
  checks.progress.after_turn(r1, status(4, 5), Seq{5}, 8);
  checks.progress.started(r1, Seq{4});
  checks.progress.after_turn(r1, status(4, 5), Seq{5}, 8);
  EXPECT_THAT(violations(), IsEmpty());
}

TEST_F(Checkers, find_numbers_that_go_back) {
  checks.progress.started(r1, Seq{0});
  checks.progress.after_turn(r1, status(4, 5), Seq{5}, 8);
  checks.progress.after_turn(r1, status(4, 4), Seq{5}, 8);
  checks.progress.after_turn(r1, status(3, 4), Seq{5}, 8);
  EXPECT_THAT(violations(), ElementsAre(StartsWith("progress: r1 moved its last executed back"),
                                        StartsWith("progress: r1 moved its stable checkpoint")));
}

TEST_F(Checkers, find_execution_of_what_is_not_committed_or_beyond_the_window) {
  checks.progress.started(r1, Seq{0});
  checks.progress.after_turn(r1, status(0, 6), Seq{5}, 8);
  checks.progress.after_turn(r1, status(0, 9), Seq{9}, 8);
  EXPECT_THAT(violations(), ElementsAre(StartsWith("progress: r1 executed n6, which is not"),
                                        StartsWith("progress: r1 executed n9 beyond its window")));
}

TEST_F(Checkers, find_a_restart_that_lost_what_its_journal_held) {
  checks.progress.started(r1, Seq{0});
  checks.progress.committed_durably(r1, Seq{1});
  checks.progress.committed_durably(r1, Seq{2});
  checks.progress.started(r1, Seq{0});
  checks.progress.after_turn(r1, status(0, 1), Seq{5}, 8);
  EXPECT_THAT(violations(), ElementsAre(StartsWith("progress: r1 restarted with n1 executed")));
}

TEST_F(Checkers, find_an_image_older_than_what_the_journal_was_thrown_away_for) {
  checks.progress.started(r1, Seq{0});
  checks.progress.discarded(r1, Seq{8});
  checks.progress.started(r1, Seq{4});
  EXPECT_THAT(violations(), ElementsAre(StartsWith("restart: r1 restarted from n4")));
}

// ---- replies ----------------------------------------------------------------------------------

wire::Reply reply(std::uint64_t number, std::uint64_t seq) {
  wire::Reply made;
  made.session = SessionId{5};
  made.number = RequestNumber{number};
  made.request = digest(static_cast<std::uint8_t>(number));
  made.seq = Seq{seq};
  return made;
}

TEST_F(Checkers, accept_equal_replies_whole_or_as_digests_and_what_a_client_took) {
  const wire::Reply whole = reply(1, 3);
  checks.replies.replied(r1, wire::ReplyDigest{whole.session, whole.number, whole.request,
                                               wire::reply_digest(digest(9), whole)});
  checks.replies.replied(r2, whole);
  checks.replies.accepted("c1", {whole.session, whole.number, whole.seq, whole.agreed, {}});
  EXPECT_THAT(violations(), IsEmpty());
}

TEST_F(Checkers, find_a_request_that_was_executed_at_two_numbers) {
  checks.replies.replied(r1, reply(1, 3));
  checks.replies.replied(r2, reply(1, 4));
  EXPECT_THAT(violations(), ElementsAre(StartsWith("replies: r2 answers request 1"),
                                        StartsWith("exactly once: r2 answers request 1")));
}

TEST_F(Checkers, find_a_client_that_took_what_no_replica_gave) {
  checks.replies.replied(r1, reply(1, 3));
  wire::Reply other = reply(1, 3);
  checks.replies.accepted("c1", {other.session, other.number, Seq{4}, other.agreed, {}});
  EXPECT_THAT(violations(), ElementsAre(StartsWith("client acceptance: c1 accepted")));
}

// ---- what crosses the ports -------------------------------------------------------------------

TEST_F(Checkers, read_votes_and_checkpoints_out_of_sealed_frames) {
  const crypto::Mac key(crypto::MacKey{});
  const auto encoded = [](const wire::PeerMessage& message) {
    return std::make_shared<const wire::EncodedMessage>(wire::encode_message(message));
  };
  wire::Signed<wire::Checkpoint> checkpoint;
  checkpoint.message = {Seq{8}, digest(1)};
  const std::vector<std::shared_ptr<const wire::EncodedMessage>> messages{
      encoded(wire::Prepare{View{0}, Seq{1}, digest(1)}), encoded(checkpoint)};
  checks.frame_left(r1, wire::seal(ConfigNumber{0}, key, messages));
  EXPECT_THAT(violations(), ElementsAre(StartsWith("persist before send: r1 sent prepare")));
  EXPECT_EQ(checks.state.states().at(Seq{8}), digest(1));
}

TEST_F(Checkers, find_a_frame_that_nobody_can_read) {
  checks.frame_left(r1, Bytes{0, 0, 0, 1, 1});
  EXPECT_THAT(violations(), ElementsAre(StartsWith("frames: r1 sent what nobody can read")));
}

TEST_F(Checkers, read_replies_and_requests_out_of_json) {
  checks.text_left(r1, node::ConnectionId{1},
                   wire::to_json(wire::TaggedToClient{reply(1, 3), crypto::Tag16{}}));
  EXPECT_EQ(checks.replies.given().size(), 1U);
  wire::SubmitRequest submit;
  submit.request = request(1);
  submit.request.body.operation.bytes = wire::encode(wire::Operation{wire::Leave{}});
  submit.request.proof.signature.emplace();
  wire::Batch batch;
  batch.requests.items.push_back(submit.request);
  checks.client_text_left(wire::to_json(wire::FromClient{submit}));
  checks.agreement.committed(r1, Seq{1}, wire::batch_digest(batch, agreed), batch, agreed);
  EXPECT_THAT(violations(), IsEmpty());
}

// ---- time, and those whose disks forget --------------------------------------------------------

TEST_F(Checkers, find_an_agreed_time_ahead_of_every_honest_clock) {
  checks.times.read(AgreedTime{1'000'000});
  checks.times.committed(r1, Seq{1}, AgreedTime{1'500'000});
  EXPECT_THAT(violations(), IsEmpty());
  checks.times.committed(r1, Seq{2}, AgreedTime{1'500'001});
  EXPECT_THAT(violations(), ElementsAre(StartsWith("agreed time: r1 committed n2")));
}

// ---- configurations ----------------------------------------------------------------------------

TEST_F(Checkers, find_votes_that_are_not_of_the_configuration_that_governs_their_number) {
  const wire::Configuration next{ConfigNumber{1}, Seq{8}, {}};
  checks.configurations.began(r1, next);
  checks.configurations.voted(r1, ConfigNumber{0}, Seq{8});
  checks.configurations.voted(r1, ConfigNumber{1}, Seq{9});
  checks.configurations.finish();
  EXPECT_THAT(violations(), IsEmpty());
  checks.configurations.voted(r2, ConfigNumber{0}, Seq{9});
  checks.configurations.voted(r1, ConfigNumber{1}, Seq{8});
  checks.configurations.finish();
  EXPECT_THAT(violations(), ElementsAre(StartsWith("configurations: r2 voted for n9"),
                                        StartsWith("configurations: r1 voted for n8")));
}

TEST_F(Checkers, find_a_key_that_became_a_members_without_the_approvals_for_it) {
  crypto::PublicKey key;
  key.bytes.fill(3);
  wire::Configuration next{ConfigNumber{1}, Seq{8}, {}};
  next.keys.items.push_back(key);
  checks.configurations.began(r1, next);
  EXPECT_THAT(violations(), IsEmpty());
  checks.configurations.never(key);
  checks.configurations.began(r2, next);
  EXPECT_THAT(violations(), ElementsAre(StartsWith("configurations: configuration 1 has a key")));
}

TEST_F(Checkers, find_configurations_that_are_two_or_that_nobody_has_proven) {
  checks.configurations.began(r1, {ConfigNumber{1}, Seq{8}, {}});
  checks.configurations.began(r2, {ConfigNumber{1}, Seq{16}, {}});
  EXPECT_THAT(violations(), ElementsAre(StartsWith("configurations: r2 knows another")));
  checks.configurations.voted(r2, ConfigNumber{2}, Seq{20});
  checks.configurations.finish();
  EXPECT_THAT(violations().back(), StartsWith("configurations: r2 voted in configuration 2"));
}

TEST_F(Checkers, ask_everything_of_a_newer_incarnation_and_nothing_of_what_the_older_one_said) {
  Checks forgiving{digest(9), {4, 1}, {r1}};
  const wire::Prepare older{View{0}, Seq{5}, digest(5)};
  const wire::Prepare newer{View{0}, Seq{5}, digest(6)};
  forgiving.votes.synced(r1, pbft::PreparedVote{older});
  forgiving.votes.sent(r1, older);
  forgiving.born(r1);
  forgiving.votes.synced(r1, pbft::PreparedVote{newer});
  forgiving.votes.sent(r1, newer);
  EXPECT_THAT(forgiving.violations.all(), IsEmpty());
  forgiving.recovered(r1, pbft::Recovered{}, Seq{4});
  EXPECT_THAT(forgiving.violations.all(), ElementsAre(StartsWith("memory: r1")));
}

TEST(Forgetful, replicas_are_not_asked_about_their_own_history_and_damaged_ones_are) {
  Checks checks{digest(9), {4, 1}, {r1}, {r2}};
  for (const ReplicaId id : {r1, r2}) {
    checks.progress.discarded(id, Seq{8});
    checks.recovered(id, pbft::Recovered{}, Seq{4});
  }
  EXPECT_THAT(checks.violations.all(), IsEmpty());
  // An older state.db may do; a vote that was sent and is gone may not.
  const wire::Prepare vote{View{0}, Seq{5}, digest(5)};
  for (const ReplicaId id : {r1, r2}) {
    checks.votes.synced(id, pbft::PreparedVote{vote});
    checks.votes.sent(id, vote);
    checks.recovered(id, pbft::Recovered{}, Seq{4});
  }
  EXPECT_THAT(checks.violations.all(), ElementsAre(StartsWith("memory: r2")));
}

}  // namespace
}  // namespace prytany::sim
