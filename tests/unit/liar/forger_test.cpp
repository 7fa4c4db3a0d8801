// The liar must lie: a test of honest replicas against a liar that says the truth shows nothing.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/liar/forged_pages.h"
#include "tests/liar/forger.h"

namespace prytany::liar {
namespace {

using testing::HasSubstr;

wire::Outcome results(std::int64_t votes, const std::string& name) {
  wire::ResultSet result;
  result.columns.items = {{"votes"}, {"name"}};
  result.rows.items = {wire::Row{{votes, wire::TextValue{name}}}};
  return wire::ResultSets{{result}};
}

const wire::Row& row(const std::optional<wire::Outcome>& outcome) {
  return std::get<wire::ResultSets>(*outcome).items.at(0).rows.items.at(0);
}

Lies telling(std::set<Lie> told) {
  Lies lies;
  lies.told = std::move(told);
  return lies;
}

const Question call{Question::Kind::call, "tally"};

TEST(Forger, changes_every_number_of_a_tally_and_nothing_else) {
  for (const std::int64_t votes : {INT64_MIN, INT64_C(-5), INT64_C(0), INT64_C(7), INT64_MAX}) {
    const auto lie = forge(telling({Lie::tally}), call, results(votes, "Aspasia"));
    ASSERT_TRUE(lie);
    EXPECT_NE(std::get<std::int64_t>(row(lie).items[0]), votes);
    EXPECT_EQ(std::get<wire::TextValue>(row(lie).items[1]).text, "Aspasia");
  }
}

TEST(Forger, changes_texts_so_that_they_still_look_like_receipts) {
  const auto lie = forge(telling({Lie::receipt}), call, results(7, "K9ZD-a01z"));
  ASSERT_TRUE(lie);
  EXPECT_EQ(std::get<std::int64_t>(row(lie).items[0]), 7);
  EXPECT_EQ(std::get<wire::TextValue>(row(lie).items[1]).text, "L0AE-b12a");
  EXPECT_NE(forged_text(""), "");
  EXPECT_NE(forged_text("---"), "---");
}

TEST(Forger, keeps_to_the_columns_it_was_told) {
  Lies lies = telling({Lie::tally, Lie::receipt});
  lies.columns = {"name"};
  const auto lie = forge(lies, call, results(7, "x"));
  ASSERT_TRUE(lie);
  EXPECT_EQ(std::get<std::int64_t>(row(lie).items[0]), 7);
  lies.columns = {"elsewhere"};
  EXPECT_EQ(forge(lies, call, results(7, "x")), std::nullopt);
}

TEST(Forger, refuses_what_was_done_and_tells_the_refused_that_it_was_done) {
  const Lies refusing = telling({Lie::refusal});
  const auto refused = forge(refusing, call, results(7, "x"));
  ASSERT_TRUE(refused);
  EXPECT_EQ(std::get<wire::ErrorReply>(*refused).code.text, "already_voted");
  const wire::Outcome error = wire::ErrorReply{{"not_open"}, {"closed"}, {"tally"}, 1};
  EXPECT_TRUE(
      std::holds_alternative<wire::ResultSets>(*forge(telling({Lie::receipt}), call, error)));
  EXPECT_EQ(forge(telling({Lie::silence}), call, error), std::nullopt);
}

TEST(Forger, lies_about_sessions_only_when_told_to) {
  const wire::Outcome joined = wire::JoinedReply{SessionId{5}, {"voter:7"}, {"voter"}, SessionId{}};
  const Question join{Question::Kind::join, {}};
  EXPECT_EQ(forge(telling({Lie::tally, Lie::receipt}), join, joined), std::nullopt);
  const auto lie = forge(telling({Lie::join}), join, joined);
  ASSERT_TRUE(lie);
  EXPECT_NE(std::get<wire::JoinedReply>(*lie).session, SessionId{5});
  EXPECT_EQ(std::get<wire::JoinedReply>(*lie).role.text, "admin");
  EXPECT_TRUE(invent(telling({Lie::join}), join));
}

TEST(Forger, makes_a_genesis_that_looks_the_same_and_is_signed_by_all_of_its_own_keys) {
  wire::GenesisFile truth;
  truth.genesis.name.text = "people";
  truth.genesis.faults = 1;
  for (int i = 0; i < 4; ++i) {
    const std::string n = std::to_string(i);
    truth.genesis.members.items.push_back({{"org " + n},
                                           crypto::Signer::generate().public_key(),
                                           {"127.0.0.1"},
                                           static_cast<std::uint16_t>(7100 + i),
                                           {"ws://127.0.0.1:700" + n}});
  }
  truth.genesis.administrators.items = {truth.genesis.members.items[0].key};
  truth.genesis.approvals = 3;
  const wire::GenesisFile forged = forged_genesis(truth);
  EXPECT_TRUE(wire::verify_genesis(forged).ok()) << "only its fingerprint gives it away";
  EXPECT_NE(wire::genesis_digest(forged.genesis), wire::genesis_digest(truth.genesis));
  EXPECT_EQ(forged.genesis.members.items[2].client_url, truth.genesis.members.items[2].client_url);
}

TEST(Forger, forges_pages_of_every_type) {
  EXPECT_THAT(forged_page("text/html; charset=utf-8", "<body>Vote</body>"),
              HasSubstr("forged by one server.</p>\n</body>"));
  EXPECT_THAT(forged_page("text/javascript; charset=utf-8", "go();"), HasSubstr("go();/*"));
  EXPECT_NE(forged_page("image/png", "x"), "x");
}

}  // namespace
}  // namespace prytany::liar
