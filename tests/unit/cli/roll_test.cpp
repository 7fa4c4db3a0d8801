// A roll as offices export it, and the mistakes in it.
#include "server/cli/roll.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace prytany::cli {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::string problem(const std::string& csv) {
  const auto roll = parse_roll(csv);
  return roll ? "accepted" : roll.error().message;
}

TEST(Roll, is_read_with_quotes_line_breaks_marks_and_columns_in_any_order) {
  const auto roll = parse_roll(
      "\xEF\xBB\xBFname,phone,district,id\r\n"
      "\"Livas, \"\"Aris\"\"\",123,Thissio,V1\r\n"
      "Ντόρα,,\"Old\nTown\",V2\r\n\r\n");
  ASSERT_TRUE(roll.ok()) << roll.error().message;
  EXPECT_THAT(*roll, ElementsAre(Voter{"V1", "Livas, \"Aris\"", "Thissio"},
                                 Voter{"V2", "Ντόρα", "Old\nTown"}));
}

TEST(Roll, may_end_without_a_line_break) {
  EXPECT_THAT(*parse_roll("id,name,district\nV1,A,B"), ElementsAre(Voter{"V1", "A", "B"}));
}

TEST(Roll, names_the_line_of_every_mistake) {
  const std::string head = "id,name,district\nV1,A,B\n";
  EXPECT_THAT(problem(head + "V2,A\n"), HasSubstr("line 3: 2 fields instead of 3"));
  EXPECT_THAT(problem(head + "V2,A,B,C\n"), HasSubstr("line 3: 4 fields instead of 3"));
  EXPECT_THAT(problem(head + "V2,,B\n"), HasSubstr("line 3: id, name and district"));
  EXPECT_THAT(problem(head + "V1,C,D\n"), HasSubstr("line 3: voter V1 is there twice"));
  EXPECT_THAT(problem(head + "V2,\"A,B\n"), HasSubstr("never closed"));
  EXPECT_THAT(problem(head + "V2,\"A\"x,B\n"), HasSubstr("line 3: a quote is closed"));
  EXPECT_THAT(problem(head + "V2,A\"x,B\n"), HasSubstr("line 3: a quote inside"));
  EXPECT_THAT(problem("id,name,district\n\"V1\n\",A,B\nV2,A\n"), HasSubstr("line 4"))
      << "a line break inside quotes counts";
}

TEST(Roll, without_the_columns_without_voters_or_not_text_is_refused) {
  EXPECT_THAT(problem(""), HasSubstr("empty"));
  EXPECT_THAT(problem("id,name\nV1,A\n"), HasSubstr("no column \"district\""));
  EXPECT_THAT(problem("id,name,district\n"), HasSubstr("no voters"));
  EXPECT_THAT(problem("id,name,district\nV1,\xff,B\n"), HasSubstr("UTF-8"));
}

}  // namespace
}  // namespace prytany::cli
