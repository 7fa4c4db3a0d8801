#include "tests/sim/sqlite_run.h"

#include <sqlite3.h>

#include <memory>
#include <optional>
#include <string>

#include "server/base/ensure.h"

namespace prytany::sim {

namespace {

Error error_of(sqlite3* db) {
  return Error{"sqlite_" + std::to_string(sqlite3_extended_errcode(db))};
}

void bind(sqlite3_stmt* statement, int index, const wire::Value& value) {
  struct Bind {
    sqlite3_stmt* statement;
    int index;
    int operator()(std::monostate) const { return sqlite3_bind_null(statement, index); }
    int operator()(std::int64_t v) const { return sqlite3_bind_int64(statement, index, v); }
    int operator()(double v) const { return sqlite3_bind_double(statement, index, v); }
    int operator()(const wire::TextValue& v) const {
      return sqlite3_bind_text(statement, index, v.text.data(), static_cast<int>(v.text.size()),
                               SQLITE_TRANSIENT);
    }
    int operator()(const wire::BlobValue& v) const {
      // No bytes have no address, and SQLite takes a null pointer for NULL.
      if (v.bytes.empty()) return sqlite3_bind_zeroblob(statement, index, 0);
      return sqlite3_bind_blob(statement, index, v.bytes.data(), static_cast<int>(v.bytes.size()),
                               SQLITE_TRANSIENT);
    }
  };
  ENSURE(std::visit(Bind{statement, index}, value) == SQLITE_OK);
}

wire::Value column(sqlite3_stmt* statement, int index) {
  const auto size = [&] {
    return static_cast<std::size_t>(sqlite3_column_bytes(statement, index));
  };
  switch (sqlite3_column_type(statement, index)) {
    case SQLITE_INTEGER: return static_cast<std::int64_t>(sqlite3_column_int64(statement, index));
    case SQLITE_FLOAT: return sqlite3_column_double(statement, index);
    case SQLITE_TEXT: {
      const auto* data = reinterpret_cast<const char*>(sqlite3_column_text(statement, index));
      return wire::TextValue{std::string(data, size())};
    }
    case SQLITE_BLOB: {
      const auto* data = static_cast<const std::uint8_t*>(sqlite3_column_blob(statement, index));
      return wire::BlobValue{Bytes(data, data + size())};
    }
    default: return std::monostate{};
  }
}

/// The first statement of `sql`, and what follows it; null for white space.
Result<PreparedStatement> prepare(sqlite3* db, std::string_view sql, std::string_view* rest) {
  sqlite3_stmt* raw = nullptr;
  const char* tail = nullptr;
  const int prepared =
      sqlite3_prepare_v2(db, sql.data(), static_cast<int>(sql.size()), &raw, &tail);
  PreparedStatement statement(raw);
  if (prepared != SQLITE_OK) return error_of(db);
  *rest = sql.substr(static_cast<std::size_t>(tail - sql.data()));
  return statement;
}

/// Names and number of columns are asked after the first step: it prepares the statement again
/// when the schema has changed.
Result<wire::ResultSet> step_through(sqlite3* db, sqlite3_stmt* statement) {
  wire::ResultSet set;
  const std::int64_t before = sqlite3_total_changes64(db);
  int stepped = sqlite3_step(statement);
  const int columns = sqlite3_column_count(statement);
  for (int i = 0; i < columns; ++i)
    set.columns.items.push_back({std::string(sqlite3_column_name(statement, i))});
  for (; stepped == SQLITE_ROW; stepped = sqlite3_step(statement)) {
    wire::Row& row = set.rows.items.emplace_back();
    for (int i = 0; i < columns; ++i) row.items.push_back(column(statement, i));
  }
  if (stepped != SQLITE_DONE) return error_of(db);
  if (sqlite3_total_changes64(db) != before) set.changes = sqlite3_changes64(db);
  set.last_insert_rowid = sqlite3_last_insert_rowid(db);
  return set;
}

Result<wire::ResultSet> run_prepared(sqlite3* db, sqlite3_stmt* statement,
                                     const std::vector<wire::Value>& positional,
                                     const std::vector<wire::Argument>& named) {
  if (statement == nullptr) return wire::ResultSet{};
  for (std::size_t i = 0; i < positional.size(); ++i)
    bind(statement, static_cast<int>(i) + 1, positional[i]);
  for (const wire::Argument& argument : named) {
    const int index = sqlite3_bind_parameter_index(statement, (":" + argument.name.text).c_str());
    if (index != 0) bind(statement, index, argument.value);
  }
  auto set = step_through(db, statement);
  sqlite3_reset(statement);
  sqlite3_clear_bindings(statement);
  return set;
}

}  // namespace

void FinalizeStatement::operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }

Result<wire::ResultSet> run_statement(sqlite3* db, std::string_view sql,
                                      const std::vector<wire::Value>& positional,
                                      const std::vector<wire::Argument>& named) {
  std::string_view rest;
  auto statement = prepare(db, sql, &rest);
  if (!statement) return statement.error();
  return run_prepared(db, statement->get(), positional, named);
}

Result<wire::ResultSet> KeptStatements::run(std::string_view sql,
                                            const std::vector<wire::Argument>& named) {
  auto found = texts_.find(sql);
  if (found == texts_.end()) found = texts_.emplace(std::string(sql), Text{}).first;
  Text& text = found->second;
  wire::ResultSet last;
  std::int64_t changes = 0;
  for (std::size_t i = 0; i < text.statements.size() || text.prepared_bytes < sql.size(); ++i) {
    if (i == text.statements.size()) {
      std::string_view rest;
      auto statement = prepare(db_, sql.substr(text.prepared_bytes), &rest);
      if (!statement) return statement.error();
      text.statements.push_back(std::move(*statement));
      text.prepared_bytes = sql.size() - rest.size();
    }
    auto set = run_prepared(db_, text.statements[i].get(), {}, named);
    if (!set) return set.error();
    changes += set->changes;
    const auto first_is = [&](const char* call) {
      return !set->columns.empty() && set->columns.items.front().text.starts_with(call);
    };
    const bool checks = first_is("ensure(") || first_is("notify(");
    if (!set->columns.empty() && !checks) last = std::move(*set);
  }
  last.changes = changes;
  last.last_insert_rowid = sqlite3_last_insert_rowid(db_);
  return last;
}

}  // namespace prytany::sim
