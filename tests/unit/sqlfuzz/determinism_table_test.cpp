// The table of docs/reference/determinism.md: each cause of different bytes or results, and that it
// is refused, or tamed, on replicas of different history.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sqlite3.h>

#include <fstream>
#include <map>
#include <regex>

#include "tests/sqlfuzz/histories.h"

namespace prytany::sqlfuzz {
namespace {

using Request = std::vector<std::string>;

struct Cause {
  const char* name;
  const char* verdict;  // "tamed", or the code of the last request
  std::vector<Request> requests;
};

// A table with pages to free, and what else several rows below start from.
const std::vector<Request> start = {
    {"CREATE TABLE t(a INTEGER PRIMARY KEY, b, c)", "CREATE INDEX t_b ON t(b)"},
    {"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 60) "
     "INSERT INTO t SELECT i, i % 7, zeroblob(i * 40) FROM n"}};

const std::vector<Cause> causes = {
    // Time.
    {"time-now",
     "tamed",
     {{"CREATE TABLE x(a DEFAULT CURRENT_TIMESTAMP, b DEFAULT (julianday('now')), c)"},
      {"INSERT INTO x(c) VALUES(now()), (strftime('%f', 'now')), (CURRENT_TIME)"},
      {"SELECT *, unixepoch('now', 'subsec'), timediff('now', '2000-01-01') FROM x"}}},
    {"time-zone", "SQLITE_ERROR", {{"SELECT datetime(1700000000, 'unixepoch', 'localtime')"}}},
    {"time-zone-in-a-default",
     "SQLITE_ERROR",
     {{"CREATE TABLE x(a, b DEFAULT (datetime('now', 'localtime')))"},
      {"INSERT INTO x(a) VALUES(1)"}}},
    // Chance.
    {"random-values",
     "tamed",
     {{"CREATE TABLE x(a DEFAULT (random()), b DEFAULT (hex(randomblob(9))), c)"},
      {"INSERT INTO x(c) VALUES(1), (random()), (randomblob(3))"},
      {"SELECT * FROM x ORDER BY random()"}}},
    {"random-rowids",
     "tamed",
     {{"CREATE TABLE x(a)"},
      {"INSERT INTO x(rowid, a) VALUES(9223372036854775807, 1)"},
      {"INSERT INTO x(a) VALUES(2), (3)"},
      {"SELECT rowid, a FROM x"}}},
    {"random-column-names",
     "tamed",
     {{"CREATE TABLE x AS SELECT 1 a, 2 a, 3 a, 4 a, 5 a, 6 a, 7 a"},
      {"SELECT sql FROM sqlite_schema WHERE name = 'x'"}}},
    // Functions that tell of the program, the machine or the handle.
    {"program", "refused_function", {{"SELECT sqlite_version(), sqlite_source_id()"}}},
    {"build", "refused_function", {{"SELECT sqlite_compileoption_get(1)"}}},
    {"total-changes", "refused_function", {{"SELECT total_changes()"}}},
    {"hostile-default",
     "refused_function",
     {{"CREATE TABLE x(a, b DEFAULT (total_changes()))"}, {"INSERT INTO x(a) VALUES(1)"}}},
    {"hostile-generated-column",
     "refused_function",
     {{"CREATE TABLE x(a, b AS (sqlite_version()) STORED)"}}},
    {"hostile-check", "refused_function", {{"CREATE TABLE x(a CHECK(sqlite_version() > a))"}}},
    {"hostile-view",
     "refused_function",
     {{"CREATE VIEW x AS SELECT total_changes() AS a"}, {"SELECT a FROM x"}}},
    {"hostile-trigger",
     "refused_function",
     {{"CREATE TRIGGER x AFTER DELETE ON t BEGIN UPDATE t SET c = sqlite_version(); END"},
      {"DELETE FROM t WHERE a = 1"}}},
    {"libm", "refused_function", {{"SELECT exp(a), ln(a), pow(a, 0.3) FROM t"}}},
    {"extensions", "SQLITE_ERROR", {{"SELECT load_extension('libm.so')"}}},
    {"addresses", "SQLITE_ERROR", {{"SELECT fts3_tokenizer('simple')"}}},
    {"printf-pointer", "tamed", {{"SELECT printf('%p %x', 4096, 4096), printf('%n', 1)"}}},
    {"last-request",
     "tamed",
     {{"INSERT INTO t VALUES(500, 1, 1)"}, {"SELECT changes(), last_insert_rowid()"}}},
    // What one replica's connection is set to.
    {"pragma", "refused_pragma", {{"PRAGMA reverse_unordered_selects = ON"}}},
    {"pragma-that-tells", "refused_pragma", {{"SELECT * FROM pragma_freelist_count"}}},
    {"pragma-of-the-schema",
     "tamed",
     {{"CREATE TABLE x(a REFERENCES t(a), b UNIQUE)"},
      {"SELECT * FROM pragma_table_xinfo('x')"},
      {"SELECT * FROM pragma_index_list('t'), pragma_foreign_key_list('x')"}}},
    {"memory-limit", "refused_pragma", {{"PRAGMA hard_heap_limit = 100000"}}},
    {"encoding", "refused_pragma", {{"PRAGMA encoding = 'UTF-16le'"}}},
    {"wal", "refused_pragma", {{"PRAGMA journal_mode = WAL"}}},
    {"temporary", "refused_temporary", {{"CREATE TEMP TABLE x(a)"}}},
    {"attach", "refused_attach", {{"ATTACH ':memory:' AS x"}}},
    {"transaction", "refused_transaction", {{"BEGIN"}}},
    {"savepoint", "refused_transaction", {{"SAVEPOINT x"}}},
    {"explain", "refused_explain", {{"EXPLAIN SELECT * FROM t"}}},
    // What a handle remembers of the schema.
    {"analyze", "refused_analyze", {{"ANALYZE"}}},
    {"statistics", "SQLITE_ERROR", {{"CREATE TABLE sqlite_stat1(tbl, idx, stat)"}}},
    {"reindex", "refused_reindex", {{"REINDEX"}}},
    {"vacuum", "refused_vacuum", {{"VACUUM"}}},
    {"table-order", "refused_pragma", {{"SELECT name FROM pragma_table_list"}}},
    {"schema-cookie",
     "tamed",
     {{"SELECT count(*) FROM t WHERE b = 3"},
      {"CREATE TABLE x(a)"},
      {"SELECT count(*) FROM t WHERE b = 3"},
      {"DROP INDEX t_b"},
      {"SELECT count(*) FROM t WHERE b = 3"}}},
    {"alter",
     "tamed",
     {{"CREATE TABLE x(a, b)", "CREATE VIEW y AS SELECT b FROM x"},
      {"INSERT INTO x VALUES(1, 2)"},
      {"ALTER TABLE x ADD COLUMN c DEFAULT (1 + 2)"},
      {"ALTER TABLE x RENAME COLUMN b TO d"},
      {"ALTER TABLE x RENAME TO z"},
      {"ALTER TABLE z DROP COLUMN a"},
      {"SELECT *, (SELECT sql FROM sqlite_schema WHERE name = 'y') FROM z"}}},
    {"column-with-a-check",
     "tamed",
     {{"CREATE TABLE x(a INT, b TEXT) STRICT", "ALTER TABLE x ADD COLUMN c ANY"},
      {"CREATE TABLE y(a CHECK (a > 0))", "INSERT INTO y VALUES(1), (2)"},
      {"ALTER TABLE y ADD COLUMN c INTEGER NOT NULL DEFAULT 4 CHECK (c + a < 7)"},
      {"ALTER TABLE y ADD COLUMN d TEXT NOT NULL AS (a || c)"},
      {"SELECT * FROM y"}}},
    // Virtual tables.
    {"full-text", "refused_virtual_table", {{"CREATE VIRTUAL TABLE x USING fts5(a)"}}},
    {"r-tree", "refused_virtual_table", {{"CREATE VIRTUAL TABLE x USING rtree(a, b, c)"}}},
    {"dbstat", "SQLITE_ERROR", {{"SELECT * FROM dbstat"}}},
    {"statement-table", "SQLITE_ERROR", {{"SELECT * FROM sqlite_stmt"}}},
    // Bytes that only some replicas would have.
    {"freed-pages",
     "tamed",
     {{"DELETE FROM t WHERE a > 20"},
      {"UPDATE t SET c = zeroblob(3000)"},
      {"DELETE FROM t"},
      {"INSERT INTO t VALUES(1, 1, 1)"}}},
    {"spilled-pages",
     "tamed",
     {{"DELETE FROM t WHERE a > 40"},
      {"UPDATE t SET c = randomblob(9000)", "DELETE FROM t WHERE a % 2 = 0"},
      {"INSERT INTO t SELECT a + 100, b, c FROM t"}}},
    {"failed-requests",
     "tamed",
     {{"DELETE FROM t WHERE a > 20"},
      {"INSERT INTO t VALUES(600, 1, randomblob(30000)), (1, 1, 1)"},
      {"UPDATE t SET c = randomblob(9000)", "SELECT nothing"},
      {"CREATE TABLE x(a UNIQUE)", "INSERT INTO x VALUES(1), (1)"},
      {"SELECT count(*) FROM t"}}},
    {"or-rollback",
     "tamed",
     {{"CREATE TABLE x(a UNIQUE ON CONFLICT ROLLBACK)"},
      {"INSERT INTO x VALUES(1)"},
      {"INSERT INTO x VALUES(2), (1)"},
      {"INSERT OR ROLLBACK INTO t VALUES(1, 1, 1)"},
      {"INSERT OR FAIL INTO t VALUES(601, 1, 1), (1, 1, 1)"},
      {"CREATE TRIGGER y BEFORE DELETE ON t BEGIN SELECT RAISE(ROLLBACK, 'no'); END"},
      {"DELETE FROM t"},
      {"SELECT (SELECT count(*) FROM x), count(*) FROM t"}}},
    {"change-counter",
     "tamed",
     {{"INSERT INTO t VALUES(700, 1, 1)"}, {"SELECT 1"}, {"DELETE FROM t WHERE a = 700"}}},
    // Order.
    {"rows-without-order",
     "tamed",
     {{"DELETE FROM t WHERE a % 3 = 0"},
      {"INSERT INTO t(b, c) SELECT b, 1 FROM t WHERE b = 2"},
      {"SELECT a FROM t"},
      {"SELECT b FROM t"},
      {"SELECT DISTINCT b FROM t"},
      {"SELECT b, count(*) FROM t GROUP BY b"},
      {"SELECT a FROM t WHERE b = 1 UNION SELECT b FROM t"}}},
    {"ties",
     "tamed",
     {{"SELECT a FROM t ORDER BY b LIMIT 30"},
      {"SELECT a, row_number() OVER (ORDER BY b) FROM t"},
      {"SELECT group_concat(a), min(c), json_group_array(a) FROM t GROUP BY b % 2"}}},
    {"large-sorts",
     "tamed",
     {{"SELECT sum(length(x)) FROM (SELECT hex(c) || a AS x FROM t ORDER BY 1 DESC)"},
      {"SELECT count(DISTINCT hex(c) || b) FROM t"}}},
    {"rowid-choice",
     "tamed",
     {{"CREATE TABLE x(a INTEGER PRIMARY KEY AUTOINCREMENT, b)"},
      {"INSERT INTO x(b) SELECT b FROM t ORDER BY b, a"},
      {"DELETE FROM x WHERE a > 10"},
      {"INSERT INTO x(b) VALUES(1)"},
      {"UPDATE sqlite_sequence SET seq = 1000"},
      {"INSERT INTO x(b) VALUES(2) RETURNING a"},
      {"SELECT * FROM sqlite_sequence, x"}}},
    {"upsert-and-returning",
     "tamed",
     {{"INSERT INTO t(a, b) SELECT b, a FROM t WHERE true ON CONFLICT(a) DO UPDATE "
       "SET b = excluded.b + t.b RETURNING a, b"},
      {"UPDATE t SET b = b + 1 WHERE b > 20 RETURNING a"},
      {"DELETE FROM t WHERE b > 25 RETURNING a, b"}}},
    {"cascades-and-triggers",
     "tamed",
     {{"CREATE TABLE x(a REFERENCES t(a) ON DELETE CASCADE ON UPDATE CASCADE, b)",
       "CREATE TABLE y(a, b)",
       "CREATE TRIGGER z AFTER DELETE ON x BEGIN INSERT INTO y VALUES(OLD.a, OLD.b); END"},
      {"INSERT INTO x SELECT a, random() FROM t"},
      {"DELETE FROM t WHERE b = 2"},
      {"SELECT * FROM y"}}},
    // Numbers and texts.
    {"real-to-text",
     "tamed",
     {{"SELECT 1e23, 0.1 + 0.2, 1.0 / 3, printf('%.17g %.20e %!.30f', 0.1, 1.0 / 3, 2e-308)"},
      {"CREATE TABLE x AS SELECT CAST(1.0 / a AS TEXT) AS b, quote(a / 7.0) AS c FROM t"}}},
    {"text-to-real",
     "tamed",
     {{"SELECT CAST('0.1234567890123456789' AS REAL), '1.7976931348623157e308' + 0, '4e-324' * 1"},
      {"CREATE TABLE x AS SELECT CAST('1.23456789012345678' || a AS REAL) AS b FROM t"}}},
    {"sums-of-reals",
     "tamed",
     {{"SELECT sum(1.0 / a), avg(0.1 * a), total(1e16 + a), round(sum(a * 0.07), 3) FROM t"},
      {"SELECT sum(0.1) OVER (ORDER BY a ROWS BETWEEN 3 PRECEDING AND CURRENT ROW) FROM t"}}},
    {"infinity", "not_a_number", {{"SELECT 1e999"}}},
    {"no-number", "tamed", {{"SELECT 1e999 - 1e999, 0.0 / 0, typeof(-1e999)"}}},
    {"locale",
     "tamed",
     {{"SELECT json_extract('{\"a\":1.5}', '$.a'), '[2.75]' ->> 0, printf('%,.2f', 1234.5)"},
      {"SELECT upper('straße'), lower('ÄÖ'), 'É' LIKE 'é', 'I' LIKE 'i', 1.5 || ''"}}},
    {"collations",
     "tamed",
     {{"CREATE TABLE x(a COLLATE NOCASE, b COLLATE RTRIM)", "CREATE INDEX x_a ON x(a)"},
      {"INSERT INTO x VALUES('a', 'b '), ('A', 'b'), ('ä', 'B'), ('Ä', 'b  ')"},
      {"SELECT a, b FROM x ORDER BY a, b"},
      {"SELECT DISTINCT b FROM x"}}},
    {"unknown-collation", "SQLITE_ERROR", {{"SELECT a FROM t ORDER BY b COLLATE unicode"}}},
    {"not-utf8", "not_utf8", {{"SELECT CAST(x'ff41' AS TEXT)"}}},
    {"like-and-glob",
     "tamed",
     {{"SELECT count(*) FROM t WHERE b LIKE '%3' OR hex(c) GLOB '00*'"},
      {"SELECT replace(hex(c), '0', 'xy'), instr(hex(c), '000'), trim(hex(c), '0') FROM t"}}},
    {"json",
     "tamed",
     {{"SELECT key, value, fullkey FROM json_tree('{\"b\":[1,2.50,{}],\"a\":null,\"b\":1e2}')"},
      {"SELECT json_group_object(a, b), json_patch('{\"a\":1,\"b\":2}', '{\"b\":null}') FROM t"},
      {"CREATE TABLE x AS SELECT json_set('{}', '$.a', b / 3.0) AS j FROM t"}}},
    {"json-subtype", "refused_function", {{"SELECT subtype(json('1'))"}}},
    // Budgets.
    {"steps",
     "budget_exceeded",
     {{"SELECT count(*) FROM t"},
      {"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) "
       "INSERT INTO t(b) SELECT i FROM n"}}},
    {"steps-nearly",
     "tamed",
     // Some of these end within the budget, and some do not: the same ones everywhere.
     {{"SELECT count(*) FROM t x, t y, t z WHERE x.a <= 10"},
      {"SELECT count(*) FROM t x, t y, t z WHERE x.a <= 20"},
      {"SELECT count(*) FROM t x, t y, t z WHERE x.a <= 30"},
      {"SELECT count(*) FROM t x, t y, t z WHERE x.a <= 40"},
      {"SELECT count(*) FROM t x, t y, t z WHERE x.a <= 50"},
      {"SELECT count(*) FROM t x, t y, t z WHERE x.a <= 60"},
      {"SELECT 1"}}},
    {"size",
     "SQLITE_FULL",
     {{"INSERT INTO t(c) VALUES(zeroblob(900000))"},
      {"INSERT INTO t(c) VALUES(zeroblob(900000))"},
      {"INSERT INTO t(c) VALUES(zeroblob(900000))"}}},
    {"large-values", "SQLITE_TOOBIG", {{"SELECT zeroblob(1000000000)"}}},
};

TEST(DeterminismTable, is_kept_by_replicas_of_different_history) {
  std::uint64_t seed = 0;
  for (const Cause& cause : causes) {
    // Several histories each: what befalls the replicas hits another request each time.
    for (int round = 0; round < 4; ++round) {
      Histories histories(++seed);
      for (const Request& request : start)
        ASSERT_EQ(app::code_of(histories.sql(request).outcome), "") << cause.name;
      std::string code;
      for (const Request& request : cause.requests) {
        const Histories::Step step = histories.sql(request);
        ASSERT_EQ(step.difference.value_or(""), "") << cause.name << ": " << request.back();
        code = app::code_of(step.outcome);
      }
      EXPECT_EQ(code, cause.verdict == std::string("tamed") ? "" : cause.verdict) << cause.name;
      EXPECT_EQ(histories.settle().value_or(""), "") << cause.name;
    }
  }
}

TEST(DeterminismTable, is_the_one_in_the_reference) {
  std::ifstream in(std::string(PRYTANY_SOURCE_DIR) + "/docs/reference/determinism.md");
  ASSERT_TRUE(in);
  // | cause | what happens | `name` |
  const std::regex row(R"(^\|.*\| *`?(\w+)`?[^|]*\| *`([\w-]+)` *\|$)");
  std::map<std::string, std::string> told;
  std::smatch match;
  for (std::string line; std::getline(in, line);)
    if (std::regex_match(line, match, row)) told[match[2]] = match[1];
  std::map<std::string, std::string> tried;
  for (const Cause& cause : causes) tried[cause.name] = cause.verdict;
  EXPECT_EQ(tried.size(), causes.size());
  EXPECT_EQ(told, tried);
}

TEST(DeterminismTable, tries_budgets_that_suffice_and_that_do_not) {
  for (const Cause& cause : causes) {
    if (cause.name != std::string("steps-nearly")) continue;
    Histories histories(1);
    for (const Request& request : start) histories.sql(request);
    std::map<std::string, int> codes;
    for (const Request& request : cause.requests)
      ++codes[app::code_of(histories.sql(request).outcome)];
    EXPECT_GT(codes[""], 2);
    EXPECT_GT(codes["budget_exceeded"], 1);
  }
}

// ---- the histories themselves -------------------------------------------------------------------

TEST(Histories, befall_every_replica) {
  Histories histories(1);
  histories.sql({"CREATE TABLE t(a, b)"});
  for (int i = 0; i < 300; ++i)
    ASSERT_EQ(histories.sql({"INSERT INTO t VALUES(random(), 1)"}).difference.value_or(""), "");
  EXPECT_GT(histories.events().restarts, 5U);
  EXPECT_GT(histories.events().replayed, 5U);
  EXPECT_GT(histories.events().recoveries, 5U);
  EXPECT_GT(histories.events().reads, 5U);
}

TEST(Histories, are_the_same_for_the_same_seed) {
  crypto::Digest roots[2];
  for (crypto::Digest& root : roots) {
    Histories histories(5);
    histories.sql({"CREATE TABLE t(a)"});
    for (int i = 0; i < 30; ++i) histories.sql({"INSERT INTO t VALUES(random())"});
    histories.settle();
    root = histories.root();
  }
  EXPECT_EQ(roots[0], roots[1]);
  EXPECT_NE(roots[0], crypto::Digest{});
}

/// A handle that is set otherwise, and a request that shows it.
struct Fault {
  const char* name;
  const char* done;
  Request shows;
};

TEST(HistoriesChecker, notices_a_handle_that_was_set_differently) {
  const std::vector<Fault> faults = {
      {"bytes of freed pages", "PRAGMA secure_delete = OFF", {"DELETE FROM t WHERE a > 20"}},
      {"the order of rows", "PRAGMA reverse_unordered_selects = ON", {"SELECT a FROM t"}},
      {"constraints", "PRAGMA ignore_check_constraints = ON", {"INSERT INTO k VALUES(-1)"}},
      {"triggers", "PRAGMA foreign_keys = OFF", {"INSERT INTO f VALUES(-1)"}},
      {"plans",
       "PRAGMA automatic_index = OFF",
       {"CREATE TABLE q AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT "
        "400) "
        "SELECT i FROM n",
        "SELECT count(*) FROM q x, q y WHERE x.i = y.i"}},
  };
  for (const Fault& fault : faults) {
    int noticed = 0;
    for (const bool planted : {false, true}) {
      Histories histories(7);
      for (const Request& request : start) histories.sql(request);
      histories.sql({"CREATE TABLE k(a CHECK(a > 0))", "CREATE TABLE f(a REFERENCES t(a))"});
      if (planted)
        histories.sabotage([&](sqlite3* db) {
          EXPECT_EQ(sqlite3_exec(db, fault.done, nullptr, nullptr, nullptr), SQLITE_OK);
        });
      const auto difference = histories.sql(fault.shows).difference;
      if (difference) ++noticed;
      EXPECT_EQ(difference.has_value(), planted) << fault.name << difference.value_or("");
    }
    EXPECT_EQ(noticed, 1) << fault.name;
  }
}

TEST(HistoriesChecker, notices_a_function_that_is_not_the_same) {
  Histories histories(3);
  histories.sql({"CREATE TABLE t(a)"});
  histories.sabotage([](sqlite3* db) {
    static int count = 0;
    sqlite3_create_function_v2(
        db, "random", 0, SQLITE_UTF8 | SQLITE_INNOCUOUS, &count,
        [](sqlite3_context* context, int, sqlite3_value**) {
          sqlite3_result_int(context, ++*static_cast<int*>(sqlite3_user_data(context)));
        },
        nullptr, nullptr, nullptr);
  });
  const auto difference = histories.sql({"INSERT INTO t VALUES(random())"}).difference;
  EXPECT_THAT(difference.value_or(""), testing::HasSubstr("restarted differs in page"));
}

}  // namespace
}  // namespace prytany::sqlfuzz
