#include "server/crypto/agree.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <sodium.h>

#include <memory>

#include "server/base/ensure.h"

namespace prytany::crypto {
namespace {

void ensure_ready() {
  static const int started = sodium_init();
  ENSURE(started >= 0);
}

struct FreeKdfContext {
  void operator()(EVP_KDF_CTX* context) const { EVP_KDF_CTX_free(context); }
};

EVP_KDF* hkdf_algorithm() {
  static EVP_KDF* const fetched = EVP_KDF_fetch(nullptr, "HKDF", nullptr);
  ENSURE(fetched != nullptr);
  return fetched;
}

/// OpenSSL's parameters take pointers to non-const and refuse null even for nothing.
OSSL_PARAM octets(const char* name, Bytes& bytes, std::size_t size) {
  return OSSL_PARAM_construct_octet_string(name, bytes.data(), size);
}

Bytes copy_never_null(ByteView bytes) {
  Bytes copy(bytes.size() + 1, 0);
  std::copy(bytes.begin(), bytes.end(), copy.begin());
  return copy;
}

}  // namespace

DhSecret::DhSecret(const Seed& seed) : secret_(seed) {
  static_assert(sizeof(DhPublic) == crypto_scalarmult_BYTES);
  static_assert(sizeof(secret_) == crypto_scalarmult_SCALARBYTES);
  ensure_ready();
  ENSURE(crypto_scalarmult_base(public_.data(), secret_.data()) == 0);
}

DhSecret::~DhSecret() { sodium_memzero(secret_.data(), secret_.size()); }

DhSecret DhSecret::generate() { return DhSecret(random_array<32>()); }

std::optional<std::array<std::uint8_t, 32>> DhSecret::agree(const DhPublic& theirs) const {
  std::array<std::uint8_t, 32> shared;
  if (crypto_scalarmult(shared.data(), secret_.data(), theirs.data()) != 0) return std::nullopt;
  return shared;
}

std::array<std::uint8_t, 32> hkdf(ByteView secret, ByteView salt, std::string_view info) {
  const std::unique_ptr<EVP_KDF_CTX, FreeKdfContext> context(EVP_KDF_CTX_new(hkdf_algorithm()));
  ENSURE(context != nullptr);
  char digest_name[] = "SHA256";
  Bytes secret_copy = copy_never_null(secret);
  Bytes salt_copy = copy_never_null(salt);
  Bytes info_copy = copy_never_null(as_bytes(info));
  const OSSL_PARAM parameters[] = {
      OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest_name, 0),
      octets(OSSL_KDF_PARAM_KEY, secret_copy, secret.size()),
      octets(OSSL_KDF_PARAM_SALT, salt_copy, salt.size()),
      octets(OSSL_KDF_PARAM_INFO, info_copy, info.size()), OSSL_PARAM_construct_end()};
  std::array<std::uint8_t, 32> out;
  ENSURE(EVP_KDF_derive(context.get(), out.data(), out.size(), parameters) == 1);
  sodium_memzero(secret_copy.data(), secret_copy.size());
  return out;
}

void random_bytes(std::span<std::uint8_t> out) {
  ensure_ready();
  randombytes_buf(out.data(), out.size());
}

}  // namespace prytany::crypto
