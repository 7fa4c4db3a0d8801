#include "server/app/answer.h"

#include "server/app/fault.h"
#include "server/app/runner.h"
#include "server/app/sql.h"

namespace prytany::app {

namespace {

Result<Statement, Failure> prepare_one(sqlite3* db, std::string_view sql) {
  sqlite3_stmt* raw = nullptr;
  const char* rest = nullptr;
  const int rc = sqlite3_prepare_v3(db, sql.data(), static_cast<int>(sql.size()), 0, &raw, &rest);
  if (rc != SQLITE_OK) return failure_of(db, rc, RequestState{});
  Statement statement(raw);
  if (!statement) return Failure{"malformed_sql", "there is no statement"};
  return statement;
}

Result<wire::ResultSet, Failure> rows_of(sqlite3* db, Statement& statement) {
  wire::ResultSet set;
  ResultRoom room;
  const std::int64_t before = sqlite3_total_changes64(db);
  if (auto failure = name_columns(statement, room, set)) return *failure;
  for (;;) {
    const int rc = statement.step();
    if (rc == SQLITE_DONE) break;
    if (rc != SQLITE_ROW) return failure_of(db, rc, RequestState{});
    auto row = read_row(statement, room);
    if (!row) return row.error();
    set.rows.items.push_back(std::move(row).value());
  }
  if (sqlite3_total_changes64(db) != before) set.changes = sqlite3_changes64(db);
  set.last_insert_rowid = sqlite3_last_insert_rowid(db);
  return set;
}

}  // namespace

wire::Outcome answer(sqlite3* db, std::string_view sql, const wire::Arguments& arguments) {
  auto statement = prepare_one(db, sql);
  if (!statement) return error_reply(statement.error());
  if (auto failure = bind_named(*statement, arguments.items)) return error_reply(*failure);
  auto set = rows_of(db, *statement);
  if (!set) return error_reply(set.error());
  wire::ResultSets sets;
  sets.items.push_back(std::move(*set));
  return sets;
}

wire::Outcome answer(const std::vector<std::string>& columns,
                     const std::vector<std::vector<std::string>>& rows) {
  wire::ResultSet set;
  ResultRoom room;
  for (const std::string& column : columns) set.columns.items.push_back({column});
  for (const auto& row : rows) {
    wire::Row texts;
    for (const std::string& value : row) texts.items.emplace_back(wire::TextValue{value});
    if (!take_row(room, texts)) return error_reply(too_large(room));
    set.rows.items.push_back(std::move(texts));
  }
  wire::ResultSets sets;
  sets.items.push_back(std::move(set));
  return sets;
}

std::string text(const wire::Value& value) {
  struct Writer {
    std::string operator()(std::monostate) const { return {}; }
    std::string operator()(std::int64_t v) const { return std::to_string(v); }
    std::string operator()(double v) const {
      char* written = sqlite3_mprintf("%!.15g", v);
      std::string copy = written;
      sqlite3_free(written);
      return copy;
    }
    std::string operator()(const wire::TextValue& v) const { return v.text; }
    std::string operator()(const wire::BlobValue& v) const {
      return {v.bytes.begin(), v.bytes.end()};
    }
  };
  return std::visit(Writer{}, value);
}

wire::Outcome refusal(std::string_view code, std::string_view message) {
  return error_reply({std::string(code), std::string(message)});
}

void run_or_stop(sqlite3* db, const char* sql) {
  if (sqlite3_exec(db, sql, nullptr, nullptr, nullptr) != SQLITE_OK)
    stop_on_fault(std::string("the application's tables cannot be made: ") + sqlite3_errmsg(db));
}

}  // namespace prytany::app
