#include "server/crypto/sign.h"

#include <sodium.h>

#include <algorithm>

#include "server/base/ensure.h"
#include "server/crypto/agree.h"
#include "server/crypto/counts.h"

namespace prytany::crypto {
namespace {

static_assert(PublicKey::size == crypto_sign_PUBLICKEYBYTES);
static_assert(Signature::size == crypto_sign_BYTES);

void ensure_ready() {
  static const int started = sodium_init();  // 0 or 1 (already done); picks the fastest code
  ENSURE(started >= 0);
}

}  // namespace

std::optional<PublicKey> public_key_from(ByteView bytes) {
  ensure_ready();
  if (bytes.size() != PublicKey::size) return std::nullopt;
  // Canonical, on the curve, and in the group of prime order: no small-order part at all.
  if (crypto_core_ed25519_is_valid_point(bytes.data()) != 1) return std::nullopt;
  PublicKey key;
  std::copy(bytes.begin(), bytes.end(), key.bytes.begin());
  return key;
}

bool verify(const PublicKey& key, ByteView message, const Signature& signature) {
  ensure_ready();
  ++counted().signatures_checked;
  return crypto_sign_verify_detached(signature.bytes.data(), message.data(), message.size(),
                                     key.bytes.data()) == 0;
}

Signer::Signer(const Seed& seed) {
  static_assert(std::tuple_size_v<Seed> == crypto_sign_SEEDBYTES);
  static_assert(sizeof(secret_) == crypto_sign_SECRETKEYBYTES);
  ensure_ready();
  ENSURE(crypto_sign_seed_keypair(public_.bytes.data(), secret_.data(), seed.data()) == 0);
}

Signer::~Signer() { sodium_memzero(secret_.data(), secret_.size()); }

Signer Signer::generate() {
  Seed seed = random_array<32>();
  Signer signer(seed);
  sodium_memzero(seed.data(), seed.size());
  return signer;
}

Signature Signer::sign(ByteView message) const {
  Signature signature;
  ++counted().signatures_made;
  ENSURE(crypto_sign_detached(signature.bytes.data(), nullptr, message.data(), message.size(),
                              secret_.data()) == 0);
  return signature;
}

Signer::Seed Signer::seed() const {
  Seed seed;
  ENSURE(crypto_sign_ed25519_sk_to_seed(seed.data(), secret_.data()) == 0);
  return seed;
}

}  // namespace prytany::crypto
