// A storeroom's stock in an SQLite file: what is there, and what was brought and taken when.
//
//   stock stock.db bring bolts 100     stock stock.db take bolts 8     stock stock.db list
#include <sqlite3.h>

#include <iostream>
#include <stdexcept>
#include <string>
#include <vector>

using Rows = std::vector<std::vector<std::string>>;

Rows run(sqlite3* db, const char* sql, const std::vector<std::string>& values = {}) {
  sqlite3_stmt* statement = nullptr;
  if (sqlite3_prepare_v2(db, sql, -1, &statement, nullptr) != SQLITE_OK)
    throw std::runtime_error(sqlite3_errmsg(db));
  for (std::size_t i = 0; i < values.size(); ++i)
    sqlite3_bind_text(statement, static_cast<int>(i + 1), values[i].c_str(), -1, SQLITE_TRANSIENT);
  Rows rows;
  int rc = 0;
  while ((rc = sqlite3_step(statement)) == SQLITE_ROW) {
    auto& row = rows.emplace_back();
    for (int i = 0; i < sqlite3_column_count(statement); ++i)
      row.emplace_back(reinterpret_cast<const char*>(sqlite3_column_text(statement, i)));
  }
  const std::string problem = sqlite3_errmsg(db);
  sqlite3_finalize(statement);
  if (rc != SQLITE_DONE) throw std::runtime_error(problem);
  return rows;
}

void create_tables(sqlite3* db) {
  run(db, "CREATE TABLE IF NOT EXISTS item(name TEXT PRIMARY KEY, count INT CHECK(count >= 0))");
  run(db, "CREATE TABLE IF NOT EXISTS log(at TEXT, item TEXT REFERENCES item, change INT)");
}

Rows change(sqlite3* db, const std::string& item, const std::string& count, bool brought) {
  const std::string by = brought ? count : "-" + count;
  run(db, "BEGIN IMMEDIATE");
  run(db, "INSERT INTO item VALUES(?1, 0) ON CONFLICT DO NOTHING", {item});
  run(db, "UPDATE item SET count = count + CAST(?2 AS INT) WHERE name = ?1", {item, by});
  run(db, "INSERT INTO log VALUES(datetime('now'), ?1, CAST(?2 AS INT))", {item, by});
  run(db, "COMMIT");
  return run(db, "SELECT name, count FROM item WHERE name = ?1", {item});
}

Rows list(sqlite3* db) { return run(db, "SELECT name, count FROM item ORDER BY name"); }

Rows obey(sqlite3* db, const std::vector<std::string>& words) {
  if (words.size() == 3 && words[0] == "bring") return change(db, words[1], words[2], true);
  if (words.size() == 3 && words[0] == "take") return change(db, words[1], words[2], false);
  if (words.size() == 1 && words[0] == "list") return list(db);
  throw std::runtime_error("say bring ITEM COUNT, take ITEM COUNT, or list");
}

int main(int argc, char** argv) {
  if (argc < 3) return std::cerr << "usage: stock FILE bring|take|list ...\n", 2;
  sqlite3* db = nullptr;
  sqlite3_open(argv[1], &db);
  try {
    create_tables(db);
    for (const auto& row : obey(db, {argv + 2, argv + argc}))
      std::cout << row[0] << ' ' << row[1] << '\n';
  } catch (const std::runtime_error& problem) {
    return std::cerr << problem.what() << '\n', 1;
  }
  sqlite3_close(db);
}
