#include "server/cli/csv.h"

namespace prytany::cli {
namespace {

constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";

CsvComplaint record_too_long(std::size_t line) {
  return {line, "this record has more than " + std::to_string(CsvReader::record_bytes_max) +
                    " bytes: is a quote not closed?"};
}

}  // namespace

int CsvReader::get() {
  if (at_ == piece_.size() && !failed_) {
    auto piece = source_();
    at_ = 0;
    piece_ = piece ? *piece : std::string_view{};
    if (!piece) failed_ = CsvComplaint{0, piece.error().message};
  }
  current_ = at_ == piece_.size() ? end : static_cast<unsigned char>(piece_[at_++]);
  return current_;
}

/// Whatever begins like one and is none stays, for the reader of texts to refuse.
void CsvReader::skip_byte_order_mark() {
  get();
  // A source may give as few bytes as it likes, but files have their first three at hand.
  if (current_ == end || !piece_.starts_with(byte_order_mark)) return;
  at_ = byte_order_mark.size();
  get();
}

Result<std::optional<CsvRecord>, CsvComplaint> CsvReader::next() {
  auto record = read_record();
  broken_ = !record.ok();
  return record;
}

Result<std::optional<CsvRecord>, CsvComplaint> CsvReader::read_record() {
  if (!begun_) skip_byte_order_mark();
  begun_ = true;
  if (failed_) return *failed_;
  if (current_ == end) return std::optional<CsvRecord>();
  CsvRecord record;
  record.line = line_;
  record_bytes_ = 0;
  while (true) {
    CsvField field;
    auto wrong = current_ == '"' ? read_quoted(field, record.line) : read_plain(field);
    if (failed_) return *failed_;
    if (wrong) return *wrong;
    record_bytes_ += field.text.size() + sizeof field;  // many empty ones are large, too
    record.fields.push_back(std::move(field));
    if (is_too_long(0)) return record_too_long(record.line);
    if (current_ != ',') break;
    get();  // nothing after it is an empty field
  }
  if (auto wrong = end_line()) return *wrong;
  if (failed_) return *failed_;
  return std::optional(std::move(record));
}

std::optional<CsvComplaint> CsvReader::read_quoted(CsvField& field, std::size_t line) {
  field.quoted = true;
  while (true) {
    if (get() == end) return CsvComplaint{line, "a quote is opened here and never closed"};
    if (current_ == '"' && get() != '"') return std::nullopt;
    if (current_ == '\n') ++line_;
    field.text += static_cast<char>(current_);
    if (is_too_long(field.text.size())) return record_too_long(line);
  }
}

std::optional<CsvComplaint> CsvReader::read_plain(CsvField& field) {
  for (; current_ != end && current_ != ',' && current_ != '\n' && current_ != '\r'; get()) {
    if (current_ == '"')
      return CsvComplaint{line_,
                          "a quote inside of a field: put the whole field in quotes, and write "
                          "the quotes in it twice"};
    field.text += static_cast<char>(current_);
    if (is_too_long(field.text.size())) return record_too_long(line_);
  }
  return std::nullopt;
}

std::optional<CsvComplaint> CsvReader::end_line() {
  if (current_ == '\r' && get() != '\n')
    return CsvComplaint{line_, "a carriage return without a line feed: put the field in quotes"};
  if (current_ != end && current_ != '\n')
    return CsvComplaint{line_, "a quote is closed before the field ends: write quotes in it twice"};
  if (current_ == '\n') {
    ++line_;
    get();
  }
  return std::nullopt;
}

}  // namespace prytany::cli
