#include "server/base/bytes.h"

#include <algorithm>
#include <array>
#include <cstring>

namespace prytany {
namespace {

constexpr std::string_view hex_digits = "0123456789abcdef";
constexpr std::string_view base64_digits =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

constexpr std::array<std::array<char, 2>, 256> hex_pairs = [] {
  std::array<std::array<char, 2>, 256> pairs{};
  for (std::size_t i = 0; i < pairs.size(); ++i)
    pairs[i] = {hex_digits[i >> 4], hex_digits[i & 15]};
  return pairs;
}();

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

constexpr std::array<std::int8_t, 256> base64_values = [] {
  std::array<std::int8_t, 256> values{};
  values.fill(-1);
  for (std::size_t i = 0; i < base64_digits.size(); ++i)
    values[static_cast<std::uint8_t>(base64_digits[i])] = static_cast<std::int8_t>(i);
  return values;
}();

}  // namespace

std::string to_hex(ByteView bytes) {
  std::string text(bytes.size() * 2, '\0');
  write_hex(text.data(), bytes);
  return text;
}

char* write_hex(char* to, ByteView bytes) {
  for (const std::uint8_t byte : bytes) {
    std::memcpy(to, hex_pairs[byte].data(), 2);
    to += 2;
  }
  return to;
}

std::optional<Bytes> from_hex(std::string_view text) {
  if (text.size() % 2 != 0) return std::nullopt;
  Bytes bytes;
  bytes.reserve(text.size() / 2);
  for (std::size_t i = 0; i < text.size(); i += 2) {
    const int high = hex_value(text[i]);
    const int low = hex_value(text[i + 1]);
    if (high < 0 || low < 0) return std::nullopt;
    bytes.push_back(static_cast<std::uint8_t>(high * 16 + low));
  }
  return bytes;
}

std::string to_base64(ByteView bytes) {
  std::string text((bytes.size() + 2) / 3 * 4, '=');
  char* digit = text.data();
  std::size_t i = 0;
  for (; i + 3 <= bytes.size(); i += 3) {
    const std::uint32_t group = (std::uint32_t{bytes[i]} << 16) |
                                (std::uint32_t{bytes[i + 1]} << 8) | std::uint32_t{bytes[i + 2]};
    *digit++ = base64_digits[group >> 18];
    *digit++ = base64_digits[(group >> 12) & 63];
    *digit++ = base64_digits[(group >> 6) & 63];
    *digit++ = base64_digits[group & 63];
  }
  if (const std::size_t left = bytes.size() - i; left > 0) {
    const std::uint32_t group =
        (std::uint32_t{bytes[i]} << 16) | (left > 1 ? std::uint32_t{bytes[i + 1]} << 8 : 0);
    *digit++ = base64_digits[group >> 18];
    *digit++ = base64_digits[(group >> 12) & 63];
    if (left > 1) *digit = base64_digits[(group >> 6) & 63];
  }
  return text;
}

std::optional<Bytes> from_base64(std::string_view text) {
  if (text.size() % 4 != 0) return std::nullopt;
  std::size_t padding = 0;
  while (padding < 2 && padding < text.size() && text[text.size() - 1 - padding] == '=') ++padding;
  Bytes bytes(text.size() / 4 * 3 - padding);
  const auto value = [&](std::size_t i) {
    return static_cast<std::uint32_t>(base64_values[static_cast<std::uint8_t>(text[i])]);
  };
  std::uint8_t* byte = bytes.data();
  const std::size_t whole = padding == 0 ? text.size() : text.size() - 4;
  std::uint32_t seen = 0;  // more than 24 bits once one digit was none
  std::size_t i = 0;
  for (; i < whole; i += 4) {
    const std::uint32_t group =
        (value(i) << 18) | (value(i + 1) << 12) | (value(i + 2) << 6) | value(i + 3);
    seen |= group;
    *byte++ = static_cast<std::uint8_t>(group >> 16);
    *byte++ = static_cast<std::uint8_t>(group >> 8);
    *byte++ = static_cast<std::uint8_t>(group);
  }
  if (padding > 0) {
    const std::uint32_t group =
        (value(i) << 18) | (value(i + 1) << 12) | (padding == 1 ? value(i + 2) << 6 : 0);
    // Bits that padding hides must be zero, or two texts would mean the same bytes.
    if ((group & (padding == 2 ? 0xffff : 0xff)) != 0) return std::nullopt;
    seen |= group;
    *byte++ = static_cast<std::uint8_t>(group >> 16);
    if (padding == 1) *byte = static_cast<std::uint8_t>(group >> 8);
  }
  if (seen > 0xff'ffff) return std::nullopt;
  return bytes;
}

std::string to_base64url(ByteView bytes) {
  std::string text = to_base64(bytes);
  std::ranges::replace(text, '+', '-');
  std::ranges::replace(text, '/', '_');
  text.erase(std::min(text.find('='), text.size()));
  return text;
}

std::optional<Bytes> from_base64url(std::string_view text) {
  if (text.find_first_of("+/=") != std::string_view::npos) return std::nullopt;
  std::string padded(text);
  std::ranges::replace(padded, '-', '+');
  std::ranges::replace(padded, '_', '/');
  padded.append((4 - padded.size() % 4) % 4, '=');
  return from_base64(padded);
}

}  // namespace prytany
