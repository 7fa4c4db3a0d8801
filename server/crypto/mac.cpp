#include "server/crypto/mac.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>

#include <algorithm>

#include "server/base/ensure.h"

namespace prytany::crypto {
namespace {

EVP_MAC* algorithm() {
  static EVP_MAC* const fetched = EVP_MAC_fetch(nullptr, "HMAC", nullptr);
  ENSURE(fetched != nullptr);
  return fetched;
}

}  // namespace

struct Mac::Context {
  explicit Context(const MacKey& key) : mac(EVP_MAC_CTX_new(algorithm())) {
    ENSURE(mac != nullptr);
    char digest_name[] = "SHA256";
    const OSSL_PARAM parameters[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest_name, 0),
        OSSL_PARAM_construct_end()};
    ENSURE(EVP_MAC_init(mac, key.data(), key.size(), parameters) == 1);
  }
  ~Context() { EVP_MAC_CTX_free(mac); }
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;

  EVP_MAC_CTX* mac;
};

Mac::Mac(const MacKey& key) : context_(std::make_unique<Context>(key)) {}
Mac::Mac(Mac&&) noexcept = default;
Mac& Mac::operator=(Mac&&) noexcept = default;
Mac::~Mac() = default;

Tag16 Mac::tag(ByteView data) const {
  ENSURE(context_ != nullptr);
  // A null key means: the key given at construction, whose padded blocks are already hashed.
  ENSURE(EVP_MAC_init(context_->mac, nullptr, 0, nullptr) == 1);
  if (!data.empty()) ENSURE(EVP_MAC_update(context_->mac, data.data(), data.size()) == 1);
  std::array<std::uint8_t, 32> whole;
  std::size_t written = 0;
  ENSURE(EVP_MAC_final(context_->mac, whole.data(), &written, whole.size()) == 1);
  ENSURE(written == whole.size());
  Tag16 truncated;
  std::copy_n(whole.begin(), truncated.size(), truncated.begin());
  return truncated;
}

bool Mac::check(ByteView data, const Tag16& expected) const {
  const Tag16 computed = tag(data);
  return CRYPTO_memcmp(computed.data(), expected.data(), computed.size()) == 0;
}

}  // namespace prytany::crypto
