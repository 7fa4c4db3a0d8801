#include "server/app/json_patch.h"

#include <sqlite3.h>

#include <algorithm>
#include <memory>
#include <string_view>

#include "server/app/meter.h"
#include "server/base/ensure.h"
#include "server/wire/limits.h"

namespace prytany::app {
namespace {

struct Close {
  void operator()(sqlite3* db) const { ENSURE(sqlite3_close(db) == SQLITE_OK); }
};
struct Finalize {
  void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
};

/// The function under whose name another one stands now can only be called on another handle. That
/// has nothing in it, and is opened when it is first wanted.
struct Original {
  RequestState& state;
  std::unique_ptr<sqlite3, Close> db = {};

  std::unique_ptr<sqlite3_stmt, Finalize> prepare() {
    const MeterScope unmetered(false);
    if (!db) {
      sqlite3* opened = nullptr;
      const int rc = sqlite3_open(":memory:", &opened);
      db.reset(opened);
      if (rc != SQLITE_OK) return nullptr;
      sqlite3_limit(opened, SQLITE_LIMIT_LENGTH, static_cast<int>(limits::value_bytes_max));
    }
    sqlite3_stmt* statement = nullptr;
    sqlite3_prepare_v2(db.get(), "SELECT json_patch(?1, ?2)", -1, &statement, nullptr);
    return std::unique_ptr<sqlite3_stmt, Finalize>(statement);
  }
};

std::string_view json_of(sqlite3_value* value) {
  const unsigned char* data = sqlite3_value_text(value);
  const int size = sqlite3_value_bytes(value);
  if (data == nullptr) return {};
  return {reinterpret_cast<const char*>(data), static_cast<std::size_t>(size)};
}

/// However JSON or JSON5 is written, behind each name stands a colon.
std::uint64_t names_at_most(std::string_view json) {
  return static_cast<std::uint64_t>(std::ranges::count(json, ':'));
}

void json_patch(sqlite3_context* context, int, sqlite3_value** a) {
  auto& original = *static_cast<Original*>(sqlite3_user_data(context));
  const std::string_view target = json_of(a[0]);
  const std::string_view patch = json_of(a[1]);
  // As other functions on texts; passing by one name takes about as long.
  constexpr std::uint64_t bytes_per_unit = 16;
  const std::uint64_t passed = target.size() + patch.size() + names_at_most(patch) * target.size();
  if (!original.state.spend(passed / bytes_per_unit))
    return sqlite3_result_error(context, "over budget", -1);
  const auto statement = original.prepare();
  if (!statement) return sqlite3_result_error_nomem(context);
  sqlite3_bind_value(statement.get(), 1, a[0]);
  sqlite3_bind_value(statement.get(), 2, a[1]);
  const int rc = sqlite3_step(statement.get());
  if (rc != SQLITE_ROW) {
    sqlite3_result_error(context, sqlite3_errmsg(original.db.get()), -1);
    // Too big, or out of memory: what that means is decided elsewhere.
    if (rc != SQLITE_ERROR) sqlite3_result_error_code(context, rc);
    return;
  }
  sqlite3_result_value(context, sqlite3_column_value(statement.get(), 0));
  constexpr unsigned is_json = 'J';  // what SQLite's functions look for in each other's results
  if (sqlite3_column_type(statement.get(), 0) == SQLITE_TEXT)
    sqlite3_result_subtype(context, is_json);
}

}  // namespace

void install_json_patch(sqlite3* db, RequestState& state) {
  ENSURE(sqlite3_create_function_v2(
             db, "json_patch", 2, SQLITE_UTF8 | SQLITE_INNOCUOUS | SQLITE_DETERMINISTIC,
             new Original{state}, json_patch, nullptr, nullptr,
             [](void* original) { delete static_cast<Original*>(original); }) == SQLITE_OK);
}

}  // namespace prytany::app
