#include "server/crypto/digest_map.h"

#include <algorithm>
#include <cstring>

#include "server/crypto/agree.h"

namespace prytany::crypto {
namespace {

struct TableKey {
  TableKey() {
    std::array<std::uint8_t, sizeof numbers> bytes;
    random_bytes(bytes);
    std::memcpy(numbers.data(), bytes.data(), sizeof numbers);
  }
  std::array<std::uint64_t, 5> numbers;
};

}  // namespace

std::size_t KeyedDigestHash::operator()(const Digest& digest) const {
  static const TableKey key;
  std::array<std::uint32_t, 4> words;
  std::memcpy(words.data(), digest.bytes.data(), sizeof words);
  std::uint64_t sum = key.numbers[words.size()];
  for (std::size_t i = 0; i < words.size(); ++i) sum += key.numbers[i] * words[i];
  return sum >> 32;
}

std::vector<Digest> sorted(std::vector<Digest> digests) {
  std::sort(digests.begin(), digests.end());
  return digests;
}

}  // namespace prytany::crypto
