// Scripts in sqllogictest's format, as SQLite documents it.
#include <gmock/gmock.h>

#include "tests/sqllogictest/script.h"

namespace prytany::slt {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

std::vector<Record> parse(const std::string& text) {
  auto script = parse_script("x.test", text, "sqlite");
  EXPECT_TRUE(script.ok()) << script.error().message;
  return script ? std::move(script).value() : std::vector<Record>{};
}
std::string complaint(const std::string& text) {
  const auto script = parse_script("x.test", text, "sqlite");
  return script ? "" : script.error().message;
}

TEST(Script, has_statements_that_succeed_or_fail) {
  const auto script = parse(
      "# a comment\n\nstatement ok\nCREATE TABLE t(\n  a\n)\n\n\nstatement error\nSELECT x\n");
  ASSERT_THAT(script, SizeIs(2));
  EXPECT_EQ(script[0].sql, "CREATE TABLE t(\n  a\n)");
  EXPECT_FALSE(script[0].fails);
  EXPECT_EQ(script[0].place, "x.test:3");
  EXPECT_TRUE(script[1].fails);
}

TEST(Script, has_queries_with_types_a_sort_mode_a_label_and_results) {
  const auto script = parse(
      "query IRT rowsort same\nSELECT 1,\n2.0, 'x'\n----\n1\n2.000\nx\n\n"
      "query T\nSELECT 'y' WHERE 0\n\nquery I valuesort\nSELECT 5\n----\n5\r\n");
  ASSERT_THAT(script, SizeIs(3));
  EXPECT_EQ(script[0].types, "IRT");
  EXPECT_EQ(script[0].sort, Sort::rows);
  EXPECT_EQ(script[0].label, "same");
  EXPECT_EQ(script[0].sql, "SELECT 1,\n2.0, 'x'");
  EXPECT_THAT(script[0].expected, ElementsAre("1", "2.000", "x"));
  EXPECT_EQ(script[1].sort, Sort::none);
  EXPECT_THAT(script[1].expected, IsEmpty());
  EXPECT_EQ(script[2].sort, Sort::values);
  EXPECT_THAT(script[2].expected, ElementsAre("5"));
}

TEST(Script, may_have_other_line_ends_blanks_behind_the_bar_and_a_byte_order_mark) {
  for (const char* end : {"\n", "\r\n"})
    for (const char* bar : {"----", "----  ", "----\t"}) {
      const std::string e = end;
      const auto script = parse("\xEF\xBB\xBFquery I nosort" + e + "SELECT 5" + e + bar + e + "5" +
                                e + " " + e + "statement ok" + e + "SELECT 6" + e);
      ASSERT_THAT(script, SizeIs(2)) << bar;
      EXPECT_EQ(script[0].sql, "SELECT 5");
      EXPECT_THAT(script[0].expected, ElementsAre("5"));
      EXPECT_EQ(script[1].sql, "SELECT 6");
    }
  EXPECT_EQ(parse("query I\nSELECT 5\n----x\n")[0].sql, "SELECT 5\n----x") << "a comment of SQL";
}

/// As the public scripts write it.
TEST(Script, is_what_the_known_scripts_are) {
  const auto script = parse(
      "hash-threshold 8\n\n"
      "statement ok\nCREATE TABLE tab0(col0 INTEGER, col1 FLOAT)\n\n"
      "onlyif mysql # DIV for integer division: \nquery I rowsort label-47\n"
      "SELECT ALL 96 DIV col0 FROM tab0\n----\n9 values hashing to abc\n\n"
      "skipif mysql # not compatible\nquery I rowsort label-47\nSELECT ALL 96 / col0 FROM tab0\n"
      "----\n9 values hashing to 6ca1f2a9eb4ad3e2a4b8fbd2ff8ab7e9\n\n"
      "skipif mssql  # IF EXISTS is not theirs\nskipif oracle\nstatement error\nDROP TABLE t\n\n"
      "onlyif SQLite\nstatement ok\nSELECT 1\n\n"
      "onlyif mssql\nsleep 5\n\n"
      "query  IIR   nosort\nSELECT 1,\n  -- of SQL\n 2, 3.0\n\n"
      "# a section\n# of two lines\n\n\n\nquery T valuesort x\nSELECT ''\n----\n(empty)\n");
  ASSERT_THAT(script, SizeIs(6));
  EXPECT_EQ(script[1].label, "label-47");
  EXPECT_EQ(script[1].sort, Sort::rows);
  EXPECT_THAT(script[1].expected,
              ElementsAre("9 values hashing to 6ca1f2a9eb4ad3e2a4b8fbd2ff8ab7e9"));
  EXPECT_TRUE(script[2].fails);
  EXPECT_EQ(script[3].sql, "SELECT 1") << "whoever spells it otherwise means the same";
  EXPECT_EQ(script[4].types, "IIR");
  EXPECT_EQ(script[4].sql, "SELECT 1,\n  -- of SQL\n 2, 3.0");
  EXPECT_THAT(script[5].expected, ElementsAre("(empty)"));
}

TEST(Script, leaves_out_what_is_for_other_engines) {
  const auto script = parse(
      "onlyif mysql # DIV\nstatement ok\nSELECT 1\n\nskipif mysql\n# why\nstatement ok\nSELECT "
      "2\n\n"
      "skipif sqlite\nstatement ok\nSELECT 3\n\nonlyif sqlite\nstatement ok\nSELECT 4\n\n"
      "skipif mssql\nskipif sqlite\nquery I\nSELECT 5\n----\n5\n");
  ASSERT_THAT(script, SizeIs(2));
  EXPECT_EQ(script[0].sql, "SELECT 2");
  EXPECT_EQ(script[1].sql, "SELECT 4");
}

TEST(Script, ends_at_a_halt_for_this_engine) {
  EXPECT_THAT(parse("onlyif mssql\nhalt\n\nstatement ok\nSELECT 1\n\nhalt\n\nnonsense\n"),
              SizeIs(1));
  EXPECT_THAT(parse("onlyif sqlite\nhalt\n\nstatement ok\nSELECT 1\n"), IsEmpty());
  EXPECT_THAT(parse("skipif sqlite\nhalt\n\nstatement ok\nSELECT 1\n"), SizeIs(1));
}

TEST(Script, may_name_a_hash_threshold_before_the_first_record) {
  EXPECT_THAT(parse("hash-threshold 8\nstatement ok\nSELECT 1\n"), SizeIs(1));
}

TEST(Script, is_refused_with_the_line_that_cannot_be_read) {
  EXPECT_THAT(complaint("statement ok\nSELECT 1\n\nselect 2\n"), HasSubstr("x.test:4: 'select'"));
  EXPECT_THAT(complaint("statement maybe\nSELECT 1\n"), HasSubstr("ok or error"));
  EXPECT_THAT(complaint("statement ok\n"), HasSubstr("no SQL"));
  EXPECT_THAT(complaint("query IX\nSELECT 1\n"), HasSubstr("T, I or R"));
  EXPECT_THAT(complaint("query I upsort\nSELECT 1\n"), HasSubstr("'upsort'"));
  EXPECT_THAT(complaint("hash-threshold many\n"), HasSubstr("number"));
  EXPECT_THAT(complaint("onlyif\nhalt\n"), HasSubstr("name of a database"));
  EXPECT_THAT(complaint("include nowhere.test\n"), HasSubstr("nowhere.test"));
}

TEST(Script, may_include_others_but_not_itself_without_end) {
  const std::string folder = std::string(PRYTANY_SOURCE_DIR) + "/tests/sqllogictest/scripts/";
  const auto found = parse_script(folder + "x.test", "include types.test\n", "sqlite");
  ASSERT_TRUE(found.ok()) << found.error().message;
  EXPECT_THAT(*found, testing::Not(IsEmpty()));
  const std::string path = testing::TempDir() + "/endless.test";
  FILE* file = fopen(path.c_str(), "w");
  ASSERT_NE(file, nullptr);
  fputs("include endless.test\n", file);
  fclose(file);
  const auto endless = read_script(path, "sqlite");
  ASSERT_FALSE(endless.ok());
  EXPECT_THAT(endless.error().message, HasSubstr("too deep"));
}

}  // namespace
}  // namespace prytany::slt
