// JSON text, read with suspicion: what is too long, too deep, not UTF-8, doubly keyed or out of
// range is refused while it is scanned, before anything is built from it.
#pragma once

#include <array>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <string_view>

#include "server/base/result.h"
#include "server/wire/codec.h"

namespace prytany::wire {

using Json = nlohmann::json;

/// Total. Refuses more than `bytes_max` bytes and more than limits::json_depth_max levels.
Result<Json, Malformed> parse_json(std::string_view text, std::size_t bytes_max);

/// Picks typed fields out of a document. Fails once, keeping the first reason and the field it was
/// about, and stays failed; what it returns after that is empty and means nothing.
class JsonPicker {
 public:
  /// The member `name` of `object`, or a reference to null after a failure.
  const Json& field(const Json& object, const char* name);
  /// The same, but absence is no failure: nullptr.
  const Json* optional_field(const Json& object, const char* name);

  bool boolean(const Json& object, const char* name);
  /// A JSON integer within 0 .. max.
  std::uint32_t small(const Json& object, const char* name, std::uint32_t max);
  /// Strings of decimal digits in their one canonical form.
  std::uint64_t unsigned_decimal(const Json& object, const char* name);
  std::int64_t signed_decimal(const Json& object, const char* name);
  double real(const Json& object, const char* name);
  /// A string, or {"base64": ...} for bytes that are not UTF-8.
  std::string text(const Json& object, const char* name, std::size_t bytes_max);
  std::string text_of(const Json& value, const char* name, std::size_t bytes_max);
  Bytes base64(const Json& object, const char* name, std::size_t bytes_max);
  template <std::size_t N>
  void hex(const Json& object, const char* name, std::array<std::uint8_t, N>& out) {
    hex(object, name, std::span<std::uint8_t>(out));
  }
  /// The elements of an array of at most `count_max`; an empty array after a failure.
  const Json& array(const Json& object, const char* name, std::size_t count_max);
  const Json& array_of(const Json& value, const char* name, std::size_t count_max);
  const std::string& type(const Json& object);

  void fail(const char* reason, const char* name);
  [[nodiscard]] bool failed() const { return failure_.reason != nullptr; }
  /// Requires: failed().
  [[nodiscard]] Malformed failure() const { return failure_; }

 private:
  void hex(const Json& object, const char* name, std::span<std::uint8_t> out);

  Malformed failure_{nullptr};
};

}  // namespace prytany::wire
