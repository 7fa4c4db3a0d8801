#include "server/wire/json_reader.h"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <limits>

#include "server/base/ensure.h"
#include "server/wire/limits.h"

namespace prytany::wire {
namespace {

namespace dom = simdjson::dom;

/// A document that never changes.
class Constant {
 public:
  explicit Constant(std::string_view text) {
    ENSURE(parser_.parse(std::string(text)).get(value_) == simdjson::SUCCESS);
  }
  [[nodiscard]] Json value() const { return value_; }

 private:
  dom::parser parser_;
  Json value_;
};

Json null_json() {
  static const Constant null("null");
  return null.value();
}

dom::array empty_array() {
  static const Constant empty("[]");
  dom::array array;
  ENSURE(empty.value().get(array) == simdjson::SUCCESS);
  return array;
}

bool has_a_key_twice(dom::object object) {
  // Messages have a few keys; a hostile one may have a hundred thousand.
  constexpr std::size_t few = 16;
  std::array<std::string_view, few> keys;
  std::size_t count = 0;
  std::uint64_t kinds = 0;  // a bit for each kind seen: most keys are the first of theirs
  for (const auto field : object) {
    if (count == few) break;
    const std::string_view key = field.key;
    const unsigned ends = key.empty() ? 0U
                                      : 5U * static_cast<unsigned char>(key.front()) +
                                            static_cast<unsigned char>(key.back());
    const std::uint64_t kind = std::uint64_t{1} << ((ends + key.size()) % 64);
    const auto end = keys.begin() + static_cast<std::ptrdiff_t>(count);
    if ((kinds & kind) != 0 && std::find(keys.begin(), end, key) != end) return true;
    kinds |= kind;
    keys[count++] = key;
  }
  if (count < few) return false;
  std::vector<std::string_view> all;
  for (const auto field : object) all.push_back(field.key);
  std::ranges::sort(all);
  return std::ranges::adjacent_find(all) != all.end();
}

/// The library keeps all of a doubled key's values and finds the first; two readers of one text
/// must not see two contents. The parser has bounded the depth.
bool doubles_a_key(Json value) {  // NOLINT(misc-no-recursion)
  if (dom::array array; value.get(array) == simdjson::SUCCESS)
    return std::ranges::any_of(array.begin(), array.end(), doubles_a_key);
  if (dom::object object; value.get(object) == simdjson::SUCCESS) {
    if (has_a_key_twice(object)) return true;
    for (const auto field : object)
      if (doubles_a_key(field.value)) return true;
  }
  return false;
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }
/// What stands beside digits that are not an integer; its sign may.
bool part_of_real(char c) { return c == '.' || c == 'e' || c == 'E' || c == '+'; }

/// JavaScript writes reals up to 10^21 without a point or an exponent, and the library takes
/// integers of 64 bits only.
std::string with_long_integers_as_reals(std::string_view text) {
  constexpr std::size_t long_digits = 19;
  std::string changed;
  bool in_string = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    changed.push_back(text[i]);
    if (in_string && text[i] == '\\' && i + 1 < text.size()) {
      changed.push_back(text[++i]);
    } else if (text[i] == '"') {
      in_string = !in_string;
    } else if (!in_string && is_digit(text[i])) {
      const std::size_t first = i;
      while (i + 1 < text.size() && is_digit(text[i + 1])) changed.push_back(text[++i]);
      const bool alone = (first == 0 || !part_of_real(text[first - 1])) &&
                         (i + 1 == text.size() || !part_of_real(text[i + 1]));
      if (alone && i + 1 - first >= long_digits) changed += "e0";
    }
  }
  return changed;
}

/// For people. What replicas compare does not depend on it: versions of the library differ.
const char* what_is_wrong(simdjson::error_code error) {
  switch (error) {
    case simdjson::EMPTY: return "empty, which is not JSON";
    case simdjson::NUMBER_ERROR: return "not JSON: no number, or one beyond 64 bits";
    case simdjson::STRING_ERROR:
    case simdjson::UNESCAPED_CHARS:
    case simdjson::UNCLOSED_STRING: return "not JSON: a string with what may not stand in one";
    case simdjson::UTF8_ERROR: return "not JSON: not UTF-8";
    default: return "not JSON";
  }
}

constexpr std::int8_t not_hex = -1;
constexpr std::array<std::int8_t, 256> lower_hex_values = [] {
  std::array<std::int8_t, 256> values{};
  values.fill(not_hex);
  for (std::uint8_t i = 0; i < 16; ++i)
    values[static_cast<std::uint8_t>("0123456789abcdef"[i])] = static_cast<std::int8_t>(i);
  return values;
}();

/// One text per number: the one that to_chars() writes, and nothing else.
template <class I>
bool from_decimal(std::string_view text, I& out) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (error != std::errc{} || end != text.data() + text.size()) return false;
  std::array<char, 24> canonical{};
  const auto written = std::to_chars(canonical.data(), canonical.data() + canonical.size(), out);
  return std::string_view(canonical.data(), written.ptr) == text;
}

}  // namespace

