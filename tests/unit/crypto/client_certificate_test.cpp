#include "server/crypto/client_certificate.h"

#include <gtest/gtest.h>

#include "server/crypto/digest.h"
#include "tests/unit/crypto/foreign_identities.h"

namespace prytany::crypto {
namespace {

using foreign::TestCertificate;
using foreign::TestKey;
using foreign::Wanted;

constexpr std::int64_t noon_s = 1'900'000'000;
constexpr std::int64_t us = 1'000'000;

Wanted an_authority(const std::string& name) {
  Wanted wanted;
  wanted.common_name = name;
  wanted.email = "";
  wanted.authority = true;
  wanted.until_s = 36'000;
  return wanted;
}

class Certificates : public testing::Test {
 protected:
  /// The code of the refusal, or the subject.
  std::string read(const std::vector<Bytes>& chain, const std::vector<std::string>& authorities,
                   std::int64_t now_s = noon_s) {
    std::vector<ByteView> views(chain.begin(), chain.end());
    auto certificate = read_client_certificate(authorities, views, now_s * us);
    if (!certificate) return certificate.error().code;
    read_ = std::move(*certificate);
    return read_->subject;
  }
  TestCertificate issued(const Wanted& wanted) { return root_.issue(key_, own_, wanted, noon_s); }

  TestKey key_ = TestKey::p256();
  TestKey own_ = TestKey::p256();
  TestCertificate root_ = TestCertificate::self_signed(key_, an_authority("Root"), noon_s);
  std::optional<ClientCertificate> read_;
};

TEST_F(Certificates, say_who_somebody_is) {
  const TestCertificate anna = issued({});
  EXPECT_EQ(read({anna.der()}, {root_.pem()}), "CN=Anna,O=Guild");
  EXPECT_EQ(read_->common_name, "Anna");
  EXPECT_EQ(read_->emails, std::vector<std::string>{"anna@guild.example"});
  EXPECT_EQ(read_->authority, sha256(root_.der()).hex());
  EXPECT_EQ(read_->fingerprint, sha256(anna.der()).hex());
  EXPECT_EQ(read_->not_after_us, (noon_s + 3600) * us);
  EXPECT_FALSE(read_->serial.empty());
}

TEST_F(Certificates, of_every_kind_of_key_are_read) {
  for (const TestKey& key : {TestKey::rsa(), TestKey::ed25519()}) {
    const TestCertificate root = TestCertificate::self_signed(key, an_authority("R"), noon_s);
    const TestCertificate leaf = root.issue(key, key, {}, noon_s);
    EXPECT_EQ(read({leaf.der()}, {root.pem()}), "CN=Anna,O=Guild");
  }
}

TEST_F(Certificates, lead_to_an_authority_over_intermediate_ones) {
  const TestKey between_key = TestKey::p256();
  const TestCertificate between = root_.issue(key_, between_key, an_authority("Between"), noon_s);
  const TestCertificate leaf = between.issue(between_key, own_, {}, noon_s);
  EXPECT_EQ(read({leaf.der(), between.der()}, {root_.pem()}), "CN=Anna,O=Guild");
  EXPECT_EQ(read({leaf.der()}, {root_.pem()}), "untrusted_issuer");
  // The one between may be the one that is trusted.
  EXPECT_EQ(read({leaf.der()}, {between.pem()}), "CN=Anna,O=Guild");
  EXPECT_EQ(read_->authority, sha256(between.der()).hex());
  // Who was issued a certificate is no authority.
  const TestCertificate forged = leaf.issue(own_, TestKey::p256(), {}, noon_s);
  EXPECT_EQ(read({forged.der(), leaf.der(), between.der()}, {root_.pem()}), "untrusted_issuer");
}

TEST_F(Certificates, of_others_are_not_believed) {
  const TestKey other = TestKey::p256();
  const TestCertificate same_name =
      TestCertificate::self_signed(other, an_authority("Root"), noon_s);
  const TestCertificate leaf = same_name.issue(other, own_, {}, noon_s);
  EXPECT_EQ(read({leaf.der()}, {root_.pem()}), "bad_proof") << "the name fits, the key does not";
  EXPECT_EQ(read({leaf.der(), same_name.der()}, {root_.pem()}), "bad_proof");
  EXPECT_EQ(read({issued({}).der()}, {}), "untrusted_issuer");
  EXPECT_EQ(read({issued({}).der()}, {"no certificate"}), "untrusted_issuer");
}

TEST_F(Certificates, hold_for_their_time) {
  const TestCertificate leaf = issued({});
  EXPECT_EQ(read({leaf.der()}, {root_.pem()}, noon_s + 3601), "proof_expired");
  EXPECT_EQ(read({leaf.der()}, {root_.pem()}, noon_s - 3601), "proof_not_yet_valid");
}

TEST_F(Certificates, for_other_purposes_or_with_weak_keys_are_refused) {
  Wanted server;
  server.usage = "serverAuth";
  EXPECT_EQ(read({issued(server).der()}, {root_.pem()}), "bad_proof");
  Wanted any;
  any.usage = "";
  EXPECT_EQ(read({issued(any).der()}, {root_.pem()}), "CN=Anna,O=Guild");
  own_ = TestKey::rsa(1024);
  EXPECT_EQ(read({issued({}).der()}, {root_.pem()}), "bad_proof");
  own_ = TestKey::p384();
  EXPECT_EQ(read({issued({}).der()}, {root_.pem()}), "weak_algorithm");
}

TEST_F(Certificates, that_are_none_are_refused) {
  const Bytes der = issued({}).der();
  Bytes longer = der;
  longer.push_back(0);
  EXPECT_EQ(read({}, {root_.pem()}), "malformed_proof");
  EXPECT_EQ(read({Bytes{}}, {root_.pem()}), "malformed_proof");
  EXPECT_EQ(read({longer}, {root_.pem()}), "malformed_proof");
  EXPECT_EQ(read({der, Bytes{1, 2}}, {root_.pem()}), "malformed_proof");
  EXPECT_EQ(read({der, der, der, der, der}, {root_.pem()}), "malformed_proof");
}

TEST_F(Certificates, of_a_pem_text_are_found_in_their_order) {
  const TestCertificate leaf = issued({});
  const auto found = certificates_of_pem("words\n" + leaf.pem() + "\n" + root_.pem());
  ASSERT_EQ(found.size(), 2U);
  EXPECT_EQ(found[0], leaf.der());
  EXPECT_EQ(found[1], root_.der());
  EXPECT_TRUE(certificates_of_pem("nothing").empty());
  std::string damaged = leaf.pem();
  damaged[damaged.size() / 2] = '!';
  EXPECT_TRUE(certificates_of_pem(damaged).empty());
  EXPECT_TRUE(holds_key_of(leaf.der(), own_.pem()));
  EXPECT_FALSE(holds_key_of(leaf.der(), key_.pem()));
}

}  // namespace
}  // namespace prytany::crypto
