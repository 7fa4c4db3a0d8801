#include "server/cli/roll.h"

#include <algorithm>
#include <set>

#include "server/base/utf8.h"

namespace prytany::cli {
namespace {

struct Record {
  std::size_t line = 0;  // where it begins, from 1
  std::vector<std::string> fields;
};

class CsvReader {
 public:
  explicit CsvReader(std::string_view text) : text_(text) {
    if (text_.starts_with("\xEF\xBB\xBF")) text_.remove_prefix(3);
  }
  [[nodiscard]] bool done() const { return at_ >= text_.size(); }

  Result<Record> next() {
    Record record;
    record.line = line_;
    while (true) {
      auto field = next_field();
      if (!field) return field.error();
      record.fields.push_back(std::move(*field));
      if (done()) return record;
      const char separator = text_[at_++];
      if (separator == ',') continue;
      if (separator == '\r' && !done() && text_[at_] == '\n') ++at_;
      ++line_;
      return record;
    }
  }

 private:
  /// Stops at a comma, a line's end or the end.
  Result<std::string> next_field() {
    if (done() || text_[at_] != '"') {
      const std::size_t end = std::min(text_.find_first_of(",\r\n", at_), text_.size());
      std::string field(text_.substr(at_, end - at_));
      at_ = end;
      if (field.find('"') != std::string::npos) return problem("a quote inside an unquoted field");
      return field;
    }
    std::string field;
    for (++at_; !done(); ++at_) {
      if (text_[at_] == '\n') ++line_;
      if (text_[at_] != '"') {
        field += text_[at_];
        continue;
      }
      ++at_;
      if (done() || std::string_view(",\r\n").find(text_[at_]) != std::string_view::npos)
        return field;
      if (text_[at_] != '"') return problem("text after a closing quote");
      field += '"';
    }
    return problem("a quote that is not closed");
  }
  Error problem(const char* what) const {
    return Error{"line " + std::to_string(line_) + ": " + what};
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::size_t line_ = 1;
};

/// Where each of the three columns is.
Result<std::vector<std::size_t>> find_columns(const Record& header) {
  std::vector<std::size_t> columns;
  for (const char* name : {"id", "name", "district"}) {
    const auto found = std::ranges::find(header.fields, name);
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
  CsvReader reader(csv);
  if (reader.done()) return Error{"the file is empty"};
  const auto header = reader.next();
  if (!header) return header.error();
  const auto columns = find_columns(*header);
  if (!columns) return columns.error();
  std::vector<Voter> voters;
  std::set<std::string> ids;
  while (!reader.done()) {
    const auto record = reader.next();
    if (!record) return record.error();
    if (record->fields.size() == 1 && record->fields[0].empty()) continue;  // an empty line
    const std::string where = "line " + std::to_string(record->line) + ": ";
    if (record->fields.size() != header->fields.size())
      return Error{where + std::to_string(record->fields.size()) + " fields instead of " +
                   std::to_string(header->fields.size())};
    const auto field = [&](std::size_t which) { return record->fields[(*columns)[which]]; };
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
