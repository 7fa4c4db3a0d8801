// What applications and clients may do with SQL, so that every replica does the same: an authorizer
// that refuses by default, limits, settings, and a budget of VM steps. Every refusal has a stable
// code that begins with "refused_" (docs/reference/sql.md) and says what to do instead.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "server/app/request_state.h"

struct sqlite3;

namespace prytany::app {

/// Puts `db` in the sandbox for good. `state` outlives it; state.access says for whom a statement
/// is prepared.
void install_sandbox(sqlite3* db, RequestState& state);

/// Statements that are refused whole, told by their first word, before SQLite sees them: its own
/// words for them would not say what to do.
std::optional<Failure> refuse_statement(std::string_view sql);

/// The first word of a statement in upper case, past white space, comments and semicolons; empty if
/// there is none.
std::string first_word(std::string_view sql);

/// Whether there is nothing but white space, comments and semicolons.
bool is_blank(std::string_view sql);

/// Whether an object's name is the executor's own (prytany_*), in any case.
bool is_reserved(std::string_view name);

}  // namespace prytany::app
