#include "server/crypto/credential.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

namespace prytany::crypto {
namespace {

using testing::HasSubstr;

const Digest cluster = sha256(as_bytes("a cluster"));
constexpr std::string_view good = "0123-4567-89AB-CDEF-GHJK-MNPQ-RS";

PublicKey key_of(std::string_view code) {
  const auto signer = credential_from_code(code, cluster);
  EXPECT_TRUE(signer.ok()) << code << (signer.ok() ? "" : signer.error().message);
  return signer.ok() ? signer->public_key() : PublicKey{};
}

std::string why_refused(std::string_view code) {
  const auto signer = credential_from_code(code, cluster);
  return signer.ok() ? "accepted" : signer.error().message;
}

TEST(Code, has_26_digits_in_groups_and_is_accepted) {
  for (int i = 0; i < 1000; ++i) {
    const std::string code = generate_code();
    EXPECT_EQ(code.size(), 32U);
    EXPECT_THAT(code, testing::MatchesRegex("([0-9A-HJKMNP-TV-Z]{4}-){6}[0-9A-HJKMNP-TV-Z]{2}"));
    EXPECT_EQ(why_refused(code), "accepted");
  }
}

TEST(Code, uses_every_digit_about_equally_often) {
  std::map<char, int> seen;
  for (int i = 0; i < 2000; ++i)
    for (const char c : generate_code()) ++seen[c];
  seen.erase('-');
  EXPECT_EQ(seen.size(), 32U);
  // 52,000 digits: 1,625 of each, give or take 40; eight deviations never happen.
  for (const auto& [digit, count] : seen) EXPECT_NEAR(count, 1625, 330) << digit;
}

TEST(Code, is_read_as_people_type_it) {
  const PublicKey key = key_of(good);
  EXPECT_EQ(key_of("0123456789ABCDEFGHJKMNPQRS"), key);
  EXPECT_EQ(key_of("0123 4567 89ab cdef ghjk mnpq rs"), key);
  EXPECT_EQ(key_of("O1234567 89AB-CDEF-GHJK-MNPQ-RS"), key);
  EXPECT_EQ(key_of("oi23-4567-89AB-CDEF-GHJK-MNPQ-RS"), key);
  EXPECT_EQ(key_of("0L23-4567-89AB-CDEF-GHJK-MNPQ-RS"), key);
}

TEST(Code, gives_another_key_for_another_digit_and_in_another_cluster) {
  EXPECT_NE(key_of("0123-4567-89AB-CDEF-GHJK-MNPQ-RT"), key_of(good));
  EXPECT_NE(credential_from_code(good, sha256(as_bytes("another")))->public_key(), key_of(good));
}

TEST(Code, that_is_short_is_refused_as_weak) {
  EXPECT_THAT(why_refused(""), HasSubstr("too short"));
  EXPECT_THAT(why_refused("1234"), HasSubstr("too short"));
  EXPECT_THAT(why_refused("0123-4567-89AB-CDEF-GHJK-MNPQ-R"), HasSubstr("weak"));
}

TEST(Code, that_is_plainly_not_random_is_refused_as_weak) {
  EXPECT_THAT(why_refused(std::string(26, '7')), HasSubstr("not random"));
  EXPECT_THAT(why_refused("1234-1234-1234-1234-1234-1234-12"), HasSubstr("not random"));
  EXPECT_THAT(why_refused("1234567-1234567-1234567-12345"), HasSubstr("not random"));
}

TEST(Code, with_a_foreign_character_is_refused) {
  for (const char c : {'U', 'u', '!', '_', '\0', '\n', '\xc3'}) {
    std::string code(good);
    code[5] = c;
    EXPECT_THAT(why_refused(code), HasSubstr("character")) << c;
  }
}

TEST(Code, of_any_length_is_read_in_bounded_time) {
  std::string long_code(10'000'000, '-');
  long_code += good;
  EXPECT_EQ(why_refused(long_code), "accepted");
  EXPECT_THAT(why_refused("0123456789ABCDEFGHJKMNPQRS" + std::string(1000, '7')),
              HasSubstr("too long"));
}

}  // namespace
}  // namespace prytany::crypto
