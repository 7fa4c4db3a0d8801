#include "tests/sqllogictest/plain.h"

#include <sqlite3.h>

#include "server/base/ensure.h"

namespace prytany::slt {
namespace {

Value value_of(sqlite3_stmt* statement, int column) {
  const auto size = static_cast<std::size_t>(sqlite3_column_bytes(statement, column));
  switch (sqlite3_column_type(statement, column)) {
    case SQLITE_INTEGER: return static_cast<std::int64_t>(sqlite3_column_int64(statement, column));
    case SQLITE_FLOAT: return sqlite3_column_double(statement, column);
    case SQLITE_TEXT:
      return std::string(reinterpret_cast<const char*>(sqlite3_column_text(statement, column)),
                         size);
    case SQLITE_BLOB: {
      const auto* data = static_cast<const std::byte*>(sqlite3_column_blob(statement, column));
      return Blob(data, data + size);
    }
    default: return {};
  }
}

}  // namespace

void PlainDatabase::Close::operator()(sqlite3* db) const { sqlite3_close(db); }

PlainDatabase::PlainDatabase() {
  sqlite3* db = nullptr;
  ENSURE(sqlite3_open(":memory:", &db) == SQLITE_OK);
  db_.reset(db);
  // As docs/reference/sql.md says of ours.
  ENSURE(sqlite3_exec(db, "PRAGMA foreign_keys = ON", nullptr, nullptr, nullptr) == SQLITE_OK);
}

Outcome PlainDatabase::ask(const std::string& sql) {
  Outcome outcome;
  const char* rest = sql.c_str();
  while (outcome.ok() && *rest != '\0') {
    sqlite3_stmt* statement = nullptr;
    int rc = sqlite3_prepare_v2(db_.get(), rest, -1, &statement, &rest);
    if (rc == SQLITE_OK && statement == nullptr) break;  // only a comment
    if (rc == SQLITE_OK) {
      outcome = {};
      outcome.columns = static_cast<std::size_t>(sqlite3_column_count(statement));
      while ((rc = sqlite3_step(statement)) == SQLITE_ROW) {
        Row row;
        for (int i = 0; i < sqlite3_column_count(statement); ++i)
          row.push_back(value_of(statement, i));
        outcome.rows.push_back(std::move(row));
      }
    }
    if (rc != SQLITE_OK && rc != SQLITE_DONE) {
      outcome.code = "SQLITE_ERROR";  // whatever it is called: only the message is compared
      outcome.message = sqlite3_errmsg(db_.get());
    }
    sqlite3_finalize(statement);
  }
  return outcome;
}

}  // namespace prytany::slt
