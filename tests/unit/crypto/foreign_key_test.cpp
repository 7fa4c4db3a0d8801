#include "server/crypto/foreign_key.h"

#include <gtest/gtest.h>

#include "tests/unit/crypto/foreign_identities.h"

namespace prytany::crypto {
namespace {

using foreign::TestCertificate;
using foreign::TestKey;

constexpr std::int64_t some_time_s = 1'900'000'000;

ForeignKey public_of(const TestKey& key) {
  const auto certificate = TestCertificate::self_signed(key, {}, some_time_s);
  const Bytes der = certificate.der();
  const std::uint8_t* at = der.data();
  X509* read = d2i_X509(nullptr, &at, static_cast<long>(der.size()));
  const auto found = ForeignKey::of(*read);
  X509_free(read);
  return found.value();
}

TEST(ForeignKey, verifies_what_its_own_kind_of_algorithm_signed) {
  const std::string message = "who I am";
  const struct {
    TestKey key;
    const char* name;
    Algorithm algorithm;
  } cases[] = {
      {TestKey::rsa(), "RS256", Algorithm::rsa_pkcs1},
      {TestKey::rsa(), "PS256", Algorithm::rsa_pss},
      {TestKey::p256(), "ES256", Algorithm::p256},
      {TestKey::ed25519(), "EdDSA", Algorithm::ed25519},
  };
  for (const auto& it : cases) {
    SCOPED_TRACE(it.name);
    const ForeignKey key = public_of(it.key);
    Bytes signature = it.key.sign(it.name, as_bytes(message));
    if (it.algorithm == Algorithm::p256) signature = ecdsa_der(signature).value();
    EXPECT_TRUE(key.verify(it.algorithm, as_bytes(message), signature));
    EXPECT_FALSE(key.verify(it.algorithm, as_bytes("who I am not"), signature));
    for (const Algorithm other :
         {Algorithm::rsa_pkcs1, Algorithm::rsa_pss, Algorithm::p256, Algorithm::ed25519}) {
      if (other != it.algorithm) EXPECT_FALSE(key.verify(other, as_bytes(message), signature));
    }
    signature[signature.size() / 2] ^= 1U;
    EXPECT_FALSE(key.verify(it.algorithm, as_bytes(message), signature));
    EXPECT_FALSE(key.verify(it.algorithm, as_bytes(message), {}));
  }
}

TEST(ForeignKey, is_none_where_the_numbers_are_weak_or_of_another_size) {
  const Bytes exponent = {1, 0, 1};
  Bytes modulus(256, 0xff);
  EXPECT_TRUE(ForeignKey::rsa(modulus, exponent));
  EXPECT_FALSE(ForeignKey::rsa(modulus, Bytes{3}));
  EXPECT_FALSE(ForeignKey::rsa(modulus, Bytes{1, 0, 0}));
  EXPECT_FALSE(ForeignKey::rsa(modulus, Bytes(5, 0xff)));
  EXPECT_FALSE(ForeignKey::rsa(Bytes(128, 0xff), exponent));
  EXPECT_FALSE(ForeignKey::rsa(Bytes(513, 0xff), exponent));
  EXPECT_FALSE(ForeignKey::rsa({}, {}));
  EXPECT_FALSE(ForeignKey::p256(Bytes(32, 1), Bytes(32, 1)));  // not on the curve
  EXPECT_FALSE(ForeignKey::p256(Bytes(31, 1), Bytes(32, 1)));
  EXPECT_FALSE(ForeignKey::ed25519(Bytes(31, 1)));
}

TEST(ForeignKey, signs_with_a_private_key_in_pem) {
  const std::string message = "this join";
  for (const TestKey& key : {TestKey::rsa(), TestKey::p256(), TestKey::ed25519()}) {
    const ForeignKey known = public_of(key);
    const auto signature = sign_with_pem(key.pem(), as_bytes(message));
    ASSERT_TRUE(signature);
    const Algorithm algorithm = known.kind() == ForeignKey::Kind::rsa    ? Algorithm::rsa_pss
                                : known.kind() == ForeignKey::Kind::p256 ? Algorithm::p256
                                                                         : Algorithm::ed25519;
    EXPECT_TRUE(known.verify(algorithm, as_bytes(message), *signature));
  }
  EXPECT_FALSE(sign_with_pem("no key", as_bytes(message)));
  EXPECT_FALSE(sign_with_pem(TestKey::p384().pem(), as_bytes(message)));
  EXPECT_FALSE(sign_with_pem(TestKey::rsa(1024).pem(), as_bytes(message)));
}

}  // namespace
}  // namespace prytany::crypto
