// JSON text, written by hand: five times faster than through a tree, and the order of keys is ours.
#pragma once

#include <array>
#include <charconv>
#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>

#include "server/base/bytes.h"

namespace prytany::wire {

/// Commas are its business; that every begin has its end is the caller's.
class JsonWriter {
 public:
  JsonWriter() : out_(first_bytes, '\0') {}
  JsonWriter& begin_object();
  JsonWriter& end_object();
  JsonWriter& begin_array();
  JsonWriter& end_array();
  JsonWriter& key(std::string_view name);  // a literal: nothing in it needs escaping

  JsonWriter& null();
  JsonWriter& boolean(bool value);
  /// A JSON number; for what is within 2^53, exact in JavaScript.
  JsonWriter& integer(std::int64_t value);
  JsonWriter& small(std::uint32_t value) { return integer(value); }
  /// A string of decimal digits: JavaScript's numbers end at 2^53.
  template <std::integral I>
  JsonWriter& decimal(I value) {
    std::array<char, 20> digits{};
    return ascii(written(digits, value));
  }
  /// The shortest number that reads back as the same bits, with a point or an exponent in it;
  /// "Infinity",
  /// "-Infinity" and "NaN" as strings.
  JsonWriter& real(double value);
  /// A string that needs no escaping: a literal of ours.
  JsonWriter& word(std::string_view literal) { return ascii(literal); }
  /// A string; bytes that are not UTF-8 become {"base64": ...}, so that nothing is lost.
  JsonWriter& text(std::string_view value);
  JsonWriter& hex(ByteView value);
  JsonWriter& base64(ByteView value) { return ascii(to_base64(value)); }

  [[nodiscard]] std::string take() && {
    out_.resize(size_);
    return std::move(out_);
  }

 private:
  /// In `digits`.
  template <std::integral I>
  static std::string_view written(std::array<char, 20>& digits, I value) {
    const char* const end = std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr;
    return {digits.data(), static_cast<std::size_t>(end - digits.data())};
  }
  static constexpr std::size_t first_bytes = 512;

  /// A string of characters that need no escaping.
  JsonWriter& ascii(std::string_view value);
  JsonWriter& bare(std::string_view word);
  JsonWriter& open(char bracket);
  JsonWriter& close(char bracket);
  void escaped(std::string_view value);
  void put(std::string_view value);
  /// Where the next characters go: as many as `bytes`, and a comma, which is there if it is needed.
  char* separated(std::size_t bytes);
  char* room(std::size_t bytes) {
    if (out_.size() - size_ < bytes) grow(bytes);
    return out_.data() + size_;
  }
  void grow(std::size_t bytes);
  void ends_at(const char* end) { size_ = static_cast<std::size_t>(end - out_.data()); }

  std::string out_;  // what is written, and room for more
  std::size_t size_ = 0;
};

}  // namespace prytany::wire
