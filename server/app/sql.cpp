#include "server/app/sql.h"

#include "server/app/fault.h"
#include "server/app/meter.h"
#include "server/base/ensure.h"
#include "server/base/utf8.h"
#include "server/wire/limits.h"

namespace prytany::app {
namespace {

/// Codes that a request earned. Everything that is not here is the machine's.
const char* code_name(int extended) {
  switch (extended) {
    case SQLITE_CONSTRAINT_CHECK: return "SQLITE_CONSTRAINT_CHECK";
    case SQLITE_CONSTRAINT_COMMITHOOK: return "SQLITE_CONSTRAINT_COMMITHOOK";
    case SQLITE_CONSTRAINT_FOREIGNKEY: return "SQLITE_CONSTRAINT_FOREIGNKEY";
    case SQLITE_CONSTRAINT_FUNCTION: return "SQLITE_CONSTRAINT_FUNCTION";
    case SQLITE_CONSTRAINT_NOTNULL: return "SQLITE_CONSTRAINT_NOTNULL";
    case SQLITE_CONSTRAINT_PRIMARYKEY: return "SQLITE_CONSTRAINT_PRIMARYKEY";
    case SQLITE_CONSTRAINT_TRIGGER: return "SQLITE_CONSTRAINT_TRIGGER";
    case SQLITE_CONSTRAINT_UNIQUE: return "SQLITE_CONSTRAINT_UNIQUE";
    case SQLITE_CONSTRAINT_VTAB: return "SQLITE_CONSTRAINT_VTAB";
    case SQLITE_CONSTRAINT_ROWID: return "SQLITE_CONSTRAINT_ROWID";
    case SQLITE_CONSTRAINT_PINNED: return "SQLITE_CONSTRAINT_PINNED";
    case SQLITE_CONSTRAINT_DATATYPE: return "SQLITE_CONSTRAINT_DATATYPE";
    case SQLITE_ABORT_ROLLBACK: return "SQLITE_ABORT_ROLLBACK";
    default: break;
  }
  switch (extended & 0xff) {
    case SQLITE_ERROR: return "SQLITE_ERROR";
    case SQLITE_ABORT: return "SQLITE_ABORT";
    case SQLITE_LOCKED: return "SQLITE_LOCKED";
    case SQLITE_READONLY: return "SQLITE_READONLY";
    case SQLITE_INTERRUPT: return "SQLITE_INTERRUPT";
    case SQLITE_FULL: return "SQLITE_FULL";
    case SQLITE_TOOBIG: return "SQLITE_TOOBIG";
    case SQLITE_CONSTRAINT: return "SQLITE_CONSTRAINT";
    case SQLITE_MISMATCH: return "SQLITE_MISMATCH";
    case SQLITE_AUTH: return "SQLITE_AUTH";
    case SQLITE_RANGE: return "SQLITE_RANGE";
    default: return nullptr;
  }
}

}  // namespace

std::string clipped(std::string_view text, std::size_t max) {
  if (text.size() <= max) return std::string(text);
  while (max > 0 && (static_cast<unsigned char>(text[max]) & 0xc0) == 0x80) --max;
  return std::string(text.substr(0, max));
}

Failure failure_of(sqlite3* db, int rc, const RequestState& state) {
  ENSURE(rc != SQLITE_OK && rc != SQLITE_ROW && rc != SQLITE_DONE && rc != SQLITE_MISUSE);
  const int extended =
      (rc & 0xff) == (sqlite3_extended_errcode(db) & 0xff) ? sqlite3_extended_errcode(db) : rc;
  if ((extended & 0xff) == SQLITE_NOMEM && !memory_was_refused())
    return state.failure.value_or(
        Failure{"statement_too_large",
                "SQLite's program for it would be too long; make several statements of it"});
  const char* code = code_name(extended);
  if (code == nullptr)
    stop_on_fault("SQLite: " + std::string(sqlite3_errstr(extended)) + " (" +
                  std::to_string(extended) + "): " + sqlite3_errmsg(db));
  if (state.failure) return *state.failure;
  if ((extended & 0xff) == SQLITE_FULL)
    return {code,
            "the database has reached its largest size (delete something first), or a table with "
            "AUTOINCREMENT its largest number"};
  std::string text = clipped(sqlite3_errmsg(db), limits::error_bytes_max);
  if (!is_utf8(text)) text = sqlite3_errstr(extended);
  return {code, std::move(text)};
}

void Statement::bind(int index, std::int64_t value) {
  ENSURE(sqlite3_bind_int64(get(), index, value) == SQLITE_OK);
}
void Statement::bind(int index, double value) {
  ENSURE(sqlite3_bind_double(get(), index, value) == SQLITE_OK);
}
void Statement::bind(int index, std::string_view text) {
  // A null pointer would bind NULL, and an empty view may hold one.
  const char* data = text.data() == nullptr ? "" : text.data();
  meter_value(text.size());
  ENSURE(sqlite3_bind_text(get(), index, data, static_cast<int>(text.size()), SQLITE_STATIC) ==
         SQLITE_OK);
}
void Statement::bind(int index, ByteView blob) {
  const std::uint8_t empty = 0;
  meter_value(blob.size());
  const int rc = blob.empty() ? sqlite3_bind_blob(get(), index, &empty, 0, SQLITE_TRANSIENT)
                              : sqlite3_bind_blob(get(), index, blob.data(),
                                                  static_cast<int>(blob.size()), SQLITE_STATIC);
  ENSURE(rc == SQLITE_OK);
}
void Statement::bind_null(int index) { ENSURE(sqlite3_bind_null(get(), index) == SQLITE_OK); }

void Statement::bind(int index, const wire::Value& value) {
  struct Binder {
    Statement& statement;
    int index;
    void operator()(std::monostate) const { statement.bind_null(index); }
    void operator()(std::int64_t v) const { statement.bind(index, v); }
    void operator()(double v) const { statement.bind(index, v); }
    void operator()(const wire::TextValue& v) const {
      statement.bind(index, std::string_view(v.text));
    }
    void operator()(const wire::BlobValue& v) const { statement.bind(index, v.view()); }
  };
  std::visit(Binder{*this, index}, value);
}

std::int64_t Statement::integer(int column) const { return sqlite3_column_int64(get(), column); }
std::string_view Statement::text(int column) const {
  const unsigned char* data = sqlite3_column_text(get(), column);
  const int size = sqlite3_column_bytes(get(), column);
  if (data == nullptr) return {};
  return {reinterpret_cast<const char*>(data), static_cast<std::size_t>(size)};
}
ByteView Statement::blob(int column) const {
  const void* data = sqlite3_column_blob(get(), column);
  const int size = sqlite3_column_bytes(get(), column);
  if (data == nullptr) return {};
  return {static_cast<const std::uint8_t*>(data), static_cast<std::size_t>(size)};
}
bool Statement::is_null(int column) const {
  return sqlite3_column_type(get(), column) == SQLITE_NULL;
}

void Statement::reset() {
  sqlite3_reset(get());
  sqlite3_clear_bindings(get());
  sqlite3_stmt_status(get(), SQLITE_STMTSTATUS_VM_STEP, 1);
}

}  // namespace prytany::app
