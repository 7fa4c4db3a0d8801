// Joining in two phases, and what liars among the replicas can do to it (design.md section 7).
#include <gmock/gmock.h>

#include "tests/unit/clientlib/fake_group.h"

namespace prytany::client {
namespace {

wire::JoinBegin begin_of(const FakeReplica& replica) {
  return std::get<wire::JoinBegin>(replica.heard.back());
}
wire::Join join_in(const wire::SubmitRequest& submit) {
  return std::get<wire::Join>(*wire::decode<wire::Operation>(submit.request.body.operation.view()));
}

TEST(SessionJoin, asks_everyone_for_a_token_and_orders_the_join_with_a_weak_quorum_of_them) {
  Host host;
  host.start();
  const Ticket ticket = host.begin_join();
  const wire::JoinBegin begin = begin_of(host.group[3]);
  EXPECT_TRUE(crypto::verify(host.credential.public_key(),
                             wire::credential_signed_bytes(host.cluster->cluster, begin),
                             begin.identification.signature));
  EXPECT_EQ(begin.identification.name.text, "anna");
  host.say(3, host.group[3].token_for(begin));
  EXPECT_EQ(host.group[0].count<wire::SubmitRequest>(), 0U);
  host.say(1, host.group[1].token_for(begin));
  const wire::SubmitRequest& submit = host.group[2].last_request();
  EXPECT_TRUE(wire::verify_request(host.cluster->cluster, submit.request));
  EXPECT_EQ(submit.request.body.session, SessionId{0});
  EXPECT_EQ(submit.request.body.signer, begin.session_key);
  const wire::Join join = join_in(submit);
  ASSERT_EQ(join.tokens.size(), 2U);
  EXPECT_EQ(join.tokens.items[0].replica, ReplicaId{1}) << "strictly increasing";
  EXPECT_EQ(join.tokens.items[1].replica, ReplicaId{3});

  const auto joined = wire::JoinedReply{SessionId{5}, {"anna"}, {"voter"}, {}};
  host.say(0, host.reply_to(submit, joined));
  EXPECT_FALSE(host.completed.contains(ticket));
  host.say(1, host.reply_to(submit, joined));
  ASSERT_TRUE(host.completed.contains(ticket));
  EXPECT_EQ(host.session->id(), SessionId{5});
  EXPECT_EQ(host.session->principal(), "anna");
  EXPECT_EQ(host.session->role(), "voter");
}

TEST(SessionJoin, tokens_that_are_forged_borrowed_or_for_another_join_are_ignored) {
  Host host;
  host.start();
  (void)host.begin_join();
  const wire::JoinBegin begin = begin_of(host.group[0]);
  auto forged = host.group[0].token_for(begin);
  forged.token.expires = AgreedTime{forged.token.expires.value + 1};
  host.say(0, forged);
  host.say(0, host.group[1].token_for(begin));  // another's, passed on
  auto renamed = host.group[0].token_for(begin);
  renamed.token.replica = ReplicaId{2};
  host.say(0, renamed);
  wire::JoinBegin other = begin;
  other.nonce[0] ^= 1;
  host.say(0, host.group[0].token_for(other));
  host.say(1, host.group[1].token_for(begin));
  EXPECT_EQ(host.group[3].count<wire::SubmitRequest>(), 0U);
  EXPECT_TRUE(host.noted("replica 0 gives a token that is not its own"));
  host.say(2, host.group[2].token_for(begin));
  EXPECT_EQ(host.group[3].count<wire::SubmitRequest>(), 1U);
}

TEST(SessionJoin, a_join_refused_for_its_tokens_is_tried_again_with_those_of_all) {
  Host host;
  host.start();
  const Ticket ticket = host.begin_join();
  wire::JoinBegin begin = begin_of(host.group[0]);
  host.say(0, host.group[0].token_for(begin));
  host.say(1, host.group[1].token_for(begin));
  const wire::ErrorReply expired{{"token_expired"}, {"too late"}, {}, 0};
  const auto first = host.group[0].last_request();
  for (unsigned i = 0; i < 4; ++i) host.say(i, host.reply_to(first, expired));
  EXPECT_FALSE(host.completed.contains(ticket));
  begin = begin_of(host.group[0]);
  for (unsigned i = 0; i < 4; ++i) host.say(i, host.group[i].token_for(begin));
  const auto second = host.group[0].last_request();
  ASSERT_NE(second, first);
  const wire::Join join = join_in(second);
  ASSERT_EQ(join.tokens.size(), 4U);
  for (unsigned i = 0; i < 4; ++i) EXPECT_EQ(join.tokens.items[i].replica.value, i);
  // A third time, but not at once: what differs may be clocks.
  for (unsigned i = 0; i < 4; ++i) host.say(i, host.reply_to(second, expired));
  EXPECT_EQ(host.group[0].count<wire::JoinBegin>(), 2U);
  host.advance_to(host.now + 110'000);
  EXPECT_EQ(host.group[0].count<wire::JoinBegin>(), 3U);
}

TEST(SessionJoin, what_is_asked_before_the_join_waits_for_it) {
  Host host;
  host.start();
  const Ticket early = host.call("hello");
  EXPECT_EQ(host.group[0].heard.size(), 0U);
  (void)host.begin_join();
  for (unsigned i = 0; i < 2; ++i) host.say(i, host.group[i].token_for(begin_of(host.group[i])));
  const auto join = host.group[0].last_request();
  for (unsigned i = 0; i < 2; ++i)
    host.say(i, host.reply_to(join, wire::JoinedReply{SessionId{5}, {}, {}, {}}));
  const auto& submit = host.group[0].last_request();
  EXPECT_EQ(submit.request.body.session, SessionId{5});
  EXPECT_EQ(submit.request.body.number, RequestNumber{1});
  EXPECT_FALSE(host.completed.contains(early));
}

TEST(SessionJoin, an_applications_no_is_the_answer_and_fails_what_waited) {
  Host host;
  host.start();
  const Ticket waiting = host.call("hello");
  const Ticket ticket = host.begin_join();
  for (unsigned i = 0; i < 2; ++i) host.say(i, host.group[i].token_for(begin_of(host.group[i])));
  const auto join = host.group[0].last_request();
  const wire::ErrorReply no{{"NOT_ON_ROLL"}, {"unknown voter"}, {}, 0};
  host.say(0, host.reply_to(join, wire::JoinedReply{SessionId{5}, {"anna"}, {"admin"}, {}}));
  host.say(1, host.reply_to(join, no));
  host.say(2, host.reply_to(join, no));
  ASSERT_TRUE(host.completed.contains(ticket));
  EXPECT_EQ(std::get<wire::ErrorReply>(host.completed.at(ticket).outcome), no);
  EXPECT_EQ(host.completed.at(ticket).agreement.differed, replicas({0}));
  EXPECT_EQ(host.session->standing(ReplicaId{0}).differed, 0U)
      << "a join that fails may be executed twice";
  EXPECT_EQ(host.completed.at(waiting).verdict, Verdict::refused);
  EXPECT_FALSE(host.completed.at(waiting).sent);
  EXPECT_EQ(host.completed.at(waiting).code, "NOT_ON_ROLL");
  EXPECT_EQ(host.session->id(), SessionId{0});
}

TEST(SessionJoin, fewer_than_a_quorum_cannot_refuse_a_join_and_a_quorum_must_insist) {
  Host host;
  host.start();
  const Ticket ticket = host.begin_join(host.now + 60'000'000);
  const Digest digest = wire::join_digest(begin_of(host.group[0]));
  const wire::Refused no{digest, {"weak_key"}, {"no"}};
  for (int i = 0; i < 10; ++i) {
    host.say(0, no);
    host.say(2, no);
    host.advance_to(host.now + 1'000'000);
  }
  EXPECT_FALSE(host.completed.contains(ticket));
  for (int round = 0; round < 3; ++round) {
    EXPECT_FALSE(host.completed.contains(ticket));
    for (unsigned i = 0; i < 3; ++i) host.say(i, no);
    host.advance_to(host.now + 1'000'000);
  }
  ASSERT_TRUE(host.completed.contains(ticket));
  EXPECT_EQ(host.completed.at(ticket).verdict, Verdict::refused);
  EXPECT_EQ(host.completed.at(ticket).code, "weak_key");
}

TEST(SessionJoin, ends_at_its_deadline_when_too_few_replicas_answer) {
  Host host;
  for (unsigned i = 1; i < 4; ++i) host.up[i] = false;
  host.start();
  const Ticket ticket = host.begin_join(host.now + 2'000'000);
  host.say(0, host.group[0].token_for(begin_of(host.group[0])));
  host.advance_to(host.now + 2'000'000);
  ASSERT_TRUE(host.completed.contains(ticket));
  EXPECT_EQ(host.completed.at(ticket).verdict, Verdict::no_quorum);
}

TEST(SessionJoin, that_was_ordered_and_not_answered_in_time_is_no_unknown_outcome) {
  Host host;
  host.start();
  const Ticket ticket = host.begin_join(host.now + 2'000'000);
  const wire::JoinBegin begin = begin_of(host.group[3]);
  for (const unsigned i : {1U, 3U}) host.say(i, host.group[i].token_for(begin));
  ASSERT_EQ(host.group[0].count<wire::SubmitRequest>(), 1U) << "it was ordered";
  host.advance_to(host.now + 2'000'000);
  ASSERT_TRUE(host.completed.contains(ticket));
  EXPECT_EQ(host.completed.at(ticket).verdict, Verdict::no_quorum);
  EXPECT_TRUE(host.completed.at(ticket).sent);
}

}  // namespace
}  // namespace prytany::client
