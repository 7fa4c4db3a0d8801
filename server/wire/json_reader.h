// JSON text, read with suspicion: what is too long, too deep, not UTF-8, doubly keyed or out of
// range is refused while it is scanned, before anything is built from it.
#pragma once

#include <simdjson.h>
#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "server/base/result.h"
#include "server/wire/codec.h"

namespace prytany::wire {

/// A value within a JsonDocument: two words, to be passed by value; valid until that document
/// parses again or ends.
using Json = simdjson::dom::element;

/// Parses one text at a time; its memory, about fourteen times the longest text so far, is used
/// again for the next.
class JsonDocument {
 public:
  /// Total. Refuses more than `bytes_max` bytes, more than limits::json_depth_max levels, and a key
  /// that an object has twice: nothing is built for what is refused.
  Result<Json, Malformed> parse(std::string_view text, std::size_t bytes_max);
  /// The same, but an integer beyond 64 bits is refused: parse() takes it for a real, as which
  /// JavaScript writes it.
  Result<Json, Malformed> parse_exact(std::string_view text, std::size_t bytes_max);

 private:
  Result<Json, Malformed> parse(std::string_view text, std::size_t bytes_max, bool exact);
  simdjson::error_code parse_padded(std::string_view text, Json& root);

  simdjson::dom::parser parser_;
  std::vector<char> padded_;  // the parser reads a few bytes beyond the end
};

/// Picks typed fields out of a document. Fails once, keeping the first reason and the field it was
/// about, and stays failed; what it returns after that is empty and means nothing.
class JsonPicker {
 public:
  /// The member `name` of `object`, or null after a failure.
  Json field(Json object, const char* name);
  /// The same, but absence is no failure: nothing.
  std::optional<Json> optional_field(Json object, const char* name);

  bool boolean(Json object, const char* name);
  /// A JSON integer within 0 .. max.
  std::uint32_t small(Json object, const char* name, std::uint32_t max);
  /// Strings of decimal digits in their one canonical form.
  std::uint64_t unsigned_decimal(Json object, const char* name);
  std::int64_t signed_decimal(Json object, const char* name);
  double real(Json object, const char* name);
  /// A string, or {"base64": ...} for bytes that are not UTF-8.
  std::string text(Json object, const char* name, std::size_t bytes_max);
  std::string text_of(Json value, const char* name, std::size_t bytes_max);
  Bytes base64(Json object, const char* name, std::size_t bytes_max);
  template <std::size_t N>
  void hex(Json object, const char* name, std::array<std::uint8_t, N>& out) {
    hex(object, name, std::span<std::uint8_t>(out));
  }
  /// The value itself is the text.
  template <std::size_t N>
  void hex_of(Json value, const char* name, std::array<std::uint8_t, N>& out) {
    std::string_view text;
    if (value.get(text) != simdjson::SUCCESS) return fail("not a string", name);
    from_hex(text, name, out);
  }
  /// The elements of an array of at most `count_max`; an empty array after a failure.
  simdjson::dom::array array(Json object, const char* name, std::size_t count_max);
  simdjson::dom::array array_of(Json value, const char* name, std::size_t count_max);
  std::string_view type(Json object);

  void fail(const char* reason, const char* name);
  [[nodiscard]] bool failed() const { return failure_.reason != nullptr; }
  /// Requires: failed().
  [[nodiscard]] Malformed failure() const { return failure_; }

 private:
  void hex(Json object, const char* name, std::span<std::uint8_t> out);
  void from_hex(std::string_view text, const char* name, std::span<std::uint8_t> out);
  /// The string `name` of `object`; nothing after a failure.
  std::optional<std::string_view> string(Json object, const char* name);

  Malformed failure_{nullptr};
};

}  // namespace prytany::wire
