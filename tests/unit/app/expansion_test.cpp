// A statement is as large as what it names is, wherever that is named.
#include "server/app/expansion.h"

#include <gtest/gtest.h>

namespace prytany::app {
namespace {

struct Expansion : testing::Test {
  SchemaNames schema;
  std::size_t words(const std::string& sql) { return schema.expand(sql).words; }
  bool fits(const std::string& sql) { return schema.expand(sql).fits(); }
  void view(const std::string& name, const std::string& select) {
    schema.add(name, "CREATE VIEW " + name + " AS " + select, true);
  }
};

std::string z(unsigned number) { return "z" + std::to_string(number); }

/// z0, and each of the others from two of the one before.
std::string doublings(unsigned count, const std::string& from) {
  std::string sql = "WITH z0(a) AS (SELECT 1)";
  for (unsigned i = 1; i <= count; ++i) {
    std::string body = from;
    for (std::size_t at = 0; (at = body.find('?', at)) != std::string::npos;)
      body.replace(at, 1, z(i - 1));
    sql += ", " + z(i) + " AS (" + body + ")";
  }
  return sql + " SELECT * FROM " + z(count);
}

TEST_F(Expansion, without_names_is_the_words_of_the_first_statement) {
  EXPECT_EQ(words("SELECT 1"), 2U);
  EXPECT_EQ(words(" SELECT -- FROM\n 'a; b', /* ; */ \"c\"\"d\", [e f] ; SELECT 1"), 6U);
  EXPECT_EQ(words(""), 0U);
  EXPECT_TRUE(fits("SELECT 1 IN (" + std::string(100'000, '1') + ")"));
}

TEST_F(Expansion, counts_a_common_table_expression_wherever_it_is_named) {
  const std::string with = "WITH z AS (SELECT 1, 2, 3) ";
  const std::size_t once = words(with + "SELECT * FROM x");
  const std::size_t body = 7;  // its parenthesis, too
  for (const char* from : {"FROM z", "FROM (z)", "FROM x JOIN z", "FROM x, z", "FROM \"Z\"",
                           "FROM 'z'", "FROM [z]", "FROM `z`", "FROM/**/z", "FROM z AS y",
                           "FROM ((x, z))", "FROM x window, z", "FROM x NATURAL LEFT OUTER JOIN z"})
    EXPECT_EQ(words(with + "SELECT * " + from) - words(with + "SELECT * FROM x"),
              words(std::string("SELECT * ") + from) - words("SELECT * FROM x") + body)
        << from;
  EXPECT_EQ(words(with + "SELECT * FROM z a, z b"), once + 2 * body + 4);
  EXPECT_EQ(words(with + "SELECT 1 WHERE 1 IN z"), words(with + "SELECT 1 WHERE 1 IN x") + body);
  // As a column, or an alias, it is nothing.
  EXPECT_EQ(words(with + "SELECT z, z.a FROM x z WHERE z > f(z, z)"),
            words(with + "SELECT y, y.a FROM x y WHERE y > f(y, y)"));
}

TEST_F(Expansion, finds_what_doubles_however_it_is_written) {
  for (const char* from :
       {"SELECT x.a FROM ? x, ? y", "SELECT a FROM ? UNION ALL SELECT a FROM ?",
        "SELECT a FROM ? WHERE a IN ?", "SELECT a FROM (SELECT a FROM ?) JOIN (?) USING (a)",
        "SELECT (SELECT a FROM ?) AS a FROM (SELECT * FROM \"?\")"}) {
    EXPECT_TRUE(fits(doublings(8, from))) << from;
    EXPECT_FALSE(fits(doublings(17, from))) << from;
    EXPECT_FALSE(fits(doublings(64, from))) << from;
  }
  EXPECT_TRUE(fits(doublings(60, "SELECT a FROM ?")));
  EXPECT_FALSE(fits(doublings(120, "SELECT a FROM ?"))) << "too deep";
}

TEST_F(Expansion, is_not_of_what_is_defined_and_not_named) {
  const std::string many = doublings(40, "SELECT x.a FROM ? x, ? y");
  const std::string with = many.substr(0, many.rfind(" SELECT"));
  EXPECT_TRUE(fits(with + " SELECT * FROM z3"));
  EXPECT_TRUE(fits(with + " SELECT 1"));
  EXPECT_FALSE(fits(with + " SELECT * FROM z40"));
  // A window is there whether or not anybody names it.
  EXPECT_FALSE(fits(with + " SELECT 1 FROM t WINDOW w AS (ORDER BY (SELECT a FROM z40))"));
  EXPECT_FALSE(fits(with + " SELECT 1 FROM t WINDOW w AS (with ORDER BY (SELECT a FROM z40))"));
  EXPECT_FALSE(fits(with + ", y AS (WITH x AS (SELECT 1) SELECT * FROM z40) SELECT * FROM y"));
  EXPECT_FALSE(fits(with + ", y AS (SELECT * FROM (WITH x AS (WITH w AS (SELECT 1) SELECT * FROM "
                           "z40) SELECT * FROM x)) SELECT * FROM y"));
}

// The innermost counts. If z1 were taken for the outer one, z0 would be found to name itself in a
// circle, and nothing would be counted twice.
TEST_F(Expansion, takes_the_innermost_of_several_with_one_name) {
  const unsigned count = 30;
  std::string sql = "WITH z0 AS (SELECT 1 AS a)";
  for (unsigned i = 1; i <= count; ++i)
    sql += ", " + z(i) + " AS (SELECT a FROM (SELECT x.a FROM " + z(i - 1) + " x, " + z(i - 1) +
           " y), (WITH " + z(i + 1) + " AS (SELECT 1) SELECT * FROM " + z(i + 1) + "))";
  sql += " SELECT * FROM ";
  for (unsigned i = 0; i <= count; ++i) sql += (i == 0 ? "" : ", ") + z(i);
  EXPECT_FALSE(fits(sql));
}

TEST_F(Expansion, of_a_recursion_is_its_own_words) {
  EXPECT_TRUE(
      fits("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 9) "
           "SELECT * FROM n"));
}

TEST_F(Expansion, counts_views_and_the_columns_of_tables) {
  schema.add("T", "CREATE TABLE T(a, b, c)", false);
  view("v", "SELECT * FROM t");
  schema.measure();
  EXPECT_EQ(words("SELECT * FROM t"), 4U + 10U);
  EXPECT_EQ(words("SELECT * FROM main.V"), 6U + 8U + 10U);
  EXPECT_EQ(words("SELECT t FROM x"), 4U);
}

TEST_F(Expansion, counts_views_of_views_in_whatever_order_they_were_made) {
  for (const bool upwards : {true, false}) {
    schema.clear();
    for (unsigned i = 1; i <= 40; ++i) {
      const std::string name = (upwards ? "v" : "w") + std::to_string(upwards ? i : 140 - i);
      const std::string before =
          i == 1 ? "x" : (upwards ? "v" : "w") + std::to_string(upwards ? i - 1 : 141 - i);
      view(name, "SELECT 1 FROM " + before + " a, " + before + " b");
    }
    schema.measure();
    EXPECT_FALSE(fits(upwards ? "SELECT * FROM v40" : "SELECT * FROM w100"));
    EXPECT_TRUE(fits(upwards ? "SELECT * FROM v5" : "SELECT * FROM w135"));
  }
  view("a", "SELECT 1 FROM b");
  view("b", "SELECT 1 FROM a");
  schema.measure();
  EXPECT_TRUE(fits("SELECT * FROM a"));  // SQLite refuses the circle
}

TEST_F(Expansion, of_a_chain_of_thousands_of_views_ends) {
  for (unsigned i = 0; i < 5000; ++i)
    view("v" + std::to_string(10'000 + i), "SELECT 1 FROM v" + std::to_string(10'001 + i));
  schema.measure();
  EXPECT_FALSE(fits("SELECT * FROM v10000"));
  EXPECT_TRUE(fits("SELECT * FROM v14990"));
}

TEST_F(Expansion, knows_what_was_made_in_the_same_request) {
  schema.note("CREATE VIEW IF NOT EXISTS main.v1 AS SELECT 1 FROM v0 a, v0 b");
  schema.note("CREATE TABLE v0(a, b)");
  EXPECT_EQ(words("SELECT * FROM v1"),
            4U + words("CREATE VIEW IF NOT EXISTS main.v1 AS SELECT 1") + 6U + 2 * 8U);
  schema.note("CREATE TRIGGER t AFTER INSERT ON v0 BEGIN SELECT 1 FROM v1; END");
  schema.note("INSERT INTO v0 VALUES (1, 2)");
  schema.note("CREATE");
  schema.note("CREATE VIEW IF");
}

// SQLite compiles a body when it is fired, and copies into it what it names.
TEST_F(Expansion, of_a_trigger_is_of_all_its_statements) {
  view("v", "SELECT 1, 2, 3");
  schema.measure();
  const std::string first = "CREATE TRIGGER g AFTER INSERT ON t BEGIN INSERT INTO x SELECT 1; ";
  EXPECT_EQ(words(first + "SELECT * FROM v; END"), words(first + "SELECT * FROM w; END") + 10);
  EXPECT_FALSE(fits("CREATE TRIGGER g AFTER INSERT ON t BEGIN SELECT 1; INSERT INTO x " +
                    doublings(24, "SELECT x.a FROM ? x, ? y") + "; END"));
}

TEST_F(Expansion, counts_a_view_that_is_written) {
  view("v", "SELECT 1, 2, 3");
  schema.measure();
  for (const char* sql : {"DELETE FROM ?", "UPDATE ? SET a = 1", "UPDATE OR REPLACE ? SET a = 1",
                          "INSERT INTO ? VALUES (1)", "REPLACE INTO main.? VALUES (1)",
                          "INSERT OR FAIL INTO ? SELECT 1"}) {
    const auto with = [&](const std::string& name) {
      std::string made = sql;
      return words(made.replace(made.find('?'), 1, name));
    };
    EXPECT_EQ(with("v"), with("w") + 10) << sql;
  }
}

TEST_F(Expansion, of_all_triggers_together_must_fit_where_any_may_be_fired) {
  for (unsigned i = 0; i <= 14; ++i)
    view(z(i), i == 0 ? "SELECT 1" : "SELECT 1 FROM " + z(i - 1) + " x, " + z(i - 1) + " y");
  schema.measure();
  const std::string insert = "INSERT INTO t VALUES (1)";
  const auto trigger = [](unsigned i) {
    return "CREATE TRIGGER g" + std::to_string(i) +
           " AFTER INSERT ON t BEGIN SELECT * FROM z14; END";
  };
  unsigned made = 0;
  while (made < 100 && schema.fit(insert) == Fit::fits) {
    EXPECT_EQ(schema.fit(trigger(made)), Fit::fits);
    schema.note(trigger(made++));
  }
  EXPECT_GT(made, 1U);
  EXPECT_LT(made, 20U);
  EXPECT_EQ(schema.fit(insert), Fit::schema_too_large);
  EXPECT_EQ(schema.fit("SELECT * FROM t"), Fit::fits);
  EXPECT_EQ(schema.fit("DROP TRIGGER g1"), Fit::fits);
}

TEST_F(Expansion, counts_triggers_and_foreign_keys) {
  for (unsigned i = 0; i < chained_max / 2; ++i) {
    const std::string number = std::to_string(i);
    schema.add_trigger("g" + number,
                       "CREATE TRIGGER g" + number + " AFTER INSERT ON t BEGIN SELECT 1; END");
    schema.add("t" + number, "CREATE TABLE t" + number + "(a REFERENCES t, \"references\")", false);
  }
  EXPECT_EQ(schema.fit("INSERT INTO t VALUES (1)"), Fit::fits);
  EXPECT_EQ(schema.fit("CREATE TABLE more(a, b)"), Fit::fits);
  for (const char* more : {"CREATE TRIGGER h AFTER INSERT ON t BEGIN SELECT 1; END",
                           "CREATE TABLE u(a, FOREIGN KEY (a) REFERENCES t)",
                           "ALTER TABLE t ADD COLUMN b REFERENCES t"}) {
    EXPECT_EQ(schema.fit(more), Fit::schema_too_large) << more;
    EXPECT_EQ(schema.fit("SELECT 1"), Fit::fits);
  }
  schema.note("ALTER TABLE t ADD COLUMN b REFERENCES t");
  EXPECT_EQ(schema.fit("INSERT INTO t VALUES (1)"), Fit::schema_too_large);
  EXPECT_EQ(schema.fit("WITH x AS (SELECT 1) DELETE FROM t"), Fit::schema_too_large);
  schema.clear();
  EXPECT_EQ(schema.fit("WITH x AS (SELECT 1) DELETE FROM t"), Fit::fits);
}

}  // namespace
}  // namespace prytany::app
