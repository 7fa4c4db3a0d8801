// Joining with a certificate or an ID token: what one replica finds in a proof, and what is
// ordered.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "server/app/bundle.h"
#include "server/app/id_token.h"
#include "server/app/join.h"
#include "server/crypto/foreign_key.h"
#include "tests/unit/app/bench_of_one.h"
#include "tests/unit/crypto/foreign_identities.h"

namespace prytany::app {
namespace {

using crypto::foreign::TestCertificate;
using crypto::foreign::TestKey;
using crypto::foreign::Wanted;
using testing::HasSubstr;

constexpr std::int64_t one_second = 1'000'000;

wire::ApplicationFile guild_file(const std::string& path, const std::string& content) {
  return {{path}, {to_bytes(as_bytes(content))}};
}

/// An application whose authorities and issuers are rows of its own tables.
wire::Install guild() {
  const std::string joining =
      "-- @param kind text\n-- @param name text\n-- @param credential blob\n"
      "-- @param issuer text optional\n-- @param subject text optional\n"
      "-- @param claims text optional\n-- @read-only\n";
  wire::Install install;
  install.files.items = {
      guild_file("procedures/authorize.sql",
                 joining + "SELECT ensure(NOT EXISTS (SELECT 1 FROM revoked WHERE fingerprint = "
                           "json_extract(:claims, '$.fingerprint')), 'revoked', 'get a new one');\n"
                           "SELECT :kind || ' ' || :subject || coalesce(' ' || "
                           "json_extract(:claims, '$.email'), ''), 'member' WHERE :kind <> 'key';"),
      guild_file("procedures/certificate_authorities.sql",
                 "-- @read-only\nSELECT pem FROM authorities;"),
      guild_file("procedures/token_keys.sql",
                 "-- @param issuer text\n-- @read-only\n"
                 "SELECT audience, key, 'email, email_verified groups' FROM issuers "
                 "WHERE issuer = :issuer;"),
      guild_file("prytany.json",
                 R"({"name": "guild", "version": "1", "roles": {"member": {"sql": "none"}}})"),
      guild_file("schema/001_t.sql",
                 "CREATE TABLE authorities(pem TEXT);\n"
                 "CREATE TABLE issuers(issuer TEXT, audience TEXT, key TEXT);\n"
                 "CREATE TABLE revoked(fingerprint TEXT);"),
  };
  return install;
}

class Identities : public testing::Test {
 protected:
  static constexpr const char* issuer = "https://id.example";

  void SetUp() override {
    ASSERT_EQ(code_of(replica.ask(admin, guild())), "");
    say("INSERT INTO authorities VALUES('" + root.pem() + "')");
    say("INSERT INTO issuers VALUES('https://id.example', 'guild', '" + key.jwk("one") + "')");
  }
  void say(const std::string& sql) {
    ASSERT_EQ(code_of(replica.sql(admin, sql)), "") << sql;
    said.push_back(sql);
  }

  [[nodiscard]] std::int64_t now_s() const { return replica.now().value / one_second; }

  wire::JoinBegin begin(const std::string& kind) {
    wire::JoinBegin made;
    made.session_key = session.public_key();
    made.nonce.fill(7);
    made.identification.kind.text = kind;
    made.identification.credential = credential.public_key();
    made.identification.signature =
        credential.sign(wire::credential_signed_bytes(replica.config().cluster, made));
    return made;
  }

