#include "server/crypto/foreign_key.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include <array>
#include <string_view>
#include <utility>

namespace prytany::crypto {
namespace {

constexpr int rsa_bits_min = 2048;
constexpr int rsa_bits_max = 4096;
constexpr std::uint64_t rsa_exponent_min = 65'537;
constexpr std::size_t coordinate_bytes = 32;

struct Freed {
  void operator()(BIGNUM* number) const { BN_free(number); }
  void operator()(OSSL_PARAM_BLD* builder) const { OSSL_PARAM_BLD_free(builder); }
  void operator()(OSSL_PARAM* params) const { OSSL_PARAM_free(params); }
  void operator()(EVP_PKEY_CTX* context) const { EVP_PKEY_CTX_free(context); }
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
  void operator()(ECDSA_SIG* signature) const { ECDSA_SIG_free(signature); }
  void operator()(BIO* text) const { BIO_free(text); }
};
template <class T>
using Held = std::unique_ptr<T, Freed>;

/// OpenSSL leaves what went wrong in a queue of the thread: nobody is to find it there later and
/// take it for its own.
struct LeavesNoErrors {
  LeavesNoErrors() = default;
  LeavesNoErrors(const LeavesNoErrors&) = delete;
  LeavesNoErrors& operator=(const LeavesNoErrors&) = delete;
  ~LeavesNoErrors() { ERR_clear_error(); }
};

std::shared_ptr<EVP_PKEY> owned(EVP_PKEY* key) {
  if (key == nullptr) return nullptr;
  return {key, [](EVP_PKEY* last) { EVP_PKEY_free(last); }};
}

std::shared_ptr<EVP_PKEY> key_from(const char* type, OSSL_PARAM_BLD* builder) {
  const Held<OSSL_PARAM> params(OSSL_PARAM_BLD_to_param(builder));
  const Held<EVP_PKEY_CTX> context(EVP_PKEY_CTX_new_from_name(nullptr, type, nullptr));
  EVP_PKEY* key = nullptr;
  if (!params || !context || EVP_PKEY_fromdata_init(context.get()) != 1 ||
      EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_PUBLIC_KEY, params.get()) != 1)
    return nullptr;
  return owned(key);
}

Held<BIGNUM> number(ByteView bytes) {
  return Held<BIGNUM>(BN_bin2bn(bytes.data(), static_cast<int>(bytes.size()), nullptr));
}

bool is_good_rsa(const EVP_PKEY* key) {
  const int bits = EVP_PKEY_get_bits(key);
  BIGNUM* found = nullptr;
  if (EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_E, &found) != 1) return false;
  const Held<BIGNUM> exponent(found);
  const std::uint64_t e = BN_num_bits(found) > 32 ? 0 : BN_get_word(found);
  return bits >= rsa_bits_min && bits <= rsa_bits_max && e >= rsa_exponent_min && e % 2 == 1;
}

bool is_p256(const EVP_PKEY* key) {
  std::array<char, 64> group{};
  std::size_t length = 0;
  if (EVP_PKEY_get_group_name(key, group.data(), group.size(), &length) != 1) return false;
  return std::string_view(group.data(), length) == SN_X9_62_prime256v1;
}

std::optional<ForeignKey::Kind> kind_of(const EVP_PKEY* key) {
  switch (EVP_PKEY_get_base_id(key)) {
    case EVP_PKEY_RSA:
      return is_good_rsa(key) ? std::optional(ForeignKey::Kind::rsa) : std::nullopt;
    case EVP_PKEY_EC: return is_p256(key) ? std::optional(ForeignKey::Kind::p256) : std::nullopt;
    case EVP_PKEY_ED25519: return ForeignKey::Kind::ed25519;
    default: return std::nullopt;
  }
}

bool fits(ForeignKey::Kind kind, Algorithm algorithm) {
  switch (algorithm) {
    case Algorithm::rsa_pkcs1:
    case Algorithm::rsa_pss: return kind == ForeignKey::Kind::rsa;
    case Algorithm::p256: return kind == ForeignKey::Kind::p256;
    case Algorithm::ed25519: return kind == ForeignKey::Kind::ed25519;
  }
  return false;
}

const EVP_MD* hash_of(Algorithm algorithm) {
  return algorithm == Algorithm::ed25519 ? nullptr : EVP_sha256();
}

/// As the standards of JWS fix it.
bool pad(EVP_PKEY_CTX* context, Algorithm algorithm) {
  if (algorithm == Algorithm::rsa_pkcs1)
    return EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PADDING) == 1;
  if (algorithm != Algorithm::rsa_pss) return true;
  return EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PSS_PADDING) == 1 &&
         EVP_PKEY_CTX_set_rsa_pss_saltlen(context, RSA_PSS_SALTLEN_DIGEST) == 1;
}

int no_word(char*, int, int, void*) { return -1; }

}  // namespace

std::optional<ForeignKey> ForeignKey::judged(std::shared_ptr<EVP_PKEY> key) {
  if (key == nullptr) return std::nullopt;
  const auto kind = kind_of(key.get());
  if (!kind) return std::nullopt;
  return ForeignKey(*kind, std::move(key));
}

