#include "tests/sqllogictest/script.h"

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string_view>

namespace prytany::slt {
namespace {

namespace fs = std::filesystem;

/// A script that includes itself would never end.
constexpr int includes_max = 16;

struct Line {
  std::size_t number;
  std::string text;
};

bool is_blank(const std::string& line) {
  return line.find_first_not_of(" \t\f\v\r") == std::string::npos;
}

/// What ends a query's SQL. Editors leave blanks behind it.
bool is_bar(const std::string& line) {
  return line.starts_with("----") && is_blank(line.substr(4));
}

/// SQLite's own runner does not mind how a name is spelled.
bool is_same_name(std::string_view a, std::string_view b) {
  return std::ranges::equal(
      a, b, [](unsigned char x, unsigned char y) { return std::tolower(x) == std::tolower(y); });
}

/// Comments are no lines at all, wherever they stand.
std::vector<Line> lines_of(const std::string& text) {
  std::vector<Line> lines;
  constexpr const char* byte_order_mark = "\xEF\xBB\xBF";
  std::istringstream in(text.starts_with(byte_order_mark) ? text.substr(3) : text);
  std::size_t number = 0;
  for (std::string line; std::getline(in, line);) {
    ++number;
    if (!line.empty() && line.back() == '\r') line.pop_back();
    if (!line.starts_with('#')) lines.push_back({number, std::move(line)});
  }
  return lines;
}

/// The words of a line, up to a comment.
std::vector<std::string> words_of(const std::string& line) {
  std::istringstream in(line);
  std::vector<std::string> words;
  for (std::string word; in >> word && !word.starts_with('#');) words.push_back(word);
  return words;
}

class Reader {
 public:
  explicit Reader(std::string engine) : engine_(std::move(engine)) {}
  Result<void> read(const std::string& path, const std::string& text, int depth);
  std::vector<Record> take() { return std::move(records_); }

 private:
  Result<void> record(const std::string& path, const std::vector<Line>& lines, int depth);
  Result<void> statement(Record record, const std::vector<std::string>& words,
                         const std::vector<Line>& lines, std::size_t at);
  Result<void> query(Record record, const std::vector<std::string>& words,
                     const std::vector<Line>& lines, std::size_t at);
  Result<void> include(const std::string& path, const std::string& place, const std::string& name,
                       int depth);

