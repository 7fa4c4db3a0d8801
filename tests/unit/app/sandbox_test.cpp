// What may diverge is tamed or refused: the checklist of hostile and careless SQL, one statement
// each.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <clocale>
#include <cstdlib>
#include <ctime>
#include <functional>

#include "server/app/sandbox.h"
#include "tests/unit/app/bench_of_one.h"

namespace prytany::app {
namespace {

using testing::HasSubstr;

class Sandbox : public testing::Test {
 protected:
  Sandbox() : admin(replica.join(test_key(100))) {
    run("CREATE TABLE t(a INTEGER PRIMARY KEY, b)");
    run("INSERT INTO t VALUES(1, 'one'), (2, 'two'), (3, 'three')");
  }
  std::string code(const std::string& sql) { return code_of(replica.sql(admin, sql)); }
  std::string rows(const std::string& sql) { return rows_of(replica.sql(admin, sql)); }
  void run(const std::string& sql) {
    const wire::Outcome outcome = replica.sql(admin, sql);
    EXPECT_EQ(code_of(outcome), "") << sql << ": " << message_of(outcome);
  }

  Replica replica;
  Client admin;
};

std::string repeated(const std::string& what, unsigned times) {
  std::string list = what;
  for (unsigned i = 1; i < times; ++i) list += "," + what;
  return list;
}

// SQLite copies what is named to each place that names it, before it asks anybody, and calls itself
// for each name within a name: six hundred bytes were a gigabyte, or the end of the stack.
TEST_F(Sandbox, what_is_short_and_large_all_the_same_is_refused) {
  std::string doubling = "WITH z0(a) AS (SELECT 1)";
  for (unsigned i = 1; i <= 24; ++i) {
    const std::string before = "z" + std::to_string(i - 1);
    doubling +=
        ", z" + std::to_string(i) + " AS (SELECT x.a FROM " + before + " x, " + before + " y)";
  }
  EXPECT_EQ(code(doubling + " SELECT count(*) FROM z24"), "statement_too_large");
  EXPECT_EQ(code(doubling + " SELECT count(*) FROM z3"), "");
  std::string deep = "WITH c0(a) AS (SELECT 1)";
  for (unsigned i = 1; i <= 800; ++i) {
    std::string body = "SELECT a FROM c" + std::to_string(i - 1);
    for (int level = 0; level < 8; ++level) body = "SELECT a FROM (" + body + " UNION SELECT 1)";
    deep += ", c" + std::to_string(i) + "(a) AS (" + body + ")";
  }
  EXPECT_EQ(code(deep + " SELECT * FROM c800"), "statement_too_large");
}

TEST_F(Sandbox, views_that_double_end_before_they_are_large) {
  const auto view = [](unsigned i) {
    const std::string before = "v" + std::to_string(i - 1);
    return "CREATE VIEW v" + std::to_string(i) + " AS SELECT x.b FROM " + before + " x, " + before +
           " y";
  };
  run("CREATE VIEW v0 AS SELECT b FROM t");
  unsigned made = 1;
  while (made < 30 && code(view(made)).empty()) ++made;
  EXPECT_EQ(code(view(made)), "statement_too_large");
  EXPECT_GT(made, 10U);
  EXPECT_LT(made, 20U);
  // All at once is no way around it.
  run("CREATE VIEW v" + std::to_string(made) + " AS SELECT 1 AS b");
  wire::Execute execute;
  for (unsigned i = made + 1; i < made + 30; ++i)
    execute.statements.items.push_back({{view(i)}, {}, {}});
  EXPECT_EQ(code_of(replica.ask(admin, execute)), "statement_too_large");
}

/// Makes what `each` says with numbers from `first` on, until it is refused, 64 in a request.
std::size_t made_until_refused(Replica& replica, Client& admin,
                               const std::function<std::string(std::size_t)>& each,
                               std::size_t at_most, std::string* refused) {
  for (std::size_t made = 0; made < at_most; made += 50) {
    wire::Execute execute;
    for (std::size_t i = made; i < made + 50; ++i)
      execute.statements.items.push_back({{each(i)}, {}, {}});
    *refused = code_of(replica.ask(admin, execute));
    if (!refused->empty()) return made;
  }
  return at_most;
}

// SQLite calls itself for each trigger that another fires: some thousands were the end of the
// stack, and of every replica.
TEST_F(Sandbox, chains_of_triggers_are_bounded) {
  run("CREATE TABLE first(a, b)");
  std::string refused;
  const auto table = [](std::size_t i) {
    return "CREATE TABLE t" + std::to_string(i) + "(a INTEGER PRIMARY KEY, b UNIQUE)";
  };
  ASSERT_EQ(made_until_refused(replica, admin, table, chained_max + 50, &refused), chained_max + 50)
      << refused;
  const auto trigger = [](std::size_t i) {
    const std::string n = std::to_string(i);
    return "CREATE TRIGGER g" + n + " AFTER UPDATE ON t" + n + " BEGIN INSERT INTO t" +
           std::to_string(i + 1) + " SELECT a, b FROM t" + n +
           " WHERE true ON CONFLICT(a) DO UPDATE SET b = 1 ON CONFLICT(b) DO UPDATE SET b = 2; END";
  };
  EXPECT_EQ(made_until_refused(replica, admin, trigger, chained_max + 50, &refused), chained_max);
  EXPECT_EQ(refused, "schema_too_large");
  // As long as may be: SQLite compiles all of it, and finds something to say of it or not.
  EXPECT_NE(code("UPDATE t0 SET b = 7"), "schema_too_large");
  run("DROP TRIGGER g7");
  run(trigger(7));
}

TEST_F(Sandbox, chains_of_foreign_keys_are_bounded) {
  std::string refused;
  const auto table = [](std::size_t i) {
    return "CREATE TABLE t" + std::to_string(i) + "(a INTEGER PRIMARY KEY REFERENCES t" +
           std::to_string(i + 1) + "(a) ON DELETE CASCADE ON UPDATE CASCADE)";
  };
  EXPECT_EQ(made_until_refused(replica, admin, table, chained_max + 50, &refused), chained_max);
  EXPECT_EQ(refused, "schema_too_large");
  run("CREATE TABLE t" + std::to_string(chained_max) + "(a INTEGER PRIMARY KEY)");
  EXPECT_NE(code("DELETE FROM t" + std::to_string(chained_max)), "schema_too_large");
  EXPECT_NE(code("UPDATE t" + std::to_string(chained_max) + " SET a = a + 1"), "schema_too_large");
}

TEST_F(Sandbox, what_a_trigger_does_is_measured_when_it_is_made_and_when_it_is_fired) {
  run("CREATE TABLE u(a)");
  std::string doubling = "WITH z0(a) AS (SELECT 1)";
  for (unsigned i = 1; i <= 24; ++i) {
    const std::string before = "z" + std::to_string(i - 1);
    doubling +=
        ", z" + std::to_string(i) + " AS (SELECT x.a FROM " + before + " x, " + before + " y)";
  }
  EXPECT_EQ(code("CREATE TRIGGER g AFTER INSERT ON u BEGIN SELECT 1; SELECT * FROM (" + doubling +
                 " SELECT * FROM z24); END"),
            "statement_too_large");
  // Made while the view was small.
  run("CREATE VIEW v AS SELECT 1 AS a");
  run("CREATE TRIGGER g AFTER INSERT ON u BEGIN INSERT INTO t(b) SELECT a FROM v; END");
  run("INSERT INTO u VALUES (1)");
  run("DROP VIEW v");
  run("CREATE VIEW w0 AS SELECT 1 AS a");
  for (unsigned i = 1; i <= 12; ++i) {
    const std::string before = "w" + std::to_string(i - 1);
    run("CREATE VIEW w" + std::to_string(i) + " AS SELECT x.a FROM " + before + " x, " + before +
        " y");
  }
  run("CREATE VIEW v AS SELECT a FROM w12");
  for (const char* name : {"g2", "g3", "g4"})
    run("CREATE TRIGGER " + std::string(name) + " AFTER DELETE ON u BEGIN SELECT a FROM v; END");
  EXPECT_EQ(code("INSERT INTO u VALUES (1)"), "schema_too_large");
}

// SQLite calls a program that is too long SQLITE_NOMEM, as it does what is the machine's fault.
TEST_F(Sandbox, answers_that_a_statement_is_too_large) {
  EXPECT_EQ(code("SELECT 1 IN (" + repeated("1", 20'000) + ")"), "");
  EXPECT_EQ(code("SELECT 1 IN (" + repeated("1", 100'000) + ")"), "statement_too_large");
  EXPECT_EQ(code("INSERT INTO t(b) VALUES " + repeated("(1)", 50'000)), "statement_too_large");
  EXPECT_EQ(rows("SELECT count(*) FROM t"), "3");
  run("INSERT INTO t(b) VALUES ('goes on')");
}

struct Hostile {
  const char* sql;
  const char* code;
};

const Hostile hostile_statements[] = {
    {"BEGIN", "refused_transaction"},
    {"begin immediate", "refused_transaction"},
    {"COMMIT", "refused_transaction"},
    {"END", "refused_transaction"},
    {"ROLLBACK", "refused_transaction"},
    {"/* hello */ -- there\n SAVEPOINT x", "refused_transaction"},
    {"RELEASE x", "refused_transaction"},
    {"ROLLBACK TO x", "refused_transaction"},
    {"VACUUM", "refused_vacuum"},
    {"VACUUM INTO '/tmp/stolen.db'", "refused_vacuum"},
    {"EXPLAIN SELECT 1", "refused_explain"},
    {"EXPLAIN QUERY PLAN SELECT 1", "refused_explain"},
    {"ATTACH '/etc/passwd' AS p", "refused_attach"},
    {"ATTACH ':memory:' AS p", "refused_attach"},
    {"DETACH main", "refused_attach"},
    {"ANALYZE", "refused_analyze"},
    {"ANALYZE t", "refused_analyze"},
    {"REINDEX", "refused_reindex"},
    {"CREATE TEMP TABLE x(a)", "refused_temporary"},
    {"CREATE TEMPORARY VIEW x AS SELECT 1", "refused_temporary"},
    {"CREATE TABLE temp.x(a)", "refused_temporary"},
    {"CREATE TEMP TRIGGER x AFTER INSERT ON t BEGIN SELECT 1; END", "refused_temporary"},
    {"CREATE VIRTUAL TABLE x USING fts5(a)", "refused_virtual_table"},
    {"CREATE VIRTUAL TABLE x USING fts5vocab(t, row)", "refused_virtual_table"},
    {"PRAGMA journal_mode = WAL", "refused_pragma"},
    {"PRAGMA journal_mode", "refused_pragma"},
    {"PRAGMA writable_schema = ON", "refused_pragma"},
    {"PRAGMA writable_schema = RESET", "refused_pragma"},
    {"PRAGMA hard_heap_limit = 1", "refused_pragma"},
    {"PRAGMA soft_heap_limit = 1", "refused_pragma"},
    {"PRAGMA max_page_count = 1", "refused_pragma"},
    {"PRAGMA cache_size = 1", "refused_pragma"},
    {"PRAGMA cache_spill = 1", "refused_pragma"},
    {"PRAGMA temp_store_directory = '/tmp'", "refused_pragma"},
    {"PRAGMA locking_mode = EXCLUSIVE", "refused_pragma"},
    {"PRAGMA foreign_keys = OFF", "refused_pragma"},
    {"PRAGMA defer_foreign_keys = ON", "refused_pragma"},
    {"PRAGMA recursive_triggers = ON", "refused_pragma"},
    {"PRAGMA reverse_unordered_selects = ON", "refused_pragma"},
    {"PRAGMA case_sensitive_like = ON", "refused_pragma"},
    {"PRAGMA automatic_index = OFF", "refused_pragma"},
    {"PRAGMA secure_delete = OFF", "refused_pragma"},
    {"PRAGMA schema_version = 77", "refused_pragma"},
    {"PRAGMA optimize", "refused_pragma"},
    {"PRAGMA integrity_check", "refused_pragma"},
    {"PRAGMA wal_checkpoint", "refused_pragma"},
    {"PRAGMA incremental_vacuum", "refused_pragma"},
    {"PRAGMA auto_vacuum = FULL", "refused_pragma"},
    {"PRAGMA page_size = 512", "refused_pragma"},
    {"PRAGMA trusted_schema = ON", "refused_pragma"},
    {"PRAGMA query_only = ON", "refused_pragma"},
    {"PRAGMA threads = 4", "refused_pragma"},
    {"PRAGMA mmap_size = 1000000", "refused_pragma"},
    {"PRAGMA data_version", "refused_pragma"},
    {"PRAGMA table_list", "refused_pragma"},
    {"PRAGMA database_list", "refused_pragma"},
    {"PRAGMA compile_options", "refused_pragma"},
    {"PRAGMA function_list", "refused_pragma"},
    {"PRAGMA freelist_count", "refused_pragma"},
    {"SELECT * FROM pragma_database_list", "refused_pragma"},
    {"PRAGMA quick_check", "refused_pragma"},
    {"SELECT Sqrt(4.0)", "refused_function"},
    {"SELECT sqrtx(4.0)", "SQLITE_ERROR"},
    {"PRAGMA foreign_key_check", "refused_pragma"},
    {"SELECT * FROM pragma_quick_check", "refused_pragma"},
    {"SELECT count(*) FROM pragma_quick_check('t')", "refused_pragma"},
    {"SELECT * FROM pragma_foreign_key_check", "refused_pragma"},
    {"ALTER TABLE t ADD COLUMN z CHECK ((SELECT count(*) FROM pragma_quick_check) = 0)",
     "SQLITE_ERROR"},
    {"SELECT * FROM pragma_function_list", "refused_pragma"},
    {"SELECT * FROM pragma_table_list", "refused_pragma"},
    {"SELECT * FROM pragma_compile_options", "refused_pragma"},
    {"SELECT sqlite_version()", "refused_function"},
    {"SELECT sqlite_source_id()", "refused_function"},
    {"SELECT SQLITE_VERSION()", "refused_function"},
    {"SELECT sqlite_compileoption_get(0)", "refused_function"},
    {"SELECT total_changes()", "refused_function"},
    {"SELECT sqlite_log(1, 'x')", "refused_function"},
    {"SELECT subtype(json('1'))", "refused_function"},
    {"SELECT fts5_source_id()", "refused_function"},
    {"SELECT match('a', 'b')", "refused_function"},
    {"SELECT exp(1)", "refused_function"},
    {"SELECT load_extension('x')", "SQLITE_ERROR"},
    {"SELECT soundex('x')", "SQLITE_ERROR"},
    {"SELECT fts3_tokenizer('x')", "SQLITE_ERROR"},
    {"SELECT sqlite_rename_table(1, 2, 3, 4, 5, 6, 7)", "SQLITE_ERROR"},
    {"SELECT readfile('/etc/passwd')", "SQLITE_ERROR"},
    {"SELECT date('now', 'localtime')", "SQLITE_ERROR"},
    {"SELECT datetime(0, 'unixepoch', 'utc')", "SQLITE_ERROR"},
    {"SELECT * FROM dbstat", "SQLITE_ERROR"},
    {"SELECT * FROM sqlite_stmt", "SQLITE_ERROR"},
    {"SELECT * FROM sqlite_dbpage", "SQLITE_ERROR"},
    {"INSERT INTO sqlite_schema VALUES('table', 'x', 'x', 2, 'CREATE TABLE x(a)')", "SQLITE_ERROR"},
    {"UPDATE sqlite_schema SET sql = 'x'", "SQLITE_ERROR"},
    {"DELETE FROM sqlite_schema", "SQLITE_ERROR"},
    {"CREATE TABLE sqlite_stat1(tbl, idx, stat)", "SQLITE_ERROR"},
    {"CREATE TABLE prytany_x(a)", "refused_reserved"},
    {"CREATE TABLE PRYTANY_X(a)", "refused_reserved"},
    {"CREATE VIEW prytany_x AS SELECT 1", "refused_reserved"},
    {"CREATE INDEX prytany_x ON t(a)", "refused_reserved"},
    {"CREATE TRIGGER prytany_x AFTER INSERT ON t BEGIN SELECT 1; END", "refused_reserved"},
    {"CREATE INDEX x ON prytany_session_rows(session)", "refused_reserved"},
    {"CREATE TRIGGER x AFTER INSERT ON prytany_session_rows BEGIN SELECT 1; END",
     "refused_reserved"},
    {"ALTER TABLE t RENAME TO prytany_t", "refused_reserved"},
    {"ALTER TABLE prytany_session_rows RENAME TO s", "refused_reserved"},
    {"ALTER TABLE prytany_session_rows ADD COLUMN x", "refused_reserved"},
    {"DROP TABLE prytany_session_rows", "refused_reserved"},
    {"DELETE FROM prytany_session_rows", "refused_reserved"},
    {"INSERT INTO prytany_sessions VALUES(9, 'x', 'admin', 1, 1)", "refused_reserved"},
    {"UPDATE prytany_sessions SET role = 'admin'", "SQLITE_ERROR"},
    {"CREATE TRIGGER x INSTEAD OF UPDATE ON prytany_sessions BEGIN SELECT 1; END",
     "refused_reserved"},
    {"INSERT INTO prytany_endings VALUES('x', 1)", "refused_reserved"},
    {"UPDATE prytany_session_rows SET role = 'admin'", "refused_reserved"},
    {"SELECT * FROM prytany_session_rows", "refused_reserved"},
    {"SELECT join_reply FROM main.prytany_session_rows", "refused_reserved"},
    {"SELECT reply FROM main.prytany_session_replies", "refused_reserved"},
    {"SELECT count(*) FROM prytany_session_replies", "refused_reserved"},
    {"DELETE FROM prytany_session_replies", "refused_reserved"},
    {"INSERT INTO prytany_session_replies VALUES(1, x'00')", "refused_reserved"},
    {"SELECT highest FROM prytany_session_activity", "refused_reserved"},
    {"UPDATE prytany_session_activity SET executed = 0", "refused_reserved"},
    {"DELETE FROM prytany_session_activity", "refused_reserved"},
    {"DROP TABLE prytany_session_activity", "refused_reserved"},
    {"DELETE FROM prytany_endings", "refused_reserved"},
    {"DROP VIEW prytany_sessions", "refused_reserved"},
    {"DROP TRIGGER prytany_session_end", "refused_reserved"},
    {"SELECT content FROM prytany_application_files", "refused_reserved"},
    {"SELECT seq FROM prytany_state", "refused_reserved"},
    {"CREATE TABLE x(a REFERENCES prytany_sessions(slot))", "refused_reserved"},
    {"CREATE TABLE x(a REFERENCES Prytany_Sessions(nonsense) ON DELETE CASCADE)",
     "refused_reserved"},
    {"SELECT \"no such column\" FROM t", "SQLITE_ERROR"},
    {"SELECT 1; SELECT 2", "malformed_sql"},
    {"-- nothing", "malformed_sql"},
    {"", "malformed_sql"},
    {"SELEKT 1", "SQLITE_ERROR"},
    {"SELECT ?", "wrong_parameters"},
    {"SELECT :a", "wrong_parameters"},
};

TEST_F(Sandbox, refuses_what_could_diverge_with_a_stable_code) {
  for (const Hostile& hostile : hostile_statements) {
    const wire::Outcome outcome = replica.sql(admin, hostile.sql);
    EXPECT_EQ(code_of(outcome), hostile.code) << hostile.sql << ": " << message_of(outcome);
    EXPECT_NE(message_of(outcome), "") << hostile.sql;
  }
  EXPECT_EQ(rows("SELECT count(*) FROM t"), "3");
}

TEST_F(Sandbox, says_what_to_do_instead) {
  EXPECT_THAT(message_of(replica.sql(admin, "BEGIN")),
              HasSubstr("every request is one transaction already"));
  EXPECT_THAT(message_of(replica.sql(admin, "CREATE TEMP TABLE x(a)")), HasSubstr("WITH"));
}

TEST_F(Sandbox, refuses_hidden_calls_of_refused_functions) {
  // SQLite lets DEFAULT pass the authorizer; the function itself must refuse.
  const auto first_code = [&](std::vector<std::string> statements) {
    for (const std::string& sql : statements)
      if (const std::string refused = code(sql); !refused.empty()) return refused;
    return std::string();
  };
  EXPECT_EQ(
      first_code({"CREATE TABLE d(a, b DEFAULT (sqlite_version()))", "INSERT INTO d(a) VALUES(1)"}),
      "refused_function");
  EXPECT_EQ(
      first_code({"CREATE TABLE e(a, b DEFAULT (total_changes()))", "INSERT INTO e(a) VALUES(1)"}),
      "refused_function");
  EXPECT_EQ(first_code({"CREATE VIEW v AS SELECT sqlite_source_id() AS s", "SELECT s FROM v"}),
            "refused_function");
  EXPECT_EQ(
      first_code({"CREATE TRIGGER g AFTER INSERT ON t BEGIN UPDATE t SET b = sqlite_version(); END",
                  "INSERT INTO t VALUES(9, 9)"}),
      "refused_function");
  EXPECT_EQ(code("CREATE TABLE f(a, b AS (sqlite_version()))"), "refused_function");
  EXPECT_EQ(code("CREATE INDEX i ON t(sqlite_version())"), "refused_function");
}

TEST_F(Sandbox, lets_the_schema_be_read) {
  EXPECT_EQ(rows("SELECT name FROM pragma_table_info('t')"), "a\nb");
  EXPECT_EQ(rows("PRAGMA user_version"), "0");
  run("PRAGMA user_version = 7");
  EXPECT_EQ(rows("PRAGMA user_version"), "7");
  EXPECT_EQ(rows("SELECT count(*) FROM prytany_sessions"), "1");
  EXPECT_THAT(rows("SELECT session, principal, role FROM prytany_sessions"), HasSubstr("1|admin:"));
}

TEST_F(Sandbox, gives_equal_randomness_that_differs_by_request_and_row) {
  const std::string first = rows("VALUES(random()), (random())");
  EXPECT_NE(first, rows("VALUES(random()), (random())"));
  EXPECT_NE(first.substr(0, first.find('\n')), first.substr(first.find('\n') + 1));
  EXPECT_EQ(rows("SELECT length(randomblob(10)), length(randomblob(-1))"), "10|1");
  EXPECT_EQ(code("SELECT randomblob(2000000000)"), "SQLITE_TOOBIG");
}

TEST_F(Sandbox, gives_agreed_time_in_utc) {
  const std::string now = rows("SELECT now()");
  EXPECT_EQ(now, std::to_string(replica.executor().agreed().value));
  EXPECT_EQ(rows("SELECT CURRENT_TIMESTAMP = datetime(now() / 1000000, 'unixepoch')"), "1");
  EXPECT_EQ(rows("SELECT julianday('now') = julianday(now() / 1000 / 1000.0, 'unixepoch')"), "1");
}

TEST_F(Sandbox, forgets_the_last_request) {
  run("INSERT INTO t(b) VALUES('four')");
  EXPECT_EQ(rows("SELECT last_insert_rowid(), changes()"), "0|0");
  wire::Execute both = execute_of("UPDATE t SET b = 'x' WHERE a < 3");
  both.statements.items.push_back({{"SELECT changes(), last_insert_rowid()"}, {}, {}});
  EXPECT_EQ(rows_of(replica.ask(admin, both)), "2|0");
}

TEST_F(Sandbox, stops_what_never_ends_at_its_budget) {
  EXPECT_EQ(code("WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) "
                 "SELECT count(*) FROM c"),
            "budget_exceeded");
  EXPECT_EQ(code("WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) "
                 "INSERT INTO t(b) SELECT x FROM c"),
            "budget_exceeded");
  EXPECT_EQ(rows("SELECT count(*) FROM t"), "3");
  run("CREATE TABLE big(x)");
  run("WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c LIMIT 3000) "
      "INSERT INTO big SELECT x FROM c");
  EXPECT_EQ(code("SELECT count(*) FROM big a, big b, big c WHERE a.x + b.x = c.x - 1"),
            "budget_exceeded");
}

TEST_F(Sandbox, bounds_values_results_and_nesting) {
  EXPECT_EQ(code("SELECT zeroblob(1000000000)"), "SQLITE_TOOBIG");
  EXPECT_EQ(rows("SELECT printf('%1000000000d', 1)"), "NULL");
  EXPECT_EQ(code("SELECT replace(zeroblob(100000), x'00', zeroblob(1000))"), "");
  EXPECT_EQ(code("SELECT replace(hex(zeroblob(100000)), '0', hex(zeroblob(1000)))"),
            "SQLITE_TOOBIG");
  EXPECT_EQ(code("SELECT zeroblob(900000), zeroblob(900000)"), "RESULT_TOO_LARGE");
  EXPECT_EQ(code("WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c LIMIT 100001) "
                 "SELECT NULL FROM c"),
            "RESULT_TOO_LARGE");
  std::string deep = "1";
  for (int i = 0; i < 600; ++i) deep = "(" + deep + "+1)";
  EXPECT_EQ(code("SELECT " + deep), "SQLITE_ERROR");
  std::string pattern(300, '%');
  EXPECT_EQ(code("SELECT 'x' LIKE '" + pattern + "'"), "SQLITE_ERROR");
  run("CREATE TABLE r(a)");
  run("CREATE TRIGGER rr AFTER INSERT ON r BEGIN INSERT INTO r VALUES(NEW.a + 1); END");
  run("INSERT INTO r VALUES(1)");  // recursive triggers are off: one more row, not endless
  EXPECT_EQ(rows("SELECT count(*) FROM r"), "2");
}

TEST_F(Sandbox, refuses_views_that_unfold_without_end) {
  run("CREATE VIEW v0 AS SELECT 1 AS x");
  std::string refused;
  for (int i = 1; i < 40 && refused.empty(); ++i)
    refused = code("CREATE VIEW v" + std::to_string(i) + " AS SELECT a.x FROM v" +
                   std::to_string(i - 1) + " a, v" + std::to_string(i - 1) + " b UNION SELECT 2") +
              code("SELECT count(*) FROM v" + std::to_string(i));
  EXPECT_NE(refused, "");
  EXPECT_EQ(rows("SELECT count(*) FROM t"), "3");
}

TEST_F(Sandbox, counts_what_string_functions_go_through) {
  // Quadratic in SQLite: seconds within a few steps.
  const std::string text = "replace(hex(zeroblob(200000)), '00', 'aa')";
  EXPECT_EQ(rows("SELECT instr(" + text + ", " + text + " || 'b')"), "0");
  EXPECT_EQ(rows("SELECT length(replace(" + text + ", substr(" + text + ", 1, 1000) || 'b', ''))"),
            "400000");
  EXPECT_EQ(rows("SELECT length(trim(" + text + ", 'xyzé'))"), "400000");
}

TEST_F(Sandbox, computes_strings_as_sqlite_does) {
  EXPECT_EQ(rows("SELECT instr('hello', 'l'), instr('hello', ''), instr('hello', 'z')"), "3|1|0");
  EXPECT_EQ(rows("SELECT instr('aéa', 'a'), instr('éa', 'a'), instr(NULL, 'a')"), "1|2|NULL");
  EXPECT_EQ(rows("SELECT instr(x'010203', x'03'), instr('1a', x'61'), instr(123, 23)"), "3|2|2");
  EXPECT_EQ(rows("SELECT replace('abcabc', 'bc', 'X'), replace('abc', '', 'X')"), "aXaX|abc");
  EXPECT_EQ(rows("SELECT replace(1231, 1, 7), replace('a', 'a', NULL)"), "7237|NULL");
  EXPECT_EQ(rows("SELECT trim('xxaxx', 'x'), ltrim('éaé', 'é'), rtrim('éaé', 'é')"), "a|aé|éa");
  EXPECT_EQ(rows("SELECT trim('abc', ''), trim('abc', 'abc'), trim('  x  ')"), "abc||x");
}

TEST_F(Sandbox, survives_or_rollback_and_raise) {
  run("CREATE TABLE u(a UNIQUE ON CONFLICT ROLLBACK)");
  run("INSERT INTO u VALUES(1)");
  EXPECT_EQ(code("INSERT INTO u VALUES(2), (1)"), "SQLITE_CONSTRAINT_UNIQUE");
  EXPECT_EQ(code("INSERT OR ROLLBACK INTO t VALUES(1, 1)"), "SQLITE_CONSTRAINT_PRIMARYKEY");
  EXPECT_EQ(code("INSERT OR FAIL INTO t VALUES(8, 8), (1, 1)"), "SQLITE_CONSTRAINT_PRIMARYKEY");
  run("CREATE TRIGGER no BEFORE DELETE ON t BEGIN SELECT RAISE(ROLLBACK, 'stays'); END");
  EXPECT_EQ(code("DELETE FROM t"), "SQLITE_CONSTRAINT_TRIGGER");
  EXPECT_EQ(rows("SELECT count(*) FROM t"), "3");
  EXPECT_EQ(rows("SELECT count(*) FROM u"), "1");
}

TEST_F(Sandbox, checks_foreign_keys_at_the_end_of_the_request) {
  run("CREATE TABLE c(a REFERENCES t(a) DEFERRABLE INITIALLY DEFERRED)");
  EXPECT_EQ(code("INSERT INTO c VALUES(99)"), "SQLITE_CONSTRAINT_FOREIGNKEY");
  EXPECT_EQ(rows("SELECT count(*) FROM c"), "0");
  run("INSERT INTO c VALUES(1)");
}

TEST_F(Sandbox, says_that_a_table_may_have_come_to_its_largest_number) {
  run("CREATE TABLE a(id INTEGER PRIMARY KEY AUTOINCREMENT, x)");
  run("INSERT INTO a VALUES(9223372036854775807, 1)");
  const wire::Outcome outcome = replica.sql(admin, "INSERT INTO a(x) VALUES(2)");
  EXPECT_EQ(code_of(outcome), "SQLITE_FULL");
  EXPECT_THAT(message_of(outcome), testing::HasSubstr("AUTOINCREMENT"));
  EXPECT_EQ(rows("SELECT count(*) FROM a"), "1");
}

TEST_F(Sandbox, stops_at_the_largest_size_and_goes_on) {
  Replica small(nullptr, {}, [](ExecutorConfig& c) { c.application_pages_max = 60; });
  Client root = small.join(test_key(100));
  small.sql(root, "CREATE TABLE b(x)");
  std::string last;
  for (int i = 0; i < 20 && last.empty(); ++i)
    last = code_of(small.sql(root, "INSERT INTO b VALUES(zeroblob(20000))"));
  EXPECT_EQ(last, "SQLITE_FULL");
  // Our own tables have room beyond it: others may join, replies are kept, checkpoints are taken.
  for (std::uint8_t i = 1; i < 40; ++i) {
    Client another = small.join(test_key(100), "name" + std::to_string(i), i);
    EXPECT_EQ(rows_of(small.sql(another, "SELECT count(*) > 0 FROM b")), "1");
  }
  EXPECT_EQ(code_of(small.sql(root, "DELETE FROM b")), "");
  EXPECT_EQ(code_of(small.sql(root, "INSERT INTO b VALUES(zeroblob(20000))")), "");
}

TEST(FirstWord, is_found_past_comments_and_space) {
  EXPECT_EQ(first_word(" \n-- c\n/* d */ ; select 1"), "SELECT");
  EXPECT_EQ(first_word("-- only"), "");
  EXPECT_EQ(first_word("/* open"), "");
  EXPECT_TRUE(is_blank(" ;; -- x"));
  EXPECT_FALSE(is_blank(" ;; x"));
}

}  // namespace
}  // namespace prytany::app
