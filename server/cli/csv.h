// Comma-separated values as RFC 4180 has them, read piece by piece: a file may exceed memory.
//
// Fields stand between commas, records on lines that end with LF or CRLF. A field in quotes may
// hold commas, line ends and, doubled, quotes. A byte order mark before the first field is left
// out. Whatever else a spreadsheet may have meant is refused with its line instead of guessed.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "server/base/result.h"

namespace prytany::cli {

struct CsvField {
  std::string text;
  bool quoted = false;
};

struct CsvRecord {
  std::size_t line = 0;  // on which it begins, from 1
  std::vector<CsvField> fields;

  /// An empty line: one field, with nothing in it.
  [[nodiscard]] bool is_blank() const {
    return fields.size() == 1 && fields[0].text.empty() && !fields[0].quoted;
  }
};

/// What is wrong with a file, and where.
struct CsvComplaint {
  std::size_t line = 0;  // 0: the file as such cannot be read
  std::string what;
};

class CsvReader {
 public:
  /// Gives the bytes that come next, valid until it is called again; nothing at the end.
  using Source = std::function<Result<std::string_view>()>;
  /// Records of more bytes are refused: most likely a quote is not closed.
  static constexpr std::size_t record_bytes_max = 4 << 20;

  explicit CsvReader(Source source) : source_(std::move(source)) {}

  /// The next record; nothing at the end. After a complaint nothing more can be read.
  Result<std::optional<CsvRecord>, CsvComplaint> next();
  [[nodiscard]] bool has_failed() const { return broken_; }

 private:
  static constexpr int end = -1;

  Result<std::optional<CsvRecord>, CsvComplaint> read_record();
  int get();
  void skip_byte_order_mark();
  std::optional<CsvComplaint> read_quoted(CsvField& field, std::size_t line);
  std::optional<CsvComplaint> read_plain(CsvField& field);
  std::optional<CsvComplaint> end_line();
  [[nodiscard]] bool is_too_long(std::size_t more) const {
    return record_bytes_ + more > record_bytes_max;
  }

  Source source_;
  std::string_view piece_;
  std::size_t at_ = 0;
  int current_ = end;  // the byte that is looked at
  bool begun_ = false;
  bool broken_ = false;
  std::size_t line_ = 1;
  std::size_t record_bytes_ = 0;
  std::optional<CsvComplaint> failed_;  // of the source
};

}  // namespace prytany::cli
