#include "server/crypto/digest.h"

#include <openssl/sha.h>

#include <utility>

#include "server/base/ensure.h"

namespace prytany::crypto {
namespace {

SHA256_CTX begin_digest() {
  SHA256_CTX state;
  ENSURE(SHA256_Init(&state) == 1);
  return state;
}

void update(SHA256_CTX& state, ByteView data) {
  if (!data.empty()) ENSURE(SHA256_Update(&state, data.data(), data.size()) == 1);
}

void update_domain(SHA256_CTX& state, std::string_view domain) {
  ENSURE(domain.size() < 256);
  const auto length = static_cast<std::uint8_t>(domain.size());
  update(state, ByteView(&length, 1));
  update(state, as_bytes(domain));
}

Digest end(SHA256_CTX& state) {
  Digest digest;
  ENSURE(SHA256_Final(digest.bytes.data(), &state) == 1);
  return digest;
}

}  // namespace

Digest sha256(ByteView data) {
  SHA256_CTX state = begin_digest();
  update(state, data);
  return end(state);
}

Digest sha256(std::string_view domain, ByteView data) {
  SHA256_CTX state = begin_digest();
  update_domain(state, domain);
  update(state, data);
  return end(state);
}

Digest sha256_pair(const Digest& left, const Digest& right) {
  std::array<std::uint8_t, 2 * Digest::size> both;
  std::copy(left.bytes.begin(), left.bytes.end(), both.begin());
  std::copy(right.bytes.begin(), right.bytes.end(), both.begin() + Digest::size);
  return sha256(both);
}

struct Hasher::Context {
  SHA256_CTX state = begin_digest();
};

Hasher::Hasher(std::string_view domain) : context_(std::make_unique<Context>()) {
  update_domain(context_->state, domain);
}

Hasher::~Hasher() = default;
Hasher::Hasher(Hasher&&) noexcept = default;
Hasher& Hasher::operator=(Hasher&&) noexcept = default;

Hasher& Hasher::add(ByteView data) {
  ENSURE(context_ != nullptr);
  update(context_->state, data);
  return *this;
}

Digest Hasher::finish() {
  ENSURE(context_ != nullptr);
  const Digest digest = end(context_->state);
  context_.reset();
  return digest;
}

}  // namespace prytany::crypto
