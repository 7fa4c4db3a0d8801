// Proofs of identity in the simulator: what a replica finds in them is what was meant, and the
// checker says so when it is not.
#include "tests/sim/passports.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "server/app/id_token.h"
#include "server/app/identify.h"
#include "server/crypto/client_certificate.h"
#include "tests/sim/account_book.h"
#include "tests/sim/identity_checker.h"

namespace prytany::sim {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr AgreedTime passport_day{1'750'000'000'000'000};

crypto::Signer passport_key(std::uint8_t n) {
  crypto::Signer::Seed seed{};
  seed[0] = n;
  return crypto::Signer(seed);
}

std::string text_of_file(const wire::Install& book, const std::string& path) {
  for (const wire::ApplicationFile& file : book.files)
    if (file.path.text == path) return {file.content.bytes.begin(), file.content.bytes.end()};
  return {};
}

/// What stands between the first two quotes.
std::string literal_in(const std::string& sql) {
  const std::size_t first = sql.find('\'') + 1;
  return sql.substr(first, sql.find('\'', first) - first);
}

class PassportsOfASeed : public testing::Test {
 protected:
  PassportsOfASeed() {
    parameters.options.seed = 7;
    parameters.clients = 8;
    parameters.passport_rate = 1'000'000;
    believe_passports(7, book);
    passports.emplace(parameters, cluster);
    passports->shown = [this](const Digest& join, std::optional<wire::Identity> truth) {
      checker.shown(join, truth);
      meant = std::move(truth);
    };
  }

  wire::JoinBegin begin_of(std::size_t client, const std::string& kind) {
    wire::JoinBegin begin;
    begin.nonce[0] = static_cast<std::uint8_t>(++begun);
    begin.session_key = passport_key(200).public_key();
    begin.identification.kind.text = kind;
    begin.identification.credential = passport_key(static_cast<std::uint8_t>(client)).public_key();
    return begin;
  }
  /// As a replica reads it, by what the book says.
  Result<wire::Identity, app::Failure> read(const wire::JoinBegin& begin,
                                            const wire::Proof& proof) {
    if (const auto* chain = std::get_if<wire::CertificateProof>(&proof))
      return app::read_certificate(
          cluster, begin, *chain,
          {literal_in(text_of_file(book, "procedures/certificate_authorities.sql"))}, passport_day);
    const std::string keys = text_of_file(book, "procedures/token_keys.sql");
    const app::TokenKey key{
        "book", keys.substr(keys.find('{'), keys.find('}') - keys.find('{') + 1), "email"};
    const Digest nonce = wire::id_token_nonce(cluster, begin.identification.credential);
    return app::read_id_token(std::get<wire::IdTokenProof>(proof).token.text, "https://id.example",
                              {key}, nonce, passport_day);
  }

