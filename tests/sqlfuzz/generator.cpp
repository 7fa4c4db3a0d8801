#include "tests/sqlfuzz/generator.h"

#include <algorithm>

namespace prytany::sqlfuzz {
namespace {

constexpr std::size_t tables_max = 7;
constexpr auto column_types = std::to_array<const char*>(
    {"", " INTEGER", " REAL", " TEXT COLLATE NOCASE", " BLOB", " NUMERIC", " TEXT DEFAULT 'x'",
     " DEFAULT (random())", " DEFAULT CURRENT_TIMESTAMP", " UNIQUE", " INTEGER NOT NULL DEFAULT 7",
     " UNIQUE ON CONFLICT REPLACE", " CHECK (typeof(c0) <> 'blob')"});
constexpr auto strict_types =
    std::to_array<const char*>({" INTEGER", " REAL", " TEXT", " BLOB", " ANY",
                                " INT CHECK (c0 <> 'x')", " ANY NOT NULL DEFAULT 7"});
constexpr auto conflicts = std::to_array<const char*>(
    {"", "", "", " OR IGNORE", " OR REPLACE", " OR FAIL", " OR ROLLBACK", " OR ABORT"});
constexpr auto aggregates = std::to_array<const char*>(
    {"count", "sum", "avg", "total", "min", "max", "group_concat", "json_group_array"});
constexpr auto windows = std::to_array<const char*>(
    {"row_number()", "rank()", "dense_rank()", "ntile(3)", "percent_rank()", "cume_dist()"});
constexpr auto frames = std::to_array<const char*>(
    {"", " ROWS BETWEEN 2 PRECEDING AND 1 FOLLOWING", " GROUPS BETWEEN 1 PRECEDING AND CURRENT ROW",
     " RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW EXCLUDE TIES"});
constexpr auto joins =
    std::to_array<const char*>({", ", " JOIN ", " LEFT JOIN ", " FULL JOIN ", " CROSS JOIN "});
constexpr auto compounds =
    std::to_array<const char*>({" UNION ", " UNION ALL ", " EXCEPT ", " INTERSECT "});
constexpr auto refused = std::to_array<const char*>(
    {"ANALYZE",
     "REINDEX",
     "VACUUM",
     "BEGIN",
     "SAVEPOINT x",
     "ATTACH ':memory:' AS x",
     "PRAGMA cache_size = 3",
     "PRAGMA table_list",
     "PRAGMA user_version = 7",
     "EXPLAIN SELECT 1",
     "CREATE TEMP TABLE x(a)",
     "SELECT sqlite_version()",
     "SELECT total_changes()",
     "SELECT date('now', 'localtime')",
     "SELECT * FROM prytany_state",
     "SELECT 1e999",
     "SELECT CAST(x'ff' AS TEXT)",
     "SELECT changes(), last_insert_rowid()",
     "SELECT zeroblob(1000000000)",
     "SELECT * FROM prytany_session_values",
     "INSERT OR REPLACE INTO prytany_session_values VALUES('a', random())",
     "DELETE FROM prytany_session_values WHERE key = 'a'",
     "SELECT session, role, active_us FROM prytany_sessions",
     "CREATE VIRTUAL TABLE x USING fts5(a)",
     "SELECT name, sql, rootpage FROM sqlite_schema WHERE name LIKE 't%'",
     "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT count(*) FROM c"});

std::string listed(const std::vector<std::string>& items) {
  std::string out;
  for (const std::string& item : items) out += (out.empty() ? "" : ", ") + item;
  return out;
}

}  // namespace

std::vector<std::string> Generator::next() {
  pending_ = tables_;
  std::vector<std::string> statements;
  for (std::uint64_t i = dice_.one_in(4) ? dice_.below(4) + 1 : 1; i > 0; --i)
    statements.push_back(statement());
  return statements;
}

void Generator::tell(bool succeeded) {
  if (succeeded) tables_ = pending_;
}

const Generator::Table& Generator::table() { return pending_[dice_.below(pending_.size())]; }

std::string Generator::statement() {
  if (pending_.empty()) return create_table();
  switch (dice_.below(20)) {
    case 0:
    case 1: return change_schema();
    case 2: return hostile();
    case 3:
    case 4: return update();
    case 5: return remove();
    case 6:
    case 7:
    case 8:
    case 9:
    case 10: return select();
    default: return insert();
  }
}

std::string Generator::change_schema() {
  switch (dice_.below(9)) {
    case 0: return create_view();
    case 1: return create_trigger();
    case 2:
    case 3: return alter();
    case 4: return drop();
    case 5:
    case 6: return create_index();
    default: return pending_.size() < tables_max ? create_table() : drop();
  }
}

std::string Generator::create_table() {
  Table made{"t" + number(12), {}, false};
  std::vector<std::string> parts;
  const bool without_rowid = dice_.one_in(5);
  const bool strict = dice_.one_in(8);
  for (std::uint64_t i = 0, n = dice_.below(5) + 2; i < n; ++i) {
    made.columns.push_back("c" + std::to_string(i));
    std::string part = made.columns.back();
    if (strict && (i > 0 || without_rowid)) {
      part += dice_.pick(strict_types);
    } else if (i > 0) {
      part += dice_.pick(column_types);
    } else if (!without_rowid && dice_.one_in(2)) {
      part += dice_.one_in(4) ? " INTEGER PRIMARY KEY AUTOINCREMENT" : " INTEGER PRIMARY KEY";
    }
    parts.push_back(part);
  }
  if (dice_.one_in(5)) {
    made.columns.emplace_back("g");
    parts.push_back("g AS (" + expressions_.any({"c0", "c1"}, 1) + ")" +
                    (dice_.one_in(2) ? " STORED" : ""));
  }
  if (without_rowid) parts.emplace_back("PRIMARY KEY(c0, c1)");
  if (!pending_.empty() && dice_.one_in(6))
    parts.push_back("FOREIGN KEY(c1) REFERENCES " + table().name + "(c0) ON DELETE " +
                    (dice_.one_in(2) ? "CASCADE" : "SET NULL") +
                    (dice_.one_in(2) ? " DEFERRABLE INITIALLY DEFERRED" : ""));
  std::string sql = "CREATE TABLE " + made.name;
  if (!pending_.empty() && dice_.one_in(8)) {
    const Source from = source();
    made.columns = {"a", "b"};
    sql += " AS SELECT " + expressions_.any(from.columns, 2) + " AS a, " +
           expressions_.any(from.columns, 1) + " AS b FROM " + from.text + " LIMIT 20";
  } else {
    sql += "(" + listed(parts) + ")" + (without_rowid ? " WITHOUT ROWID" : "");
    if (strict) sql += without_rowid ? ", STRICT" : " STRICT";
  }
  pending_.push_back(std::move(made));
  return sql;
}

std::string Generator::create_index() {
  const Table& on = table();
  std::string sql = dice_.one_in(5) ? "CREATE UNIQUE INDEX " : "CREATE INDEX ";
  sql += "i" + number(12) + " ON " + on.name + "(" + on.columns[dice_.below(on.columns.size())];
  if (dice_.one_in(3)) sql += " DESC";
  if (dice_.one_in(3)) sql += ", " + on.columns[dice_.below(on.columns.size())] + " COLLATE NOCASE";
  if (dice_.one_in(4)) sql += ", abs(" + on.columns[0] + ")";
  sql += ")";
  if (dice_.one_in(4)) sql += " WHERE " + on.columns[0] + " > 3";
  return sql;
}

std::string Generator::create_view() {
  Table made{"v" + number(5), {"a", "b"}, true};
  const std::string sql = "CREATE VIEW " + made.name + "(a, b) AS " + simple_select(2);
  pending_.push_back(std::move(made));
  return sql;
}

std::string Generator::create_trigger() {
  static constexpr auto events = std::to_array<const char*>({"INSERT", "DELETE", "UPDATE"});
  const Table& on = table();
  const Table& changed = table();
  std::string sql = "CREATE TRIGGER g" + number(6);
  sql += on.is_view ? " INSTEAD OF " : dice_.one_in(3) ? " BEFORE " : " AFTER ";
  sql += std::string(dice_.pick(events)) + " ON " + on.name + " BEGIN ";
  if (dice_.one_in(6)) return sql + "SELECT RAISE(ABORT, 'no'); END";
  if (dice_.one_in(2))
    return sql + "UPDATE " + changed.name + " SET " + changed.columns.back() + " = " +
           expressions_.any(changed.columns, 1) + " WHERE " +
           expressions_.condition(changed.columns) + "; END";
  return sql + "INSERT OR IGNORE INTO " + changed.name + "(" + changed.columns[0] +
         ") VALUES(random() % 50); END";
}

/// Of a new column: some of them ask SQLite to look at the rows that are there.
std::string Generator::constraint(const std::vector<std::string>& columns) {
  switch (dice_.below(8)) {
    case 0:
    case 1: return " DEFAULT 5";
    case 2: return " INTEGER CHECK (" + expressions_.any(columns, 1) + ")";
    case 3: return " NOT NULL DEFAULT 7 CHECK (" + columns.front() + " IS NOT NULL)";
    case 4: return " TEXT NOT NULL AS (" + expressions_.any({columns.front()}, 1) + ")";
    case 5: return pending_.empty() ? "" : " REFERENCES " + table().name;
    default: return "";
  }
}

std::string Generator::alter() {
  Table& on = pending_[dice_.below(pending_.size())];
  const std::string sql = "ALTER TABLE " + on.name;
  const std::size_t at = dice_.below(on.columns.size());
  switch (dice_.below(4)) {
    case 0:
      on.columns.push_back("d" + number(9));
      return sql + " ADD COLUMN " + on.columns.back() + constraint(on.columns);
    case 1: {
      const std::string old = on.columns[at];
      on.columns[at] = "r" + number(9);
      return sql + " RENAME COLUMN " + old + " TO " + on.columns[at];
    }
    case 2: on.name = "t" + number(12); return sql + " RENAME TO " + on.name;
    default: {
      const std::string old = on.columns[at];
      if (on.columns.size() > 1) on.columns.erase(on.columns.begin() + static_cast<long>(at));
      return sql + " DROP COLUMN " + old;
    }
  }
}

std::string Generator::drop() {
  switch (dice_.below(4)) {
    case 0: return "DROP INDEX IF EXISTS i" + number(12);
    case 1: return "DROP TRIGGER IF EXISTS g" + number(6);
    default: {
      const std::size_t at = dice_.below(pending_.size());
      const Table gone = pending_[at];
      pending_.erase(pending_.begin() + static_cast<long>(at));
      return std::string("DROP ") + (gone.is_view ? "VIEW " : "TABLE ") + gone.name;
    }
  }
}

std::string Generator::insert() {
  const Table& into = table();
  // Generated columns take no values.
  std::vector<std::string> columns;
  for (const std::string& column : into.columns)
    if (column != "g" && (columns.empty() || !dice_.one_in(4))) columns.push_back(column);
  std::string sql = std::string("INSERT") + dice_.pick(conflicts) + " INTO " + into.name + "(" +
                    listed(columns) + ") ";
  if (dice_.one_in(5)) {
    sql += simple_select(columns.size()) + " WHERE " + expressions_.condition({}) + " LIMIT 15";
  } else {
    for (std::uint64_t row = 0, n = dice_.below(5) + 1; row < n; ++row) {
      std::vector<std::string> values;
      for (std::size_t i = 0; i < columns.size(); ++i)
        values.push_back(dice_.one_in(15) ? "randomblob(" + number(6000) + ")"
                                          : expressions_.any({}, dice_.one_in(3) ? 2 : 0));
      sql += (row == 0 ? "VALUES(" : ", (") + listed(values) + ")";
    }
  }
  if (dice_.one_in(6))
    sql += " ON CONFLICT DO UPDATE SET " + into.columns.back() + " = excluded." + columns[0];
  if (dice_.one_in(6)) sql += " RETURNING " + expressions_.any(into.columns, 1);
  return sql;
}

std::string Generator::update() {
  const Table& on = table();
  std::string sql = std::string("UPDATE") + dice_.pick(conflicts) + " " + on.name + " SET " +
                    on.columns[dice_.below(on.columns.size())] + " = " +
                    expressions_.any(on.columns, 2);
  if (dice_.one_in(6)) {
    const Table& from = table();
    sql += " FROM " + from.name + " AS f WHERE f." + from.columns[0] + " = " + on.name + "." +
           on.columns[0];
  } else {
    sql += " WHERE " + expressions_.condition(on.columns);
  }
  if (dice_.one_in(6)) sql += " RETURNING *";
  return sql;
}

std::string Generator::remove() {
  const Table& from = table();
  std::string sql = "DELETE FROM " + from.name;
  if (!dice_.one_in(8)) sql += " WHERE " + expressions_.condition(from.columns);
  if (dice_.one_in(6)) sql += " RETURNING " + from.columns[0];
  return sql;
}

Generator::Source Generator::source() {
  Source made;
  const std::uint64_t n = dice_.one_in(3) ? 2 : dice_.one_in(8) ? 3 : 1;
  for (std::uint64_t i = 0; i < n; ++i) {
    const Table& from = table();
    const std::string alias = "x" + std::to_string(i);
    const std::string join = i == 0 ? "" : dice_.pick(joins);
    made.text += join + from.name + " AS " + alias;
    if (join.find("JOIN") != std::string::npos && join != " CROSS JOIN ")
      made.text += " ON " + alias + "." + from.columns[0] + " = " + made.columns[0];
    for (const std::string& column : from.columns) made.columns.push_back(alias + "." + column);
  }
  return made;
}

/// Without ORDER BY, WHERE and LIMIT, so that it can stand in a compound or a view.
std::string Generator::simple_select(std::size_t columns) {
  const Source from = source();
  std::vector<std::string> values;
  for (std::size_t i = 0; i < columns; ++i) values.push_back(expressions_.any(from.columns, 1));
  return std::string("SELECT ") + (dice_.one_in(5) ? "DISTINCT " : "") + listed(values) + " FROM " +
         from.text;
}

std::string Generator::window(const std::vector<std::string>& columns) {
  std::string call = dice_.pick(windows);
  std::string frame;
  if (dice_.one_in(2)) {
    call = std::string(dice_.pick(aggregates)) + "(" + expressions_.any(columns, 1) + ")";
    frame = dice_.pick(frames);
  }
  return call + " OVER (PARTITION BY " + expressions_.any(columns, 0) + " ORDER BY " +
         expressions_.any(columns, 1) + frame + ")";
}

std::string Generator::aggregate(const std::vector<std::string>& columns) {
  return std::string(dice_.pick(aggregates)) + "(" + (dice_.one_in(6) ? "DISTINCT " : "") +
         expressions_.any(columns, 1) + ")";
}

std::string Generator::select() {
  const Source from = source();
  const auto& c = from.columns;
  switch (dice_.below(9)) {
    case 0:
      return "SELECT " + window(c) + ", " + expressions_.any(c, 1) + " FROM " + from.text +
             " LIMIT 200";
    case 1:
      return "SELECT " + aggregate(c) + ", " + aggregate(c) + " FROM " + from.text + " GROUP BY " +
             expressions_.any(c, 1) + " HAVING " + aggregate(c) + " IS NOT 3";
    case 2: return simple_select(2) + dice_.pick(compounds) + simple_select(2) + " LIMIT 200";
    case 3:
      return "WITH q(a, b) AS (" + simple_select(2) + " LIMIT 50) SELECT * FROM q WHERE a > " +
             expressions_.literal() + " OR b IN (SELECT a FROM q LIMIT 5)";
    case 4:
      return "WITH RECURSIVE r(i, v) AS (SELECT 1, " + expressions_.literal() +
             " UNION ALL SELECT i + 1, " + expressions_.any({"v", "i"}, 2) +
             " FROM r LIMIT 30) SELECT * FROM r";
    case 5:
      return "SELECT " + c[0] + ", (SELECT " + aggregate({"y." + table().columns[0]}) + " FROM " +
             table().name + " AS y) FROM " + from.text + " WHERE EXISTS (" + simple_select(1) +
             ") LIMIT 100";
    case 6:
      return "SELECT j.key, j.value FROM " + from.text + ", json_each(json_array(" +
             expressions_.any(c, 1) + ", " + expressions_.any(c, 1) + ")) AS j LIMIT 200";
    default:
      return "SELECT " + expressions_.any(c, 2) + ", " + expressions_.any(c, 1) + " FROM " +
             from.text + " WHERE " + expressions_.condition(c) +
             (dice_.one_in(2) ? " ORDER BY " + expressions_.any(c, 1) : "") + " LIMIT 200";
  }
}

std::string Generator::hostile() { return dice_.pick(refused); }

}  // namespace prytany::sqlfuzz
