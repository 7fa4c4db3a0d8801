// The SQL functions that every handle has: SQLite's own where they are deterministic and linear,
// ours where they are not, none where nothing good can be said (docs/reference/sql.md lists them).
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "server/app/request_state.h"

struct sqlite3;

namespace prytany::app {

/// Registers ours and makes every built-in unknown that is_allowed_function() does not list.
/// `state` outlives `db`.
void install_functions(sqlite3* db, RequestState& state);

/// Whether SQL may call `name` (any case): not a built-in that is refused. What a C++ application
/// registered, and what SQLite calls itself inside ALTER TABLE, is not in SQLite's list of
/// built-ins. Requires: some handle was installed.
bool is_allowed_function(std::string_view name);

/// The function of libm that SQLite did not find, by its `message`: it is left out of our build.
std::optional<std::string> missing_function(std::string_view message);

/// What the caller of another one is told; the code is "refused_function".
std::string refused_function_message(std::string_view name);

}  // namespace prytany::app
