// For tests: an authority that issues certificates and an issuer of ID tokens, whose keys are made
// when the test runs.
#pragma once

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "server/base/bytes.h"
#include "server/base/ensure.h"

namespace prytany::crypto::foreign {

/// A private key of a kind that others have.
class TestKey {
 public:
  static TestKey rsa(unsigned bits = 2048) {
    return TestKey(EVP_PKEY_Q_keygen(nullptr, nullptr, "RSA", static_cast<std::size_t>(bits)),
                   "RSA");
  }
  static TestKey p256() {
    return TestKey(EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-256"), "EC");
  }
  static TestKey p384() {
    return TestKey(EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-384"), "EC");
  }
  static TestKey ed25519() {
    return TestKey(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"), "OKP");
  }

  [[nodiscard]] EVP_PKEY* get() const { return key_.get(); }

  /// As a JWS has it: "RS256", "PS256", "ES256", "EdDSA". ECDSA: r and s.
  [[nodiscard]] Bytes sign(const std::string& algorithm, ByteView message) const {
    const bool hashed = algorithm != "EdDSA";
    std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(),
                                                                    &EVP_MD_CTX_free);
    EVP_PKEY_CTX* parameters = nullptr;
    ENSURE(EVP_DigestSignInit(context.get(), &parameters, hashed ? EVP_sha256() : nullptr, nullptr,
                              get()) == 1);
    if (algorithm == "PS256") {
      ENSURE(EVP_PKEY_CTX_set_rsa_padding(parameters, RSA_PKCS1_PSS_PADDING) == 1);
      ENSURE(EVP_PKEY_CTX_set_rsa_pss_saltlen(parameters, RSA_PSS_SALTLEN_DIGEST) == 1);
    }
    std::size_t size = 0;
    ENSURE(EVP_DigestSign(context.get(), nullptr, &size, message.data(), message.size()) == 1);
    Bytes signature(size);
    ENSURE(EVP_DigestSign(context.get(), signature.data(), &size, message.data(), message.size()) ==
           1);
    signature.resize(size);
    return algorithm == "ES256" ? plain_ecdsa(signature) : signature;
  }

  /// The public key as a JWK.
  [[nodiscard]] std::string jwk(const std::string& id, const std::string& more = {}) const {
    const std::string head = "{\"kid\":\"" + id + "\"," + more + "\"kty\":\"" + type_ + "\",";
    if (type_ == "RSA")
      return head + "\"n\":\"" + number(OSSL_PKEY_PARAM_RSA_N, 0) + "\",\"e\":\"" +
             number(OSSL_PKEY_PARAM_RSA_E, 0) + "\"}";
    if (type_ == "EC")
      return head + "\"crv\":\"P-256\",\"x\":\"" + number(OSSL_PKEY_PARAM_EC_PUB_X, 32) +
             "\",\"y\":\"" + number(OSSL_PKEY_PARAM_EC_PUB_Y, 32) + "\"}";
    Bytes raw(32);
    std::size_t size = raw.size();
    ENSURE(EVP_PKEY_get_raw_public_key(get(), raw.data(), &size) == 1);
    return head + "\"crv\":\"Ed25519\",\"x\":\"" + to_base64url(raw) + "\"}";
  }

  [[nodiscard]] std::string pem() const {
    std::unique_ptr<BIO, decltype(&BIO_free)> out(BIO_new(BIO_s_mem()), &BIO_free);
    ENSURE(PEM_write_bio_PKCS8PrivateKey(out.get(), get(), nullptr, nullptr, 0, nullptr, nullptr) ==
           1);
    char* text = nullptr;
    const long size = BIO_get_mem_data(out.get(), &text);
    return {text, static_cast<std::size_t>(size)};
  }

 private:
  TestKey(EVP_PKEY* key, std::string type)
      : key_(key, [](EVP_PKEY* last) { EVP_PKEY_free(last); }), type_(std::move(type)) {
    ENSURE(key_ != nullptr);
  }

  [[nodiscard]] std::string number(const char* name, int width) const {
    BIGNUM* value = nullptr;
    ENSURE(EVP_PKEY_get_bn_param(get(), name, &value) == 1);
    Bytes bytes(static_cast<std::size_t>(width == 0 ? BN_num_bytes(value) : width));
    ENSURE(BN_bn2binpad(value, bytes.data(), static_cast<int>(bytes.size())) > 0);
    BN_free(value);
    return to_base64url(bytes);
  }

  static Bytes plain_ecdsa(const Bytes& der) {
    const std::uint8_t* at = der.data();
    ECDSA_SIG* signature = d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(der.size()));
    ENSURE(signature != nullptr);
    Bytes plain(64);
    ENSURE(BN_bn2binpad(ECDSA_SIG_get0_r(signature), plain.data(), 32) == 32);
    ENSURE(BN_bn2binpad(ECDSA_SIG_get0_s(signature), plain.data() + 32, 32) == 32);
    ECDSA_SIG_free(signature);
    return plain;
  }

  std::shared_ptr<EVP_PKEY> key_;
  std::string type_;
};

struct Wanted {
  std::string common_name = "Anna";
  std::string organization = "Guild";
  std::string email = "anna@guild.example";
  std::int64_t from_s = -3600;  // from now, as the test's clock has it
  std::int64_t until_s = 3600;
  bool authority = false;
  std::string usage = "clientAuth";  // empty: for anything
};

/// One that may issue others.
class TestCertificate {
 public:
  static TestCertificate self_signed(const TestKey& key, const Wanted& wanted, std::int64_t now_s) {
    return TestCertificate(make(key, wanted, now_s, nullptr, key));
  }
  [[nodiscard]] TestCertificate issue(const TestKey& own, const TestKey& key, const Wanted& wanted,
                                      std::int64_t now_s) const {
    return TestCertificate(make(key, wanted, now_s, certificate_.get(), own));
  }
  [[nodiscard]] Bytes der() const {
    std::uint8_t* out = nullptr;
    const int size = i2d_X509(certificate_.get(), &out);
    ENSURE(size > 0);
    Bytes bytes(out, out + size);
    OPENSSL_free(out);
    return bytes;
  }
  [[nodiscard]] std::string pem() const {
    std::unique_ptr<BIO, decltype(&BIO_free)> out(BIO_new(BIO_s_mem()), &BIO_free);
    ENSURE(PEM_write_bio_X509(out.get(), certificate_.get()) == 1);
    char* text = nullptr;
    const long size = BIO_get_mem_data(out.get(), &text);
    return {text, static_cast<std::size_t>(size)};
  }

