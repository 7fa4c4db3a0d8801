// Phase one of joins that prove more than a key, at a replica's door.
#include "tests/unit/crypto/foreign_identities.h"
#include "tests/unit/node/door.h"

namespace prytany::node {
namespace {

using crypto::foreign::TestKey;

struct IdentifyingDoor : Door {
  IdentifyingDoor() {
    const auto file = [](const std::string& path, const std::string& content) {
      return wire::ApplicationFile{{path}, {to_bytes(as_bytes(content))}};
    };
    wire::Install install;
    install.files.items = {
        file("procedures/token_keys.sql",
             "-- @param issuer text\n-- @read-only\nSELECT 'guild', '" + key.jwk("k") + "';"),
        file("prytany.json", R"({"name": "guild", "version": "1", "roles": {}})")};
    app::Client admin = replica.join(app::test_key(100));
    EXPECT_EQ(app::code_of(replica.ask(admin, install)), "");
  }

  wire::Identify with_token(std::int64_t life_s) {
    const crypto::Signer credential = app::test_key(8);
    wire::JoinBegin begin;
    begin.session_key = app::test_key(7).public_key();
    begin.identification.kind.text = "id_token";
    begin.identification.credential = credential.public_key();
    begin.identification.signature =
        credential.sign(wire::credential_signed_bytes(group.cluster, begin));
    const Digest nonce = wire::id_token_nonce(group.cluster, credential.public_key());
    const std::string payload = R"({"iss":"i","sub":"anna","aud":"guild","exp":)" +
                                std::to_string(clock.wall().value / 1'000'000 + life_s) +
                                ",\"nonce\":\"" + to_base64url(nonce.view()) + "\"}";
    return {begin, wire::IdTokenProof{
                       {crypto::foreign::id_token(key, "EdDSA", R"({"alg":"EdDSA"})", payload)}}};
  }
  void identify(ConnectionId id, const wire::Identify& asked) {
    (void)clients.text(id, wire::to_json(wire::FromClient{asked}), verifier);
  }

  TestKey key = TestKey::ed25519();
};

TEST_F(IdentifyingDoor, signs_what_it_found_and_where_it_saw_the_client) {
  hello(one);
  const wire::Identify asked = with_token(60);
  identify(one, asked);
  const auto* answer =
      std::get_if<wire::IdentityTokenReply>(&transport.messages.back().second.message);
  ASSERT_NE(answer, nullptr) << last_refusal();
  EXPECT_EQ(answer->identity.subject.text, "anna");
  EXPECT_EQ(answer->token.address.text, "127.0.0.1");
  EXPECT_TRUE(crypto::verify(signer.public_key(),
                             wire::identity_token_signed_bytes(
                                 group.cluster, wire::join_digest(asked.begin), answer->identity,
                                 answer->token.address, answer->token.expires),
                             answer->token.signature));
}

TEST_F(IdentifyingDoor, refuses_with_a_code_and_counts) {
  hello(one);
  const std::uint64_t before = clients.refused();
  identify(one, with_token(-1));
  EXPECT_EQ(last_refusal(), "proof_expired");
  wire::Identify weak = with_token(60);
  weak.begin.identification.credential = {};
  identify(one, weak);
  EXPECT_EQ(last_refusal(), "weak_key");
  EXPECT_EQ(clients.refused(), before + 2);
}

TEST_F(IdentifyingDoor, looks_at_so_many_proofs_of_one_host_and_no_more) {
  hello(one);
  const wire::Identify asked = with_token(60);
  for (int i = 0; i < 50; ++i) identify(one, asked);
  EXPECT_EQ(last_refusal(), "");
  identify(one, asked);
  EXPECT_EQ(last_refusal(), "overloaded");
  clients.closed(one);
  clients.connected(one, "127.0.0.1");
  hello(one);
  identify(one, asked);
  EXPECT_EQ(last_refusal(), "overloaded") << "whatever connection it comes on";
  clock.now_ = clock.now_ + 1'000'000;
  identify(one, asked);
  EXPECT_EQ(last_refusal(), "");
}

TEST_F(IdentifyingDoor, counts_proofs_of_an_ipv6_network_together) {
  clients.connected(ConnectionId{7}, "2001:db8:1:2::7");
  clients.connected(ConnectionId{8}, "2001:db8:1:2:ffff::8");
  clients.connected(ConnectionId{9}, "2001:db8:1:3::9");
  const wire::Identify asked = with_token(60);
  hello(ConnectionId{7});
  for (int i = 0; i < 50; ++i) identify(ConnectionId{7}, asked);
  EXPECT_EQ(last_refusal(), "");
  hello(ConnectionId{8});
  identify(ConnectionId{8}, asked);
  EXPECT_EQ(last_refusal(), "overloaded");
  hello(ConnectionId{9});
  identify(ConnectionId{9}, asked);
  EXPECT_EQ(last_refusal(), "") << "another network";
}

TEST_F(IdentifyingDoor, vouches_for_nobody_while_its_state_is_known_to_be_wrong) {
  hello(one);
  clients.silence(true);
  const std::size_t before = transport.messages.size();
  identify(one, with_token(60));
  EXPECT_EQ(transport.messages.size(), before);
}

}  // namespace
}  // namespace prytany::node
