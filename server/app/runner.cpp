#include "server/app/runner.h"

#include <cmath>

#include "server/app/sandbox.h"
#include "server/base/utf8.h"

namespace prytany::app {
namespace {

std::size_t encoded_bytes(const wire::Value& value) {
  struct Size {
    std::size_t operator()(std::monostate) const { return 1; }
    std::size_t operator()(std::int64_t) const { return 9; }
    std::size_t operator()(double) const { return 9; }
    std::size_t operator()(const wire::TextValue& v) const { return 5 + v.text.size(); }
    std::size_t operator()(const wire::BlobValue& v) const { return 5 + v.bytes.size(); }
  };
  return std::visit(Size{}, value);
}

bool take(ResultRoom& room, std::size_t bytes) {
  if (bytes > room.bytes) return false;
  room.bytes -= bytes;
  return true;
}

Failure stopped(Engine& engine, int rc) {
  const Failure failure = engine.failure(rc);
  // A progress handler that said stop leaves SQLITE_INTERRUPT, but only after its own word.
  return engine.state().failure ? *engine.state().failure : failure;
}

}  // namespace

void ResultRoom::tighten(std::uint64_t rows_at_most, std::uint64_t bytes_at_most) {
  if (rows_at_most != 0 && rows_at_most < rows) rows = rows_max = rows_at_most;
  if (bytes_at_most != 0 && bytes_at_most < bytes) bytes = bytes_max = bytes_at_most;
}

Failure too_large(const ResultRoom& room) {
  return {"RESULT_TOO_LARGE", "the result has more than " + std::to_string(room.rows_max) +
                                  " rows or " + std::to_string(room.bytes_max) +
                                  " bytes; ask for it page by page, WHERE key > :last LIMIT n"};
}

bool take_row(ResultRoom& room, const wire::Row& row) {
  std::size_t bytes = 4;
  for (const wire::Value& value : row.items) bytes += encoded_bytes(value);
  if (room.rows == 0 || !take(room, bytes)) return false;
  --room.rows;
  return true;
}

std::optional<Failure> bind_positional(Statement& statement,
                                       const std::vector<wire::Value>& values) {
  const int wanted = sqlite3_bind_parameter_count(statement.get());
  if (values.size() != static_cast<std::size_t>(wanted))
    return Failure{"wrong_parameters", "the statement has " + std::to_string(wanted) +
                                           " parameters, " + std::to_string(values.size()) +
                                           " were given"};
  for (int i = 0; i < wanted; ++i) statement.bind(i + 1, values[static_cast<std::size_t>(i)]);
  return std::nullopt;
}

std::optional<Failure> bind_named(Statement& statement, const std::vector<wire::Argument>& values) {
  const int wanted = sqlite3_bind_parameter_count(statement.get());
  std::vector<bool> used(values.size(), false);
  for (int i = 1; i <= wanted; ++i) {
    const char* name = sqlite3_bind_parameter_name(statement.get(), i);
    if (name == nullptr || name[0] == '?')
      return Failure{"wrong_parameters",
                     "the statement has parameters without names; give their values as a list"};
    bool bound = false;
    for (std::size_t v = 0; v < values.size(); ++v) {
      if (values[v].name.text != name + 1) continue;
      if (bound) return Failure{"wrong_parameters", std::string(name) + " was given twice"};
      statement.bind(i, values[v].value);
      bound = used[v] = true;
    }
    if (!bound) return Failure{"wrong_parameters", std::string(name) + " was not given"};
  }
  for (std::size_t v = 0; v < values.size(); ++v)
    if (!used[v])
      return Failure{"wrong_parameters",
                     "there is no parameter named '" + clipped(values[v].name.text, 100) + "'"};
  return std::nullopt;
}

wire::Value any_column_value(const Statement& statement, int column) {
  switch (sqlite3_column_type(statement.get(), column)) {
    case SQLITE_INTEGER: return statement.integer(column);
    case SQLITE_FLOAT: return sqlite3_column_double(statement.get(), column);
    case SQLITE_TEXT: return wire::TextValue{std::string(statement.text(column))};
    case SQLITE_BLOB: return wire::BlobValue{to_bytes(statement.blob(column))};
    default: return std::monostate{};
  }
}

Result<wire::Value, Failure> column_value(const Statement& statement, int column) {
  wire::Value value = any_column_value(statement, column);
  const auto* real = std::get_if<double>(&value);
  if (real != nullptr && !std::isfinite(*real))
    return Failure{"not_a_number", "a REAL in the result is infinite, which cannot be sent"};
  const auto* text = std::get_if<wire::TextValue>(&value);
  if (text != nullptr && !is_utf8(text->text))
    return Failure{"not_utf8",
                   "a TEXT in the result is not valid UTF-8; send it as CAST(... AS BLOB)"};
  return value;
}

std::optional<Failure> name_columns(const Statement& statement, ResultRoom& room,
                                    wire::ResultSet& set) {
  const int columns = statement.column_count();
  if (columns > 0 && !take(room, 32)) return too_large(room);
  for (int i = 0; i < columns; ++i) {
    const char* name = sqlite3_column_name(statement.get(), i);
    std::string text = clipped(name == nullptr ? "" : name, limits::name_bytes_max);
    if (!is_utf8(text)) text = "column";
    if (!take(room, 4 + text.size())) return too_large(room);
    set.columns.items.push_back({std::move(text)});
  }
  return std::nullopt;
}

Result<wire::Row, Failure> read_row(const Statement& statement, ResultRoom& room) {
  wire::Row row;
  const int columns = statement.column_count();
  row.items.reserve(static_cast<std::size_t>(columns));
  if (room.rows == 0 || !take(room, 4)) return too_large(room);
  --room.rows;
  for (int i = 0; i < columns; ++i) {
    auto value = column_value(statement, i);
    if (!value) return value.error();
    if (!take(room, encoded_bytes(*value))) return too_large(room);
    row.items.push_back(std::move(value).value());
  }
  return row;
}

Result<wire::ResultSet, Failure> run(Engine& engine, Statement& statement, ResultRoom& room) {
  const AccessScope scope(engine.state(), Access::application);
  wire::ResultSet set;
  if (!engine.state().spend_planning(statement.planning())) return *engine.state().failure;
  meter_value(std::string_view(sqlite3_sql(statement.get())).size());  // it may hold long literals
  const std::int64_t before = sqlite3_total_changes64(engine.handle());
  if (auto failure = name_columns(statement, room, set)) return *failure;
  for (;;) {
    const int rc = statement.step();
    if (rc == SQLITE_DONE) break;
    if (rc != SQLITE_ROW) return stopped(engine, rc);
    auto row = read_row(statement, room);
    if (!row) return row.error();
    set.rows.items.push_back(std::move(row).value());
  }
  if (!engine.state().settle(0)) return *engine.state().failure;
  if (sqlite3_total_changes64(engine.handle()) != before)
    set.changes = sqlite3_changes64(engine.handle());
  set.last_insert_rowid = sqlite3_last_insert_rowid(engine.handle());
  return set;
}

wire::ErrorReply error_reply(const Failure& failure, std::string_view procedure,
                             std::size_t statement) {
  wire::ErrorReply reply;
  reply.code.text = clipped(failure.code, limits::name_bytes_max);
  reply.message.text = clipped(failure.message, limits::error_bytes_max);
  reply.procedure.text = clipped(procedure, limits::name_bytes_max);
  reply.statement = static_cast<std::uint32_t>(statement);
  return reply;
}

Result<wire::ResultSet, Failure> run_statement(Engine& engine, const wire::Statement& wanted,
                                               bool read_only, ResultRoom& room) {
  auto prepared = engine.prepare_kept(wanted.sql.text);
  if (!prepared) return prepared.error();
  Statement& statement = **prepared;
  const Rewind rewind(statement);
  if (sqlite3_stmt_isexplain(statement.get()) != 0)
    return Failure{"refused_explain", "EXPLAIN is not supported"};
  if (read_only && !statement.read_only())
    return Failure{"not_read_only", "the request says it only reads, this statement writes"};
  if (!wanted.positional.empty() && !wanted.named.empty())
    return Failure{"wrong_parameters", "give values as a list or by name, not both"};
  auto failure = wanted.named.empty() ? bind_positional(statement, wanted.positional.items)
                                      : bind_named(statement, wanted.named.items);
  if (failure) return *failure;
  return run(engine, statement, room);
}

wire::Outcome run_execute(Engine& engine, const wire::Execute& execute) {
  wire::ResultSets sets;
  ResultRoom room;
  for (const wire::Statement& wanted : execute.statements) {
    auto set = run_statement(engine, wanted, execute.read_only, room);
    if (!set) return error_reply(set.error(), {}, sets.size() + 1);
    sets.items.push_back(std::move(set).value());
  }
  return sets;
}

}  // namespace prytany::app