simdjson::error_code JsonDocument::parse_padded(std::string_view text, Json& root) {
  if (padded_.size() < text.size() + simdjson::SIMDJSON_PADDING) {
    constexpr std::size_t at_first = 1024;
    const std::size_t capacity = std::max({text.size(), at_first, 2 * parser_.capacity()});
    const auto allocated = parser_.allocate(capacity, limits::json_depth_max);
    if (allocated != simdjson::SUCCESS) return allocated;
    padded_.resize(capacity + simdjson::SIMDJSON_PADDING);
  }
  if (!text.empty()) std::memcpy(padded_.data(), text.data(), text.size());
  return parser_.parse(padded_.data(), text.size(), false).get(root);
}

Result<Json, Malformed> JsonDocument::parse(std::string_view text, std::size_t bytes_max) {
  return parse(text, bytes_max, false);
}

Result<Json, Malformed> JsonDocument::parse_exact(std::string_view text, std::size_t bytes_max) {
  return parse(text, bytes_max, true);
}

Result<Json, Malformed> JsonDocument::parse(std::string_view text, std::size_t bytes_max,
                                            bool exact) {
  if (text.size() > bytes_max) return Malformed{"longer than allowed"};
  // Later versions of the library skip it. Replicas on different systems must say the same.
  if (text.starts_with("\xEF\xBB\xBF")) return Malformed{"not JSON"};
  Json root;
  auto error = parse_padded(text, root);
  // By which error an integer that is too long is told differs between versions, too.
  if (!exact && error != simdjson::SUCCESS && error != simdjson::MEMALLOC &&
      error != simdjson::DEPTH_ERROR)
    error = parse_padded(with_long_integers_as_reals(text), root);
  if (error == simdjson::MEMALLOC) throw std::bad_alloc();
  if (error == simdjson::DEPTH_ERROR) return Malformed{"deeper than allowed"};
  if (error != simdjson::SUCCESS) return Malformed{exact ? what_is_wrong(error) : "not JSON"};
  if (doubles_a_key(root)) return Malformed{"duplicate key"};
  return root;
}

void JsonPicker::fail(const char* reason, const char* name) {
  if (!failed()) failure_ = Malformed{reason, name};
}

Json JsonPicker::field(Json object, const char* name) {
  const std::optional<Json> found = optional_field(object, name);
  if (!found) fail("missing", name);
  return found.value_or(null_json());
}

std::optional<Json> JsonPicker::optional_field(Json object, const char* name) {
  dom::object members;
  if (object.get(members) != simdjson::SUCCESS) {
    fail("not in an object", name);
    return std::nullopt;
  }
  Json found;
  if (members.at_key(name).get(found) != simdjson::SUCCESS) return std::nullopt;
  return found;
}

bool JsonPicker::boolean(Json object, const char* name) {
  bool value = false;
  if (field(object, name).get(value) != simdjson::SUCCESS) fail("not a boolean", name);
  return value;
}

