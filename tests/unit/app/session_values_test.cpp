// What a session keeps for itself, in SQL, and that it goes with the session (design.md section 7;
// Practicality section 3.3.2).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "server/app/join.h"
#include "tests/unit/app/bench_of_one.h"

namespace prytany::app {
namespace {

using testing::HasSubstr;

class SessionValues : public testing::Test {
 protected:
  std::string code(Client& who, const std::string& sql) { return code_of(replica.sql(who, sql)); }
  std::string rows(Client& who, const std::string& sql) { return rows_of(replica.sql(who, sql)); }
  /// Whatever is kept, of all sessions.
  std::string kept() {
    return rows(zoe, "SELECT session, key, value FROM prytany_session_value_rows");
  }
  void next_checkpoint() {
    while (replica.executor().executed().value % Replica::checkpoint_interval != 0)
      replica.execute(wire::Batch{});
  }
  static constexpr const char* cart = "INSERT INTO prytany_session_values VALUES('cart', 7)";
  static constexpr const char* all = "SELECT key, value FROM prytany_session_values";

  Replica replica;
  Client anna = replica.join(test_key(100), "anna", 1);
  Client zoe = replica.join(test_key(100), "zoe", 2);
};

TEST_F(SessionValues, are_seen_and_changed_by_their_session_alone) {
  EXPECT_EQ(code(anna, cart), "");
  EXPECT_EQ(code(zoe, "INSERT INTO prytany_session_values VALUES('cart', x'ff'), ('b', NULL)"), "");
  EXPECT_EQ(rows(anna, all), "cart|7");
  EXPECT_EQ(rows(zoe, all), "b|NULL\ncart|ff");
  EXPECT_EQ(code(zoe, "UPDATE prytany_session_values SET value = 1.5 WHERE key = 'cart'"), "");
  EXPECT_EQ(code(zoe, "DELETE FROM prytany_session_values WHERE key = 'b'"), "");
  EXPECT_EQ(rows(zoe, all), "cart|1.500000");
  EXPECT_EQ(rows(anna, all), "cart|7");
  EXPECT_EQ(code(zoe, "DELETE FROM prytany_session_values"), "");
  EXPECT_EQ(kept(), "1|cart|7");
}

TEST_F(SessionValues, have_the_constraints_and_the_conflict_clauses_of_tables) {
  EXPECT_EQ(code(anna, cart), "");
  EXPECT_EQ(code(anna, cart), "SQLITE_CONSTRAINT_PRIMARYKEY");
  EXPECT_EQ(code(anna, "INSERT OR IGNORE INTO prytany_session_values VALUES('cart', 8)"), "");
  EXPECT_EQ(rows(anna, all), "cart|7");
  EXPECT_EQ(code(anna, "INSERT OR REPLACE INTO prytany_session_values VALUES('cart', 9)"), "");
  EXPECT_EQ(rows(anna, all), "cart|9");
  EXPECT_EQ(code(anna, "INSERT INTO prytany_session_values VALUES(NULL, 1)"),
            "SQLITE_CONSTRAINT_NOTNULL");
  EXPECT_EQ(code(anna, "INSERT INTO prytany_session_values VALUES(x'00', 1)"),
            "SQLITE_CONSTRAINT_DATATYPE");
}

TEST_F(SessionValues, go_back_with_a_request_or_a_step_that_fails) {
  EXPECT_EQ(code(anna, cart), "");
  wire::Execute both = execute_of("UPDATE prytany_session_values SET value = 8");
  both.statements.items.push_back({{"SELECT ensure(0, 'no', 'no')"}, {}, {}});
  EXPECT_EQ(code_of(replica.ask(anna, both)), "no");
  EXPECT_EQ(rows(anna, all), "cart|7");
  // One statement: the second row fails, and the first goes back.
  wire::Transaction steps;
  steps.steps.items.push_back(
      {{{"INSERT INTO prytany_session_values VALUES('a', 1), ('cart', 1)"}, {}, {}}, {}, true});
  EXPECT_EQ(code_of(replica.ask(anna, steps)), "");
  EXPECT_EQ(rows(anna, all), "cart|7");
}

TEST_F(SessionValues, are_bounded_in_number_and_bytes) {
  const auto fill = [](int first, int last) {
    return "WITH RECURSIVE c(x) AS (SELECT " + std::to_string(first) +
           " UNION ALL SELECT x + 1 FROM c WHERE x < " + std::to_string(last) +
           ") INSERT INTO prytany_session_values SELECT 'k' || x, x FROM c";
  };
  EXPECT_EQ(code(anna, fill(1, 65)), "session_values_full");
  EXPECT_EQ(rows(anna, "SELECT count(*) FROM prytany_session_values"), "0");
  EXPECT_EQ(code(anna, fill(1, 64)), "");
  EXPECT_EQ(code(anna, fill(65, 65)), "session_values_full");
  EXPECT_EQ(code(anna, "INSERT OR IGNORE INTO prytany_session_values VALUES('more', 1)"),
            "session_values_full");
  EXPECT_EQ(code(anna, fill(1, 1)), "SQLITE_CONSTRAINT_PRIMARYKEY");
  EXPECT_EQ(code(zoe, "INSERT INTO prytany_session_values VALUES('k', zeroblob(65535))"), "");
  EXPECT_EQ(code(zoe, "UPDATE prytany_session_values SET value = zeroblob(65536)"),
            "session_values_full");
  EXPECT_EQ(code(zoe, "UPDATE prytany_session_values SET key = 'kk'"), "session_values_full");
  EXPECT_EQ(code(zoe, "INSERT INTO prytany_session_values VALUES('', NULL)"), "");
  EXPECT_EQ(code(zoe, "INSERT INTO prytany_session_values VALUES('a', NULL)"),
            "session_values_full");
  EXPECT_EQ(rows(zoe, "SELECT length(value) FROM prytany_session_values WHERE key = 'k'"), "65535");
}

TEST_F(SessionValues, cost_their_steps) {
  EXPECT_EQ(code(anna, cart), "");
  // Each write counts what the session has; what never ends, ends at the request's budget.
  EXPECT_EQ(code(anna,
                 "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) "
                 "INSERT OR REPLACE INTO prytany_session_values SELECT 'cart', x FROM c"),
            "budget_exceeded");
  EXPECT_EQ(rows(anna, all), "cart|7");
}

TEST_F(SessionValues, vanish_when_the_session_leaves_or_is_replaced) {
  EXPECT_EQ(code(anna, cart), "");
  EXPECT_EQ(code(zoe, "INSERT INTO prytany_session_values VALUES('mine', 1)"), "");
  EXPECT_TRUE(std::holds_alternative<wire::DoneReply>(replica.ask(anna, wire::Leave{})));
  EXPECT_EQ(kept(), "2|mine|1");
  anna = replica.join(test_key(100), "anna", 1);
  EXPECT_EQ(rows(anna, all), "");
  EXPECT_EQ(code(anna, cart), "");
  const wire::Reply again = replica.execute(join_request(
      replica.config(), test_key(3), test_key(100), "anna", replica.now(), 800'000'000));
  Client newer{test_key(3), std::get<wire::JoinedReply>(again.outcome).session, 1};
  EXPECT_EQ(rows(newer, all), "");
  EXPECT_EQ(kept(), "2|mine|1");
}

TEST_F(SessionValues, vanish_when_the_session_is_dropped_as_idle) {
  Replica small(nullptr, {}, [](ExecutorConfig& c) {
    c.sessions_max = 2;
    c.session_idle_us = 60'000'000;
  });
  Client idle = small.join(test_key(100), "idle", 1);
  Client busy = small.join(test_key(100), "busy", 2);
  EXPECT_EQ(code_of(small.sql(idle, cart)), "");
  small.execute(wire::Batch{}, 61'000'000);
  EXPECT_EQ(code_of(small.sql(busy, cart)), "");
  small.join(test_key(100), "third", 3);
  EXPECT_EQ(rows_of(small.sql(busy, "SELECT session FROM prytany_session_value_rows")), "2");
}

TEST_F(SessionValues, are_part_of_the_state) {
  EXPECT_EQ(code(anna, cart), "");
  next_checkpoint();
  Replica twin(nullptr, replica.image());
  Client annas_twin = anna;
  EXPECT_EQ(rows_of(twin.sql(annas_twin, all)), "cart|7");
  EXPECT_EQ(rows(anna, all), "cart|7");
  for (Replica* each : {&replica, &twin})
    while (each->executor().executed().value % Replica::checkpoint_interval != 0)
      each->execute(wire::Batch{});
  EXPECT_EQ(replica.last_root(), twin.last_root());
}

TEST_F(SessionValues, are_not_to_be_had_but_through_the_view) {
  EXPECT_EQ(code(zoe, "CREATE TABLE t(a)"), "");
  for (const char* sql : {
           "INSERT INTO prytany_session_value_rows VALUES(1, 'a', 1)",
           "UPDATE prytany_session_value_rows SET value = 1",
           "DELETE FROM prytany_session_value_rows",
           "WITH prytany_session_values_delete AS (SELECT 1) DELETE FROM "
           "prytany_session_value_rows WHERE 1 IN (SELECT * FROM prytany_session_values_delete)",
           "CREATE TRIGGER g INSTEAD OF INSERT ON prytany_session_values BEGIN SELECT 1; END",
           "DROP VIEW prytany_session_values",
           "DROP TRIGGER prytany_session_values_insert",
           "DROP TABLE prytany_session_value_rows",
       })
    EXPECT_EQ(code(zoe, sql), "refused_reserved") << sql;
  EXPECT_EQ(code(zoe,
                 "CREATE TRIGGER thief AFTER UPDATE ON t BEGIN DELETE FROM "
                 "prytany_session_value_rows; END"),
            "");
  EXPECT_EQ(code(zoe, "UPDATE t SET a = 1"), "refused_reserved") << "when it would run";
  EXPECT_EQ(code(zoe,
                 "CREATE TRIGGER g AFTER INSERT ON t BEGIN INSERT OR REPLACE INTO "
                 "prytany_session_values VALUES('last', NEW.a); END"),
            "");
  EXPECT_EQ(code(anna, "INSERT INTO t VALUES(1), (2)"), "") << "an application's own trigger may";
  EXPECT_EQ(kept(), "1|last|2");
  EXPECT_EQ(code(zoe, "ALTER TABLE t RENAME TO u"), "") << "which reads all views and triggers";
}

// ---- procedures ---------------------------------------------------------------------------------

wire::Install shop(const std::string& version) {
  const auto file = [](const std::string& path, const std::string& content) {
    return wire::ApplicationFile{{path}, {to_bytes(as_bytes(content))}};
  };
  wire::Install install;
  install.files.items = {
      file("procedures/anybody.sql",
           "-- @public\n-- @read-only\nSELECT count(*) AS n FROM prytany_session_values;"),
      file("procedures/authorize.sql",
           "-- @param kind text\n-- @param name text\n-- @param credential blob\n-- @read-only\n"
           "SELECT :name || count(*), 'member' FROM prytany_session_values;"),
      file("procedures/put.sql",
           "-- @param value any\n-- @roles member\n"
           "INSERT OR REPLACE INTO prytany_session_values(key, value) VALUES('cart', :value);\n"
           "SELECT session_principal() AS who;"),
      file("procedures/show.sql",
           "-- @roles member\n-- @read-only\n"
           "SELECT value FROM prytany_session_values WHERE key = 'cart';"),
      file("prytany.json", R"({"name": "shop", "version": ")" + version +
                               R"(", "roles": {"member": {"sql": "read"}}})"),
      file("schema/001_t.sql", "CREATE TABLE t(a);"),
  };
  return install;
}

