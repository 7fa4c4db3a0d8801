#include "server/wire/json_object.h"

#include <algorithm>
#include <vector>

namespace prytany::wire {
namespace {

using Json = JsonObject::Json;

constexpr int depth_max = 8;

/// Thrown by the parser's callback and caught around the parser, nowhere else: the library has no
/// other way to stop early, and a deeply nested document must not become a deeply nested value.
struct Stop {
  std::string why;
};

/// nlohmann keeps the last of duplicate keys silently; two readers of one file must not see two
/// contents.
class StrictParser {
 public:
  bool operator()(int depth, Json::parse_event_t event, Json& value) {
    if (depth > depth_max) throw Stop{"nested too deeply"};
    if (event == Json::parse_event_t::object_start) keys_.emplace_back();
    if (event == Json::parse_event_t::object_end) keys_.pop_back();
    if (event == Json::parse_event_t::key) {
      const auto& key = value.get_ref<const std::string&>();
      if (!keys_.back().insert(key).second) throw Stop{"field \"" + key + "\" appears twice"};
    }
    return true;
  }

 private:
  std::vector<std::set<std::string>> keys_;
};

}  // namespace

JsonObject::JsonObject(const Json& object, std::string where, std::optional<Error>& error)
    : object_(object), where_(std::move(where)), error_(error) {
  if (!object_.is_object() && !error_) {
    error_ = Error{(where_.empty() ? "the file" : where_) + " is not a JSON object"};
  }
}

std::string JsonObject::name(const std::string& field) const {
  return where_.empty() ? field : where_ + "." + field;
}

void JsonObject::fail(const std::string& field, const std::string& what) {
  if (!error_) error_ = Error{name(field) + " " + what};
}

const Json* JsonObject::find(const char* field) {
  if (failed()) return nullptr;
  asked_.insert(field);
  const auto found = object_.find(field);
  if (found == object_.end()) {
    fail(field, "is missing");
    return nullptr;
  }
  return &*found;
}

std::string JsonObject::text(const char* field, std::size_t bytes_max) {
  const Json* value = find(field);
  if (value == nullptr) return {};
  if (!value->is_string()) return fail(field, "is not a string"), std::string();
  auto text = value->get<std::string>();
  const bool control = std::ranges::any_of(
      text, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; });
  if (text.empty()) fail(field, "is empty");
  if (control) fail(field, "has a control character");
  if (text.size() > bytes_max) {
    fail(field, "is longer than " + std::to_string(bytes_max) + " bytes");
  }
  return failed() ? std::string() : text;
}

std::uint64_t JsonObject::number(const char* field, std::uint64_t min, std::uint64_t max) {
  const Json* value = find(field);
  if (value == nullptr) return min;
  if (!value->is_number_unsigned()) return fail(field, "is not a whole number >= 0"), min;
  const auto number = value->get<std::uint64_t>();
  if (number < min || number > max) {
    fail(field, "must be from " + std::to_string(min) + " to " + std::to_string(max));
    return min;
  }
  return number;
}

bool JsonObject::flag(const char* field) {
  const Json* value = find(field);
  if (value == nullptr) return false;
  if (!value->is_boolean()) return fail(field, "is not true or false"), false;
  return value->get<bool>();
}

Bytes JsonObject::hex(const char* field, std::size_t size) {
  const std::string digits = text(field, 2 * size);
  if (failed()) return {};
  auto bytes = from_hex(digits);
  if (!bytes || bytes->size() != size) {
    fail(field, "is not " + std::to_string(2 * size) + " hexadecimal digits");
    return {};
  }
  return std::move(*bytes);
}

void JsonObject::each(const char* field, std::size_t max,
                      const std::function<void(JsonObject&)>& read) {
  const Json* value = find(field);
  if (value == nullptr) return;
  if (!value->is_array()) return fail(field, "is not an array");
  if (value->size() > max) return fail(field, "has more than " + std::to_string(max) + " elements");
  for (std::size_t i = 0; i < value->size() && !failed(); ++i) {
    JsonObject element((*value)[i], name(field) + "[" + std::to_string(i) + "]", error_);
    if (!failed()) read(element);
  }
}

void JsonObject::each_value(const char* field, std::size_t max,
                            const std::function<void(JsonObject&)>& read) {
  const Json* value = find(field);
  if (value == nullptr) return;
  if (!value->is_array()) return fail(field, "is not an array");
  if (value->size() > max) return fail(field, "has more than " + std::to_string(max) + " elements");
  for (std::size_t i = 0; i < value->size() && !failed(); ++i) {
    const Json holder = {{"key", (*value)[i]}};
    JsonObject element(holder, name(field) + "[" + std::to_string(i) + "]", error_);
    read(element);
  }
}

void JsonObject::finish() {
  if (failed()) return;
  for (const auto& item : object_.items()) {
    if (!asked_.contains(item.key())) return fail(item.key(), "is no field of this format");
  }
}

std::optional<Error> read_json_object(std::string_view text, std::size_t bytes_max,
                                      const char* format,
                                      const std::function<void(JsonObject&)>& read) {
  return read_json_object(text, bytes_max, {format},
                          [&](JsonObject& object, std::string_view) { read(object); });
}

std::optional<Error> read_json_object(
    std::string_view text, std::size_t bytes_max, std::initializer_list<const char*> formats,
    const std::function<void(JsonObject&, std::string_view format)>& read) {
  if (text.size() > bytes_max) {
    return Error{"longer than " + std::to_string(bytes_max) + " bytes: not such a file"};
  }
  std::optional<Error> error;
  try {
    const Json json = Json::parse(text, StrictParser{});
    JsonObject object(json, "", error);
    const std::string found = object.text("format", 64);
    if (!error && std::ranges::find(formats, found) == formats.end()) {
      std::string expected;
      for (const char* format : formats)
        expected += std::string(expected.empty() ? "\"" : " or \"") + format + "\"";
      object.fail("format", "is \"" + found + "\", expected " + expected);
    }
    if (!error) read(object, found);
  } catch (const Stop& stop) {
    error = Error{stop.why};
  } catch (const Json::exception& exception) {
    error = Error{std::string("not JSON: ") + exception.what()};
  }
  return error;
}

}  // namespace prytany::wire
