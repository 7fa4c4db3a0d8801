// Replicas of different history give byte-identical states and replies (design.md
// section 6).
#include <gtest/gtest.h>
#include <malloc.h>
#include <sqlite3.h>

#include <cstdlib>
#include <ctime>
#include <random>

#include "tests/unit/app/bench_of_one.h"

namespace prytany::app {
namespace {

/// Does nothing but keep the handle, so that the test can shed its page cache.
class Handle final : public Application {
 public:
  void opened(sqlite3* opened) override { db = opened; }
  Result<Authorized, wire::ErrorReply> authorize(sqlite3*, const wire::Identification&,
                                                 const Context&) override {
    return wire::ErrorReply{{"nobody"}, {}, {}, 0};
  }
  wire::Outcome execute(sqlite3*, const wire::Call&, const Context&) override {
    return wire::DoneReply{};
  }
  sqlite3* db = nullptr;
};

/// Statements that people and enemies might send, from a seed.
class Statements {
 public:
  explicit Statements(unsigned seed) : random_(seed) {}

  std::string next() {
    switch (below(24)) {
      case 0:
        return "CREATE TABLE IF NOT EXISTS " + table() + "(a INTEGER PRIMARY KEY, b, c UNIQUE)";
      case 1: return "CREATE TABLE " + table() + "(a, b, c, PRIMARY KEY(a, b)) WITHOUT ROWID";
      case 2: return below(3) == 0 ? "DROP TABLE " + table() : "SELECT 1";
      case 3: return "CREATE INDEX i" + number(9) + " ON " + table() + "(b, c)";
      case 4: return "DROP INDEX IF EXISTS i" + number(9);
      case 5: return "ALTER TABLE " + table() + " ADD COLUMN d" + number(4) + " DEFAULT (random())";
      case 6: return "ALTER TABLE " + table() + " RENAME TO t" + number(12);
      case 7:
        return "CREATE TRIGGER g" + number(5) + " AFTER INSERT ON " + table() + " BEGIN UPDATE " +
               table() + " SET b = b || NEW.b WHERE a % 7 = 0; END";
      case 8: return "DROP TRIGGER IF EXISTS g" + number(5);
      case 9:
        return "CREATE TABLE " + table() + " AS SELECT 1 a, 2 a, 3 a, 4 a, 5 a, 6 a, random() b";
      case 10: return "DELETE FROM " + table() + " WHERE abs(random()) % 3 = 0";
      case 11:
        return "UPDATE OR REPLACE " + table() + " SET c = abs(random()) % 50 WHERE a % " +
               std::to_string(below(5) + 2) + " = 1";
      case 12:
        return "INSERT INTO " + table() + "(b, c) SELECT b, random() FROM " + table() +
               " ORDER BY random() LIMIT 20";
      case 13: return "INSERT INTO " + table() + "(a, b, c) VALUES(9223372036854775807, 'max', 1)";
      case 14: return "INSERT OR ROLLBACK INTO " + table() + "(b, c) VALUES('x', 1), ('y', 1)";
      case 15:
        return "INSERT INTO " + table() + "(b, c) VALUES(randomblob(" + number(20'000) +
               "), random())";
      case 16:
        return "SELECT a, typeof(b), hex(substr(b, 1, 8)), sum(length(b)) OVER (ORDER BY a) FROM " +
               table() + " LIMIT 30";
      case 17: return "SELECT count(*), max(rowid), total(length(b)) FROM " + table();
      case 18: return "SELECT json_group_array(json_object('a', a, 'b', 1.5)) FROM " + table();
      case 19: return hostile();
      case 20: return "SELECT sql, rootpage FROM sqlite_schema WHERE name LIKE 't%' ORDER BY name";
      default:
        return "INSERT INTO " + table() + "(b, c) VALUES(CURRENT_TIMESTAMP || random(), " +
               number(200) + "), ('" + std::string(below(300), 'z') + "', " + number(200) + ")";
    }
  }
  unsigned below(unsigned n) { return std::uniform_int_distribution<unsigned>(0, n - 1)(random_); }

 private:
  std::string number(unsigned n) { return std::to_string(below(n)); }
  std::string table() { return "t" + number(12); }
  std::string hostile() {
    const char* statements[] = {
        "ANALYZE",
        "REINDEX",
        "PRAGMA table_list",
        "ATTACH ':memory:' AS x",
        "VACUUM",
        "PRAGMA cache_size = 3",
        "SELECT date('now', 'localtime')",
        "SELECT sqlite_version()",
        "EXPLAIN SELECT 1",
        "CREATE TEMP TABLE x(a)",
        "SELECT printf('%.17g', 0.1 + 0.2)",
        "SELECT json_extract('{\"a\":1.5}', '$.a'), upper('straße'), CAST('1.1e-7' AS REAL)",
        "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT count(*) FROM c",
        "SELECT zeroblob(1000000000)",
        "SELECT total_changes()",
        "SELECT changes(), last_insert_rowid()",
        "SELECT group_concat(name) FROM pragma_index_list('t1')",
        "BEGIN",
        "SELECT * FROM prytany_state",
        "SELECT 1e999",
        "SELECT CAST(x'ff' AS TEXT)"};
    return statements[below(std::size(statements))];
  }
  std::mt19937 random_;
};

void other_world(bool other) {
  // glibc fills freed and fresh memory with this.
  mallopt(M_PERTURB, other ? 0xa5 : 0);
  setenv("TZ", other ? "Asia/Tokyo" : "UTC", 1);
  setenv("LC_ALL", other ? "de_DE.UTF-8" : "C", 1);
  tzset();
}

void small_budget(ExecutorConfig& config) {
  config.steps_per_request_max = 300'000;
  config.application_pages_max = 500;
}

class Histories : public testing::TestWithParam<unsigned> {};

TEST_P(Histories, that_differ_give_the_same_bytes_and_replies) {
  Statements statements(GetParam());
  Handle handle_a;
  Handle handle_b;
  auto a = std::make_unique<Replica>(&handle_a, Bytes{}, small_budget);
  auto b = std::make_unique<Replica>(&handle_b, Bytes{}, small_budget);
  Client admin = a->join(test_key(100));
  ASSERT_EQ(b->join(test_key(100)).session, admin.session);
  int refused = 0;
  int done = 0;
  int restarts = 0;
  for (int round = 0; round < 160; ++round) {
    wire::Batch batch;
    for (unsigned i = statements.below(8); i > 0; --i) {
      wire::Execute execute;
      for (unsigned j = statements.below(3) + 1; j > 0; --j)
        execute.statements.items.push_back({{statements.next()}, {}, {}});
      batch.requests.items.push_back(request_of(admin, admin.next_number++, execute));
    }
    other_world(false);
    const Executed one = a->execute(batch);
    other_world(true);
    // B forgets its page cache now and then, as a smaller cache would.
    if (statements.below(3) == 0) sqlite3_db_release_memory(handle_b.db);
    const Executed two = b->execute(batch);
    ASSERT_EQ(one.replies, two.replies) << "round " << round;
    for (const wire::Reply& reply : one.replies)
      ++(code_of(reply.outcome).empty() ? done : refused);
    if (a->executor().executed().value % Replica::checkpoint_interval != 0) continue;
    ASSERT_EQ(a->last_root(), b->last_root()) << "round " << round;
    ASSERT_EQ(a->image(), b->image());
    if (statements.below(3) != 0) continue;
    const Bytes image = a->image();
    const AgreedTime before = b->now();
    b = std::make_unique<Replica>(&handle_b, image, small_budget);
    ASSERT_EQ(b->now(), before);
    ++restarts;
  }
  other_world(false);
  EXPECT_GT(done, 100);
  EXPECT_GT(refused, 100);
  EXPECT_GT(restarts, 2);
}
INSTANTIATE_TEST_SUITE_P(Seeds, Histories, testing::Range(1U, 9U));

TEST(HistoriesChecker, notices_a_handle_that_was_set_differently) {
  Handle handle_a;
  Handle handle_b;
  Replica a(&handle_a);
  Replica b(&handle_b);
  Client admin = a.join(test_key(100));
  Client twin = b.join(test_key(100));
  a.sql(admin, "CREATE TABLE t(a, b)");
  b.sql(twin, "CREATE TABLE t(a, b)");
  ASSERT_EQ(a.image(), b.image());
  ASSERT_EQ(sqlite3_exec(handle_b.db, "PRAGMA secure_delete = OFF", nullptr, nullptr, nullptr),
            SQLITE_OK);
  for (const char* sql : {"INSERT INTO t VALUES(1, zeroblob(9000)), (2, 'x')", "DELETE FROM t"})
    ASSERT_EQ(rows_of(a.sql(admin, sql)), rows_of(b.sql(twin, sql)));
  EXPECT_NE(a.image(), b.image());
}

TEST(FailedRequest, leaves_the_bytes_of_never_ran) {
  Replica replica(nullptr, {}, [](ExecutorConfig& c) {
    c.checkpoint_interval = 1000;
    c.steps_per_request_max = 100'000;
    c.application_pages_max = 300;
  });
  Client admin = replica.join(test_key(100));
  const auto run = [&](std::vector<std::string> statements) {
    wire::Execute execute;
    for (std::string& sql : statements)
      execute.statements.items.push_back({{std::move(sql)}, {}, {}});
    return code_of(replica.ask(admin, execute));
  };
  // A table with free pages behind it, so that garbage would have somewhere to stay.
  ASSERT_EQ(run({"CREATE TABLE t(a INTEGER PRIMARY KEY, b UNIQUE, c)",
                 "CREATE TABLE k(a REFERENCES t(a) DEFERRABLE INITIALLY DEFERRED)",
                 "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 200) "
                 "INSERT INTO t SELECT i, i, zeroblob(2000) FROM n",
                 "DELETE FROM t WHERE a > 20"}),
            "");
  const Bytes before = replica.image();
  const std::vector<std::vector<std::string>> failing = {
      {"INSERT INTO t VALUES(1000, 1, 1)"},
      {"INSERT INTO t VALUES(1000, 1000, zeroblob(30000)), (1001, 1, 1)"},
      {"UPDATE t SET c = zeroblob(5000)", "SELECT nothing"},
      {"DELETE FROM t", "INSERT INTO nowhere VALUES(1)"},
      {"CREATE TABLE x(a UNIQUE, b)", "CREATE INDEX y ON x(b)",
       "INSERT INTO x VALUES(1, 1), (1, 1)"},
      {"DROP TABLE t", "BEGIN"},
      {"ALTER TABLE t RENAME TO prytany_t"},
      {"INSERT OR ROLLBACK INTO t VALUES(1000, 1000, zeroblob(9000)), (1, 1, 1)"},
      {"INSERT OR FAIL INTO t VALUES(1000, 1000, zeroblob(9000)), (1, 1, 1)"},
      {"INSERT INTO k VALUES(1000)"},
      {"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) "
       "INSERT INTO k SELECT i FROM n"},
      {"INSERT INTO t(c) VALUES(zeroblob(900000))", "INSERT INTO t(c) VALUES(zeroblob(900000))"},
      {"UPDATE t SET c = zeroblob(60000) RETURNING c"},
      {"PRAGMA user_version = 5", "SELECT ensure(0, 'no', 'no')"},
  };
  for (const auto& statements : failing) {
    EXPECT_NE(run(statements), "") << statements[0];
    EXPECT_EQ(replica.image(), before) << statements[0];
  }
}

}  // namespace
}  // namespace prytany::app