  Digest cluster = crypto::sha256(as_bytes("a cluster"));
  Parameters parameters;
  wire::Install book = installable(false);
  std::optional<Passports> passports;
  Violations violations;
  IdentityChecker checker{violations};
  std::optional<wire::Identity> meant;
  unsigned begun = 0;
};

TEST_F(PassportsOfASeed, say_what_was_meant_and_are_of_no_use_to_others) {
  std::set<std::string> kinds;
  unsigned stolen = 0;
  for (int i = 0; i < 200; ++i) {
    const auto client = static_cast<std::size_t>(i % 8);
    const crypto::PublicKey own = passport_key(static_cast<std::uint8_t>(client)).public_key();
    const Passports::Shown one = passports->shown_by(client, own);
    if (client == 0) {
      EXPECT_TRUE(one.prover.kind.empty()) << "the administrator";
      continue;
    }
    kinds.insert(one.prover.kind);
    const wire::JoinBegin begin = begin_of(client, one.prover.kind);
    const auto found = read(begin, one.prover.prove(begin));
    if (one.patience_us) {
      ++stolen;
      ASSERT_FALSE(found.ok());
      EXPECT_EQ(found.error().code, "not_bound");
      EXPECT_FALSE(meant);
      continue;
    }
    ASSERT_TRUE(found.ok()) << found.error().code << ": " << found.error().message;
    EXPECT_EQ(*found, *meant);
    EXPECT_THAT(found->subject.text, HasSubstr("holder-" + std::to_string(client)));
    checker.found("r1", {wire::join_digest(begin), *found, {}});
  }
  EXPECT_EQ(kinds, (std::set<std::string>{"certificate", "id_token"}));
  EXPECT_GT(stolen, 5U);
  EXPECT_THAT(violations.all(), IsEmpty());
  EXPECT_GT(checker.vouched(), 100U);
}

TEST_F(PassportsOfASeed, the_book_that_believes_them_can_be_installed) {
  EXPECT_TRUE(std::ranges::is_sorted(book.files.items, {},
                                     [](const auto& file) { return file.path.text; }));
  EXPECT_THAT(text_of_file(book, "procedures/authorize.sql"), HasSubstr("@read-only"));
}

class CheckedIdentities : public testing::Test {
 protected:
  CheckedIdentities() {
    config.cluster = crypto::sha256(as_bytes("a cluster"));
    config.weak_quorum = 2;
    for (std::uint8_t i = 0; i < 4; ++i) keys[ReplicaId{i}] = {passport_key(i).public_key()};
    begin.session_key = passport_key(200).public_key();
    anna = {{"id_token"}, {"issuer"}, {"anna"}, {"{}"}, passport_day};
    checker.shown(wire::join_digest(begin), anna);
  }
  wire::JoinToken token(std::uint8_t replica, const wire::Identity& of) const {
    wire::JoinToken made{ReplicaId{replica}, {"127.0.0.1"}, passport_day, {}};
    made.signature = passport_key(replica).sign(wire::identity_token_signed_bytes(
        config.cluster, wire::join_digest(begin), of, made.address, made.expires));
    return made;
  }
  void ordered(const wire::Identity& identity, const std::vector<wire::JoinToken>& tokens,
               const std::string& principal) {
    wire::IdentifiedJoin join{begin, identity, {}};
    join.tokens.items = tokens;
    const wire::RequestBody body{
        {}, RequestNumber{1}, begin.session_key, {wire::encode(wire::Operation(join))}};
    checker.ordered(config, keys, body,
                    wire::JoinedReply{SessionId{5}, {principal}, {"member"}, {}});
  }

  app::ExecutorConfig config;
  std::map<ReplicaId, std::vector<crypto::PublicKey>> keys;
  wire::JoinBegin begin;
  wire::Identity anna;
  Violations violations;
  IdentityChecker checker{violations};
};

TEST_F(CheckedIdentities, are_right_by_the_word_of_enough_replicas) {
  checker.found("r2", {wire::join_digest(begin), anna, {}});
  ordered(anna, {token(0, anna), token(3, anna)}, "id_token anna");
  EXPECT_THAT(violations.all(), IsEmpty());
  EXPECT_EQ(checker.let_in(), 1U);
}

TEST_F(CheckedIdentities, that_replicas_found_otherwise_are_noticed) {
  wire::Identity later = anna;
  later.expires = passport_day + 1;
  checker.found("r2", {wire::join_digest(begin), later, {}});
  EXPECT_THAT(violations.all(), Contains(HasSubstr("identities: r2 finds anna")));
}

TEST_F(CheckedIdentities, of_others_that_are_vouched_for_are_noticed) {
  checker.shown(wire::join_digest(begin), std::nullopt);
  checker.found("r2", {wire::join_digest(begin), anna, {}});
  EXPECT_THAT(violations.all(), Contains(HasSubstr("a proof that is another's")));
  ordered(anna, {token(0, anna), token(3, anna)}, "id_token anna");
  EXPECT_THAT(violations.all(), Contains(HasSubstr("let in by a proof that is not its own")));
}

TEST_F(CheckedIdentities, without_enough_words_are_noticed) {
  ordered(anna, {token(0, anna)}, "id_token anna");
  EXPECT_THAT(violations.all(), Contains(HasSubstr("by the word of 1 replicas")));
}

TEST_F(CheckedIdentities, of_words_over_something_else_are_noticed) {
  wire::Identity eve = anna;
  eve.subject.text = "eve";
  ordered(anna, {token(0, anna), token(3, eve)}, "id_token anna");
  EXPECT_THAT(violations.all(), Contains(HasSubstr("by the word of 1 replicas")));
}

TEST_F(CheckedIdentities, that_became_another_principal_are_noticed) {
  ordered(anna, {token(0, anna), token(3, anna)}, "id_token eve");
  EXPECT_THAT(violations.all(), Contains(HasSubstr("let in as id_token eve, and is anna")));
}

}  // namespace
}  // namespace prytany::sim
