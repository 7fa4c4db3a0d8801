#include "server/crypto/credential.h"

#include <algorithm>
#include <bitset>
#include <optional>

#include "server/crypto/agree.h"

namespace prytany::crypto {
namespace {

constexpr std::string_view alphabet =
    "0123456789ABCDEFGHJKMNPQRSTVWXYZ";  // Crockford's, no I L O U
constexpr std::size_t digits_min = 26;   // 5 bits each: 130
constexpr std::size_t digits_max = 64;
constexpr std::size_t different_min = 8;  // of 26 random digits fewer differ once in 10^10
constexpr std::size_t group_length = 4;

/// The digit that people meant, or nothing.
std::optional<std::size_t> digit_of(char c) {
  if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  if (c == 'O') c = '0';
  if (c == 'I' || c == 'L') c = '1';
  const std::size_t digit = alphabet.find(c);
  if (digit == std::string_view::npos) return std::nullopt;
  return digit;
}

bool plainly_not_random(std::string_view canonical) {
  std::bitset<32> seen;
  for (const char c : canonical) seen.set(alphabet.find(c));
  return seen.count() < different_min;
}

Result<std::string> canonical_code(std::string_view code) {
  std::string canonical;
  for (const char c : code) {
    if (c == '-' || c == ' ') continue;
    const std::optional<std::size_t> digit = digit_of(c);
    if (!digit) return Error{"the code holds a character that no code has; check what was typed"};
    if (canonical.size() == digits_max) return Error{"the code is too long"};
    canonical.push_back(alphabet[*digit]);
  }
  if (canonical.size() < digits_min)
    return Error{"the code is too short: a code has 26 digits, and a shorter one is too weak"};
  if (plainly_not_random(canonical))
    return Error{"the code is too weak: its digits are plainly not random"};
  return canonical;
}

}  // namespace

std::string generate_code() {
  std::string digits;
  do {
    digits.clear();
    // 256 is a multiple of 32: the low five bits of a random byte are uniform.
    for (const std::uint8_t byte : random_array<digits_min>())
      digits.push_back(alphabet[byte & 31]);
  } while (plainly_not_random(digits));
  std::string code;
  for (std::size_t i = 0; i < digits.size(); ++i) {
    if (i != 0 && i % group_length == 0) code.push_back('-');
    code.push_back(digits[i]);
  }
  return code;
}

Result<Signer> credential_from_code(std::string_view code, const Digest& cluster) {
  const Result<std::string> canonical = canonical_code(code);
  if (!canonical) return canonical.error();
  return Signer(hkdf(as_bytes(*canonical), cluster.view(), "prytany credential v1"));
}

}  // namespace prytany::crypto
