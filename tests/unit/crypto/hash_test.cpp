#include <gtest/gtest.h>

#include <string>

#include "server/crypto/agree.h"
#include "server/crypto/digest.h"
#include "server/crypto/mac.h"

namespace prytany::crypto {
namespace {

TEST(Sha256, gives_the_digests_of_fips_180_4) {
  EXPECT_EQ(sha256(as_bytes("")).hex(),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(sha256(as_bytes("abc")).hex(),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(sha256(as_bytes(std::string(1'000'000, 'a'))).hex(),
            "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST(Sha256, puts_the_length_of_the_domain_and_the_domain_in_front) {
  EXPECT_EQ(sha256("ab", as_bytes("c")), sha256(as_bytes("\x02"
                                                         "abc")));
  EXPECT_NE(sha256("ab", as_bytes("c")), sha256("a", as_bytes("bc")));
}

TEST(Sha256, of_a_pair_is_that_of_both_digests_side_by_side) {
  const Digest left = sha256(as_bytes("left"));
  const Digest right = sha256(as_bytes("right"));
  Bytes both = to_bytes(left.view());
  both.insert(both.end(), right.bytes.begin(), right.bytes.end());
  EXPECT_EQ(sha256_pair(left, right), sha256(both));
}

TEST(Hasher, gives_the_same_however_the_data_is_cut) {
  const std::string data = "the same bytes, in pieces";
  for (std::size_t cut = 0; cut <= data.size(); ++cut) {
    Hasher hasher("pieces");
    hasher.add(as_bytes(data.substr(0, cut))).add(as_bytes(data.substr(cut)));
    EXPECT_EQ(hasher.finish(), sha256("pieces", as_bytes(data)));
  }
}

TEST(Hasher, two_at_once_and_one_shot_digests_do_not_disturb_each_other) {
  Hasher one("one");
  Hasher two("two");
  one.add(as_bytes("x"));
  two.add(as_bytes("y"));
  (void)sha256(as_bytes("between"));
  EXPECT_EQ(one.finish(), sha256("one", as_bytes("x")));
  EXPECT_EQ(two.finish(), sha256("two", as_bytes("y")));
}

TEST(HasherDeathTest, finishes_once) {
  Hasher hasher("once");
  (void)hasher.finish();
  EXPECT_DEATH((void)hasher.finish(), "ENSURE");
}

TEST(Mac, gives_the_first_half_of_hmac_sha256) {
  // RFC 4231 test case 1 with its 20-byte key padded by zeros, as HMAC pads it itself.
  MacKey key{};
  std::fill_n(key.begin(), 20, std::uint8_t{0x0b});
  const Mac mac(key);
  EXPECT_EQ(to_hex(mac.tag(as_bytes("Hi There"))), "b0344c61d8db38535ca8afceaf0bf12b");
}

TEST(Mac, gives_the_same_tag_again_from_the_same_keyed_context) {
  const Mac mac(random_array<32>());
  const Tag16 first = mac.tag(as_bytes("a message"));
  (void)mac.tag(as_bytes("another, longer than a block of sixty-four bytes, so that both differ"));
  (void)mac.tag({});
  EXPECT_EQ(mac.tag(as_bytes("a message")), first);
  EXPECT_TRUE(mac.check(as_bytes("a message"), first));
}

TEST(Mac, refuses_every_flipped_bit_and_every_other_key) {
  const Mac mac(random_array<32>());
  const Mac other(random_array<32>());
  const Tag16 tag = mac.tag(as_bytes("a message"));
  for (std::size_t bit = 0; bit < 128; ++bit) {
    Tag16 flipped = tag;
    flipped[bit / 8] = static_cast<std::uint8_t>(flipped[bit / 8] ^ (1U << bit % 8));
    EXPECT_FALSE(mac.check(as_bytes("a message"), flipped));
  }
  EXPECT_FALSE(mac.check(as_bytes("a messagf"), tag));
  EXPECT_FALSE(other.check(as_bytes("a message"), tag));
}

TEST(Mac, keeps_its_key_when_moved) {
  Mac mac(random_array<32>());
  const Tag16 tag = mac.tag(as_bytes("m"));
  const Mac moved = std::move(mac);
  EXPECT_TRUE(moved.check(as_bytes("m"), tag));
}

TEST(Hkdf, gives_the_output_of_rfc_5869_case_1_cut_to_32_bytes) {
  const Bytes secret(22, 0x0b);
  const Bytes salt = *from_hex("000102030405060708090a0b0c");
  const Bytes info = *from_hex("f0f1f2f3f4f5f6f7f8f9");
  EXPECT_EQ(to_hex(hkdf(secret, salt, as_text(info))),
            "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf");
}

TEST(Hkdf, gives_the_output_of_rfc_5869_case_3_without_salt_and_info) {
  EXPECT_EQ(to_hex(hkdf(Bytes(22, 0x0b), {}, "")),
            "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d");
}

DhPublic public_of(std::string_view hex) {
  DhPublic key{};
  const Bytes bytes = *from_hex(hex);
  std::copy(bytes.begin(), bytes.end(), key.begin());
  return key;
}

TEST(Agree, gives_the_output_of_rfc_7748_section_5_2) {
  const DhSecret secret(
      public_of("a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4"));
  EXPECT_EQ(to_hex(*secret.agree(
                public_of("e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c"))),
            "c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552");
}

TEST(Agree, gives_both_sides_the_same_secret) {
  const DhSecret alice = DhSecret::generate();
  const DhSecret bob = DhSecret::generate();
  EXPECT_EQ(alice.agree(bob.public_key()), bob.agree(alice.public_key()));
}

TEST(Agree, refuses_every_public_key_of_small_order) {
  const DhSecret secret = DhSecret::generate();
  for (const std::string_view hex : {
           "0000000000000000000000000000000000000000000000000000000000000000",
           "0100000000000000000000000000000000000000000000000000000000000000",
           "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
           "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
           "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
           "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
           "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
       })
    EXPECT_EQ(secret.agree(public_of(hex)), std::nullopt) << hex;
}

TEST(Random, differs_from_call_to_call) {
  EXPECT_NE(random_array<32>(), random_array<32>());
  EXPECT_NE(DhSecret::generate().public_key(), DhSecret::generate().public_key());
}

}  // namespace
}  // namespace prytany::crypto
