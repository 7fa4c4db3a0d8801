// Our string functions against SQLite's own, on random and on malicious input.
#include <gtest/gtest.h>
#include <sqlite3.h>

#include <ctime>
#include <memory>
#include <random>

#include "server/app/functions.h"
#include "server/app/meter.h"
#include "server/app/pattern.h"
#include "tests/unit/app/bench_of_one.h"

namespace prytany::app {
namespace {

struct CloseDatabase {
  void operator()(sqlite3* db) const { sqlite3_close(db); }
};
using Database = std::unique_ptr<sqlite3, CloseDatabase>;

Database plain() {
  sqlite3* db = nullptr;
  const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
  EXPECT_EQ(sqlite3_open_v2(":memory:", &db, flags, "unix-none"), SQLITE_OK);
  return Database(db);
}

/// The result with its type, or the error.
std::string run(sqlite3* db, const std::string& sql, const std::vector<std::string>& values) {
  sqlite3_stmt* statement = nullptr;
  EXPECT_EQ(sqlite3_prepare_v2(db, sql.c_str(), -1, &statement, nullptr), SQLITE_OK);
  int i = 0;
  for (const std::string& value : values) {
    const auto size = static_cast<int>(value.size()) - 1;
    const char* data = value.data() + 1;
    if (value[0] == 't') sqlite3_bind_text(statement, ++i, data, size, SQLITE_TRANSIENT);
    if (value[0] == 'b') sqlite3_bind_blob(statement, ++i, data, size, SQLITE_TRANSIENT);
    if (value[0] == 'i') sqlite3_bind_int(statement, ++i, std::stoi(value.substr(1)));
    if (value[0] == 'n') sqlite3_bind_null(statement, ++i);
  }
  std::string out;
  if (sqlite3_step(statement) == SQLITE_ROW) {
    out = std::to_string(sqlite3_column_type(statement, 0)) + ":";
    const void* blob = sqlite3_column_blob(statement, 0);
    const int size = sqlite3_column_bytes(statement, 0);
    if (size > 0) out.append(static_cast<const char*>(blob), static_cast<std::size_t>(size));
  } else {
    out = std::string("error ") + sqlite3_errmsg(db);
  }
  sqlite3_finalize(statement);
  return out;
}

class TextFunctions : public testing::Test {
 protected:
  TextFunctions() {
    state.work_max = ~std::uint64_t{0};
    install_functions(ours.get(), state);
  }
  std::string value(const std::string& alphabet, std::size_t length_max) {
    if (below(20) == 0) return "n";
    if (below(12) == 0) return "i" + std::to_string(below(300));
    std::string made = below(8) == 0 ? "b" : "t";
    for (std::size_t i = below(length_max + 1); i > 0; --i) {
      static const std::vector<std::string> pieces = {"é", "ß", "\xff", "\x80", "\xc3", "漢"};
      if (below(8) == 0) {
        made += pieces[below(pieces.size())];
      } else {
        made += alphabet[below(alphabet.size())];
      }
    }
    return made;
  }
  std::size_t below(std::size_t n) {
    return std::uniform_int_distribution<std::size_t>(0, n - 1)(random);
  }
  void same(const std::string& sql, const std::vector<std::string>& values) {
    EXPECT_EQ(run(ours.get(), sql, values), run(theirs.get(), sql, values))
        << sql << " " << testing::PrintToString(values);
  }
  Database theirs = plain();
  RequestState state;
  Database ours = plain();
  std::mt19937 random{7};
};

TEST_F(TextFunctions, give_what_sqlite_gives) {
  for (int i = 0; i < 20'000; ++i) {
    same("SELECT ?1 LIKE ?2", {value("aAbB_%", 12), value("aAb%_", 6)});
    same("SELECT ?1 LIKE ?2 ESCAPE ?3", {value("ab_%", 8), value("ab%_", 6), value("a_%", 2)});
    same("SELECT 'A' LIKE 'a' ESCAPE x'6100c3a4'", {});
    same("SELECT ?1 GLOB ?2", {value("abc-]^", 10), value("abc*?[]^-", 8)});
    same("SELECT instr(?1, ?2)", {value("ab", 12), value("ab", 3)});
    same("SELECT replace(?1, ?2, ?3)", {value("ab", 12), value("ab", 2), value("xy", 3)});
    same("SELECT trim(?1, ?2)", {value("ab", 10), value("ab", 2)});
    same("SELECT ltrim(?1, ?2)", {value("ab", 10), value("ab", 2)});
    same("SELECT rtrim(?1, ?2)", {value("ab", 10), value("ab", 2)});
    same("SELECT unhex(?1, ?2)", {value("aB1- ", 8), value("- x", 4)});
  }
}

TEST_F(TextFunctions, stop_at_nul_where_sqlite_does) {
  using namespace std::string_literals;
  same("SELECT ?1 LIKE ?2", {"tab\0cd"s, "tab"s});
  same("SELECT ?1 LIKE ?2", {"tab"s, "tab\0cd"s});
  same("SELECT ?1 GLOB ?2", {"tab\0cd"s, "ta*"s});
  same("SELECT replace(?1, ?2, ?3)", {"ta\0b"s, "t\0"s, "tx"s});
  same("SELECT instr(?1, ?2)", {"ta\0b"s, "tb"s});
  same("SELECT trim(?1, ?2)", {"tab"s, "tx\0b"s});
  same("SELECT unhex(?1, ?2)", {"tab\0cd"s, "t-"s});
  same("SELECT unhex(?1, ?2)", {"tab-cd"s, "t\0-"s});
}

/// A document as hostile people write it; now and then none at all.
std::string document(std::mt19937& random, int depth) {
  const auto below = [&](unsigned n) {
    return std::uniform_int_distribution<unsigned>(0, n - 1)(random);
  };
  static const std::vector<std::string> leaves = {
      "null", "1",     "-2.5e3",           "\"a:b\"",     "'it'",     "true", "[]",
      "{}",   "+0x1F", "[1,{\"a\":null}]", "\"\\u0041\"", "Infinity", ":",    "nil"};
  if (depth == 0 || below(3) == 0) return leaves[below(static_cast<unsigned>(leaves.size()))];
  static const std::vector<std::string> names = {"\"a\"",       "'b'",  "c",
                                                 "\"\\u0061\"", "\"\"", "\"d:\""};
  std::string out = "{";
  for (unsigned i = below(4); i > 0; --i)
    out += names[below(static_cast<unsigned>(names.size()))] + (below(9) == 0 ? " /*:*/ : " : ":") +
           document(random, depth - 1) + (i > 1 ? "," : "");
  return out + "}";
}

TEST_F(TextFunctions, patch_json_as_sqlite_does) {
  int objects = 0;
  for (int i = 0; i < 5'000; ++i) {
    const std::string target = "t" + document(random, 3);
    const std::string patch = "t" + document(random, 3);
    same("SELECT json_patch(?1, ?2)", {target, patch});
    same("SELECT json_array(json_patch(?1, ?2), 2)", {target, patch});
    if (run(theirs.get(), "SELECT json_patch(?1, ?2)", {target, patch}).starts_with("3:{"))
      ++objects;
  }
  EXPECT_GT(objects, 1'000);
  for (const char* value : {"n", "i7", "bx", "t"}) {
    same("SELECT json_patch(?1, ?2)", {value, "t{}"});
    same("SELECT json_patch(?1, ?2)", {"t{\"a\":1}", value});
  }
}

/// An object of so many names.
std::string names(int count, char first) {
  std::string out = "{";
  for (int i = 0; i < count; ++i)
    out += (i == 0 ? "\"" : ",\"") + std::string(1, first) + std::to_string(100'000 + i) + "\":1";
  return out + "}";
}

TEST_F(TextFunctions, are_charged_for_the_names_that_a_patch_is_compared_with) {
  state.work_max = 50'000'000;
  state.work = 0;
  const std::string result =
      run(ours.get(), "SELECT json_patch(?1, ?2)", {"t" + names(60, 'k'), "t" + names(60, 'j')});
  EXPECT_TRUE(result.starts_with("3:{"));
  EXPECT_LT(state.work, 5'000U);
  EXPECT_EQ(run(ours.get(), "SELECT json_patch(?1, ?2)",
                {"t" + names(70'000, 'k'), "t" + names(70'000, 'j')}),
            "error over budget");
  EXPECT_EQ(state.failure->code, "budget_exceeded");
}

TEST_F(TextFunctions, are_charged_for_what_they_find) {
  state.work = 0;
  run(ours.get(), "SELECT length(replace(?1, 'b', 'c'))", {"t" + std::string(100'000, 'a')});
  const std::uint64_t none = state.work;
  state.work = 0;
  run(ours.get(), "SELECT length(replace(?1, 'a', 'c'))", {"t" + std::string(100'000, 'a')});
  EXPECT_GE(state.work, none + 100'000);
}

TEST_F(TextFunctions, are_charged_for_what_they_do) {
  const std::string text = "t" + std::string(200'000, 'a');
  const std::string pattern = "t%" + std::string(100, 'a') + "b";
  state.work = 0;
  EXPECT_EQ(run(ours.get(), "SELECT ?1 LIKE ?2", {text, pattern}), "1:0");
  EXPECT_GT(state.work, 1'000'000U);
  state.work = 0;
  state.work_max = 10'000;
  EXPECT_EQ(run(ours.get(), "SELECT ?1 LIKE ?2", {text, pattern}), "error over budget");
  EXPECT_LT(state.work, 20'000U);
  EXPECT_EQ(state.failure->code, "budget_exceeded");
}

// ---- whole requests -----------------------------------------------------------------------------

/// One row each of 20 texts of a million bytes.
class HostileText : public testing::Test {
 protected:
  static void with_little(ExecutorConfig& c) {
    c.application_pages_max = 1'000'000;
    c.steps_per_request_max = 4'000'000;
  }
  explicit HostileText(void (*configure)(ExecutorConfig&) = with_little)
      : replica(nullptr, {}, configure) {
    replica.sql(admin, "CREATE TABLE big(x)");
    for (int i = 0; i < 20; ++i)
      EXPECT_EQ(code_of(replica.sql(admin, "INSERT INTO big VALUES(hex(zeroblob(500000)))")), "");
  }
  Replica replica;
  Client admin = replica.join(test_key(100));
  Bytes image;
};

TEST_F(HostileText, requests_end_at_their_budget_whatever_a_step_costs) {
  const std::string endless = "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) ";
  for (const char* rest : {"SELECT sum(length(hex(zeroblob(500000 + x % 2)))) FROM c",
                           "SELECT sum(length(printf('%900000d', x))) FROM c",
                           "SELECT sum(length((SELECT x FROM big LIMIT 1) || c.x)) FROM c",
                           "SELECT count(*) FROM c, big b WHERE b.x = 'y' || c.x",
                           "SELECT sum(length(upper(b.x))) FROM c, big b",
                           "SELECT count(DISTINCT b.x || c.x) FROM c, big b",
                           "SELECT b.x || c.x FROM c, big b ORDER BY 1 DESC LIMIT 1",
                           "SELECT sum(json_valid('[' || b.x || ']')) FROM c, big b",
                           "SELECT sum(length(replace(b.x, '0', c.x % 10))) FROM c, big b",
                           "SELECT sum(length(json_patch(o, replace(o, 'k', 'j' || c.x)))) FROM c, "
                           "(SELECT json_group_object('k' || key, 1) AS o FROM json_each('[' || "
                           "rtrim(replace(hex(zeroblob(1000)), '0', '1,'), ',') || ']'))"}) {
    // Some CPU seconds are plenty for four million steps under sanitizers; without the meter each
    // of these takes minutes.
    const std::clock_t before = std::clock();
    EXPECT_EQ(code_of(replica.sql(admin, endless + rest)), "budget_exceeded") << rest;
    EXPECT_LT((std::clock() - before) / CLOCKS_PER_SEC, 20) << rest;
  }
}

TEST_F(HostileText, unhex_does_not_look_for_each_character_in_all_that_are_allowed) {
  const std::clock_t before = std::clock();
  EXPECT_EQ(rows_of(replica.sql(admin,
                                "SELECT length(unhex(printf('%.*c', 400000, 'z'), "
                                "printf('%.*c', 400000, 'y') || 'z'))")),
            "0");
  EXPECT_LT((std::clock() - before) / CLOCKS_PER_SEC, 5);
}

/// With budget enough to fill the memory first.
class HostileInsert : public HostileText {
 protected:
  HostileInsert()
      : HostileText([](ExecutorConfig& c) {
          with_little(c);
          c.steps_per_request_max *= 5;
        }) {}
};

TEST_F(HostileInsert, ends_when_the_memory_of_a_request_is_full) {
  const std::string endless = "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) ";
  EXPECT_EQ(code_of(replica.sql(admin, endless + "INSERT INTO big SELECT b.x FROM c, big b")),
            "memory_exceeded");
  EXPECT_EQ(rows_of(replica.sql(admin, "SELECT count(*) FROM big")), "20");
}

TEST_F(HostileText, budgets_do_not_depend_on_what_is_cached) {
  // The first run finds a cold cache, the second a warm one: the smallest budget that suffices is
  // the same.
  const auto suffices = [&](std::uint64_t steps, bool warm) {
    static std::uint64_t max = 0;
    max = steps;
    Replica fresh(nullptr, image, [](ExecutorConfig& c) {
      c.application_pages_max = 1'000'000;
      c.steps_per_request_max = max;
    });
    Client twin = admin;
    if (warm) fresh.sql(twin, "SELECT x FROM big LIMIT 1");
    if (!warm) fresh.sql(twin, "SELECT 1");
    return code_of(fresh.sql(twin, "SELECT sum(length(x)) FROM big")).empty();
  };
  while (replica.executor().executed().value % Replica::checkpoint_interval != 0)
    replica.execute(wire::Batch{});
  image = replica.image();
  std::uint64_t low = 1;
  std::uint64_t high = 1'000'000;
  while (low + 1 < high) {
    const std::uint64_t middle = (low + high) / 2;
    (suffices(middle, false) ? high : low) = middle;
  }
  EXPECT_FALSE(suffices(low, true));
  EXPECT_TRUE(suffices(high, true));
  EXPECT_GT(high, 1000U);
}

}  // namespace
}  // namespace prytany::app
