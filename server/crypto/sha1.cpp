#include "server/crypto/sha1.h"

#include <openssl/evp.h>

#include "server/base/ensure.h"

namespace prytany::crypto {

std::array<std::uint8_t, 20> sha1(ByteView data) {
  std::array<std::uint8_t, 20> out{};
  unsigned size = 0;
  ENSURE(EVP_Digest(data.data(), data.size(), out.data(), &size, EVP_sha1(), nullptr) == 1);
  ENSURE(size == out.size());
  return out;
}

}  // namespace prytany::crypto
