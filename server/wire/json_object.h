// Strict reading of the JSON files people keep (genesis.json, member.json): every field once, of
// the right type and in range, none unknown. Like codec.h's Reader it fails once, with a reason
// that names the field, and stays failed; what is read after that is empty.
#pragma once

#include <functional>
#include <initializer_list>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "server/base/bytes.h"
#include "server/base/result.h"

namespace prytany::wire {

/// The largest integer that every JSON reader keeps exactly (2^53 - 1).
inline constexpr std::uint64_t json_exact_max = (std::uint64_t{1} << 53) - 1;

class JsonObject {
 public:
  using Json = nlohmann::ordered_json;

  /// `where` names this object in reasons: "members[2]"; empty for the outermost. Both outlive
  /// this.
  JsonObject(const Json& object, std::string where, std::optional<Error>& error);

  /// Not empty, no control characters.
  std::string text(const char* field, std::size_t bytes_max);
  std::uint64_t number(const char* field, std::uint64_t min, std::uint64_t max);
  bool flag(const char* field);
  Bytes hex(const char* field, std::size_t size);
  /// Calls `read` for every object of an array; `read` ends with finish().
  void each(const char* field, std::size_t max, const std::function<void(JsonObject&)>& read);
  /// For an array of plain values: each is shown to `read` as the only field, "key".
  void each_value(const char* field, std::size_t max, const std::function<void(JsonObject&)>& read);
  /// Refuses fields that nobody asked for.
  void finish();

  void fail(const std::string& field, const std::string& what);
  [[nodiscard]] bool failed() const { return error_.has_value(); }

 private:
  const Json* find(const char* field);
  std::string name(const std::string& field) const;

  const Json& object_;
  std::string where_;
  std::set<std::string> asked_;
  std::optional<Error>& error_;
};

/// Parses `text` and has `read` take it apart: an object with "format": `format` and no duplicate
/// key. The reason if it is refused.
std::optional<Error> read_json_object(std::string_view text, std::size_t bytes_max,
                                      const char* format,
                                      const std::function<void(JsonObject&)>& read);

/// As above, of a kind of file with several formats: `read` hears which of them it is.
std::optional<Error> read_json_object(
    std::string_view text, std::size_t bytes_max, std::initializer_list<const char*> formats,
    const std::function<void(JsonObject&, std::string_view format)>& read);

}  // namespace prytany::wire
