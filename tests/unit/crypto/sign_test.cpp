#include "server/crypto/sign.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace prytany::crypto {
namespace {

Signer::Seed seed_of(std::string_view hex) {
  Signer::Seed seed{};
  const Bytes bytes = *from_hex(hex);
  std::copy(bytes.begin(), bytes.end(), seed.begin());
  return seed;
}

PublicKey key_from(std::string_view hex) { return {seed_of(hex)}; }

TEST(Ed25519, signs_as_rfc_8032_section_7_1) {
  const Signer signer(seed_of("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb"));
  EXPECT_EQ(signer.public_key().hex(),
            "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c");
  EXPECT_EQ(to_hex(signer.sign(Bytes{0x72}).bytes),
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
            "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00");
}

TEST(Ed25519, verifies_its_own_and_refuses_every_flipped_bit) {
  const Signer signer = Signer::generate();
  const Bytes message = to_bytes(as_bytes("a message"));
  const Signature signature = signer.sign(message);
  EXPECT_TRUE(verify(signer.public_key(), message, signature));
  for (std::size_t bit = 0; bit < 512; ++bit) {
    Signature flipped = signature;
    flipped.bytes[bit / 8] = static_cast<std::uint8_t>(flipped.bytes[bit / 8] ^ (1U << bit % 8));
    EXPECT_FALSE(verify(signer.public_key(), message, flipped));
  }
  for (std::size_t bit = 0; bit < 8 * message.size(); ++bit) {
    Bytes flipped = message;
    flipped[bit / 8] = static_cast<std::uint8_t>(flipped[bit / 8] ^ (1U << bit % 8));
    EXPECT_FALSE(verify(signer.public_key(), flipped, signature));
  }
  EXPECT_FALSE(verify(Signer::generate().public_key(), message, signature));
}

TEST(Ed25519, signs_and_verifies_an_empty_message) {
  const Signer signer = Signer::generate();
  EXPECT_TRUE(verify(signer.public_key(), {}, signer.sign({})));
}

TEST(Ed25519, refuses_a_signature_made_larger_by_the_group_order) {
  const Signer signer = Signer::generate();
  const Bytes message = {1, 2, 3};
  Signature signature = signer.sign(message);
  // L = 2^252 + 27742317777372353535851937790883648493, little-endian.
  const Bytes order = *from_hex("edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010");
  unsigned carry = 0;
  for (std::size_t i = 0; i < 32; ++i) {
    const unsigned sum = signature.bytes[32 + i] + order[i] + carry;
    signature.bytes[32 + i] = static_cast<std::uint8_t>(sum);
    carry = sum >> 8;
  }
  EXPECT_FALSE(verify(signer.public_key(), message, signature));
}

const std::vector<std::string_view> small_order = {
    "0100000000000000000000000000000000000000000000000000000000000000",  // the identity
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",  // order 2
    "0000000000000000000000000000000000000000000000000000000000000000",  // order 4
    "0000000000000000000000000000000000000000000000000000000000000080",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",  // order 8
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
    "0100000000000000000000000000000000000000000000000000000000000080",  // not canonical
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
};

TEST(PublicKey, of_small_order_is_not_worth_registering) {
  for (const std::string_view hex : small_order)
    EXPECT_EQ(public_key_from(*from_hex(hex)), std::nullopt) << hex;
}

TEST(Ed25519, refuses_the_universal_forgery_under_small_order_keys) {
  // R = identity, S = 0: OpenSSL accepts it for any message when the key is the identity.
  Signature forged;
  forged.bytes[0] = 1;
  for (const std::string_view hex : small_order) {
    for (std::uint8_t i = 0; i < 16; ++i)
      EXPECT_FALSE(verify(key_from(hex), Bytes{i}, forged)) << hex;
  }
}

TEST(PublicKey, must_be_32_bytes_on_the_curve) {
  const PublicKey key = Signer::generate().public_key();
  EXPECT_EQ(public_key_from(key.bytes), key);
  EXPECT_EQ(public_key_from({}), std::nullopt);
  EXPECT_EQ(public_key_from(ByteView(key.bytes).first(31)), std::nullopt);
  EXPECT_EQ(public_key_from(Bytes(33, 9)), std::nullopt);
  // y = 2 has no x on the curve.
  EXPECT_EQ(
      public_key_from(seed_of("0200000000000000000000000000000000000000000000000000000000000000")),
      std::nullopt);
  EXPECT_EQ(public_key_from(Bytes(32, 0xff)), std::nullopt);
}

TEST(Signer, comes_back_from_its_seed) {
  const Signer signer = Signer::generate();
  EXPECT_EQ(Signer(signer.seed()).public_key(), signer.public_key());
  EXPECT_EQ(Signer(signer.seed()).sign(Bytes{7}), signer.sign(Bytes{7}));
  EXPECT_NE(Signer::generate().public_key(), signer.public_key());
}

}  // namespace
}  // namespace prytany::crypto
