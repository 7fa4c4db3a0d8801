#include "server/wire/json_reader.h"

#include <charconv>
#include <limits>

#include "server/wire/limits.h"

namespace prytany::wire {
namespace {

const Json null_json;
const Json empty_array = Json::array();
const std::string empty_text;

/// The events of nlohmann's scanner. Every handler that returns false ends the scan.
class Builder {
 public:
  using json = Json;

  bool null() { return add(nullptr); }
  bool boolean(bool value) { return add(value); }
  bool number_integer(std::int64_t value) { return add(value); }
  bool number_unsigned(std::uint64_t value) { return add(value); }
  bool number_float(double value, const std::string&) { return add(value); }
  bool string(std::string& value) { return add(std::move(value)); }
  bool binary(Json::binary_t&) { return refuse("not JSON"); }

  bool start_object(std::size_t) { return open(Json::object()); }
  bool key(std::string& name) {
    auto& object = open_.back()->get_ref<Json::object_t&>();
    const auto [place, is_new] = object.try_emplace(std::move(name));
    if (!is_new) return refuse("duplicate key");
    slot_ = &place->second;
    return true;
  }
  bool end_object() { return close(); }
  bool start_array(std::size_t) { return open(Json::array()); }
  bool end_array() { return close(); }
  bool parse_error(std::size_t, const std::string&, const nlohmann::detail::exception&) {
    return refuse("not JSON");
  }

  [[nodiscard]] const char* reason() const { return reason_; }
  Json take() { return std::move(root_); }

 private:
  template <class T>
  Json* place(T&& value) {
    if (open_.empty()) return &(root_ = std::forward<T>(value));
    if (open_.back()->is_array()) return &open_.back()->emplace_back(std::forward<T>(value));
    return &(*slot_ = std::forward<T>(value));
  }
  template <class T>
  bool add(T&& value) {
    place(std::forward<T>(value));
    return true;
  }
  bool open(Json container) {
    if (open_.size() == limits::json_depth_max) return refuse("deeper than allowed");
    open_.push_back(place(std::move(container)));
    return true;
  }
  bool close() {
    open_.pop_back();
    return true;
  }
  bool refuse(const char* reason) {
    if (reason_ == nullptr) reason_ = reason;
    return false;
  }

  Json root_;
  // Innermost last. They stay valid: a container grows only when all inside it are closed.
  std::vector<Json*> open_;
  Json* slot_ = nullptr;  // of the key just read
  const char* reason_ = nullptr;
};

bool lower_hex_digit(char c, std::uint8_t& value) {
  if (c >= '0' && c <= '9') {
    value = static_cast<std::uint8_t>(c - '0');
  } else if (c >= 'a' && c <= 'f') {
    value = static_cast<std::uint8_t>(c - 'a' + 10);
  } else {
    return false;
  }
  return true;
}

/// One text per number: what to_string() writes, and nothing else.
template <class I>
bool from_decimal(const std::string& text, I& out) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  return error == std::errc{} && end == text.data() + text.size() && std::to_string(out) == text;
}

}  // namespace

Result<Json, Malformed> parse_json(std::string_view text, std::size_t bytes_max) {
  if (text.size() > bytes_max) return Malformed{"longer than allowed"};
  Builder builder;
  const bool whole = Json::sax_parse(text.begin(), text.end(), &builder);
  if (builder.reason() != nullptr) return Malformed{builder.reason()};
  if (!whole) return Malformed{"not JSON"};
  return builder.take();
}

void JsonPicker::fail(const char* reason, const char* name) {
  if (!failed()) failure_ = Malformed{reason, name};
}

const Json& JsonPicker::field(const Json& object, const char* name) {
  const Json* const found = optional_field(object, name);
  if (found == nullptr) fail("missing", name);
  return found == nullptr ? null_json : *found;
}

const Json* JsonPicker::optional_field(const Json& object, const char* name) {
  if (!object.is_object()) {
    fail("not in an object", name);
    return nullptr;
  }
  const auto found = object.find(name);
  return found == object.end() ? nullptr : &*found;
}