std::optional<ForeignKey> ForeignKey::rsa(ByteView modulus, ByteView exponent) {
  const LeavesNoErrors after;
  if (modulus.size() > rsa_bits_max / 8 || exponent.size() > 4) return std::nullopt;
  const Held<BIGNUM> n = number(modulus);
  const Held<BIGNUM> e = number(exponent);
  const Held<OSSL_PARAM_BLD> builder(OSSL_PARAM_BLD_new());
  if (!n || !e || !builder || OSSL_PARAM_BLD_push_BN(builder.get(), "n", n.get()) != 1 ||
      OSSL_PARAM_BLD_push_BN(builder.get(), "e", e.get()) != 1)
    return std::nullopt;
  return judged(key_from("RSA", builder.get()));
}

std::optional<ForeignKey> ForeignKey::p256(ByteView x, ByteView y) {
  const LeavesNoErrors after;
  if (x.size() != coordinate_bytes || y.size() != coordinate_bytes) return std::nullopt;
  Bytes point{0x04};  // uncompressed
  point.insert(point.end(), x.begin(), x.end());
  point.insert(point.end(), y.begin(), y.end());
  const Held<OSSL_PARAM_BLD> builder(OSSL_PARAM_BLD_new());
  if (!builder ||
      OSSL_PARAM_BLD_push_utf8_string(builder.get(), "group", SN_X9_62_prime256v1, 0) != 1 ||
      OSSL_PARAM_BLD_push_octet_string(builder.get(), "pub", point.data(), point.size()) != 1)
    return std::nullopt;
  return judged(key_from("EC", builder.get()));
}

std::optional<ForeignKey> ForeignKey::ed25519(ByteView bytes) {
  const LeavesNoErrors after;
  if (bytes.size() != coordinate_bytes) return std::nullopt;
  return judged(
      owned(EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, bytes.data(), bytes.size())));
}

std::optional<ForeignKey> ForeignKey::of(const X509& certificate) {
  const LeavesNoErrors after;
  return judged(owned(X509_get_pubkey(const_cast<X509*>(&certificate))));
}

bool ForeignKey::verify(Algorithm algorithm, ByteView message, ByteView signature) const {
  const LeavesNoErrors after;
  if (!fits(kind_, algorithm)) return false;
  const Held<EVP_MD_CTX> context(EVP_MD_CTX_new());
  EVP_PKEY_CTX* parameters = nullptr;  // the context's
  return context &&
         EVP_DigestVerifyInit(context.get(), &parameters, hash_of(algorithm), nullptr,
                              key_.get()) == 1 &&
         pad(parameters, algorithm) &&
         EVP_DigestVerify(context.get(), signature.data(), signature.size(), message.data(),
                          message.size()) == 1;
}

std::optional<Bytes> ecdsa_der(ByteView r_and_s) {
  const LeavesNoErrors after;
  if (r_and_s.size() != 2 * coordinate_bytes) return std::nullopt;
  const Held<ECDSA_SIG> signature(ECDSA_SIG_new());
  Held<BIGNUM> r = number(r_and_s.first(coordinate_bytes));
  Held<BIGNUM> s = number(r_and_s.last(coordinate_bytes));
  if (!signature || !r || !s || ECDSA_SIG_set0(signature.get(), r.get(), s.get()) != 1)
    return std::nullopt;
  (void)r.release();
  (void)s.release();
  std::uint8_t* out = nullptr;
  const int size = i2d_ECDSA_SIG(signature.get(), &out);
  if (size <= 0) return std::nullopt;
  Bytes der(out, out + size);
  OPENSSL_free(out);
  return der;
}

std::optional<Bytes> sign_with_pem(std::string_view private_key, ByteView message) {
  const LeavesNoErrors after;
  const Held<BIO> text(BIO_new_mem_buf(private_key.data(), static_cast<int>(private_key.size())));
  if (!text) return std::nullopt;
  const auto key = owned(PEM_read_bio_PrivateKey(text.get(), nullptr, no_word, nullptr));
  if (!key) return std::nullopt;
  const auto kind = kind_of(key.get());
  if (!kind) return std::nullopt;
  Algorithm algorithm = Algorithm::rsa_pss;
  if (*kind == ForeignKey::Kind::p256) algorithm = Algorithm::p256;
  if (*kind == ForeignKey::Kind::ed25519) algorithm = Algorithm::ed25519;
  const Held<EVP_MD_CTX> context(EVP_MD_CTX_new());
  EVP_PKEY_CTX* parameters = nullptr;
  std::size_t size = 0;
  if (!context ||
      EVP_DigestSignInit(context.get(), &parameters, hash_of(algorithm), nullptr, key.get()) != 1 ||
      !pad(parameters, algorithm) ||
      EVP_DigestSign(context.get(), nullptr, &size, message.data(), message.size()) != 1)
    return std::nullopt;
  Bytes signature(size);
  if (EVP_DigestSign(context.get(), signature.data(), &size, message.data(), message.size()) != 1)
    return std::nullopt;
  signature.resize(size);
  return signature;
}

}  // namespace prytany::crypto
