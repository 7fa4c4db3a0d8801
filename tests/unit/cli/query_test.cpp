#include "server/cli/query.h"

#include <gtest/gtest.h>

namespace prytany::cli {
namespace {

wire::Value argument_of(const std::string& text) {
  const auto call = call_of("p", {"x=" + text});
  EXPECT_TRUE(call.ok()) << text;
  return call->arguments.items.at(0).value;
}
wire::Value text_value(std::string text) { return wire::TextValue{std::move(text)}; }

TEST(Query, names_a_procedure_and_its_arguments_in_their_order) {
  const auto call = call_of("turnout", {"station=7", "of=Nord"});
  ASSERT_TRUE(call.ok());
  EXPECT_EQ(call->procedure.text, "turnout");
  ASSERT_EQ(call->arguments.size(), 2U);
  EXPECT_EQ(call->arguments.items[0].name.text, "station");
  EXPECT_EQ(call->arguments.items[0].value, wire::Value{std::int64_t{7}});
  EXPECT_EQ(call->arguments.items[1].value, text_value("Nord"));
}

TEST(Query, takes_json_literals_for_what_they_are_and_all_else_for_text) {
  EXPECT_EQ(argument_of("-12"), wire::Value{std::int64_t{-12}});
  EXPECT_EQ(argument_of("9223372036854775807"), wire::Value{std::int64_t{9223372036854775807}});
  EXPECT_EQ(argument_of("2.5"), wire::Value{2.5});
  EXPECT_EQ(argument_of("1e3"), wire::Value{1000.0});
  EXPECT_EQ(argument_of("null"), wire::Value{});
  EXPECT_EQ(argument_of("\"7\""), text_value("7"));
  EXPECT_EQ(argument_of(""), text_value(""));
  EXPECT_EQ(argument_of("a=b"), text_value("a=b"));
  EXPECT_EQ(argument_of("true"), text_value("true"));
  EXPECT_EQ(argument_of("2026-11-21"), text_value("2026-11-21"));
  EXPECT_EQ(argument_of("007"), text_value("007")) << "a number in JSON begins with no zero";
  EXPECT_EQ(argument_of("9223372036854775808"), text_value("9223372036854775808"));
  EXPECT_EQ(argument_of("1e999"), text_value("1e999"));
  EXPECT_EQ(argument_of("\"open"), text_value("\"open"));
}

TEST(Query, says_what_is_wrong_with_it) {
  for (const auto& arguments :
       std::vector<std::vector<std::string>>{{"x"}, {"=1"}, {std::string(300, 'n') + "=1"}}) {
    const auto call = call_of("p", arguments);
    ASSERT_FALSE(call.ok()) << arguments[0];
    EXPECT_EQ(call.error().message, "each argument is name=value");
  }
  EXPECT_FALSE(call_of("", {}).ok());
  EXPECT_FALSE(call_of(std::string(300, 'p'), {}).ok());
  EXPECT_FALSE(call_of("p", std::vector<std::string>(limits::arguments_max + 1, "x=1")).ok());
}

}  // namespace
}  // namespace prytany::cli