  [[nodiscard]] std::string nonce() const {
    return to_base64url(
        wire::id_token_nonce(replica.config().cluster, credential.public_key()).view());
  }
  /// `more` stands before what is usual, and a member may be there once: begin it with a comma.
  [[nodiscard]] std::string payload(const std::string& more = {}, std::int64_t life_s = 300,
                                    const std::string& audience = "\"guild\"") const {
    return "{\"iss\":\"https://id.example\",\"sub\":\"anna-7\",\"aud\":" + audience +
           ",\"exp\":" + std::to_string(now_s() + life_s) + ",\"nonce\":\"" + nonce() + "\"" +
           more + "}";
  }
  [[nodiscard]] std::string token(const std::string& said) const {
    return crypto::foreign::id_token(key, "ES256", R"({"alg":"ES256","kid":"one"})", said);
  }
  wire::Identify with_token(const std::string& text) {
    return {begin("id_token"), wire::IdTokenProof{{text}}};
  }
  wire::Identify with_certificate(const TestCertificate& certificate) {
    wire::Identify made{begin("certificate"), {}};
    wire::CertificateProof proof;
    proof.chain.items.push_back({certificate.der()});
    proof.signature.bytes =
        crypto::sign_with_pem(
            own_key.pem(),
            wire::certificate_signed_bytes(replica.config().cluster, wire::join_digest(made.begin)))
            .value();
    made.proof = proof;
    return made;
  }

  /// "" if this replica vouches for it, else the code of its refusal.
  std::string found(const wire::Identify& asked) {
    auto identity = replica.executor().identify(asked, replica.now());
    if (!identity) return identity.error().code;
    identity_ = std::move(*identity);
    return {};
  }
  std::string found(const std::string& id_token) { return found(with_token(id_token)); }

  /// The ordered join of what two replicas vouch for; `second_one` may have found something else.
  wire::ClientRequest join(const wire::JoinBegin& begun, const wire::Identity& shown,
                           const wire::Identity& second_one) {
    wire::IdentifiedJoin made{begun, shown, {}};
    for (std::uint8_t i = 0; i < 2; ++i) {
      wire::JoinToken vouched{ReplicaId{i}, {"127.0.0.1"}, replica.now() + 60 * one_second, {}};
      vouched.signature = test_key(i).sign(wire::identity_token_signed_bytes(
          replica.config().cluster, wire::join_digest(begun), i == 0 ? shown : second_one,
          vouched.address, vouched.expires));
      made.tokens.items.push_back(vouched);
    }
    wire::ClientRequest request;
    request.body = {
        SessionId{}, RequestNumber{1}, session.public_key(), {wire::encode(wire::Operation(made))}};
    return request;
  }

