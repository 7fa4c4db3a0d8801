// Running statements on a bare sqlite3 handle, as an application written without Prytany would.
#pragma once

#include <map>
#include <memory>
#include <string>
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
                                      const std::vector<wire::Argument>& named);

struct FinalizeStatement {
  void operator()(sqlite3_stmt* statement) const;
};
using PreparedStatement = std::unique_ptr<sqlite3_stmt, FinalizeStatement>;

/// The texts an application runs over and over, each prepared once. Ends before its handle does.
class KeptStatements {
 public:
  explicit KeptStatements(sqlite3* db) : db_(db) {}

  /// All statements of `sql`, each with those of `named` that it mentions: the last rows, if any
  /// (those of a SELECT ensure(...) or notify(...) do not count), the rows changed in all, and
  /// the last row inserted.
  Result<wire::ResultSet> run(std::string_view sql, const std::vector<wire::Argument>& named);

 private:
  /// Prepared as far as they were reached: a statement may need what an earlier one creates.
  struct Text {
    std::vector<PreparedStatement> statements;
    std::size_t prepared_bytes = 0;
  };

  sqlite3* db_;
  std::map<std::string, Text, std::less<>> texts_;
};

}  // namespace prytany::sim
