// All replicas of a run check the same signatures and keys, and each of these functions depends on
// its bytes alone: here one process remembers what it computed. What was signed here is known to be
// right before anybody checks it. Linked in the place of libsodium's functions (--wrap, see
// CMakeLists.txt), so that no code of the server knows of it; the answers are libsodium's own.
#include <algorithm>
#include <string>
#include <unordered_map>
#include <utility>

#include "server/crypto/sign.h"

namespace {

/// Signature, key and message -> libsodium's answer.
std::unordered_map<std::string, int>& checked() {
  static std::unordered_map<std::string, int> answers;
  return answers;
}

std::string name_of(const unsigned char* signature, const unsigned char* message,
                    unsigned long long length, const unsigned char* key) {
  std::string all;
  all.reserve(prytany::crypto::Signature::size + prytany::crypto::PublicKey::size + length);
  all.append(reinterpret_cast<const char*>(signature), prytany::crypto::Signature::size);
  all.append(reinterpret_cast<const char*>(key), prytany::crypto::PublicKey::size);
  all.append(reinterpret_cast<const char*>(message), length);
  return all;
}

/// A long run holds no more than this of either.
constexpr std::size_t known_max = 100'000;

void remember(std::string name, int answer) {
  if (checked().size() >= known_max) checked().clear();
  checked().emplace(std::move(name), answer);
}

}  // namespace

extern "C" {

int __real_crypto_sign_detached(unsigned char* signature, unsigned long long* written,
                                const unsigned char* message, unsigned long long length,
                                const unsigned char* secret);
int __wrap_crypto_sign_detached(unsigned char* signature, unsigned long long* written,
                                const unsigned char* message, unsigned long long length,
                                const unsigned char* secret);

int __wrap_crypto_sign_detached(unsigned char* signature, unsigned long long* written,
                                const unsigned char* message, unsigned long long length,
                                const unsigned char* secret) {
  // Signing is deterministic, and what is said again is signed again.
  static std::unordered_map<std::string, prytany::crypto::Signature> known;
  // The second half of libsodium's secret key is the public one.
  const unsigned char* key = secret + prytany::crypto::PublicKey::size;
  std::string name(reinterpret_cast<const char*>(secret), 2 * prytany::crypto::PublicKey::size);
  name.append(reinterpret_cast<const char*>(message), length);
  if (const auto found = known.find(name); found != known.end()) {
    std::copy(found->second.bytes.begin(), found->second.bytes.end(), signature);
    if (written != nullptr) *written = prytany::crypto::Signature::size;
    return 0;
  }
  const int result = __real_crypto_sign_detached(signature, written, message, length, secret);
  if (result != 0) return result;
  remember(name_of(signature, message, length, key), 0);
  if (known.size() >= known_max) known.clear();
  prytany::crypto::Signature copy;
  std::copy(signature, signature + prytany::crypto::Signature::size, copy.bytes.begin());
  known.emplace(std::move(name), copy);
  return result;
}

int __real_crypto_sign_verify_detached(const unsigned char* signature, const unsigned char* message,
                                       unsigned long long length, const unsigned char* key);
int __wrap_crypto_sign_verify_detached(const unsigned char* signature, const unsigned char* message,
                                       unsigned long long length, const unsigned char* key);

int __wrap_crypto_sign_verify_detached(const unsigned char* signature, const unsigned char* message,
                                       unsigned long long length, const unsigned char* key) {
  std::string name = name_of(signature, message, length, key);
  if (const auto found = checked().find(name); found != checked().end()) return found->second;
  const int result = __real_crypto_sign_verify_detached(signature, message, length, key);
  remember(std::move(name), result);
  return result;
}

int __real_crypto_core_ed25519_is_valid_point(const unsigned char* point);
int __wrap_crypto_core_ed25519_is_valid_point(const unsigned char* point);

int __wrap_crypto_core_ed25519_is_valid_point(const unsigned char* point) {
  static std::unordered_map<std::string, int> known;
  std::string name(reinterpret_cast<const char*>(point), prytany::crypto::PublicKey::size);
  if (const auto found = known.find(name); found != known.end()) return found->second;
  const int result = __real_crypto_core_ed25519_is_valid_point(point);
  if (known.size() >= known_max) known.clear();
  known.emplace(std::move(name), result);
  return result;
}

}  // extern "C"
