// What passes, fails and counts as refused: judged here on databases without replicas, one of which
// refuses what Prytany refuses, and some of which lie.
#include <gmock/gmock.h>

#include <fstream>
#include <sstream>

#include "server/app/sandbox.h"
#include "tests/sqllogictest/cluster_database.h"
#include "tests/sqllogictest/expectation.h"
#include "tests/sqllogictest/oracle.h"
#include "tests/sqllogictest/plain.h"
#include "tests/sqllogictest/run.h"

namespace prytany::slt {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

std::vector<Record> script_of(const std::string& text) {
  return parse_script("x.test", text, "sqlite").value();
}

std::future<Outcome> ready(Outcome outcome) {
  std::promise<Outcome> promise;
  promise.set_value(std::move(outcome));
  return promise.get_future();
}

/// Plain SQLite, but what Prytany tells by its first word it refuses.
class Refusing {
 public:
  Outcome ask(const std::string& sql) {
    if (const auto refused = app::refuse_statement(sql)) return {refused->code, "no", 0, {}, false};
    if (sql.starts_with("CREATE TEMP")) return {"refused_temporary", "no", 0, {}, false};
    return plain_.ask(sql);
  }

 private:
  PlainDatabase plain_;
};

Counts run(const std::string& text, bool strict = true) {
  Refusing database;
  return run_script(
      script_of(text), [&](const std::string& sql) { return ready(database.ask(sql)); }, 4, strict);
}
/// The same, where every first value of a query is replaced.
Counts run_with_lies(const std::string& text, const Value& lie) {
  Refusing database;
  const auto ask = [&](const std::string& sql) {
    Outcome outcome = database.ask(sql);
    if (!outcome.rows.empty()) outcome.rows[0][0] = lie;
    return ready(std::move(outcome));
  };
  return run_script(script_of(text), ask, 4);
}

TEST(Run, passes_what_comes_out_as_expected) {
  const Counts counts = run(
      "statement ok\nCREATE TABLE t(a INTEGER, b TEXT)\n\n"
      "statement ok\nINSERT INTO t VALUES(2, 'two'), (1, NULL), (3, '')\n\n"
      "query IT rowsort\nSELECT a, b FROM t\n----\n1\nNULL\n2\ntwo\n3\n(empty)\n\n"
      "query IT valuesort x\nSELECT a, b FROM t\n----\n(empty)\n1\n2\n3\nNULL\ntwo\n\n"
      "query R\nSELECT 1.0 / 3\n----\n0.333\n\n"
      "statement error\nINSERT INTO t VALUES(1)\n\n"
      "query TT\nSELECT char(9, 65), x'01ff41'\n----\n@A\n@@A\n\n"
      "query TTT\nSELECT x'00ff41', 'a' || char(0) || 'b', 'z\xC3\xBC'\n----\n(empty)\na\nz@@\n\n"
      "query I\nSELECT a FROM t WHERE a > 7\n");
  EXPECT_THAT(counts.reports, IsEmpty());
  EXPECT_EQ(counts.passed, 9U);
}

TEST(Run, counts_no_answer_as_failed_also_where_a_script_wants_a_failure) {
  const auto silent = [](const std::string&) {
    return ready({"no_quorum", "nobody answers", 0, {}, true});
  };
  const Counts counts = run_script(
      script_of("statement error\nCREATE TABLE t(a,\n\nstatement error\nINSERT INTO nowhere "
                "VALUES(1)\n\nstatement ok\nSELECT 1\n"),
      silent, 4, false);
  EXPECT_EQ(counts.passed, 0U);
  EXPECT_EQ(counts.failed, 3U);
}

TEST(Run, fails_a_statement_that_is_too_long_and_goes_on) {
  const auto told = [](ErrorKind kind) {
    return outcome_of(Expected<Answer>(ErrorInfo{kind, "too_large", "why", {}, 0, false}));
  };
  EXPECT_FALSE(told(ErrorKind::usage).unanswered) << "it was not even sent";
  EXPECT_FALSE(told(ErrorKind::application).unanswered);
  for (const ErrorKind kind :
       {ErrorKind::no_quorum, ErrorKind::outcome_unknown, ErrorKind::refused})
    EXPECT_TRUE(told(kind).unanswered);
  const auto ask = [&](const std::string& sql) {
    return ready(sql.size() > 10 ? told(ErrorKind::usage) : Outcome{});
  };
  const Counts counts = run_script(
      script_of(
          "statement ok\nSELECT 1\n\nstatement ok\nSELECT 1, 2, 3\n\nstatement ok\nSELECT 2\n"),
      ask, 2, false);
  EXPECT_EQ(counts.passed, 2U);
  EXPECT_EQ(counts.failed, 1U);
  ASSERT_THAT(counts.reports, SizeIs(1));
  EXPECT_THAT(counts.reports[0], HasSubstr("too_large: why"));
}

TEST(Cluster, is_refused_before_anything_starts_if_there_can_be_none) {
  const auto complaint = [](const ClusterOptions& options) {
    const auto possible = check(options);
    return possible.ok() ? "" : possible.error().message;
  };
  EXPECT_EQ(complaint({}), "");
  EXPECT_EQ(complaint({.replicas = 5, .faults = 2}), "") << "safe, if not always live";
  EXPECT_THAT(complaint({.replicas = 4, .faults = 4}), HasSubstr("--faults must be less"));
  EXPECT_THAT(complaint({.replicas = 5, .faults = 2, .settings = {"requests=mac"}}),
              HasSubstr("fewer than 3f+1 members"));
  EXPECT_THAT(complaint({.settings = {"colour=blue"}}), HasSubstr("no such setting"));
}

TEST(Run, converts_as_sqlites_column_functions_do) {
  const Counts counts =
      run("query IIIRTT\nSELECT '12abc', 3.9, 'x', '2.5', 0.1, 7\n----\n12\n3\n0\n2.500\n0.1\n7\n\n"
          "query I\nSELECT 9223372036854775807\n----\n9223372036854775807\n\n"
          "query I\nSELECT 4294967297\n----\n1\n\n"  // as "%d" writes it
          "query I\nSELECT 4294967297\n----\n4294967297\n");
  EXPECT_THAT(counts.reports, IsEmpty());
}

TEST(Run, compares_hashes_of_sorted_values) {
  const std::string head =
      "query I valuesort\nVALUES(10), (9), (8), (7), (6), (5), (4), (3), (2), (1)\n----\n";
  // Of "1\n10\n2\n3\n4\n5\n6\n7\n8\n9\n", by md5sum.
  EXPECT_THAT(run(head + "10 values hashing to ff2650590d3f27ea6644b5573ccc37ba\n").reports,
              IsEmpty());
  EXPECT_THAT(run(head + "10 values hashing to 5c5b0f39036981665ef7b83ab2b4262f\n").reports,
              SizeIs(1));
  EXPECT_EQ(hashed({"3", "4", "1", "2"}), "4 values hashing to 5c5b0f39036981665ef7b83ab2b4262f");
}

TEST(Run, fails_what_comes_out_otherwise) {
  EXPECT_EQ(run("query I\nSELECT 1\n----\n2\n").failed, 1U);
  EXPECT_EQ(run("query I\nSELECT 1\n----\n1\n1\n").failed, 1U);
  EXPECT_EQ(run("query I\nSELECT 1\n").failed, 1U);
  EXPECT_EQ(run("query II\nSELECT 1\n----\n1\n").failed, 1U);
  EXPECT_EQ(run("query II nosort\nVALUES(2, 1), (1, 2)\n----\n1\n2\n2\n1\n").failed, 1U);
  EXPECT_EQ(run("query I\nSELECT nothing\n----\n1\n").failed, 1U);
  EXPECT_EQ(run("statement ok\nSELECT nothing\n").failed, 1U);
  EXPECT_EQ(run("statement error\nSELECT 1\n").failed, 1U);
}

TEST(Run, passes_what_sqlite_itself_does_otherwise_unless_it_is_to_be_strict) {
  const std::string script =
      "statement ok\nCREATE TABLE t(x)\n\n"
      "statement ok\nINSERT INTO t VALUES(9223372036854775807), (1)\n\n"
      "query I\nSELECT sum(x) FROM t\n----\n\n"                  // it overflows
      "query I\nSELECT count(*) FROM t\n----\n\n"                // it is never empty
      "statement ok\nCREATE TRIGGER g UPDATE ON t BEGIN END\n";  // no syntax of SQLite's
  const Counts counts = run(script, false);
  EXPECT_EQ(counts.passed, 5U);
  EXPECT_EQ(counts.as_sqlite, 3U);
  EXPECT_EQ(counts.failed, 0U);
  ASSERT_THAT(counts.reports, SizeIs(3));
  EXPECT_THAT(counts.reports[0], HasSubstr("x.test:7: passed, as SQLite 3.44.2 does the same"));
  EXPECT_EQ(run(script).failed, 3U);
  // A result that is written there and is not the one is failed, though SQLite gives it, too.
  EXPECT_EQ(run("query I\nSELECT 1\n----\n2\n", false).failed, 1U);
  EXPECT_EQ(run("query I\nSELECT 1\n----\n1 values hashing to "
                "00000000000000000000000000000000\n",
                false)
                .failed,
            1U);
  // So is what SQLite does otherwise only where something was refused before.
  const Counts after = run(
      "statement ok\nCREATE TEMP TABLE q(a)\n\nstatement ok\nCREATE TABLE y AS SELECT 1 AS a FROM "
      "q\n\nquery I\nSELECT a FROM y\n----\n77\n",
      false);
  EXPECT_EQ(after.failed, 1U);
  EXPECT_EQ(after.refused, 2U);
  // Another result than SQLite's is failed either way.
  EXPECT_EQ(run_with_lies("query I\nSELECT 1\n----\n3\n", 2).failed, 1U);
}

TEST(Run, passes_comments_alone) {
  EXPECT_EQ(run("statement ok\n-- nothing;\n/* at all */\n").passed, 1U);
  EXPECT_EQ(run("statement error\n-- nothing\n").failed, 1U);
}

TEST(Run, fails_an_error_that_is_not_sqlites) {
  const auto ask = [](const std::string&) {
    return ready({"budget_exceeded", "the request took more than 5 steps", 0, {}, false});
  };
  EXPECT_EQ(run_script(script_of("query I\nSELECT sum(nothing)\n----\n1\n"), ask, 4).failed, 1U);
  EXPECT_EQ(run_script(script_of("statement ok\nSELECT nothing\n"), ask, 4).failed, 1U);
  EXPECT_EQ(run_script(script_of("statement error\nSELECT nothing\n"), ask, 4).failed, 1U);
  for (const char* code : {"SQLITE_ERROR", "SQLITE_CONSTRAINT_UNIQUE", "malformed_sql"})
    EXPECT_TRUE(is_sql_error(code)) << code;
  for (const char* code : {"", "SQLITE_FULL", "SQLITE_INTERRUPT", "budget_exceeded", "timeout",
                           "memory_exceeded", "RESULT_TOO_LARGE", "not_allowed", "reply_forgotten",
                           "unknown_session", "no_quorum", "not_utf8"})
    EXPECT_FALSE(is_sql_error(code)) << code;
}

TEST(Run, fails_what_a_label_says_is_the_same_and_is_not) {
  const std::string one = "query I rowsort same\nSELECT 1\n----\n1\n\n";
  EXPECT_THAT(run(one + one).reports, IsEmpty());
  const Counts counts = run(one + "query I rowsort same\nSELECT 2\n----\n2\n");
  ASSERT_THAT(counts.reports, SizeIs(1));
  EXPECT_THAT(counts.reports[0], HasSubstr("x.test:1"));
}

TEST(Run, notices_a_database_that_lies) {
  const std::string script = "query I\nSELECT 1\n----\n1\n\nquery I\nVALUES(1), (2), (3)\n----\n" +
                             hashed({"1", "2", "3"}) + "\n";
  EXPECT_EQ(run_with_lies(script, 1).failed, 0U);
  EXPECT_EQ(run_with_lies(script, 2).failed, 2U);
}

TEST(Run, fails_all_the_rest_when_the_database_is_lost) {
  unsigned asked = 0;
  const auto ask = [&](const std::string&) {
    return ready(++asked == 2 ? Outcome{"no_quorum", "nobody answers", 0, {}, true} : Outcome{});
  };
  const std::string one = "statement ok\nSELECT 1\n\n";
  const Counts counts = run_script(script_of(one + one + one + one), ask, 1);
  EXPECT_EQ(asked, 2U);
  EXPECT_EQ(counts.passed, 1U);
  EXPECT_EQ(counts.failed, 3U);
}

TEST(Run, asks_a_query_again_whose_answer_is_lost_but_never_a_statement) {
  std::map<std::string, unsigned> asked;
  const auto ask = [&](const std::string& sql) {
    return ready(++asked[sql] == 1 ? Outcome{"reply_forgotten", "", 0, {}, true}
                                   : Outcome{{}, {}, 1, {{1}}, false});
  };
  EXPECT_EQ(run_script(script_of("query I\nSELECT 1\n----\n1\n"), ask, 4).passed, 1U);
  EXPECT_EQ(run_script(script_of("statement ok\nDELETE FROM t\n"), ask, 4).failed, 1U);
  EXPECT_EQ(asked["SELECT 1"], 2U);
  EXPECT_EQ(asked["DELETE FROM t"], 1U);
}

TEST(Run, asks_for_large_results_one_by_one) {
  unsigned under_way = 0;
  unsigned most = 0;
  const auto ask = [&](const std::string&) {
    most = std::max(most, ++under_way);
    return std::async(std::launch::deferred, [&under_way] {
      --under_way;
      return Outcome{{}, {}, 1, {{std::string(300'000, 'x')}}, false};
    });
  };
  std::string text;
  for (int i = 0; i < 9; ++i) text += "query T\nSELECT 1\n----\n\n";
  EXPECT_EQ(run_script(script_of(text), ask, 1).failed, 9U);
  EXPECT_EQ(most, 1U);
  most = 0;
  (void)run_script(script_of("query T\nSELECT 1\n----\n\nstatement ok\nSELECT 0\n\n" + text), ask,
                   4);
  EXPECT_EQ(most, 1U);
}

TEST(Run, asks_the_statements_of_one_record_in_turn) {
  EXPECT_THAT(run("statement ok\nCREATE TABLE t(a); INSERT INTO t VALUES(';');\n\n"
                  "query T\nSELECT a FROM t\n----\n;\n\n"
                  "statement ok\nCREATE TRIGGER g INSERT ON t BEGIN SELECT 1; SELECT 2; END;\n\n"
                  "statement error\nINSERT INTO t VALUES(2); SELECT nothing; DROP TABLE t\n\n"
                  "query I\nSELECT count(*) FROM t\n----\n2\n")
                  .reports,
              IsEmpty());
}

/// Answers when it is waited for, and not before; the database below does all in order.
class Later {
 public:
  std::future<Outcome> ask(const std::string& sql) {
    asked.push_back(sql);
    most = std::max(most, ++under_way_);
    return std::async(std::launch::deferred, [this, outcome = plain_.ask(sql)] {
      --under_way_;
      return outcome;
    });
  }
  [[nodiscard]] unsigned under_way() const { return under_way_; }
  unsigned most = 0;
  std::vector<std::string> asked;

 private:
  PlainDatabase plain_;
  unsigned under_way_ = 0;
};

TEST(Run, knows_what_changes_nothing) {
  for (const char* sql : {"SELECT 1", " -- x\n select 2", "VALUES(1)", "/* */SELECT 3"})
    EXPECT_TRUE(only_reads(sql)) << sql;
  for (const char* sql : {"WITH x AS (SELECT 1) INSERT INTO t SELECT * FROM x", "PRAGMA x", "",
                          "INSERT INTO t VALUES(1) RETURNING a", "SELECTED"})
    EXPECT_FALSE(only_reads(sql)) << sql;
}

TEST(Run, asks_in_order_without_waiting_for_answers) {
  std::string text = "statement ok\nCREATE TABLE t(a)\n\n";
  std::vector<std::string> expected = {"CREATE TABLE t(a)"};
  for (int i = 0; i < 9; ++i) {
    expected.push_back("INSERT INTO t VALUES(" + std::to_string(i) + ")");
    text += "statement ok\n" + expected.back() + ";\n\n";
  }
  text += "query I\nSELECT sum(a) FROM t\n----\n36\n";
  expected.emplace_back("SELECT sum(a) FROM t");
  Later database;
  const Counts counts =
      run_script(script_of(text), [&](const auto& sql) { return database.ask(sql); }, 4);
  EXPECT_EQ(counts.passed, 11U);
  EXPECT_EQ(database.most, 4U);
  EXPECT_EQ(database.asked.size(), expected.size());
  EXPECT_EQ(database.asked.back(), expected.back());
}

TEST(Run, lets_statements_wait_for_queries_whose_answers_may_have_to_be_asked_for_again) {
  Later database;
  bool statement_amid = false;
  const auto ask = [&](const std::string& sql) {
    statement_amid = statement_amid || (database.under_way() > 0 && !only_reads(sql));
    return database.ask(sql);
  };
  std::string text;
  for (int i = 0; i < 9; ++i) text += "query I\nSELECT 1\n----\n1\n\n";
  EXPECT_EQ(
      run_script(script_of(text + "statement ok\nCREATE TABLE t(a)\n\n" + text), ask, 4).failed,
      0U);
  EXPECT_EQ(database.most, 4U);
  EXPECT_FALSE(statement_amid);
}

TEST(Run, fails_what_was_overtaken_and_all_behind_it) {
  std::uint64_t seq = 10;
  const auto falling = [&](const std::string&) { return ready({{}, {}, 0, {}, false, --seq}); };
  const auto rising = [&](const std::string&) {
    return ready({{}, {}, 0, {}, false, ++seq / 2});  // two in one batch
  };
  const std::string one = "statement ok\nDELETE FROM t\n\n";
  const Counts counts = run_script(script_of(one + one + one), falling, 4);
  EXPECT_EQ(counts.passed, 1U);
  EXPECT_EQ(counts.failed, 2U);
  EXPECT_THAT(counts.reports[0], HasSubstr("x.test:4: failed: it ran before"));
  EXPECT_EQ(run_script(script_of(one + one + one), rising, 4).passed, 3U);
}

// ---- refusals -----------------------------------------------------------------------------------

TEST(Refused, is_what_the_documentation_says_is_refused_and_nothing_else) {
  const Counts counts = run("statement ok\nREINDEX\n\nstatement error\nANALYZE nothing\n\n");
  EXPECT_EQ(counts.refused, 2U);
  EXPECT_EQ(counts.failed + counts.passed, 0U);
  EXPECT_THAT(counts.refused_by_code,
              ElementsAre(std::pair("refused_analyze", 1), std::pair("refused_reindex", 1)));
  EXPECT_FALSE(is_excused("budget_exceeded"));
  EXPECT_FALSE(is_excused("SQLITE_TOOBIG"));
  EXPECT_FALSE(is_excused(""));
}

TEST(Refused, is_what_fails_only_because_something_earlier_was_and_the_cause_is_told) {
  const Counts counts =
      run("statement ok\nCREATE TABLE kept(a)\n\n"
          "statement ok\nREINDEX kept\n\n"
          "statement ok\nCREATE TEMP TABLE away(a)\n\n"
          "statement ok\nINSERT INTO away VALUES(7)\n\n"
          "statement ok\nINSERT INTO kept VALUES(1)\n\n"
          "query I\nSELECT a FROM away\n----\n7\n\n"
          "query I\nSELECT a FROM kept\n----\n1\n");
  EXPECT_EQ(counts.passed, 3U);
  EXPECT_EQ(counts.failed, 0U);
  EXPECT_EQ(counts.refused, 4U);
  ASSERT_THAT(counts.reports, SizeIs(4));
  EXPECT_EQ(counts.reports[3],
            "x.test:16: refused: because x.test:7 was refused (refused_temporary)");
}

TEST(Refused, is_a_result_that_lacks_what_a_refused_statement_would_have_undone) {
  const Counts counts =
      run("statement ok\nCREATE TABLE t(a)\n\nstatement ok\nBEGIN\n\n"
          "statement ok\nINSERT INTO t VALUES(1)\n\nstatement ok\nROLLBACK\n\n"
          "query I\nSELECT count(*) FROM t\n----\n0\n");
  EXPECT_EQ(counts.passed, 2U);
  EXPECT_EQ(counts.failed, 0U);
  EXPECT_EQ(counts.refused_by_code.at("in consequence"), 1U);
}

TEST(Refused, excuses_no_failure_of_something_else) {
  const std::string refused = "statement ok\nCREATE TEMP TABLE away(a)\n\n";
  // Plain SQLite does not give this either.
  EXPECT_EQ(run(refused + "query I\nSELECT 1\n----\n2\n").failed, 1U);
  // It would pass both with and without the refused statement.
  EXPECT_EQ(run_with_lies(refused + "query I\nSELECT 1\n----\n1\n", 2).failed, 1U);
  // It depends on the refused statement, but fails in another way than it would without it.
  EXPECT_EQ(run_with_lies("statement ok\nCREATE TABLE t(a)\n\nstatement ok\nBEGIN\n\n"
                          "statement ok\nINSERT INTO t VALUES(1)\n\nstatement ok\nROLLBACK\n\n"
                          "query I\nSELECT count(*) FROM t\n----\n0\n",
                          5)
                .failed,
            1U);
}

TEST(Refused, codes_are_those_of_the_reference) {
  std::ifstream in(std::string(PRYTANY_SOURCE_DIR) + "/docs/reference/sql.md");
  std::ostringstream text;
  text << in.rdbuf();
  const std::string sql = text.str();
  const std::string table = sql.substr(sql.find("## Refused"), sql.find("**PRAGMA**"));
  for (const std::string_view code : excused_codes())
    EXPECT_THAT(table, HasSubstr("`" + std::string(code) + "`"));
}

}  // namespace
}  // namespace prytany::slt
