#include "server/cli/import_rows.h"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <set>

#include "server/app/sql.h"
#include "server/base/bytes.h"
#include "server/base/utf8.h"
#include "server/wire/limits.h"

namespace prytany::cli {
namespace {

std::string in_upper_case(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  return out;
}

/// Digits, with a sign; nothing else.
bool is_whole_number(std::string_view text) {
  if (text.starts_with('+') || text.starts_with('-')) text.remove_prefix(1);
  return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

std::string_view without_plus(std::string_view text) {
  return text.starts_with('+') ? text.substr(1) : text;
}

bool fits_64_bits(std::string_view text) {
  std::int64_t value = 0;
  text = without_plus(text);
  const auto read = std::from_chars(text.data(), text.data() + text.size(), value);
  return read.ec == std::errc() && read.ptr == text.data() + text.size();
}

/// As SQLite writes them: no hexadecimal, no infinity, nothing around it.
bool is_number(std::string_view text) {
  if (text.find_first_not_of("0123456789+-.eE") != std::string_view::npos) return false;
  double value = 0;
  text = without_plus(text);
  const auto read = std::from_chars(text.data(), text.data() + text.size(), value);
  return read.ec == std::errc() && read.ptr == text.data() + text.size();
}

std::string shown_field(std::string_view text) { return "'" + app::clipped(text, 40) + "'"; }

Result<wire::Value> blob_from_hex(std::string_view text) {
  const auto bytes = from_hex(text);
  if (!bytes) return Error{shown_field(text) + " is no blob: write it in hex, as hex() does"};
  return wire::Value(wire::BlobValue{*bytes});
}

}  // namespace

Affinity affinity_of(std::string_view declared) {
  const std::string type = in_upper_case(declared);
  const auto has = [&](const char* word) { return type.find(word) != std::string::npos; };
  if (has("INT")) return Affinity::integer;
  if (has("CHAR") || has("CLOB") || has("TEXT")) return Affinity::text;
  if (has("BLOB")) return Affinity::blob;
  if (type.empty() || type == "ANY") return Affinity::none;
  if (has("REAL") || has("FLOA") || has("DOUB")) return Affinity::real;
  return Affinity::numeric;
}

std::string quoted_name(std::string_view name) {
  std::string out = "\"";
  for (const char c : name) {
    out += c;
    if (c == '"') out += c;
  }
  return out + "\"";
}

Result<ImportPlan> ImportPlan::make(const std::string& table,
                                    const std::vector<TableColumn>& columns,
                                    const CsvRecord& header, std::optional<std::string> null_text) {
  ImportPlan plan;
  plan.table_ = table;
  plan.null_text_ = std::move(null_text);
  std::set<std::string> named;
  for (const CsvField& field : header.fields) {
    // As SQL does, names are compared without regard to case.
    const std::string wanted = in_upper_case(field.text);
    const auto column = std::ranges::find_if(
        columns, [&](const TableColumn& c) { return in_upper_case(c.name) == wanted; });
    if (column == columns.end()) {
      std::string all;
      for (const TableColumn& c : columns) all += (all.empty() ? "" : ", ") + c.name;
      return Error{"the first line names columns, and " + table + " has no column " +
                   shown_field(field.text) + "; it has " + all};
    }
    if (column->hidden) return Error{"the column " + column->name + " is computed: leave it out"};
    if (!named.insert(wanted).second)
      return Error{"the column " + column->name + " is named twice in the first line"};
    plan.columns_.push_back({column->name, affinity_of(column->type)});
  }
  return plan;
}

std::size_t ImportPlan::rows_per_statement() const {
  return std::max<std::size_t>(1, (limits::arguments_max - 1) / columns_.size());
}

std::string ImportPlan::insert_sql(std::size_t rows) const {
  std::string names;
  std::string row;
  for (const Target& column : columns_) {
    names += (names.empty() ? "" : ",") + quoted_name(column.name);
    row += row.empty() ? "(?" : ",?";
  }
  row += ")";
  std::string sql = "INSERT INTO " + quoted_name(table_) + "(" + names + ") VALUES";
  for (std::size_t i = 0; i < rows; ++i) sql += (i == 0 ? "" : ",") + row;
  return sql;
}

Result<wire::Value> ImportPlan::value(const Target& column, const CsvField& field) const {
  const std::string& text = field.text;
  if (null_text_ && !field.quoted && text == *null_text_) return wire::Value(std::monostate{});
  const std::string empty_hint =
      text.empty() && !null_text_ ? " (--null '' makes empty fields NULL)" : "";
  switch (column.affinity) {
    case Affinity::integer:
      if (is_whole_number(text) && !fits_64_bits(text))
        return Error{shown_field(text) + " does not fit into 64 bits"};
      [[fallthrough]];
    case Affinity::real:
      if (!is_number(text)) return Error{shown_field(text) + " is no number" + empty_hint};
      break;
    case Affinity::blob: return blob_from_hex(text);
    case Affinity::numeric:
    case Affinity::text:
    case Affinity::none: break;
  }
  if (!is_utf8(text)) return Error{"this is not UTF-8; convert the file, with iconv for instance"};
  if (text.find('\0') != std::string::npos) return Error{"there is a NUL character in the text"};
  return wire::Value(wire::TextValue{text});
}

Result<std::vector<wire::Value>> ImportPlan::values(const CsvRecord& record) const {
  if (record.fields.size() != columns_.size())
    return Error{"there are " + std::to_string(record.fields.size()) + " fields, and " +
                 std::to_string(columns_.size()) + " columns are named in the first line"};
  std::vector<wire::Value> values;
  values.reserve(columns_.size());
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    auto value = this->value(columns_[i], record.fields[i]);
    if (!value) return Error{columns_[i].name + ": " + value.error().message};
    values.push_back(std::move(*value));
  }
  return values;
}

}  // namespace prytany::cli
