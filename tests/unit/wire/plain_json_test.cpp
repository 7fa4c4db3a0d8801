#include "server/wire/plain_json.h"

#include <gtest/gtest.h>

#include <limits>
#include <optional>

namespace prytany::wire {
namespace {

std::string shown(const Value& value) { return plain_json(value); }

TEST(PlainJson, shows_values_as_people_expect_them) {
  EXPECT_EQ(shown(std::monostate{}), "null");
  EXPECT_EQ(shown(std::int64_t{-42}), "-42");
  EXPECT_EQ(shown(1.5), "1.5");
  EXPECT_EQ(shown(2.0), "2.0");
  EXPECT_EQ(shown(TextValue{"a \"b\""}), R"("a \"b\"")");
  EXPECT_EQ(shown(BlobValue{{1, 2, 3}}), R"({"base64":"AQID"})");
  EXPECT_EQ(shown(std::numeric_limits<double>::infinity()), "\"Infinity\"");
}

TEST(PlainJson, shows_integers_that_javascript_cannot_hold_as_strings) {
  EXPECT_EQ(shown(std::int64_t{9'007'199'254'740'991}), "9007199254740991");
  EXPECT_EQ(shown(std::int64_t{9'007'199'254'740'992}), "\"9007199254740992\"");
  EXPECT_EQ(shown(std::int64_t{-9'007'199'254'740'992}), "\"-9007199254740992\"");
  EXPECT_EQ(shown(std::numeric_limits<std::int64_t>::min()), "\"-9223372036854775808\"");
}

Value read(std::string_view text) {
  const auto value = value_from_plain(text);
  EXPECT_TRUE(value.ok()) << text;
  return value.ok() ? *value : Value{};
}

TEST(PlainJson, reads_what_stands_on_a_command_line) {
  EXPECT_EQ(read("null"), Value{});
  EXPECT_EQ(read("42"), Value{std::int64_t{42}});
  EXPECT_EQ(read("-9223372036854775808"), Value{std::numeric_limits<std::int64_t>::min()});
  EXPECT_EQ(read("1.5"), Value{1.5});
  EXPECT_EQ(read("1e3"), Value{1000.0});
  EXPECT_EQ(read("\"42\""), Value{TextValue{"42"}});
  EXPECT_EQ(read(R"({"base64":"AQID"})"), (Value{BlobValue{{1, 2, 3}}}));
  for (const char* text : {"", "Anna", "2026-01-31", "0017", "O'Hara", "1 2", "+5", "NULL", "--",
                           "-", "{oops", "a\xff"})
    EXPECT_EQ(read(text), (Value{TextValue{text}})) << text;
}

TEST(PlainJson, refuses_what_is_no_value) {
  EXPECT_FALSE(value_from_plain("true").ok());
  EXPECT_FALSE(value_from_plain("9223372036854775808").ok());
  EXPECT_FALSE(value_from_plain("18446744073709551616").ok());
  EXPECT_FALSE(value_from_plain("-9223372036854775809").ok());
  EXPECT_FALSE(value_from_plain("[1]").ok());
  EXPECT_FALSE(value_from_plain("{}").ok());
  EXPECT_FALSE(value_from_plain(R"({"base64":"A"})").ok());
  EXPECT_FALSE(value_from_plain(R"({"base64":"AQID","more":1})").ok());
  EXPECT_FALSE(value_from_plain(std::string(limits::value_bytes_max + 1, 'x')).ok());
}

/// Of a JSON text; nothing if it is refused.
std::optional<Value> read_exactly(std::string_view text) {
  JsonDocument document;
  const auto json = document.parse_exact(text, limits::json_bytes_max);
  if (!json) return std::nullopt;
  const auto value = value_from_plain(*json);
  return value ? std::optional(*value) : std::nullopt;
}

TEST(PlainJson, of_json_is_the_same_value_and_never_a_rounded_one) {
  EXPECT_EQ(read_exactly("null"), Value{});
  EXPECT_EQ(read_exactly("9223372036854775807"), Value{std::numeric_limits<std::int64_t>::max()});
  EXPECT_EQ(read_exactly("1e20"), Value{1e20});
  EXPECT_EQ(read_exactly(R"("Anna")"), (Value{TextValue{"Anna"}}));
  EXPECT_EQ(read_exactly(R"({"base64":"AQID"})"), (Value{BlobValue{{1, 2, 3}}}));
  for (const char* text : {"Anna", "true", "[1]", "{}", "9223372036854775808",
                           "100000000000000000000", "-9223372036854775809"})
    EXPECT_EQ(read_exactly(text), std::nullopt) << text;
}

}  // namespace
}  // namespace prytany::wire
