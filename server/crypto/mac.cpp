#include "server/crypto/mac.h"

#include <openssl/crypto.h>
#include <openssl/sha.h>

#include <algorithm>

#include "server/base/ensure.h"
#include "server/crypto/counts.h"

namespace prytany::crypto {

/// RFC 2104: what is left of SHA-256 after the block of the key with the inner padding, and of that
/// with the outer one. Half of a tag's four blocks are hashed here, once.
struct Mac::Context {
  explicit Context(const MacKey& key) {
    begin(inner, key, 0x36);
    begin(outer, key, 0x5c);
  }
  // Whoever has these states can make tags.
  ~Context() {
    OPENSSL_cleanse(&inner, sizeof inner);
    OPENSSL_cleanse(&outer, sizeof outer);
  }
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;

  static void begin(SHA256_CTX& state, const MacKey& key, std::uint8_t padding) {
    std::array<std::uint8_t, SHA256_CBLOCK> block{};
    static_assert(std::tuple_size_v<MacKey> <= SHA256_CBLOCK);
    std::copy(key.begin(), key.end(), block.begin());
    for (std::uint8_t& byte : block) byte ^= padding;
    ENSURE(SHA256_Init(&state) == 1 && SHA256_Update(&state, block.data(), block.size()) == 1);
    OPENSSL_cleanse(block.data(), block.size());
  }

  SHA256_CTX inner;
  SHA256_CTX outer;
};

Mac::Mac(const MacKey& key) : context_(std::make_unique<Context>(key)) {}
Mac::Mac(Mac&&) noexcept = default;
Mac& Mac::operator=(Mac&&) noexcept = default;
Mac::~Mac() = default;

/// The copies on the stack need no cleansing: a block was hashed on top of each key's state, which
/// does not lead back to it.
Tag16 Mac::compute(ByteView data) const {
  ENSURE(context_ != nullptr);
  std::array<std::uint8_t, SHA256_DIGEST_LENGTH> whole;
  SHA256_CTX state = context_->inner;
  if (!data.empty()) ENSURE(SHA256_Update(&state, data.data(), data.size()) == 1);
  ENSURE(SHA256_Final(whole.data(), &state) == 1);
  state = context_->outer;
  ENSURE(SHA256_Update(&state, whole.data(), whole.size()) == 1);
  ENSURE(SHA256_Final(whole.data(), &state) == 1);
  Tag16 truncated;
  std::copy_n(whole.begin(), truncated.size(), truncated.begin());
  return truncated;
}

Tag16 Mac::tag(ByteView data) const {
  ++counted().tags_made;
  return compute(data);
}

bool Mac::check(ByteView data, const Tag16& expected) const {
  ++counted().tags_checked;
  const Tag16 computed = compute(data);
  return CRYPTO_memcmp(computed.data(), expected.data(), computed.size()) == 0;
}

}  // namespace prytany::crypto
