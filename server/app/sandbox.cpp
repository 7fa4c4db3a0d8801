#include "server/app/sandbox.h"

#include <sqlite3.h>

#include <algorithm>
#include <array>
#include <clocale>
#include <string>
#include <utility>

#include "server/app/functions.h"
#include "server/app/meter.h"
#include "server/app/notify.h"
#include "server/base/ensure.h"
#include "server/wire/limits.h"

namespace prytany::app {
namespace {

constexpr std::string_view one_transaction =
    "every request is one transaction already: put the statements into one request, as a "
    "transaction with conditions if some depend on others, or into a procedure";

/// The progress handler's interval: overhead of about 3 %, and a budget exact to this many steps.
constexpr int steps_per_tick = 100;

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}
std::string_view view(const char* text) { return text == nullptr ? std::string_view{} : text; }

// Sorted. PRAGMAs that only read the schema in a fixed order, or that live in the file. (table_list
// is not one: it goes by hash order, which remembers the handle's history. defer_foreign_keys is
// not one: it takes effect when it is prepared, and a kept statement is not prepared again.)
constexpr auto allowed_pragmas = std::to_array<std::string_view>({
    "application_id",
    "foreign_key_list",
    "index_info",
    "index_list",
    "index_xinfo",
    "table_info",
    "table_xinfo",
    "user_version",
});
static_assert(std::is_sorted(allowed_pragmas.begin(), allowed_pragmas.end()));
/// Of ALTER TABLE alone.
constexpr std::string_view quick_check = "quick_check";
constexpr std::string_view quick_check_table = "pragma_quick_check";
/// Of migrations alone (server/app/foreign_keys.h).
constexpr std::string_view foreign_key_check = "foreign_key_check";
constexpr std::string_view foreign_key_check_table = "pragma_foreign_key_check";

// What anybody may read of our own tables (docs/reference/sql.md). Of the rows behind our views
// what the views show, and no more: SQLite tells us no view's name that a WITH clause could not
// take.
bool is_readable(std::string_view table, std::string_view column) {
  if (table == "prytany_sessions" || table == "prytany_session_values" ||
      table == "prytany_session_value_rows" || table == "prytany_changes" ||
      table == "prytany_ticks")
    return true;
  if (table == "prytany_session_rows")
    return column.empty() || column == "session" || column == "principal" || column == "role" ||
           column == "joined_us" || column == "join_expires_us";
  if (table == "prytany_session_activity") return column == "session";
  if (table == "prytany_application")
    return column.empty() || column == "name" || column == "version";
  return false;
}

int refuse(RequestState& state, std::string_view code, std::string message) {
  state.fail(code, std::move(message));
  return SQLITE_DENY;
}

int refuse_reserved(RequestState& state, std::string_view name) {
  return refuse(state, "refused_reserved",
                "'" + std::string(name) +
                    "' belongs to the cluster: names that begin with prytany_ are reserved");
}

int refuse_temporary(RequestState& state) {
  return refuse(state, "refused_temporary",
                "temporary objects would live in one replica's connection; use a WITH clause, or "
                "prytany_session_values");
}

/// What our triggers do for applications. A trigger's name is beyond doubt, because no other may
/// begin as ours do.
struct Delegated {
  std::string_view trigger;
  int action;
  std::string_view table;
};
constexpr auto delegated = std::to_array<Delegated>({
    {"prytany_session_values_insert", SQLITE_INSERT, "prytany_session_value_rows"},
    {"prytany_session_values_update", SQLITE_UPDATE, "prytany_session_value_rows"},
    {"prytany_session_values_delete", SQLITE_DELETE, "prytany_session_value_rows"},
    {"prytany_sessions_delete", SQLITE_DELETE, "prytany_session_rows"},
    {"prytany_session_end", SQLITE_DELETE, "prytany_session_activity"},
    {"prytany_session_end", SQLITE_DELETE, "prytany_session_value_rows"},
    {"prytany_session_end", SQLITE_INSERT, "prytany_endings"},
});

/// `within`: the innermost trigger or view, if any.
bool is_writable(int action, std::string_view table, std::string_view within) {
  if (table == "prytany_session_values") return true;
  if (table == "prytany_sessions") return action == SQLITE_DELETE;
  return std::ranges::any_of(delegated, [&](const Delegated& d) {
    return d.trigger == within && d.action == action && d.table == table;
  });
}

int check_table(RequestState& state, std::string_view table) {
  if (is_reserved(table)) return refuse_reserved(state, table);
  if (lower(table).starts_with("sqlite_stat"))
    return refuse(state, "refused_statistics",
                  "statistics are not kept: query plans must not depend on when they were taken");
  return SQLITE_OK;
}

int refuse_pragma(RequestState& state, std::string_view name) {
  return refuse(state, "refused_pragma",
                "PRAGMA " + std::string(name) +
                    " would change or tell of one replica's connection; allowed are table_info, "
                    "table_xinfo, index_list, index_info, index_xinfo, foreign_key_list, "
                    "user_version and application_id");
}

int check_pragma(RequestState& state, std::string_view name, std::string_view of) {
  if (std::binary_search(allowed_pragmas.begin(), allowed_pragmas.end(), lower(name)))
    return SQLITE_OK;
  // Asked for by the table of it while a statement runs: then check_read() has let that in, or we
  // have prepared that statement. Of one table only: over all, it goes by hash order.
  const bool checks = lower(name) == quick_check || lower(name) == foreign_key_check;
  if (checks && !of.empty() && !state.preparing) return SQLITE_OK;
  return refuse_pragma(state, name);
}

int check_read(RequestState& state, std::string_view table, std::string_view column) {
  // ALTER TABLE ADD COLUMN asks it whether the rows that are there obey what is new.
  if (lower(table) == quick_check_table && !state.alters) return refuse_pragma(state, quick_check);
  if (lower(table) == foreign_key_check_table) return refuse_pragma(state, foreign_key_check);
  if (!is_reserved(table)) return SQLITE_OK;
  return is_readable(lower(table), lower(column)) ? SQLITE_OK : refuse_reserved(state, table);
}

int check_function(RequestState& state, std::string_view name) {
  if (lower(name) == notify_name) state.notifies = true;
  if (is_allowed_function(name)) return SQLITE_OK;
  return refuse(state, "refused_function", refused_function_message(name));
}

/// DDL: what an object is called, and the table it is on.
int check_object(RequestState& state, std::string_view name, std::string_view table) {
  state.schema_touched = true;
  if (const int rc = check_table(state, name); rc != SQLITE_OK) return rc;
  return check_table(state, table);
}

int check_write(RequestState& state, int action, std::string_view table, std::string_view within) {
  return is_writable(action, lower(table), within) ? SQLITE_OK : check_table(state, table);
}

int authorize_action(RequestState& state, int action, std::string_view a, std::string_view b,
                     std::string_view within) {
  switch (action) {
    case SQLITE_SELECT:
    case SQLITE_RECURSIVE: return SQLITE_OK;
    case SQLITE_READ: return check_read(state, a, b);
    case SQLITE_INSERT:
    case SQLITE_DELETE:
    case SQLITE_UPDATE: return check_write(state, action, a, within);
    case SQLITE_FUNCTION: return check_function(state, b);
    case SQLITE_PRAGMA: return check_pragma(state, a, b);
    case SQLITE_DROP_TABLE: state.drops = a; return check_object(state, a, {});
    case SQLITE_CREATE_TABLE:
    case SQLITE_CREATE_VIEW:
    case SQLITE_DROP_VIEW: return check_object(state, a, {});
    case SQLITE_CREATE_INDEX: state.index_created = a; return check_object(state, a, b);
    case SQLITE_CREATE_TRIGGER:
    case SQLITE_DROP_INDEX:
    case SQLITE_DROP_TRIGGER: return check_object(state, a, b);
    case SQLITE_ALTER_TABLE: state.alters = true; return check_object(state, b, {});
    case SQLITE_CREATE_TEMP_INDEX:
    case SQLITE_CREATE_TEMP_TABLE:
    case SQLITE_CREATE_TEMP_TRIGGER:
    case SQLITE_CREATE_TEMP_VIEW:
    case SQLITE_DROP_TEMP_INDEX:
    case SQLITE_DROP_TEMP_TABLE:
    case SQLITE_DROP_TEMP_TRIGGER:
    case SQLITE_DROP_TEMP_VIEW: return refuse_temporary(state);
    case SQLITE_CREATE_VTABLE:
    case SQLITE_DROP_VTABLE:
      return refuse(state, "refused_virtual_table",
                    "virtual tables are not supported: their hidden state could differ between "
                    "replicas");
    case SQLITE_TRANSACTION:
    case SQLITE_SAVEPOINT:
      return refuse(state, "refused_transaction", std::string(one_transaction));
    case SQLITE_ATTACH:
    case SQLITE_DETACH:
      return refuse(state, "refused_attach", "there is one database, the replicated one");
    case SQLITE_REINDEX:
      // CREATE INDEX fills its index this way; it asked for the index itself just before.
      if (!a.empty() && std::exchange(state.index_created, {}) == a) return SQLITE_OK;
      return refuse(state, "refused_reindex",
                    "REINDEX visits tables in an order that differs between replicas, and is "
                    "never needed here");
    case SQLITE_ANALYZE:
      return refuse(state, "refused_analyze",
                    "statistics are not kept: query plans must not depend on when they were taken");
    default: return refuse(state, "refused_statement", "this statement is not supported");
  }
}

int authorize(void* user, int action, const char* a, const char* b, const char* schema,
              const char* within) {
  auto& state = *static_cast<RequestState*>(user);
  if (state.access == Access::ours) return SQLITE_OK;
  const int rc = authorize_action(state, action, view(a), view(b), view(within));
  // ALTER TABLE looks into the temporary schema by itself; nothing is made or dropped there.
  const bool is_object = rc == SQLITE_OK && action <= SQLITE_DROP_VIEW && action != SQLITE_DELETE &&
                         action != SQLITE_INSERT;
  if (is_object && lower(view(schema)) == "temp") return refuse_temporary(state);
  return rc;
}

int tick(void* user) {
  auto& state = *static_cast<RequestState*>(user);
  if (state.preparing) {
    // Parsing counts apart, because a kept statement is not parsed again.
    if (state.parse_ticks_left > 0) {
      --state.parse_ticks_left;
      return 0;
    }
    state.fail("budget_exceeded",
               "the statement takes too long to parse; are views nested in views?");
    return 1;
  }
  if (state.access == Access::ours) return 0;
  return state.settle(steps_per_tick) ? 0 : 1;
}

void set_limits(sqlite3* db) {
  const auto limit = [&](int what, std::size_t value) {
    sqlite3_limit(db, what, static_cast<int>(value));
  };
  limit(SQLITE_LIMIT_LENGTH, limits::value_bytes_max);
  limit(SQLITE_LIMIT_SQL_LENGTH, limits::sql_bytes_max);
  limit(SQLITE_LIMIT_COLUMN, limits::columns_max);
  limit(SQLITE_LIMIT_EXPR_DEPTH, 500);
  limit(SQLITE_LIMIT_COMPOUND_SELECT, 500);
  limit(SQLITE_LIMIT_VDBE_OP, 100'000);
  limit(SQLITE_LIMIT_FUNCTION_ARG, 100);
  limit(SQLITE_LIMIT_ATTACHED, 0);
  limit(SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 200);
  limit(SQLITE_LIMIT_VARIABLE_NUMBER, limits::arguments_max);
  limit(SQLITE_LIMIT_TRIGGER_DEPTH, 16);
  limit(SQLITE_LIMIT_WORKER_THREADS, 0);
}

void set_config(sqlite3* db) {
  const auto config = [&](int what, int value) {
    int now = -1;
    ENSURE(sqlite3_db_config(db, what, value, &now) == SQLITE_OK && now == value);
  };
  config(SQLITE_DBCONFIG_DEFENSIVE, 1);
  config(SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0);
  config(SQLITE_DBCONFIG_ENABLE_QPSG, 1);  // plans do not depend on bound values
  config(SQLITE_DBCONFIG_DQS_DDL, 0);
  config(SQLITE_DBCONFIG_DQS_DML, 0);
  config(SQLITE_DBCONFIG_ENABLE_FKEY, 1);
  config(SQLITE_DBCONFIG_ENABLE_TRIGGER, 1);
  config(SQLITE_DBCONFIG_ENABLE_VIEW, 1);
  config(SQLITE_DBCONFIG_WRITABLE_SCHEMA, 0);
  config(SQLITE_DBCONFIG_LEGACY_ALTER_TABLE, 0);
  config(SQLITE_DBCONFIG_REVERSE_SCANORDER, 0);
}

struct Refused {
  std::string_view word;
  std::string_view code;
  std::string_view message;
};
constexpr std::string_view no_statistics =
    "statistics are not kept: query plans must not depend on when they were taken";
constexpr auto refused_words = std::to_array<Refused>({
    {"BEGIN", "refused_transaction", one_transaction},
    {"COMMIT", "refused_transaction", one_transaction},
    {"END", "refused_transaction", one_transaction},
    {"ROLLBACK", "refused_transaction", one_transaction},
    {"SAVEPOINT", "refused_transaction", one_transaction},
    {"RELEASE", "refused_transaction", one_transaction},
    {"ANALYZE", "refused_analyze", no_statistics},
    {"REINDEX", "refused_reindex",
     "REINDEX visits tables in an order that differs between replicas, and is never needed here"},
    {"VACUUM", "refused_vacuum", "VACUUM is not needed: freed pages are used again"},
    {"EXPLAIN", "refused_explain",
     "EXPLAIN shows addresses of one replica's memory; ask with prytany sql --explain"},
});

/// Past white space, comments and semicolons.
std::string_view skip_blank(std::string_view sql) {
  while (!sql.empty()) {
    if (std::string_view(" \t\r\n\f;").find(sql[0]) != std::string_view::npos) {
      sql.remove_prefix(1);
    } else if (sql.starts_with("--")) {
      sql.remove_prefix(std::min(sql.size(), sql.find('\n')));
    } else if (sql.starts_with("/*")) {
      const std::size_t end = sql.find("*/", 2);
      sql.remove_prefix(end == std::string_view::npos ? sql.size() : end + 2);
    } else {
      break;
    }
  }
  return sql;
}

}  // namespace

bool is_reserved(std::string_view name) {
  constexpr std::string_view prefix = "prytany_";
  return name.size() >= prefix.size() && lower(name.substr(0, prefix.size())) == prefix;
}

bool is_blank(std::string_view sql) { return skip_blank(sql).empty(); }

std::string first_word(std::string_view sql) {
  sql = skip_blank(sql);
  std::string word;
  for (char c : sql) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
    if (c < 'A' || c > 'Z') break;
    word.push_back(c);
  }
  return word;
}

std::optional<Failure> refuse_statement(std::string_view sql) {
  const std::string word = first_word(sql);
  for (const Refused& refused : refused_words)
    if (word == refused.word)
      return Failure{std::string(refused.code), std::string(refused.message)};
  return std::nullopt;
}

void install_sandbox(sqlite3* db, RequestState& state) {
  // json_extract and printf would follow the locale.
  ENSURE(std::localeconv()->decimal_point == std::string_view("."));
  // 'localtime' and 'utc' fail alike everywhere instead of following TZ.
  sqlite3_test_control(SQLITE_TESTCTRL_LOCALTIME_FAULT, 1);
  ensure_metered();
  set_config(db);
  set_limits(db);
  install_functions(db, state);
  ENSURE(sqlite3_set_authorizer(db, authorize, &state) == SQLITE_OK);
  sqlite3_progress_handler(db, steps_per_tick, tick, &state);
}

}  // namespace prytany::app
