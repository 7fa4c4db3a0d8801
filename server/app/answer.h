// For C++ applications: what most of them do with the handle, in a line each. (They may use all of
// SQLite's own interface, too.)
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "server/wire/operations.h"
#include "server/wire/values.h"

struct sqlite3;

namespace prytany::app {

/// Runs one statement and answers with its rows, within the sizes of docs/reference/errors.md.
/// Argument "id" is parameter :id; each parameter once, nothing left over. What SQLite says no to
/// is answered with its code ("SQLITE_CONSTRAINT_UNIQUE").
wire::Outcome answer(sqlite3* db, std::string_view sql, const wire::Arguments& arguments = {});

/// Answers with rows of text that the application has at hand; each has a text for every column.
wire::Outcome answer(const std::vector<std::string>& columns,
                     const std::vector<std::vector<std::string>>& rows);

/// A value as SQLite writes it: "" for NULL, the bytes of a blob.
std::string text(const wire::Value& value);

/// An answer that says no. `code` is stable, for programs; `message` for people, not above 1,024
/// bytes.
wire::Outcome refusal(std::string_view code, std::string_view message);

/// For opened(): tables that must be there. Stops the process if they cannot be made.
void run_or_stop(sqlite3* db, const char* sql);

}  // namespace prytany::app
