// What a step does beyond its own is charged: the worst statements that we know, and at least how
// much of the budget each takes for what it does. No clocks: the charges are equal on every
// machine.
#include <gtest/gtest.h>
#include <sqlite3.h>

#include <memory>
#include <string>

#include "server/app/engine.h"
#include "server/app/sandbox.h"

namespace prytany::app {
namespace {

/// Work that takes about 30 ns, as a step does: what a unit of the budget stands for.
constexpr std::uint64_t bytes_per_unit = 32;

class Budget : public testing::Test {
 protected:
  Budget() {
    sqlite3* opened = nullptr;
    const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
    EXPECT_EQ(sqlite3_open_v2(":memory:", &opened, flags, "unix-none"), SQLITE_OK);
    db.reset(opened);
    install_sandbox(opened, state);
  }

  /// What it takes; 0 if it fails.
  std::uint64_t charge(const std::string& sql) {
    sqlite3_stmt* prepared = nullptr;
    const int rc = sqlite3_prepare_v2(db.get(), sql.c_str(), -1, &prepared, nullptr);
    Statement statement(prepared);
    EXPECT_EQ(rc, SQLITE_OK) << sqlite3_errmsg(db.get()) << ": " << sql;
    if (rc != SQLITE_OK) return 0;
    state.start();
    state.work_max = 100'000'000;
    const AccessScope scope(state, Access::application);
    int stepped = 0;
    while ((stepped = statement.step()) == SQLITE_ROW) {
    }
    EXPECT_EQ(stepped, SQLITE_DONE) << sqlite3_errmsg(db.get()) << ": " << sql;
    EXPECT_TRUE(state.settle(0));
    return stepped == SQLITE_DONE ? state.work : 0;
  }
  /// What `expression` takes for each of a hundred rows, beyond what the rows take by themselves.
  /// Of x, which is `value`.
  std::uint64_t each(const std::string& expression, const std::string& value) {
    const auto sql = [&](const std::string& counted) {
      return "WITH RECURSIVE v(x) AS MATERIALIZED (SELECT " + value +
             "), c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c LIMIT 100) SELECT count(" +
             counted + ") FROM v, c";
    };
    const std::uint64_t all = charge(sql(expression));
    const std::uint64_t rows = charge(sql("i"));
    return all < rows ? 0 : (all - rows) / 100;
  }

