#include "server/app/functions.h"

#include <sqlite3.h>

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "server/app/json_patch.h"
#include "server/app/notify.h"
#include "server/app/sessions.h"
#include "server/app/sql.h"
#include "server/app/text_functions.h"
#include "server/base/ensure.h"
#include "server/base/utf8.h"
#include "server/wire/limits.h"

namespace prytany::app {
namespace {

// Sorted. What is missing is refused: it tells of the machine or the handle (sqlite_version,
// total_changes), rounds differently by CPU (exp), or is not known to be clean (FTS5's).
constexpr auto allowed_functions = std::to_array<std::string_view>({
    "->",
    "->>",
    "abs",
    "avg",
    "changes",
    "char",
    "coalesce",
    "concat",
    "concat_ws",
    "count",
    "cume_dist",
    "current_date",
    "current_time",
    "current_timestamp",
    "date",
    "datetime",
    "dense_rank",
    "ensure",
    "first_value",
    "format",
    "glob",
    "group_concat",
    "hex",
    "ifnull",
    "iif",
    "instr",
    "json",
    "json_array",
    "json_array_length",
    "json_error_position",
    "json_extract",
    "json_group_array",
    "json_group_object",
    "json_insert",
    "json_object",
    "json_patch",
    "json_quote",
    "json_remove",
    "json_replace",
    "json_set",
    "json_type",
    "json_valid",
    "julianday",
    "lag",
    "last_insert_rowid",
    "last_value",
    "lead",
    "length",
    "like",
    "likelihood",
    "likely",
    "lower",
    "ltrim",
    "max",
    "min",
    "now",
    "nth_value",
    "ntile",
    "nullif",
    "octet_length",
    "percent_rank",
    "printf",
    "quote",
    "random",
    "randomblob",
    "rank",
    "replace",
    "round",
    "row_number",
    "rtrim",
    "session_id",
    "session_principal",
    "session_role",
    "sign",
    "strftime",
    "string_agg",
    "substr",
    "substring",
    "sum",
    "time",
    "timediff",
    "total",
    "trim",
    "typeof",
    "unhex",
    "unicode",
    "unixepoch",
    "unlikely",
    "upper",
    "zeroblob",
});
static_assert(std::is_sorted(allowed_functions.begin(), allowed_functions.end()));

/// What ending a session costs besides SQL: its memory, and telling its client.
constexpr std::uint64_t steps_per_ended_session = 100;

RequestState& state_of(sqlite3_context* context) {
  return *static_cast<RequestState*>(sqlite3_user_data(context));
}

std::string_view text_of(sqlite3_value* value) {
  const unsigned char* data = sqlite3_value_text(value);
  const int size = sqlite3_value_bytes(value);
  if (data == nullptr) return {};
  return {reinterpret_cast<const char*>(data), static_cast<std::size_t>(size)};
}

void random_function(sqlite3_context* context, int, sqlite3_value**) {
  std::array<std::uint8_t, 8> bytes{};
  state_of(context).random.fill(bytes);
  std::uint64_t number = 0;
  for (const std::uint8_t byte : bytes) number = (number << 8) | byte;
  // As SQLite's own: abs() of the smallest integer would overflow, so that one is never given.
  auto value = static_cast<std::int64_t>(number);
  if (value < 0) value = -(value & INT64_MAX);
  sqlite3_result_int64(context, value);
}

void randomblob_function(sqlite3_context* context, int, sqlite3_value** arguments) {
  const std::int64_t asked = std::max<std::int64_t>(sqlite3_value_int64(arguments[0]), 1);
  RequestState& state = state_of(context);
  if (asked > static_cast<std::int64_t>(limits::value_bytes_max))
    return sqlite3_result_error_toobig(context);
  if (!state.spend(static_cast<std::uint64_t>(asked)))
    return sqlite3_result_error(context, "over budget", -1);
  Bytes bytes(static_cast<std::size_t>(asked));
  state.random.fill(bytes);
  sqlite3_result_blob(context, bytes.data(), static_cast<int>(bytes.size()), SQLITE_TRANSIENT);
}

void changes_function(sqlite3_context* context, int, sqlite3_value**) {
  // SQLite's own would tell of the previous request.
  sqlite3* db = sqlite3_context_db_handle(context);
  const bool changed = sqlite3_total_changes64(db) != state_of(context).total_changes_before;
  sqlite3_result_int64(context, changed ? sqlite3_changes64(db) : 0);
}

void now_function(sqlite3_context* context, int, sqlite3_value**) {
  sqlite3_result_int64(context, state_of(context).agreed.value);
}

bool is_code(std::string_view text) {
  constexpr std::size_t code_bytes_max = 64;
  const auto letter = [](char c) { return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z'); };
  return !text.empty() && text.size() <= code_bytes_max && letter(text[0]) &&
         std::all_of(text.begin(), text.end(),
                     [&](char c) { return letter(c) || (c >= '0' && c <= '9') || c == '_'; });
}

void ensure_function(sqlite3_context* context, int, sqlite3_value** arguments) {
  // As WHERE does: neither NULL nor zero is true.
  const bool holds =
      sqlite3_value_type(arguments[0]) != SQLITE_NULL && sqlite3_value_double(arguments[0]) != 0.0;
  if (holds) return sqlite3_result_int(context, 1);
  const std::string_view code = text_of(arguments[1]);
  const std::string_view message = text_of(arguments[2]);
  if (!is_code(code)) {
    state_of(context).fail("bad_ensure",
                           "ensure() failed, but its code is not a word of at most 64 letters, "
                           "digits and underscores");
  } else {
    std::string text = clipped(message, limits::error_bytes_max);
    if (!is_utf8(text)) text.clear();
    RequestState& state = state_of(context);
    state.ensured = !state.failure;
    state.fail(code, std::move(text));
  }
  sqlite3_result_error(context, "ensure() failed", -1);
}

void session_id_function(sqlite3_context* context, int, sqlite3_value**) {
  const auto& session = state_of(context).session;
  if (session) sqlite3_result_int64(context, static_cast<std::int64_t>(session->value));
}
void result_text(sqlite3_context* context, std::string_view text) {
  sqlite3_result_text(context, text.data(), static_cast<int>(text.size()), SQLITE_TRANSIENT);
}
void session_principal_function(sqlite3_context* context, int, sqlite3_value**) {
  const RequestState& state = state_of(context);
  if (state.session) result_text(context, state.principal);
}
void session_role_function(sqlite3_context* context, int, sqlite3_value**) {
  const RequestState& state = state_of(context);
  if (state.session) result_text(context, state.role);
}

/// Behind the view prytany_sessions.
const Session* session_of(const RequestState& state, sqlite3_value* id) {
  if (state.sessions == nullptr) return nullptr;  // the database is being opened
  return state.sessions->find(SessionId{static_cast<std::uint64_t>(sqlite3_value_int64(id))});
}
void session_active_function(sqlite3_context* context, int, sqlite3_value** arguments) {
  const Session* session = session_of(state_of(context), arguments[0]);
  if (session != nullptr) sqlite3_result_int64(context, session->active.value);
}
void end_session_function(sqlite3_context* context, int, sqlite3_value** arguments) {
  RequestState& state = state_of(context);
  const Session* session = session_of(state, arguments[0]);
  if (session == nullptr) return;
  if (!state.session) {
    state.fail("no_session", "only a request of a session may end sessions");
  } else if (session->id == *state.session) {
    // Its reply is to be kept for a retry, and would go with the session.
    state.fail("own_session", "a request cannot end its own session: the client leaves");
  } else if (session->role == "admin" && state.role != "admin") {
    state.fail("not_allowed", "only an administrator may end an administrator's session");
  } else if (state.spend(steps_per_ended_session)) {
    return state.ended.push_back(session->id);
  }
  sqlite3_result_error(context, "refused", -1);
}

struct Refusal {
  RequestState& state;
  std::string name;
};
void refused_function(sqlite3_context* context, int, sqlite3_value**) {
  const auto& refusal = *static_cast<Refusal*>(sqlite3_user_data(context));
  refusal.state.fail("refused_function", refused_function_message(refusal.name));
  sqlite3_result_error(context, "refused", -1);
}

struct BuiltIn {
  std::string name;
  int arguments;
};

/// What SQLite has, the same for every handle; found when the first is opened.
std::vector<BuiltIn> all_built_ins;

std::vector<BuiltIn> built_ins(sqlite3* db) {
  std::vector<BuiltIn> found;
  sqlite3_stmt* statement = nullptr;
  const char* sql = "SELECT DISTINCT name, narg FROM pragma_function_list ORDER BY name, narg";
  ENSURE(sqlite3_prepare_v2(db, sql, -1, &statement, nullptr) == SQLITE_OK);
  while (sqlite3_step(statement) == SQLITE_ROW)
    found.push_back({reinterpret_cast<const char*>(sqlite3_column_text(statement, 0)),
                     sqlite3_column_int(statement, 1)});
  ENSURE(sqlite3_finalize(statement) == SQLITE_OK);
  return found;
}

}  // namespace

std::string refused_function_message(std::string_view name) {
  return "the function " + std::string(name) +
         "() is not available: its result could differ between replicas";
}

std::optional<std::string> missing_function(std::string_view message) {
  static constexpr auto of_libm = std::to_array<std::string_view>(
      {"acos", "acosh",   "asin",    "asinh", "atan", "atan2", "atanh", "ceil", "ceiling", "cos",
       "cosh", "degrees", "exp",     "floor", "ln",   "log",   "log10", "log2", "mod",     "pi",
       "pow",  "power",   "radians", "sin",   "sinh", "sqrt",  "tan",   "tanh", "trunc"});
  static_assert(std::is_sorted(of_libm.begin(), of_libm.end()));
  constexpr std::string_view unknown = "no such function: ";
  if (!message.starts_with(unknown)) return std::nullopt;
  std::string lower(message.substr(unknown.size()));
  for (char& c : lower)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  if (!std::binary_search(of_libm.begin(), of_libm.end(), lower)) return std::nullopt;
  return lower;
}

bool is_allowed_function(std::string_view name) {
  std::string lower(name);
  for (char& c : lower)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  if (std::binary_search(allowed_functions.begin(), allowed_functions.end(), lower)) return true;
  return std::none_of(all_built_ins.begin(), all_built_ins.end(),
                      [&](const BuiltIn& function) { return function.name == lower; });
}

void install_functions(sqlite3* db, RequestState& state) {
  // The authorizer refuses them first, but DEFAULT (expression) may pass it by: whoever calls one
  // all the same calls this.
  if (all_built_ins.empty()) all_built_ins = built_ins(db);
  for (const BuiltIn& function : all_built_ins) {
    if (is_allowed_function(function.name)) continue;
    auto* refusal = new Refusal{state, function.name};
    ENSURE(sqlite3_create_function_v2(
               db, function.name.c_str(), function.arguments, SQLITE_UTF8 | SQLITE_INNOCUOUS,
               refusal, refused_function, nullptr, nullptr,
               [](void* r) { delete static_cast<Refusal*>(r); }) == SQLITE_OK);
  }
  using Function = void (*)(sqlite3_context*, int, sqlite3_value**);
  const auto add = [&](const char* name, int arguments, Function function, int flags = 0) {
    ENSURE(sqlite3_create_function_v2(db, name, arguments, SQLITE_UTF8 | SQLITE_INNOCUOUS | flags,
                                      &state, function, nullptr, nullptr, nullptr) == SQLITE_OK);
  };
  add("random", 0, random_function);
  add("randomblob", 1, randomblob_function);
  add("changes", 0, changes_function);
  add("now", 0, now_function);
  add("ensure", 3, ensure_function);
  add("session_id", 0, session_id_function);
  add("session_principal", 0, session_principal_function);
  add("session_role", 0, session_role_function);
  add("prytany_session_active_us", 1, session_active_function);
  add("prytany_end_session", 1, end_session_function);
  for (const TextFunction& function : text_functions)
    add(function.name, function.arguments, function.run, SQLITE_DETERMINISTIC);
  install_json_patch(db, state);
  install_notify(db, state);
}

}  // namespace prytany::app
