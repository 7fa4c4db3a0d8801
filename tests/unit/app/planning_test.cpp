// Choosing how to run a statement has an end, and is charged to its request, whether or not the
// statement is kept from the last time.
#include <gtest/gtest.h>

#include <string>

#include "tests/unit/app/bench_of_one.h"

namespace prytany::app {
namespace {

constexpr unsigned columns = 20;

std::string c(unsigned number) { return "c" + std::to_string(number % columns); }

/// Of `tables` times the same one, each with indexes for many of the ways to find its rows.
std::string star(unsigned tables, unsigned links = 6) {
  std::string sql = "SELECT count(*) FROM t a0";
  for (unsigned i = 1; i < tables; ++i) sql += ", t a" + std::to_string(i);
  sql += " WHERE 1";
  for (unsigned i = 1; i < tables; ++i)
    for (unsigned k = 0; k < links; ++k)
      sql += " AND a0." + c(k) + " = a" + std::to_string(i) + "." + c(7 * k);
  return sql;
}

/// One replica with a table of many indexes, and who asks it.
class Bench {
 public:
  explicit Bench(void (*change)(ExecutorConfig&) = nullptr)
      : replica_(nullptr, {}, change), client_(replica_.join(test_key(100))) {
    std::string table = "CREATE TABLE t(c0";
    for (unsigned i = 1; i < columns; ++i) table += ", " + c(i);
    EXPECT_EQ(code_of(ask(table + ")")), "");
    for (unsigned i = 0; i < 60; ++i) {
      std::string index = "CREATE INDEX i" + std::to_string(i) + " ON t(" + c(i);
      for (unsigned k = 1; k < 5; ++k) index += ", " + c(i + k * (1 + i / columns));
      EXPECT_EQ(code_of(ask(index + ")")), "");
    }
    EXPECT_EQ(code_of(ask("INSERT INTO t(c0) VALUES (1)")), "");
  }
  wire::Outcome ask(const std::string& sql) { return replica_.sql(client_, sql); }

 private:
  Replica replica_;
  Client client_;
};

void little(ExecutorConfig& config) { config.steps_per_request_max = 200'000; }

TEST(Planning, of_a_join_of_sixty_tables_ends_and_finds_a_plan) {
  Bench wide;
  EXPECT_EQ(rows_of(wide.ask(star(60))), "0");
}

TEST(Planning, is_charged_whether_or_not_the_statement_is_kept) {
  Bench narrow(little);
  EXPECT_EQ(rows_of(narrow.ask(star(4))), "0");
  for (unsigned time = 0; time < 3; ++time)
    EXPECT_EQ(code_of(narrow.ask(star(60))), "budget_exceeded") << time;
}

TEST(Planning, of_everyday_statements_costs_nothing) {
  RequestState state;
  state.work_max = 10;
  EXPECT_TRUE(state.spend_planning(100'000));
  EXPECT_EQ(state.work, 0U);
  EXPECT_TRUE(state.spend_planning(100'320));
  EXPECT_EQ(state.work, 10U);
  EXPECT_FALSE(state.spend_planning(100'032));
  EXPECT_EQ(state.failure.value_or(Failure{}).code, "budget_exceeded");
}

TEST(Planning, of_too_many_joins_in_one_statement_is_refused) {
  Bench wide;
  std::string sql = "SELECT 1 WHERE 1";
  for (unsigned i = 0; i < 60; ++i) sql += " AND EXISTS (" + star(30, 2) + ")";
  const auto outcome = wide.ask(sql);
  EXPECT_EQ(code_of(outcome), "statement_too_large") << message_of(outcome);
  EXPECT_NE(message_of(outcome).find("choosing how to run it"), std::string::npos);
  EXPECT_EQ(rows_of(wide.ask("SELECT count(*) FROM t")), "1");
}

}  // namespace
}  // namespace prytany::app
