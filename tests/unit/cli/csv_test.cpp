// CSV: what RFC 4180 says, and what it leaves open refused with its line.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "server/cli/csv.h"

namespace prytany::cli {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

/// Pieces of `size` bytes, so that everything is cut somewhere.
CsvReader csv_reader(const std::string& text, std::size_t size) {
  return CsvReader([text, size, at = std::size_t{0},
                    piece = std::string()]() mutable -> Result<std::string_view> {
    piece = text.substr(at, at == 0 ? std::max<std::size_t>(size, 3) : size);
    at += piece.size();
    return std::string_view(piece);
  });
}

struct CsvRead {
  std::vector<std::vector<std::string>> records;
  std::vector<std::size_t> lines;
  CsvComplaint wrong;
};
CsvRead read_csv(const std::string& text, std::size_t size = 1000) {
  CsvReader reader = csv_reader(text, size);
  CsvRead read;
  while (true) {
    auto record = reader.next();
    if (!record) read.wrong = record.error();
    if (!record || !*record) return read;
    read.lines.push_back((*record)->line);
    auto& fields = read.records.emplace_back();
    for (const CsvField& field : (*record)->fields)
      fields.push_back((field.quoted ? "q:" : "") + field.text);
  }
}

TEST(Csv, has_fields_between_commas_and_records_on_lines) {
  const CsvRead read = read_csv("a,b\n1,\n,2\r\nlast,one");
  EXPECT_THAT(read.records, ElementsAre(ElementsAre("a", "b"), ElementsAre("1", ""),
                                        ElementsAre("", "2"), ElementsAre("last", "one")));
  EXPECT_THAT(read.lines, ElementsAre(1U, 2U, 3U, 4U));
  EXPECT_EQ(read.wrong.what, "");
  EXPECT_THAT(read_csv("").records, IsEmpty());
  EXPECT_THAT(read_csv("a,").records, ElementsAre(ElementsAre("a", "")));
}

TEST(Csv, takes_commas_quotes_and_line_ends_in_quotes_however_it_is_cut) {
  const std::string text = "\"a,\"\"b\"\"\",c\r\n\"two\r\nlines\",\"\"\n\"x\"";
  for (std::size_t size = 1; size <= text.size(); ++size) {
    const CsvRead read = read_csv(text, size);
    EXPECT_THAT(read.records, ElementsAre(ElementsAre("q:a,\"b\"", "c"),
                                          ElementsAre("q:two\r\nlines", "q:"), ElementsAre("q:x")))
        << size;
    EXPECT_THAT(read.lines, ElementsAre(1U, 2U, 4U));
  }
}

TEST(Csv, begins_after_a_byte_order_mark) {
  EXPECT_THAT(read_csv("\xEF\xBB\xBF\"a\",b\n").records, ElementsAre(ElementsAre("q:a", "b")));
  EXPECT_THAT(read_csv("\xEF\xBB"
                       "a\n")
                  .records,
              ElementsAre(ElementsAre("\xEF\xBB"
                                      "a")));
  EXPECT_THAT(read_csv("\xEF\xBB\xBF").records, IsEmpty());
}

TEST(Csv, has_blank_lines_as_records_of_nothing) {
  const CsvRead read = read_csv("a\n\n\"\"\n");
  EXPECT_THAT(read.records, ElementsAre(ElementsAre("a"), ElementsAre(""), ElementsAre("q:")));
  CsvReader reader = csv_reader("\n\"\"\n", 9);
  EXPECT_TRUE((*reader.next())->is_blank());
  EXPECT_FALSE((*reader.next())->is_blank());
}

TEST(Csv, is_refused_with_its_line_where_it_says_nothing_certain) {
  const auto refused = [](const std::string& text, std::size_t line, const char* what) {
    const CsvRead read = read_csv(text);
    EXPECT_EQ(read.wrong.line, line) << text;
    EXPECT_THAT(read.wrong.what, HasSubstr(what)) << text;
  };
  refused("a\nb,c\"d\"\n", 2, "a quote inside of a field");
  refused("a\n\"b\" ,c\n", 2, "closed before the field ends");
  refused("a\n\"b\nc\nd", 2, "never closed");
  refused("a\rb\n", 1, "a carriage return without");
  refused("a\n\"" + std::string(CsvReader::record_bytes_max + 1, 'x'), 2, "is a quote not closed?");
  refused("a\n" + std::string(CsvReader::record_bytes_max + 1, ','), 2, "more than");
}

TEST(Csv, tells_why_its_source_fails) {
  CsvReader reader([]() -> Result<std::string_view> { return Error{"the disk is gone"}; });
  const auto record = reader.next();
  ASSERT_FALSE(record.ok());
  EXPECT_EQ(record.error().line, 0U);
  EXPECT_EQ(record.error().what, "the disk is gone");
}

}  // namespace
}  // namespace prytany::cli
