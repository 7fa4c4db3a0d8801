#include "server/base/bytes.h"

#include <gtest/gtest.h>

namespace prytany {
namespace {

std::string base64_of(std::string_view text) { return to_base64(as_bytes(text)); }

TEST(Hex, writes_lower_case_and_reads_either_case) {
  EXPECT_EQ(to_hex(Bytes{0x00, 0x7f, 0xAB}), "007fab");
  EXPECT_EQ(from_hex("007FaB"), (Bytes{0x00, 0x7f, 0xab}));
  EXPECT_EQ(from_hex(""), Bytes{});
}

TEST(Hex, refuses_odd_lengths_and_other_characters) {
  for (const std::string_view text : {"0", "000", "0g", "g0", " 0", "0x", "\xff\xff"})
    EXPECT_EQ(from_hex(text), std::nullopt) << text;
}

TEST(Base64, writes_the_examples_of_rfc_4648_section_10) {
  EXPECT_EQ(base64_of(""), "");
  EXPECT_EQ(base64_of("f"), "Zg==");
  EXPECT_EQ(base64_of("fo"), "Zm8=");
  EXPECT_EQ(base64_of("foo"), "Zm9v");
  EXPECT_EQ(base64_of("foob"), "Zm9vYg==");
  EXPECT_EQ(base64_of("fooba"), "Zm9vYmE=");
  EXPECT_EQ(base64_of("foobar"), "Zm9vYmFy");
}

TEST(Base64, reads_what_it_writes_at_every_length) {
  Bytes bytes;
  for (int i = 0; i < 300; ++i) {
    EXPECT_EQ(from_base64(to_base64(bytes)), bytes);
    bytes.push_back(static_cast<std::uint8_t>(i * 37));
  }
}

TEST(Base64, accepts_exactly_one_text_per_byte_string) {
  // Hidden bits set, missing or misplaced padding, other alphabets, white space.
  for (const std::string_view text : {"Zh==", "Zm9=", "Zg", "Zg=", "Z===", "====", "Zg==Zg==",
                                      "=Zg=", "Z=g=", "Zm-v", "Zm_v", "Zm 9v", "Zm9v\n"})
    EXPECT_EQ(from_base64(text), std::nullopt) << text;
}

}  // namespace
}  // namespace prytany