  struct Close {
    void operator()(sqlite3* handle) const { sqlite3_close(handle); }
  };
  RequestState state;
  std::unique_ptr<sqlite3, Close> db;
};

std::string times(unsigned count, const std::string& what) {
  std::string all;
  for (unsigned i = 0; i < count; ++i) all += what;
  return all;
}

// Of 4000 bytes, which is less than what a step was charged for as such.
const std::string digits = "replace(hex(zeroblob(2000)), '0', '7')";
const std::string letters = "replace(hex(zeroblob(2000)), '0', 'a')";
const std::string two_bytes_each = "replace(hex(zeroblob(2000)), '00', 'é')";
const std::string array = "'[' || rtrim(replace(hex(zeroblob(1000)), '00', '1,'), ',') || ']'";

TEST_F(Budget, is_charged_for_the_texts_that_functions_are_given) {
  for (const char* expression :
       {"length(x || i)", "substr(x || i, -1, 1)", "trim(x || i)", "upper(x || i)", "hex(x || i)",
        "quote(x || i)", "unicode(x || i)", "json_quote(x || i)", "date(x || i)",
        "printf('%.1q', x || i)", "max(x, i)", "trim('zz' || i, x)", "unhex('00' || i, x)"})
    EXPECT_GE(each(expression, two_bytes_each), 4000 / bytes_per_unit) << expression;
  EXPECT_LT(each("typeof(x)", letters), 10U);
  EXPECT_LT(each("octet_length(x)", letters), 10U);
}

TEST_F(Budget, is_charged_for_texts_that_become_numbers) {
  for (const char* expression :
       {"x + i", "x & i", "-x", "CAST(x AS INTEGER)", "abs(x)", "CAST(i AS INTEGER) < x"})
    EXPECT_GE(each(expression, digits), 4000 / bytes_per_unit) << expression;
  EXPECT_GE(each("x + x + x + x", digits), 5 * 4000 / bytes_per_unit);
  EXPECT_GE(each("CAST((i + 1e-300) AS TEXT)", "1"), 256 / bytes_per_unit);
}

TEST_F(Budget, is_charged_for_texts_that_are_compared) {
  EXPECT_GE(each("(x || 'b') = (x || 'b') COLLATE NOCASE", letters), 2 * 4000 / bytes_per_unit);
  EXPECT_GE(each("(x || ' ') = (x || ' ') COLLATE RTRIM", letters), 2 * 4000 / bytes_per_unit);
  EXPECT_GE(each("x < (x || 'b')", letters), 4000 / 16 / bytes_per_unit);
}

TEST_F(Budget, is_charged_for_each_path_into_json) {
  // Each goes through all of the thousand elements.
  EXPECT_GE(each("json_extract(x" + times(98, ", '$[999]'") + ")", array),
            98 * 1000 * 4 / bytes_per_unit);
  EXPECT_GE(each("json_extract(x" + times(98, ", '$[#-1]'") + ")", array),
            98 * 1000 * 4 / bytes_per_unit);
  EXPECT_GE(each("json_set(x" + times(49, ", '$[999]', 1") + ")", array),
            49 * 1000 * 4 / bytes_per_unit);
  EXPECT_GE(each("json_valid(x || i)", array), 1000 * 16 / bytes_per_unit);
  // Up all of the levels: of 900 arrays, each in the one before.
  const std::string deep =
      "replace(hex(zeroblob(900)), '00', '[') || "
      "replace(hex(zeroblob(900)), '00', ']')";
  EXPECT_GE(charge("SELECT count(fullkey) FROM json_tree(" + deep + ")"),
            900 * 900 / 2 * 64 / bytes_per_unit);
}

TEST_F(Budget, is_charged_for_formats_and_modifiers) {
  EXPECT_GE(each("strftime('" + times(500, "%f%J") + "', i)", "1"), 1000 * 256 / bytes_per_unit);
  EXPECT_GE(each("datetime(i" + times(97, ", '+1 month'") + ")", "1"), 97 * 256 / bytes_per_unit);
  EXPECT_GE(each("printf('" + times(1000, "%s") + "', i)", "1"), 1000 * 64 / bytes_per_unit);
  EXPECT_GE(each("printf('%!.1000f', i * 1e300)", "1"), 1000 / bytes_per_unit);
}

TEST_F(Budget, is_charged_for_patterns_and_sets) {
  // A set is gone through for each character.
  EXPECT_GE(each("x GLOB '*[" + times(170, "b") + "]'", letters), 4000 * 170 / 4U);
  EXPECT_GE(each("i LIKE '%" + times(190, "b") + "'", "1"), 190 / 4U);
  EXPECT_GE(each("trim('zz', x)", two_bytes_each), 2000 / 2U);
}

TEST_F(Budget, is_charged_for_each_column_that_a_step_goes_through) {
  std::string columns = "c0";
  for (int i = 1; i < 200; ++i) columns += ", c" + std::to_string(i);
  charge("CREATE TABLE wide(" + columns + ")");
  charge("INSERT INTO wide(c199) VALUES (1)");
  const std::string rows =
      "WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c LIMIT "
      "100) ";
  EXPECT_GE(charge(rows + "SELECT count(c199) FROM c, wide"),
            charge(rows + "SELECT count(c0) FROM c, wide") + 100 * 199 * 3 / bytes_per_unit);
  EXPECT_GE(charge(rows + "SELECT DISTINCT " + times(199, "'a', ") + " 1 FROM c"),
            100 * 200 * 8 / bytes_per_unit);
}

TEST_F(Budget, of_ordinary_statements_is_what_their_steps_are) {
  charge("CREATE TABLE t(id INTEGER PRIMARY KEY, name TEXT, born TEXT, n INTEGER)");
  EXPECT_LT(charge("INSERT INTO t VALUES (1, 'somebody', date('2001-02-03'), 7)"), 250U);
  EXPECT_LT(charge("SELECT * FROM t WHERE id = 1"), 150U);
  EXPECT_LT(charge("UPDATE t SET n = n + 1, name = upper(name) WHERE id = 1"), 300U);
}

TEST_F(Budget, is_the_same_each_time) {
  const std::string sql = "SELECT json_extract(x, '$[7]'), x + 1, length(x) FROM (SELECT " + array +
                          " AS x) ORDER BY 1";
  const std::uint64_t first = charge(sql);
  EXPECT_GT(first, 0U);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(charge(sql), first);
}

}  // namespace
}  // namespace prytany::app
