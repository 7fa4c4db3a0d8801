// C++ applications: a class with a standard SQLite handle (design.md section 8).
#include <gtest/gtest.h>
#include <sqlite3.h>

#include "server/wire/codec.h"
#include "tests/unit/app/bench_of_one.h"

namespace prytany::app {
namespace {

wire::ErrorReply refusal(const std::string& code) { return {{code}, {"no"}, {}, 0}; }

/// Counts calls per principal. Knows everybody by the name they give.
class Counter final : public Application {
 public:
  void opened(sqlite3* db) override {
    ++openings;
    sqlite3_create_function(
        db, "twice", 1, SQLITE_UTF8 | SQLITE_DETERMINISTIC, nullptr,
        [](sqlite3_context* context, int, sqlite3_value** values) {
          sqlite3_result_int64(context, 2 * sqlite3_value_int64(values[0]));
        },
        nullptr, nullptr);
    sqlite3_exec(db, "CREATE TABLE IF NOT EXISTS counts(who TEXT PRIMARY KEY, n INTEGER)", nullptr,
                 nullptr, nullptr);
    sqlite3_prepare_v2(db,
                       "INSERT INTO counts VALUES(session_principal(), 1) "
                       "ON CONFLICT(who) DO UPDATE SET n = n + 1 RETURNING twice(n)",
                       -1, &count, nullptr);
  }
  void closing(sqlite3*) override { sqlite3_finalize(std::exchange(count, nullptr)); }
  Result<Authorized, wire::ErrorReply> authorize(sqlite3*, const wire::Identification& who,
                                                 const Context&) override {
    return Authorized{who.name.text, "user"};
  }
  wire::Outcome execute(sqlite3* db, const wire::Call& call, const Context& context) override {
    EXPECT_EQ(context.role, "user");
    if (call.procedure.text == "hostile") {
      const int rc = sqlite3_exec(db, "UPDATE prytany_session_rows SET role = 'admin'", nullptr,
                                  nullptr, nullptr);
      return refusal(rc == SQLITE_AUTH ? "auth" : "allowed");
    }
    if (call.procedure.text == "commit")
      return refusal(sqlite3_exec(db, "COMMIT", nullptr, nullptr, nullptr) == SQLITE_AUTH
                         ? "auth"
                         : "allowed");
    // Over all tables they go by hash order, which only this handle's history decides.
    if (call.procedure.text == "check")
      return refusal(
          sqlite3_exec(db, "PRAGMA foreign_key_check", nullptr, nullptr, nullptr) == SQLITE_AUTH &&
                  sqlite3_exec(db, "PRAGMA quick_check", nullptr, nullptr, nullptr) == SQLITE_AUTH
              ? "auth"
              : "allowed");
    if (sqlite3_step(count) != SQLITE_ROW) return refusal("failed");
    wire::ResultSet set;
    set.rows.items.push_back({{wire::Value(std::int64_t{sqlite3_column_int64(count, 0)})}});
    // The statement is left where it is: the executor must cope.
    if (call.procedure.text == "undo") return refusal("undone");
    return wire::ResultSets{{set}};
  }
  sqlite3_stmt* count = nullptr;
  int openings = 0;
};

TEST(NativeApplication, runs_statements_of_its_own_in_the_request_s_transaction) {
  Counter counter;
  Replica replica(&counter);
  Client anna = replica.join(test_key(1), "Anna");
  Client zoe = replica.join(test_key(2), "Zoe");
  EXPECT_EQ(rows_of(replica.call(anna, "count")), "2");
  EXPECT_EQ(code_of(replica.call(anna, "undo")), "undone");
  EXPECT_EQ(rows_of(replica.call(anna, "count")), "4");
  EXPECT_EQ(rows_of(replica.call(zoe, "count")), "2");
  EXPECT_EQ(code_of(replica.call(zoe, "hostile")), "auth");
  EXPECT_EQ(code_of(replica.call(zoe, "commit")), "auth");
  EXPECT_EQ(code_of(replica.call(zoe, "check")), "auth");
  EXPECT_EQ(rows_of(replica.call(zoe, "count")), "4");
}

TEST(NativeApplication, is_told_of_every_opening_and_closing) {
  Counter counter;
  {
    Replica replica(&counter);
    Client anna = replica.join(test_key(1), "Anna");
    const int before = counter.openings;
    for (std::uint64_t i = 0; i < 2 * Replica::checkpoint_interval; ++i)
      replica.call(anna, "count");
    EXPECT_EQ(counter.openings, before + 2);
    replica.executor().release();
    EXPECT_EQ(counter.count, nullptr);
    replica.executor().reload();
    EXPECT_NE(counter.count, nullptr);
  }
  EXPECT_EQ(counter.count, nullptr);
}

TEST(NativeApplication, cannot_be_replaced_by_an_installed_one) {
  Counter counter;
  Replica replica(&counter);
  Client admin = replica.join(test_key(100));
  EXPECT_EQ(code_of(replica.ask(admin, wire::Install{})), "not_allowed");
  EXPECT_EQ(rows_of(replica.sql(admin, "SELECT twice(21)")), "42");
}

}  // namespace
}  // namespace prytany::app