TEST_F(SessionValues, serve_procedures_and_nobody_has_any) {
  EXPECT_EQ(code_of(replica.ask(zoe, shop("1"))), "");
  Client kim = replica.join(test_key(5), "kim");
  EXPECT_EQ(rows_of(replica.call(kim, "put", {argument("value", integer(5))})), "kim0");
  EXPECT_EQ(rows_of(replica.call(kim, "show")), "5");
  EXPECT_EQ(rows_of(replica.executor().public_read({{"anybody"}, {}})), "0");
  EXPECT_EQ(code_of(replica.ask(zoe, shop("2"))), "");
  EXPECT_EQ(rows_of(replica.call(kim, "show")), "5") << "sessions outlive an upgrade";
}

TEST_F(SessionValues, are_read_but_not_written_by_what_is_not_ordered) {
  EXPECT_EQ(code_of(replica.ask(zoe, shop("1"))), "");
  Client kim = replica.join(test_key(5), "kim");
  EXPECT_EQ(rows_of(replica.call(kim, "put", {argument("value", integer(5))})), "kim0");
  const auto read = [&](const wire::Operation& operation) {
    const auto outcome =
        replica.executor().session_read(kim.session, kim.key.public_key(), wire::encode(operation));
    return outcome ? rows_of(*outcome) : std::string("only ordering can tell");
  };
  EXPECT_EQ(read(wire::Call{{"show"}, {}}), "5");
  wire::Execute insert = execute_of("INSERT INTO prytany_session_values VALUES('x', 1)");
  insert.read_only = true;
  EXPECT_THAT(read(insert), HasSubstr("not_read_only"));
  EXPECT_EQ(code_of(replica.ask(kim, insert)), "not_read_only");
}

}  // namespace
}  // namespace prytany::app
