// Joining with a proof: what counts is what weak_quorum() replicas found in it alike.
#include <gmock/gmock.h>

#include "tests/unit/clientlib/fake_group.h"

namespace prytany::client {
namespace {

wire::Identify identify_of(const FakeReplica& replica) {
  return std::get<wire::Identify>(replica.heard.back());
}

wire::Identity of(const std::string& subject) {
  return {{"id_token"}, {"issuer"}, {subject}, {"{}"}, AgreedTime{2'000'000}};
}

class Identifying : public testing::Test {
 protected:
  void SetUp() override {
    host.start();
    ticket = host.begin_join({"id_token", [this](const wire::JoinBegin&) {
                                ++proofs;
                                return wire::Proof{wire::IdTokenProof{{"a.b.c"}}};
                              }});
  }
  wire::IdentityTokenReply vouched(unsigned replica, const std::string& subject) {
    const Digest digest = wire::join_digest(identify_of(host.group[0]).begin);
    wire::JoinToken token{
        ReplicaId{static_cast<std::uint16_t>(replica)}, {"127.0.0.1"}, AgreedTime{1'000'000}, {}};
    token.signature = host.group[replica].signer().sign(wire::identity_token_signed_bytes(
        host.cluster->cluster, digest, of(subject), token.address, token.expires));
    return {digest, of(subject), token};
  }
  wire::IdentifiedJoin ordered() {
    const auto& body = host.group[0].last_request().request.body;
    return std::get<wire::IdentifiedJoin>(*wire::decode<wire::Operation>(body.operation.view()));
  }

  Host host;
  Ticket ticket;
  unsigned proofs = 0;
};

TEST_F(Identifying, orders_what_weak_quorum_replicas_vouch_for) {
  EXPECT_EQ(identify_of(host.group[3]).begin.identification.kind.text, "id_token");
  EXPECT_EQ(std::get<wire::IdTokenProof>(identify_of(host.group[3]).proof).token.text, "a.b.c");
  host.say(2, vouched(2, "anna"));
  EXPECT_EQ(host.group[0].count<wire::SubmitRequest>(), 0U);
  host.say(1, vouched(1, "anna"));
  EXPECT_EQ(ordered().identity, of("anna"));
  ASSERT_EQ(ordered().tokens.size(), 2U);
  EXPECT_EQ(ordered().tokens.items[0].replica, ReplicaId{1});
}

TEST_F(Identifying, a_liar_cannot_have_itself_counted_with_others) {
  host.say(0, vouched(0, "zoe"));
  host.say(1, vouched(1, "anna"));
  EXPECT_EQ(host.group[0].count<wire::SubmitRequest>(), 0U);
  host.say(0, vouched(0, "eve"));
  auto forged = vouched(2, "zoe");
  forged.identity = of("anna");
  host.say(2, forged);
  EXPECT_EQ(host.group[0].count<wire::SubmitRequest>(), 0U);
  host.say(3, vouched(3, "anna"));
  EXPECT_EQ(ordered().identity, of("anna"));
}

TEST_F(Identifying, ordinary_tokens_are_not_taken) {
  const wire::JoinBegin begin = identify_of(host.group[0]).begin;
  for (unsigned i = 0; i < 3; ++i) host.say(i, host.group[i].token_for(begin));
  EXPECT_EQ(host.group[0].count<wire::SubmitRequest>(), 0U);
}

TEST_F(Identifying, makes_a_proof_for_each_attempt) {
  for (unsigned i = 0; i < 2; ++i) host.say(i, vouched(i, "anna"));
  EXPECT_EQ(proofs, 1U);
  const auto submit = host.group[0].last_request();
  for (unsigned i = 0; i < 3; ++i)
    host.say(i, host.reply_to(submit, wire::ErrorReply{{"token_expired"}, {"late"}, {}, 0}));
  EXPECT_EQ(proofs, 2U);
}

TEST_F(Identifying, a_quorum_of_refusals_ends_it) {
  const Digest digest = wire::join_digest(identify_of(host.group[0]).begin);
  for (int round = 0; round < 5; ++round) {
    for (unsigned i = 0; i < 3; ++i)
      host.say(i, wire::Refused{digest, {"proof_expired"}, {"get a new one"}});
    host.advance_to(host.now + 2'000'000);
  }
  ASSERT_TRUE(host.completed.contains(ticket));
  EXPECT_EQ(host.completed.at(ticket).code, "proof_expired");
}

}  // namespace
}  // namespace prytany::client