  Replica replica;
  Client admin = replica.join(test_key(100));
  crypto::Signer session = test_key(30);
  crypto::Signer credential = test_key(31);
  TestKey key = TestKey::p256();
  TestKey own_key = TestKey::p256();
  TestCertificate root = TestCertificate::self_signed(
      key, {"Root", "Guild", "", -3600, 36'000, true, ""}, 1'700'000'000);
  std::optional<wire::Identity> identity_;
  std::vector<std::string> said;
};

// ---- phase one ----------------------------------------------------------------------------------

TEST_F(Identities, a_certificate_says_who_somebody_is) {
  EXPECT_EQ(found(with_certificate(root.issue(key, own_key, {}, now_s()))), "");
  EXPECT_EQ(identity_->kind.text, "certificate");
  EXPECT_EQ(identity_->subject.text, "CN=Anna,O=Guild");
  EXPECT_EQ(identity_->issuer.text, crypto::sha256(root.der()).hex());
  EXPECT_THAT(identity_->claims.text, HasSubstr(R"("emails":["anna@guild.example"])"));
  EXPECT_EQ(identity_->expires.value, (now_s() + 3600) * one_second);
}

TEST_F(Identities, a_certificate_of_another_session_is_of_no_use) {
  wire::Identify stolen = with_certificate(root.issue(key, own_key, {}, now_s()));
  session = test_key(32);
  stolen.begin = begin("certificate");
  EXPECT_EQ(found(stolen), "not_bound");
}

TEST_F(Identities, a_certificate_holds_while_its_authority_is_believed) {
  const wire::Identify asked = with_certificate(root.issue(key, own_key, {}, now_s()));
  EXPECT_EQ(found(asked), "");
  say("DELETE FROM authorities");
  EXPECT_EQ(found(asked), "untrusted_issuer");
}

TEST_F(Identities, a_certificate_that_has_expired_is_refused) {
  Wanted old;
  old.from_s = -7200;
  old.until_s = -1;
  EXPECT_EQ(found(with_certificate(root.issue(key, own_key, old, now_s()))), "proof_expired");
}

TEST_F(Identities, an_id_token_says_who_somebody_is_and_what_the_application_asked_for) {
  EXPECT_EQ(found(token(payload(R"(,"email":"a@b.example","email_verified":true,"phone":"5",)"
                                R"("groups":["x","y"],"address":{"street":"z"})"))),
            "");
  EXPECT_EQ(identity_->kind.text, "id_token");
  EXPECT_EQ(identity_->issuer.text, issuer);
  EXPECT_EQ(identity_->subject.text, "anna-7");
  EXPECT_EQ(identity_->claims.text,
            R"({"email":"a@b.example","email_verified":true,"groups":["x","y"]})");
  EXPECT_EQ(identity_->expires.value, (now_s() + 300) * one_second);
}

TEST_F(Identities, a_stolen_id_token_is_of_no_use_with_another_key) {
  const std::string stolen = token(payload());
  EXPECT_EQ(found(stolen), "");
  credential = test_key(33);
  EXPECT_EQ(found(stolen), "not_bound");
  EXPECT_EQ(found(crypto::foreign::id_token(key, "ES256", R"({"alg":"ES256"})",
                                            R"({"iss":"https://id.example","sub":"a",)"
                                            R"("aud":"guild","exp":9000000000})")),
            "not_bound");
}

TEST_F(Identities, an_id_token_is_bound_to_the_cluster) {
  const std::string here = nonce();
  const Digest elsewhere = wire::id_token_nonce(Digest{}, credential.public_key());
  EXPECT_NE(here, to_base64url(elsewhere.view()));
}

TEST_F(Identities, an_id_token_for_others_or_out_of_time_is_refused) {
  EXPECT_EQ(found(token(payload({}, 300, "\"shop\""))), "wrong_audience");
  EXPECT_EQ(found(token(payload({}, 300, R"(["shop","guild"])"))), "");
  EXPECT_EQ(found(token(payload(R"(,"azp":"shop")", 300, R"(["shop","guild"])"))),
            "wrong_audience");
  EXPECT_EQ(found(token(payload({}, 300, "7"))), "wrong_audience");
  EXPECT_EQ(found(token(payload({}, -1))), "proof_expired");
  const std::string later = std::to_string(now_s() + 120);
  EXPECT_EQ(found(token(payload(",\"nbf\":" + later))), "proof_not_yet_valid");
  EXPECT_EQ(found(token(payload(",\"iat\":" + later))), "proof_not_yet_valid");
  EXPECT_EQ(found(token(payload(",\"iat\":" + std::to_string(now_s() + 30)))), "");
}

TEST_F(Identities, an_issuers_key_counts_while_its_row_is_there) {
  const std::string good = token(payload());
  EXPECT_EQ(found(good), "");
  say("DELETE FROM issuers");
  EXPECT_EQ(found(good), "untrusted_issuer");
  say("INSERT INTO issuers VALUES('https://id.example', 'guild', '" + TestKey::p256().jwk("one") +
      "')");
  EXPECT_EQ(found(good), "bad_proof");
  say("UPDATE issuers SET key = '{\"keys\":[" + TestKey::rsa().jwk("zero") + "," +
      key.jwk("one", "\"use\":\"sig\",\"alg\":\"ES256\",") + "]}'");
  EXPECT_EQ(found(good), "");
  say("UPDATE issuers SET key = '" + key.jwk("one", "\"use\":\"enc\",") + "'");
  EXPECT_EQ(found(good), "bad_proof");
  say("UPDATE issuers SET key = '" + key.jwk("one", "\"alg\":\"RS256\",") + "'");
  EXPECT_EQ(found(good), "bad_proof");
  say("UPDATE issuers SET key = 'no key'");
  EXPECT_EQ(found(good), "bad_proof");
}

TEST_F(Identities, every_algorithm_is_taken_with_its_own_kind_of_key_only) {
  const std::pair<const char*, TestKey> kinds[] = {{"RS256", TestKey::rsa()},
                                                   {"PS256", TestKey::rsa()},
                                                   {"ES256", TestKey::p256()},
                                                   {"EdDSA", TestKey::ed25519()}};
  for (const auto& [name, kind] : kinds) {
    SCOPED_TRACE(name);
    say("UPDATE issuers SET key = '" + kind.jwk("k") + "'");
    const std::string header = std::string("{\"alg\":\"") + name + "\"}";
    EXPECT_EQ(found(crypto::foreign::id_token(kind, name, header, payload())), "");
  }
  // A signature that is right, under the name of another algorithm.
  EXPECT_EQ(
      found(crypto::foreign::id_token(kinds[3].second, "EdDSA", R"({"alg":"ES256"})", payload())),
      "bad_proof");
}

TEST_F(Identities, weak_algorithms_are_refused_by_name) {
  for (const char* name : {"none", "HS256", "RS384", "es256", "", "ES512"}) {
    const std::string header = std::string("{\"alg\":\"") + name + "\"}";
    EXPECT_EQ(found(crypto::foreign::id_token(key, "ES256", header, payload())), "weak_algorithm")
        << name;
  }
  const std::string good = token(payload());
  EXPECT_EQ(found(to_base64url(as_bytes(R"({"alg":"none"})")) + "." +
                  to_base64url(as_bytes(payload())) + "."),
            "weak_algorithm");
  EXPECT_EQ(found(good.substr(0, good.rfind('.') + 1)), "bad_proof");
}

TEST_F(Identities, what_is_no_token_is_refused) {
  const std::string good = token(payload());
  const auto with_header = [&](const std::string& header) {
    return found(crypto::foreign::id_token(key, "ES256", header, payload()));
  };
  EXPECT_EQ(found(std::string()), "malformed_proof");
  EXPECT_EQ(found(std::string("a.b")), "malformed_proof");
  EXPECT_EQ(found(good + ".x"), "malformed_proof");
  EXPECT_EQ(found(good + "="), "malformed_proof");
  EXPECT_EQ(found(token("[]")), "malformed_proof");
  EXPECT_EQ(found(token("{\"iss\":\"https://id.example\"}")), "malformed_proof");
  EXPECT_EQ(found(token(payload(",\"sub\":\"zoe\""))), "malformed_proof") << "doubled";
  EXPECT_EQ(found(token(payload(",\"nbf\":\"soon\""))), "malformed_proof");
  EXPECT_EQ(with_header(R"({"alg":"ES256","crit":["exp"]})"), "malformed_proof");
  EXPECT_EQ(with_header(R"({"alg":"ES256","alg":"none"})"), "malformed_proof");
  EXPECT_EQ(with_header("{\"alg\":\"ES256\",\"x\":\"" + std::string(3000, 'x') + "\"}"),
            "malformed_proof");
  EXPECT_EQ(with_header(R"({"alg":"ES256","kid":"two"})"), "bad_proof");
}

TEST_F(Identities, a_proof_is_of_the_kind_that_was_announced_and_of_who_signed) {
  wire::Identify asked = with_token(token(payload()));
  asked.begin = begin("certificate");
  EXPECT_EQ(found(asked), "unknown_credential");
  asked = with_token(token(payload()));
  asked.begin.identification.signature.bytes[3] ^= 1U;
  EXPECT_EQ(found(asked), "bad_credential");
}

TEST_F(Identities, claims_that_are_too_many_are_refused) {
  EXPECT_EQ(found(token(payload(",\"email\":\"" + std::string(5000, 'x') + "\""))),
            "malformed_proof");
}

TEST_F(Identities, an_application_without_such_procedures_trusts_nobody) {
  wire::Install plain = guild();
  std::erase_if(plain.files.items, [](const auto& file) {
    return file.path.text.ends_with("keys.sql") || file.path.text.ends_with("authorities.sql");
  });
  plain.files.items[1].content.bytes =
      to_bytes(as_bytes(R"({"name": "guild", "version": "2", "roles": {"member": {}}})"));
  ASSERT_EQ(code_of(replica.ask(admin, plain)), "");
  EXPECT_EQ(found(token(payload())), "untrusted_issuer");
  EXPECT_EQ(found(with_certificate(root.issue(key, own_key, {}, now_s()))), "untrusted_issuer");
}

TEST_F(Identities, asking_changes_no_byte) {
  Replica twin;
  Client its_admin = twin.join(test_key(100));
  ASSERT_EQ(code_of(twin.ask(its_admin, guild())), "");
  for (const std::string& statement : said) ASSERT_EQ(code_of(twin.sql(its_admin, statement)), "");
  EXPECT_EQ(found(token(payload())), "");
  EXPECT_EQ(found(with_certificate(root.issue(key, own_key, {}, now_s()))), "");
  do {
    (void)replica.execute(wire::Batch{});
    (void)twin.execute(wire::Batch{});
  } while (replica.executor().executed().value % Replica::checkpoint_interval != 0);
  EXPECT_EQ(replica.last_root(), twin.last_root());
}

// ---- phase two ----------------------------------------------------------------------------------

TEST_F(Identities, what_weak_quorum_replicas_vouch_for_joins) {
  const wire::Identify asked = with_token(token(payload(R"(,"email":"a@b.example")")));
  ASSERT_EQ(found(asked), "");
  const wire::Reply reply = replica.execute(join(asked.begin, *identity_, *identity_));
  EXPECT_EQ(std::get<wire::JoinedReply>(reply.outcome).principal.text,
            "id_token anna-7 a@b.example");
  EXPECT_EQ(std::get<wire::JoinedReply>(reply.outcome).role.text, "member");
}

TEST_F(Identities, what_one_replica_alone_says_does_not_count) {
  const wire::Identify asked = with_token(token(payload()));
  ASSERT_EQ(found(asked), "");
  wire::Identity false_one = *identity_;
  false_one.subject.text = "zoe";
  const auto code = [&](const wire::ClientRequest& request) {
    return code_of(replica.execute(request).outcome);
  };
  EXPECT_EQ(code(join(asked.begin, false_one, *identity_)), "bad_token");
  EXPECT_EQ(code(join(asked.begin, *identity_, false_one)), "bad_token");
  false_one = *identity_;
  false_one.claims.text = R"({"email":"zoe@b.example"})";
  EXPECT_EQ(code(join(asked.begin, false_one, *identity_)), "bad_token");
  EXPECT_EQ(code(join(asked.begin, *identity_, *identity_)), "");
}

TEST_F(Identities, tokens_of_the_two_ways_to_join_do_not_stand_in_for_each_other) {
  const wire::Identify asked = with_token(token(payload()));
  ASSERT_EQ(found(asked), "");
  // What replicas sign for anybody who asks.
  const auto plain =
      join_request(replica.config(), session, credential, "", replica.now(), 60 * one_second);
  auto operation = wire::decode<wire::Operation>(plain.body.operation.view()).value();
  const wire::Join& simple = std::get<wire::Join>(operation);
  wire::ClientRequest request = plain;
  wire::Identity same_kind = *identity_;
  same_kind.kind.text = "key";
  request.body.operation.bytes =
      wire::encode(wire::Operation(wire::IdentifiedJoin{simple.begin, same_kind, simple.tokens}));
  EXPECT_EQ(code_of(replica.execute(request).outcome), "bad_token");
  operation =
      wire::decode<wire::Operation>(join(asked.begin, *identity_, *identity_).body.operation.view())
          .value();
  const auto& vouched = std::get<wire::IdentifiedJoin>(operation);
  request.body.operation.bytes =
      wire::encode(wire::Operation(wire::Join{vouched.begin, vouched.tokens}));
  EXPECT_EQ(code_of(replica.execute(request).outcome), "unknown_credential");
}

TEST_F(Identities, a_proof_may_expire_on_the_way) {
  const wire::Identify asked = with_token(token(payload({}, 5)));
  ASSERT_EQ(found(asked), "");
  const auto request = join(asked.begin, *identity_, *identity_);
  (void)replica.execute(wire::Batch{}, 6 * one_second);
  EXPECT_EQ(code_of(replica.execute(request).outcome), "proof_expired");
}

TEST_F(Identities, a_replica_that_is_behind_executes_the_same) {
  // The issuer's key was withdrawn after replicas vouched: what is ordered asks no table of keys.
  const wire::Identify asked = with_token(token(payload()));
  ASSERT_EQ(found(asked), "");
  const auto request = join(asked.begin, *identity_, *identity_);
  say("DELETE FROM issuers");
  EXPECT_EQ(found(asked), "untrusted_issuer");
  EXPECT_EQ(code_of(replica.execute(request).outcome), "");
}

TEST_F(Identities, the_application_may_refuse_what_is_proven) {
  const TestCertificate lost = root.issue(key, own_key, {}, now_s());
  const wire::Identify asked = with_certificate(lost);
  ASSERT_EQ(found(asked), "");
  say("INSERT INTO revoked VALUES('" + crypto::sha256(lost.der()).hex() + "')");
  EXPECT_EQ(code_of(replica.execute(join(asked.begin, *identity_, *identity_)).outcome), "revoked");
}

TEST_F(Identities, an_authorize_that_knows_keys_only_is_not_asked) {
  wire::Install plain = guild();
  plain.files.items[0].content.bytes =
      to_bytes(as_bytes("-- @param kind text\n-- @param name text\n-- @param credential blob\n"
                        "-- @read-only\nSELECT 'anybody', 'member';"));
  plain.files.items[3].content.bytes =
      to_bytes(as_bytes(R"({"name": "guild", "version": "2", "roles": {"member": {}}})"));
  ASSERT_EQ(code_of(replica.ask(admin, plain)), "");
  const wire::Identify asked = with_token(token(payload()));
  ASSERT_EQ(found(asked), "");
  EXPECT_EQ(code_of(replica.execute(join(asked.begin, *identity_, *identity_)).outcome),
            "not_authorized");
}

TEST_F(Identities, nobody_is_an_administrator_by_a_proof) {
  credential = test_key(100);
  const wire::Identify asked = with_token(token(payload()));
  ASSERT_EQ(found(asked), "");
  const wire::Reply reply = replica.execute(join(asked.begin, *identity_, *identity_));
  EXPECT_EQ(std::get<wire::JoinedReply>(reply.outcome).role.text, "member");
}

// ---- heads of the procedures --------------------------------------------------------------------

TEST(ProceduresOfJoins, have_their_parameters_and_are_nobodys) {
  const auto complaint = [](const std::string& name, const std::string& text) {
    const auto read = read_procedure("procedures/" + name + ".sql", text);
    return read ? std::string() : read.error().message;
  };
  EXPECT_EQ(complaint("certificate_authorities", "-- @read-only\nSELECT 1;"), "");
  EXPECT_THAT(complaint("certificate_authorities", "SELECT 1;"), HasSubstr("must be @read-only"));
  EXPECT_THAT(complaint("certificate_authorities", "-- @param a text\n-- @read-only\nSELECT 1;"),
              HasSubstr("takes no parameters"));
  EXPECT_THAT(complaint("token_keys", "-- @read-only\nSELECT 1;"), HasSubstr("@param issuer text"));
  EXPECT_THAT(
      complaint("token_keys", "-- @param issuer text\n-- @read-only\n-- @public\nSELECT 1;"),
      HasSubstr("by the cluster alone"));
  EXPECT_THAT(complaint("authorize",
                        "-- @param kind text\n-- @param name text\n-- @param credential blob\n"
                        "-- @param issuer text\n-- @param subject text\n-- @param claims text\n"
                        "-- @read-only\nSELECT 1;"),
              HasSubstr("optional"));
}

}  // namespace
}  // namespace prytany::app
