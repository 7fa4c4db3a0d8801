#include "server/wire/plain_json.h"

#include "server/wire/json_reader.h"
#include "server/wire/json_writer.h"

namespace prytany::wire {
namespace {

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
  if (text.size() > limits::value_bytes_max) return Malformed{"longer than allowed"};
  return Value{TextValue{std::string(text)}};
}

bool looks_like_number(std::string_view text) {
  return !text.empty() && text.find_first_not_of("-0123456789") == std::string_view::npos &&
         text.find_last_of('-') == (text.front() == '-' ? 0 : std::string_view::npos) &&
         text != "-";
}

}  // namespace

std::string plain_json(const Value& value) {
  JsonWriter w;
  std::visit(PutPlain{w}, value);
  return std::move(w).take();
}

Result<Value, Malformed> value_from_plain(std::string_view text) {
  const Result<Json, Malformed> json = parse_json(text, limits::json_bytes_max);
  if (!json) return text_value(text);
  if (json->is_null()) return Value{};
  if (json->is_boolean()) return Malformed{"SQL has neither true nor false: write 1 or 0"};
  if (json->is_number_integer()) {
    if (json->is_number_unsigned() && json->get<std::uint64_t>() > INT64_MAX)
      return Malformed{"not a 64-bit integer"};
    return Value{json->get<std::int64_t>()};
  }
  if (json->is_number()) {
    if (looks_like_number(text)) return Malformed{"not a 64-bit integer"};
    return Value{json->get<double>()};
  }
  if (json->is_string()) return text_value(json->get_ref<const std::string&>());
  JsonPicker picker;
  BlobValue blob;
  if (json->is_object() && json->size() == 1)
    blob.bytes = picker.base64(*json, "base64", limits::value_bytes_max);
  else
    picker.fail("neither a value nor a text: quote it", nullptr);
  if (picker.failed()) return picker.failure();
  return Value{std::move(blob)};
}

}  // namespace prytany::wire
