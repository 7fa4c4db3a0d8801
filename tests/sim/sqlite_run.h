// Running statements on a bare sqlite3 handle, as an application written without Prytany would.
#pragma once

#include <string_view>
#include <vector>

#include "server/base/result.h"
#include "server/wire/operations.h"
#include "server/wire/values.h"

struct sqlite3;
struct sqlite3_stmt;

namespace prytany::sim {

/// One statement. Its parameters are bound from `positional` or, by name, from `named`. The Error's
/// message is SQLite's extended code as a number: a word that is the same everywhere.
Result<wire::ResultSet> run_statement(sqlite3* db, std::string_view sql,
                                      const std::vector<wire::Value>& positional,
                                      const std::vector<wire::Argument>& named,
                                      std::string_view* rest = nullptr);

/// Several statements, each with those of `named` that it mentions: the last rows, if any (those of
/// a SELECT ensure(...) do not count), the rows changed in all, and the last row inserted.
Result<wire::ResultSet> run_statements(sqlite3* db, std::string_view sql,
                                       const std::vector<wire::Argument>& named);

}  // namespace prytany::sim
