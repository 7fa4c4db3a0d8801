#include "server/base/utf8.h"

#include <gtest/gtest.h>

#include <string>

namespace prytany {
namespace {

/// By the definition: decode, then ask whether encoding gives the same bytes.
bool is_scalar(unsigned long code) { return code <= 0x10ffff && (code < 0xd800 || code > 0xdfff); }
std::string utf8_of(unsigned long code) {
  const auto byte = [](unsigned long b) { return static_cast<char>(b); };
  if (code < 0x80) return {byte(code)};
  if (code < 0x800) return {byte(0xc0 | code >> 6), byte(0x80 | (code & 63))};
  if (code < 0x10000)
    return {byte(0xe0 | code >> 12), byte(0x80 | (code >> 6 & 63)), byte(0x80 | (code & 63))};
  return {byte(0xf0 | code >> 18), byte(0x80 | (code >> 12 & 63)), byte(0x80 | (code >> 6 & 63)),
          byte(0x80 | (code & 63))};
}

TEST(Utf8, accepts_every_scalar_value_and_refuses_surrogates_and_beyond) {
  for (unsigned long code = 0; code < 0x120000; ++code)
    ASSERT_EQ(is_utf8(utf8_of(code)), is_scalar(code)) << std::hex << code;
}

TEST(Utf8, accepts_two_bytes_exactly_when_they_are_two_characters_or_one) {
  for (unsigned a = 0; a < 256; ++a) {
    for (unsigned b = 0; b < 256; ++b) {
      const std::string text = {static_cast<char>(a), static_cast<char>(b)};
      const bool right =
          (a < 0x80 && b < 0x80) || (a >= 0xc2 && a <= 0xdf && b >= 0x80 && b <= 0xbf);
      ASSERT_EQ(is_utf8(text), right) << a << " " << b;
    }
  }
}

TEST(Utf8, refuses_overlong_forms_and_broken_tails_wherever_they_stand) {
  for (const std::string bad : {"\xc0\x80", "\xe0\x80\x80", "\xf0\x80\x80\x80", "\x80", "\xe2\x82",
                                "\xf0\x9f\x8f", "\xf5\x80\x80\x80", "\xff"}) {
    for (std::size_t before = 0; before < 18; ++before) {
      EXPECT_FALSE(is_utf8(std::string(before, 'a') + bad));
      EXPECT_FALSE(is_utf8(std::string(before, 'a') + bad + std::string(9, 'z')));
    }
  }
}

TEST(Utf8, accepts_nothing_and_zero_bytes_and_long_plain_text) {
  EXPECT_TRUE(is_utf8(""));
  EXPECT_TRUE(is_utf8(std::string(3, '\0')));
  EXPECT_TRUE(is_utf8(std::string(1000, 'x') + "\u00e9" + std::string(1000, 'y')));
}

}  // namespace
}  // namespace prytany