bool JsonPicker::boolean(const Json& object, const char* name) {
  const Json& value = field(object, name);
  if (value.is_boolean()) return value.get<bool>();
  fail("not a boolean", name);
  return false;
}

std::uint32_t JsonPicker::small(const Json& object, const char* name, std::uint32_t max) {
  const Json& value = field(object, name);
  if (value.is_number_unsigned()) {
    const auto number = value.get<std::uint64_t>();
    if (number <= max) return static_cast<std::uint32_t>(number);
  }
  fail("not an integer, or out of range", name);
  return 0;
}

std::uint64_t JsonPicker::unsigned_decimal(const Json& object, const char* name) {
  const Json& value = field(object, name);
  std::uint64_t number = 0;
  if (value.is_string() && from_decimal(value.get_ref<const std::string&>(), number)) return number;
  fail("not an unsigned 64-bit integer as a string", name);
  return 0;
}

std::int64_t JsonPicker::signed_decimal(const Json& object, const char* name) {
  const Json& value = field(object, name);
  std::int64_t number = 0;
  if (value.is_string() && from_decimal(value.get_ref<const std::string&>(), number)) return number;
  fail("not a signed 64-bit integer as a string", name);
  return 0;
}

double JsonPicker::real(const Json& object, const char* name) {
  const Json& value = field(object, name);
  if (value.is_number()) return value.get<double>();  // JavaScript writes 1.0 as 1
  if (value == "Infinity") return std::numeric_limits<double>::infinity();
  if (value == "-Infinity") return -std::numeric_limits<double>::infinity();
  fail("not a number", name);
  return 0;
}

std::string JsonPicker::text(const Json& object, const char* name, std::size_t bytes_max) {
  return text_of(field(object, name), name, bytes_max);
}

std::string JsonPicker::text_of(const Json& value, const char* name, std::size_t bytes_max) {
  if (value.is_object()) {
    const Bytes bytes = base64(value, "base64", bytes_max);
    return std::string(as_text(bytes));
  }
  if (!value.is_string()) {
    fail("not a string", name);
    return {};
  }
  const auto& text = value.get_ref<const std::string&>();
  if (text.size() <= bytes_max) return text;
  fail("longer than allowed", name);
  return {};
}

Bytes JsonPicker::base64(const Json& object, const char* name, std::size_t bytes_max) {
  const Json& value = field(object, name);
  if (value.is_string()) {
    std::optional<Bytes> bytes = from_base64(value.get_ref<const std::string&>());
    if (bytes && bytes->size() <= bytes_max) return std::move(*bytes);
    fail(bytes ? "longer than allowed" : "not canonical base64", name);
  }
  fail("not a string", name);
  return {};
}

void JsonPicker::hex(const Json& object, const char* name, std::span<std::uint8_t> out) {
  const Json& value = field(object, name);
  if (!value.is_string()) return fail("not a string", name);
  const auto& text = value.get_ref<const std::string&>();
  if (text.size() != out.size() * 2) return fail("hex of a wrong length", name);
  for (std::size_t i = 0; i < out.size(); ++i) {
    std::uint8_t high = 0;
    std::uint8_t low = 0;
    if (!lower_hex_digit(text[2 * i], high) || !lower_hex_digit(text[2 * i + 1], low))
      return fail("not lower-case hex", name);
    out[i] = static_cast<std::uint8_t>(high << 4 | low);
  }
}

const Json& JsonPicker::array(const Json& object, const char* name, std::size_t count_max) {
  return array_of(field(object, name), name, count_max);
}

const Json& JsonPicker::array_of(const Json& value, const char* name, std::size_t count_max) {
  if (!value.is_array()) {
    fail("not an array", name);
  } else if (value.size() > count_max) {
    fail("more elements than allowed", name);
  } else {
    return value;  // NOLINT(bugprone-return-const-ref-from-parameter): a part of the document read
  }
  return empty_array;
}

const std::string& JsonPicker::type(const Json& object) {
  const Json& value = field(object, "type");
  if (value.is_string()) return value.get_ref<const std::string&>();
  fail("not a string", "type");
  return empty_text;
}

}  // namespace prytany::wire