std::uint32_t JsonPicker::small(Json object, const char* name, std::uint32_t max) {
  std::uint64_t number = 0;
  if (field(object, name).get(number) == simdjson::SUCCESS && number <= max)
    return static_cast<std::uint32_t>(number);
  fail("not an integer, or out of range", name);
  return 0;
}

std::uint64_t JsonPicker::unsigned_decimal(Json object, const char* name) {
  std::string_view digits;
  std::uint64_t number = 0;
  if (field(object, name).get(digits) == simdjson::SUCCESS && from_decimal(digits, number))
    return number;
  fail("not an unsigned 64-bit integer as a string", name);
  return 0;
}

std::int64_t JsonPicker::signed_decimal(Json object, const char* name) {
  std::string_view digits;
  std::int64_t number = 0;
  if (field(object, name).get(digits) == simdjson::SUCCESS && from_decimal(digits, number))
    return number;
  fail("not a signed 64-bit integer as a string", name);
  return 0;
}

double JsonPicker::real(Json object, const char* name) {
  const Json value = field(object, name);
  double number = 0;  // JavaScript writes 1.0 as 1
  if (value.get(number) == simdjson::SUCCESS) return number;
  std::string_view word;
  const bool is_word = value.get(word) == simdjson::SUCCESS;
  if (is_word && word == "Infinity") return std::numeric_limits<double>::infinity();
  if (is_word && word == "-Infinity") return -std::numeric_limits<double>::infinity();
  fail("not a number", name);
  return 0;
}

std::string JsonPicker::text(Json object, const char* name, std::size_t bytes_max) {
  return text_of(field(object, name), name, bytes_max);
}

std::string JsonPicker::text_of(Json value, const char* name, std::size_t bytes_max) {
  if (value.is_object()) {
    const Bytes bytes = base64(value, "base64", bytes_max);
    return std::string(as_text(bytes));
  }
  std::string_view text;
  if (value.get(text) != simdjson::SUCCESS) {
    fail("not a string", name);
  } else if (text.size() > bytes_max) {
    fail("longer than allowed", name);
  } else {
    return std::string(text);
  }
  return {};
}

std::optional<std::string_view> JsonPicker::string(Json object, const char* name) {
  std::string_view text;
  if (field(object, name).get(text) == simdjson::SUCCESS) return text;
  fail("not a string", name);
  return std::nullopt;
}

Bytes JsonPicker::base64(Json object, const char* name, std::size_t bytes_max) {
  const auto text = string(object, name);
  if (!text) return {};
  std::optional<Bytes> bytes = from_base64(*text);
  if (bytes && bytes->size() <= bytes_max) return std::move(*bytes);
  fail(bytes ? "longer than allowed" : "not canonical base64", name);
  return {};
}

void JsonPicker::hex(Json object, const char* name, std::span<std::uint8_t> out) {
  const auto text = string(object, name);
  if (text) from_hex(*text, name, out);
}

void JsonPicker::from_hex(std::string_view text, const char* name, std::span<std::uint8_t> out) {
  if (text.size() != out.size() * 2) return fail("hex of a wrong length", name);
  int seen = 0;  // negative once one digit was none
  for (std::size_t i = 0; i < out.size(); ++i) {
    const int high = lower_hex_values[static_cast<std::uint8_t>(text[2 * i])];
    const int low = lower_hex_values[static_cast<std::uint8_t>(text[2 * i + 1])];
    seen |= high | low;
    out[i] = static_cast<std::uint8_t>(high * 16 + low);
  }
  if (seen < 0) fail("not lower-case hex", name);
}

dom::array JsonPicker::array(Json object, const char* name, std::size_t count_max) {
  return array_of(field(object, name), name, count_max);
}

dom::array JsonPicker::array_of(Json value, const char* name, std::size_t count_max) {
  dom::array array;
  if (value.get(array) != simdjson::SUCCESS) {
    fail("not an array", name);
  } else if (array.size() > count_max) {  // says 2^24 - 1 of more than that: more than any limit
    fail("more elements than allowed", name);
  } else {
    return array;
  }
  return empty_array();
}

std::string_view JsonPicker::type(Json object) { return string(object, "type").value_or(""); }

}  // namespace prytany::wire
