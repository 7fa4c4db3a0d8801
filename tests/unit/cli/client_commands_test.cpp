// What people type, and what programs read.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "server/cli/call.h"
#include "server/cli/client_access.h"
#include "server/cli/sql.h"
#include "server/cli/status.h"

namespace prytany::cli {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

Value value_of(const std::string& text) {
  auto argument = parse_argument(text);
  EXPECT_TRUE(argument.ok()) << text;
  return argument.ok() ? argument->value : Value();
}

TEST(CallArguments, numbers_and_null_are_themselves_and_the_rest_is_text) {
  EXPECT_EQ(value_of("n=42"), Value(42));
  EXPECT_EQ(value_of("n=-9223372036854775808"), Value(INT64_MIN));
  EXPECT_EQ(value_of("n=1.5"), Value(1.5));
  EXPECT_EQ(value_of("n=null"), Value());
  EXPECT_EQ(value_of("n=Anna"), Value("Anna"));
  EXPECT_EQ(value_of("n="), Value(""));
  EXPECT_EQ(value_of("n=a=b"), Value("a=b"));
  EXPECT_EQ(value_of("n=2026-01-31"), Value("2026-01-31"));
  EXPECT_EQ(value_of("n=\"42\""), Value("42"));
  EXPECT_EQ(value_of("n={\"base64\":\"AP8=\"}"), Value(Blob{std::byte{0}, std::byte{255}}));
}

TEST(CallArguments, other_json_is_text_for_procedures_to_take_apart) {
  EXPECT_EQ(value_of("ballot={\"1\":[4,7]}"), Value("{\"1\":[4,7]}"));
  EXPECT_EQ(value_of("rows=[]"), Value("[]"));
}

TEST(CallArguments, colon_equals_takes_json_and_nothing_else) {
  EXPECT_EQ(value_of("n:=42"), Value(42));
  EXPECT_EQ(value_of("n:=\"42\""), Value("42"));
  EXPECT_FALSE(parse_argument("n:=Anna").ok());
}

TEST(CallArguments, without_a_name_or_a_value_are_refused_with_the_form_to_use) {
  for (const char* bad : {"", "Anna", "=4", ":=4"}) {
    const auto parsed = parse_argument(bad);
    ASSERT_FALSE(parsed.ok()) << bad;
    EXPECT_THAT(parsed.error().message, testing::AnyOf(HasSubstr("name=value"), HasSubstr("name")));
  }
  EXPECT_FALSE(parse_argument("n=true").ok());
  EXPECT_FALSE(parse_argument("n=9223372036854775808").ok());
  EXPECT_EQ(parse_argument(":n=1")->name, "n") << "as in SQL";
}

TEST(SqlStatements, are_cut_where_sqlite_would_cut_them) {
  EXPECT_THAT(split_statements("SELECT 1"), ElementsAre("SELECT 1"));
  EXPECT_THAT(split_statements("SELECT ';'; -- ; not here\n SELECT 2 /* ; */;"),
              ElementsAre("SELECT ';'", "SELECT 2 /* ; */"));
  EXPECT_THAT(split_statements("CREATE TRIGGER t AFTER INSERT ON a BEGIN UPDATE a SET b = 1; "
                               "DELETE FROM c; END; SELECT 3"),
              ElementsAre(HasSubstr("END"), "SELECT 3"));
  EXPECT_THAT(split_statements(" ;; -- nothing\n;"), IsEmpty());
  EXPECT_THAT(split_statements(""), IsEmpty());
}

TEST(SqlStatements, that_surely_read_are_known_by_their_first_word) {
  EXPECT_TRUE(looks_read_only("select 1"));
  EXPECT_TRUE(looks_read_only("-- why\n/* what */ WITH a AS (SELECT 1) SELECT * FROM a"));
  EXPECT_FALSE(looks_read_only("INSERT INTO a VALUES(1)"));
  EXPECT_FALSE(looks_read_only("SELECTED"));
}

std::vector<ReplicaStatus> some_status() {
  std::vector<ReplicaStatus> all(4);
  for (unsigned id = 0; id < 4; ++id) all[id].id = id;
  all[0] = {0, true, 3, 0, 500, 384, std::string(64, 'a'), 2};
  all[1] = {1, true, 3, 0, 1'000'000, 384, std::string(64, 'b'), 2};  // boasts
  all[2] = {2, true, 3, 0, 420, 384, std::string(64, 'a'), 2};
  return all;
}

TEST(StatusReport, measures_lag_against_what_a_weak_quorum_claims) {
  EXPECT_THAT(lags(some_status(), 1), ElementsAre(0U, 0U, 80U, 500U));
}

TEST(StatusReport, has_null_for_what_an_unreachable_replica_did_not_say) {
  const auto json = nlohmann::json::parse(status_json(some_status(), 1));
  ASSERT_EQ(json["replicas"].size(), 4U);
  const auto& first = json["replicas"][0];
  EXPECT_EQ(first["id"], 0);
  EXPECT_EQ(first["reachable"], true);
  EXPECT_EQ(first["view"], 3);
  EXPECT_EQ(first["primary"], 0);
  EXPECT_EQ(first["last_executed"], 500);
  EXPECT_EQ(first["stable_checkpoint"], 384);
  EXPECT_EQ(first["state_digest"], std::string(64, 'a'));
  EXPECT_EQ(first["lag"], 0);
  const auto& last = json["replicas"][3];
  EXPECT_EQ(last["reachable"], false);
  for (const char* field :
       {"view", "primary", "last_executed", "stable_checkpoint", "state_digest", "lag"})
    EXPECT_TRUE(last[field].is_null()) << field;
}

TEST(Answers, keep_integers_beyond_2_to_the_53_exact_in_json) {
  Answer answer;
  answer.columns = {"a \"quoted\" name", "n"};
  answer.rows = {{Value(9007199254740993), Value()},
                 {Value(-5), Value(Blob{std::byte{255}})},
                 {Value("ü\n"), Value(0.5)}};
  answer.changes = 2;
  answer.seq = 7;
  answer.agreement.agreed = {0, 2};
  const auto json = nlohmann::json::parse(answer_json(answer));
  EXPECT_EQ(json["columns"][0], "a \"quoted\" name");
  EXPECT_EQ(json["rows"][0][0], "9007199254740993");
  EXPECT_TRUE(json["rows"][0][1].is_null());
  EXPECT_EQ(json["rows"][1][0], -5);
  EXPECT_EQ(json["rows"][1][1]["base64"], "/w==");
  EXPECT_EQ(json["rows"][2][0], "ü\n");
  EXPECT_EQ(json["changes"], 2);
  EXPECT_EQ(json["seq"], 7);
  EXPECT_EQ(json["agreed"], nlohmann::json::array({0, 2}));
}

TEST(ExitCodes, tell_the_kinds_of_failure_apart) {
  const auto exit_of = [](ErrorKind kind) {
    return failure_of({kind, "c", "m", {}, 0, true}).exit;
  };
  EXPECT_EQ(exit_of(ErrorKind::application), ExitCode::failed);
  EXPECT_EQ(exit_of(ErrorKind::refused), ExitCode::failed);
  EXPECT_EQ(exit_of(ErrorKind::usage), ExitCode::usage);
  EXPECT_EQ(exit_of(ErrorKind::no_quorum), ExitCode::no_quorum);
  EXPECT_EQ(exit_of(ErrorKind::outcome_unknown), ExitCode::outcome_unknown);
}

TEST(Failures, say_in_which_file_and_statement_an_application_is_wrong) {
  const auto place = [](const char* where, unsigned statement) {
    return failure_of({ErrorKind::application, "c", "m", where, statement, true}).place;
  };
  EXPECT_EQ(place("sign", 2), "procedures/sign.sql, statement 2");
  EXPECT_EQ(place("schema/001_entries.sql", 1), "schema/001_entries.sql, statement 1");
  EXPECT_EQ(place("", 0), "");
}

TEST(Agreements, are_told_in_words) {
  EXPECT_EQ(describe(Agreement{{0, 1, 3}, {2}, {}}),
            "3 of 4 replicas agree (0, 1, 3); contradicted: 2");
  EXPECT_EQ(describe(Agreement{{0, 1}, {}, {2, 3}}), "2 of 4 replicas agree (0, 1); silent: 2, 3");
}

}  // namespace
}  // namespace prytany::cli
