#include "server/cli/roll.h"

#include <algorithm>
#include <set>
#include <utility>

#include "server/base/utf8.h"
#include "server/cli/csv.h"

namespace prytany::cli {
namespace {

Result<std::vector<CsvRecord>> read_all(std::string_view csv) {
  CsvReader reader([rest = csv]() mutable -> Result<std::string_view> {
    return std::exchange(rest, std::string_view{});
  });
  std::vector<CsvRecord> records;
  while (true) {
    auto record = reader.next();
    if (!record)
      return Error{"line " + std::to_string(record.error().line) + ": " + record.error().what};
    if (!*record) return records;
    records.push_back(std::move(**record));
  }
}

/// Where each of the three columns is.
Result<std::vector<std::size_t>> find_columns(const CsvRecord& header) {
  std::vector<std::size_t> columns;
  for (const char* name : {"id", "name", "district"}) {
    const auto found = std::ranges::find(header.fields, name, &CsvField::text);
    if (found == header.fields.end())
      return Error{std::string("line 1: there is no column \"") + name +
                   "\"; the first line names the columns: id,name,district"};
    columns.push_back(static_cast<std::size_t>(found - header.fields.begin()));
  }
  return columns;
}

}  // namespace

Result<std::vector<Voter>> parse_roll(std::string_view csv) {
  if (!is_utf8(csv)) return Error{"the file is not UTF-8"};
  const auto records = read_all(csv);
  if (!records) return records.error();
  if (records->empty()) return Error{"the file is empty"};
  const CsvRecord& header = records->front();
  const auto columns = find_columns(header);
  if (!columns) return columns.error();
  std::vector<Voter> voters;
  std::set<std::string> ids;
  for (std::size_t i = 1; i < records->size(); ++i) {
    const CsvRecord& record = (*records)[i];
    if (record.is_blank()) continue;
    const std::string where = "line " + std::to_string(record.line) + ": ";
    if (record.fields.size() != header.fields.size())
      return Error{where + std::to_string(record.fields.size()) + " fields instead of " +
                   std::to_string(header.fields.size())};
    const auto field = [&](std::size_t which) { return record.fields[(*columns)[which]].text; };
    Voter voter{field(0), field(1), field(2)};
    if (voter.id.empty() || voter.name.empty() || voter.district.empty())
      return Error{where + "id, name and district must not be empty"};
    if (!ids.insert(voter.id).second) return Error{where + "voter " + voter.id + " is there twice"};
    voters.push_back(std::move(voter));
  }
  if (voters.empty()) return Error{"there are no voters below the first line"};
  return voters;
}

}  // namespace prytany::cli