 private:
  explicit TestCertificate(X509* certificate)
      : certificate_(certificate, [](X509* last) { X509_free(last); }) {}

  static void say(X509_NAME* name, const char* what, const std::string& text) {
    ENSURE(X509_NAME_add_entry_by_txt(name, what, MBSTRING_UTF8,
                                      reinterpret_cast<const std::uint8_t*>(text.data()),
                                      static_cast<int>(text.size()), -1, 0) == 1);
  }
  static void extend(X509* certificate, X509* issuer, int what, const std::string& text) {
    X509V3_CTX context;
    X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
    X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, what, text.c_str());
    ENSURE(extension != nullptr && X509_add_ext(certificate, extension, -1) == 1);
    X509_EXTENSION_free(extension);
  }
  static X509* make(const TestKey& key, const Wanted& wanted, std::int64_t now_s, X509* issuer,
                    const TestKey& signer) {
    static long serial = 0x1000;
    X509* certificate = X509_new();
    ENSURE(certificate != nullptr && X509_set_version(certificate, X509_VERSION_3) == 1);
    ENSURE(ASN1_INTEGER_set(X509_get_serialNumber(certificate), ++serial) == 1);
    ENSURE(ASN1_TIME_set(X509_getm_notBefore(certificate), now_s + wanted.from_s) != nullptr);
    ENSURE(ASN1_TIME_set(X509_getm_notAfter(certificate), now_s + wanted.until_s) != nullptr);
    say(X509_get_subject_name(certificate), "O", wanted.organization);
    say(X509_get_subject_name(certificate), "CN", wanted.common_name);
    X509* from = issuer == nullptr ? certificate : issuer;
    ENSURE(X509_set_issuer_name(certificate, X509_get_subject_name(from)) == 1);
    ENSURE(X509_set_pubkey(certificate, key.get()) == 1);
    extend(certificate, from, NID_basic_constraints,
           wanted.authority ? "critical,CA:TRUE" : "critical,CA:FALSE");
    if (!wanted.authority && !wanted.usage.empty())
      extend(certificate, from, NID_ext_key_usage, wanted.usage);
    if (!wanted.email.empty())
      extend(certificate, from, NID_subject_alt_name, "email:" + wanted.email);
    const bool plain = EVP_PKEY_get_base_id(signer.get()) == EVP_PKEY_ED25519;
    ENSURE(X509_sign(certificate, signer.get(), plain ? nullptr : EVP_sha256()) > 0);
    return certificate;
  }

  std::shared_ptr<X509> certificate_;
};

/// An ID token. `header` and `payload` are JSON.
inline std::string id_token(const TestKey& key, const std::string& algorithm,
                            const std::string& header, const std::string& payload) {
  const std::string said = to_base64url(as_bytes(header)) + "." + to_base64url(as_bytes(payload));
  return said + "." + to_base64url(key.sign(algorithm, as_bytes(said)));
}

}  // namespace prytany::crypto::foreign
