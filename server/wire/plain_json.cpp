#include "server/wire/plain_json.h"

#include "server/wire/json_writer.h"

namespace prytany::wire {
namespace {

constexpr const char* beyond_64_bits = "not a 64-bit integer";
constexpr std::int64_t exact_in_javascript = (std::int64_t{1} << 53) - 1;

struct PutPlain {
  JsonWriter& w;
  void operator()(std::monostate) const { w.null(); }
  void operator()(std::int64_t v) const {
    if (v >= -exact_in_javascript && v <= exact_in_javascript) {
      w.integer(v);
    } else {
      w.decimal(v);
    }
  }
  void operator()(double v) const { w.real(v); }
  void operator()(const TextValue& v) const { w.text(v.text); }
  void operator()(const BlobValue& v) const {
    w.begin_object().key("base64").base64(v.bytes).end_object();
  }
};

Result<Value, Malformed> text_value(std::string_view text) {
  if (text.size() > limits::value_bytes_max) return Malformed{value_too_long.data()};
  return Value{TextValue{std::string(text)}};
}

/// An integer as JSON writes it: no zeros before it, as codes of people have.
bool is_json_integer(std::string_view text) {
  if (text.starts_with('-')) text.remove_prefix(1);
  if (text.empty() || (text.front() == '0' && text.size() > 1)) return false;
  return text.find_first_not_of("0123456789") == std::string_view::npos;
}

}  // namespace

std::string plain_json(const Value& value) {
  JsonWriter w;
  std::visit(PutPlain{w}, value);
  return std::move(w).take();
}

Result<Value, Malformed> value_from_plain(std::string_view text) {
  JsonDocument document;
  const Result<Json, Malformed> json = document.parse(text, limits::json_bytes_max);
  if (!json) return text_value(text);
  // The document has made a real of it if it is long enough.
  if (std::int64_t integer = 0; is_json_integer(text) && json->get(integer) != simdjson::SUCCESS)
    return Malformed{beyond_64_bits};
  return value_from_plain(*json);
}

Result<Value, Malformed> value_from_plain(Json json) {
  if (json.is_null()) return Value{};
  if (json.is_bool()) return Malformed{"SQL has neither true nor false: write 1 or 0"};
  if (std::int64_t integer = 0; json.get(integer) == simdjson::SUCCESS) return Value{integer};
  if (json.is_uint64()) return Malformed{beyond_64_bits};
  if (double real = 0; json.get(real) == simdjson::SUCCESS) return Value{real};
  if (std::string_view word; json.get(word) == simdjson::SUCCESS) return text_value(word);
  simdjson::dom::object object;
  Json base64;
  if (json.get(object) != simdjson::SUCCESS || object.size() != 1 ||
      object.at_key("base64").get(base64) != simdjson::SUCCESS)
    return Malformed{R"(neither a value nor {"base64":"..."} of a blob)"};
  JsonPicker picker;
  BlobValue blob;
  blob.bytes = picker.base64(json, "base64", limits::request_bytes_max);
  if (picker.failed()) return picker.failure();
  if (blob.bytes.size() > limits::value_bytes_max) return Malformed{value_too_long.data()};
  return Value{std::move(blob)};
}

}  // namespace prytany::wire