  std::string engine_;
  std::vector<Record> records_;
  bool halted_ = false;
};

Error unreadable(const std::string& place, const std::string& why) {
  return Error{place + ": " + why};
}

Result<void> Reader::read(const std::string& path, const std::string& text, int depth) {
  const std::vector<Line> lines = lines_of(text);
  std::vector<Line> paragraph;
  for (std::size_t i = 0; i <= lines.size() && !halted_; ++i) {
    if (i < lines.size() && !is_blank(lines[i].text)) {
      paragraph.push_back(lines[i]);
      continue;
    }
    if (!paragraph.empty())
      if (auto done = record(path, paragraph, depth); !done) return done;
    paragraph.clear();
  }
  return {};
}

Result<void> Reader::record(const std::string& path, const std::vector<Line>& lines, int depth) {
  bool skipped = false;
  // Control records need no blank line behind them.
  for (std::size_t at = 0; at < lines.size() && !halted_; ++at) {
    const auto words = words_of(lines[at].text);
    const std::string place =
        fs::path(path).filename().string() + ":" + std::to_string(lines[at].number);
    if (words.empty()) continue;
    const std::string& kind = words[0];
    if (kind == "skipif" || kind == "onlyif") {
      if (words.size() < 2) return unreadable(place, kind + " wants the name of a database");
      skipped = skipped || is_same_name(words[1], engine_) == (kind == "skipif");
      continue;
    }
    // What is for others may be of a kind that only they know.
    const bool controls = kind == "halt" || kind == "include" || kind == "hash-threshold";
    if (skipped && !controls) return {};
    Record found;
    found.place = place;
    if (kind == "statement" || kind == "query") {
      return kind == "query" ? query(std::move(found), words, lines, at + 1)
                             : statement(std::move(found), words, lines, at + 1);
    }
    if (kind == "halt") {
      halted_ = !skipped;
    } else if (kind == "include") {
      if (words.size() != 2) return unreadable(place, "include wants the name of a file");
      if (!skipped)
        if (auto done = include(path, place, words[1], depth); !done) return done;
    } else if (kind == "hash-threshold") {
      // For those who write results. Reading them, both forms are understood.
      if (words.size() != 2 || words[1].find_first_not_of("0123456789") != std::string::npos)
        return unreadable(place, "hash-threshold wants a number");
    } else {
      return unreadable(place, "'" + kind + "' begins no record");
    }
    skipped = false;
  }
  return {};
}

std::string joined(const std::vector<Line>& lines, std::size_t from, std::size_t end) {
  std::string text;
  for (std::size_t i = from; i < end; ++i) text += (i == from ? "" : "\n") + lines[i].text;
  return text;
}

Result<void> Reader::statement(Record record, const std::vector<std::string>& words,
                               const std::vector<Line>& lines, std::size_t at) {
  if (words.size() < 2 || (words[1] != "ok" && words[1] != "error"))
    return unreadable(record.place, "statement wants ok or error");
  record.fails = words[1] == "error";
  record.sql = joined(lines, at, lines.size());
  if (record.sql.empty()) return unreadable(record.place, "there is no SQL");
  records_.push_back(std::move(record));
  return {};
}

Result<void> Reader::query(Record record, const std::vector<std::string>& words,
                           const std::vector<Line>& lines, std::size_t at) {
  record.is_query = true;
  if (words.size() < 2 || words[1].find_first_not_of("TIR") != std::string::npos)
    return unreadable(record.place, "query wants a T, I or R for each column");
  record.types = words[1];
  if (words.size() > 2) {
    if (words[2] == "rowsort") {
      record.sort = Sort::rows;
    } else if (words[2] == "valuesort") {
      record.sort = Sort::values;
    } else if (words[2] != "nosort") {
      return unreadable(record.place, "'" + words[2] + "' is not nosort, rowsort or valuesort");
    }
  }
  if (words.size() > 3) record.label = words[3];
  const auto bar = std::find_if(lines.begin() + static_cast<std::ptrdiff_t>(at), lines.end(),
                                [](const Line& line) { return is_bar(line.text); });
  record.sql = joined(lines, at, static_cast<std::size_t>(bar - lines.begin()));
  if (record.sql.empty()) return unreadable(record.place, "there is no SQL");
  if (bar != lines.end())
    for (auto line = bar + 1; line != lines.end(); ++line) record.expected.push_back(line->text);
  records_.push_back(std::move(record));
  return {};
}

Result<std::string> text_of(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return Error{path + ": cannot be read"};
  return std::string{std::istreambuf_iterator<char>(in), {}};
}

Result<void> Reader::include(const std::string& path, const std::string& place,
                             const std::string& name, int depth) {
  if (depth == includes_max) return unreadable(place, "includes go too deep");
  const std::string beside = fs::path(path).replace_filename(name).string();
  const auto text = text_of(beside);
  if (!text) return unreadable(place, text.error().message);
  return read(beside, *text, depth + 1);
}

}  // namespace

Result<std::vector<Record>> parse_script(const std::string& path, const std::string& text,
                                         const std::string& engine) {
  Reader reader(engine);
  if (auto done = reader.read(path, text, 0); !done) return done.error();
  return reader.take();
}

Result<std::vector<Record>> read_script(const std::string& path, const std::string& engine) {
  const auto text = text_of(path);
  if (!text) return text.error();
  return parse_script(path, *text, engine);
}

}  // namespace prytany::slt
