// What the rows of a CSV file become in a table: which field goes to which column, as what value.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "server/base/result.h"
#include "server/cli/csv.h"
#include "server/wire/values.h"

namespace prytany::cli {

/// A column as PRAGMA table_xinfo tells of it.
struct TableColumn {
  std::string name;
  std::string type;     // as declared; may be empty
  bool hidden = false;  // generated: nobody may insert into it
};

/// SQLite's rule, by the words in the declared type.
enum class Affinity { integer, real, numeric, text, blob, none };
Affinity affinity_of(std::string_view declared);

/// A name or a text as SQL has it.
std::string quoted_name(std::string_view name);

class ImportPlan {
 public:
  /// The Error says which name in `header` has no column, or stands there twice.
  /// `null_text`: fields that are this text, and not in quotes, are NULL.
  static Result<ImportPlan> make(const std::string& table, const std::vector<TableColumn>& columns,
                                 const CsvRecord& header, std::optional<std::string> null_text);

  /// The values of a record, in the order of insert_sql(). Texts travel as texts: SQLite converts
  /// them by the column's affinity, as it does everywhere. The Error says what does not fit, and in
  /// which column.
  [[nodiscard]] Result<std::vector<wire::Value>> values(const CsvRecord& record) const;

  /// One statement for so many rows, with a parameter for each value.
  [[nodiscard]] std::string insert_sql(std::size_t rows) const;
  /// How many rows one statement has room for.
  [[nodiscard]] std::size_t rows_per_statement() const;
  /// Whether a blank line is a row: only where a row may be one empty field.
  [[nodiscard]] bool is_row(const CsvRecord& record) const {
    return columns_.size() == 1 || !record.is_blank();
  }

 private:
  struct Target {
    std::string name;
    Affinity affinity;
  };
  [[nodiscard]] Result<wire::Value> value(const Target& column, const CsvField& field) const;

  std::string table_;
  std::vector<Target> columns_;
  std::optional<std::string> null_text_;
};

}  // namespace prytany::cli
