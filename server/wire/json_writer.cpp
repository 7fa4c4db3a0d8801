#include "server/wire/json_writer.h"

#include <array>
#include <charconv>
#include <cmath>

#include "server/base/ensure.h"
#include "server/base/utf8.h"

namespace prytany::wire {

void JsonWriter::separate() {
  if (out_.empty()) return;
  // A string ends with its quote, so these can only be structure.
  const char last = out_.back();
  if (last != '{' && last != '[' && last != ':') out_.push_back(',');
}

JsonWriter& JsonWriter::begin_object() {
  separate();
  out_.push_back('{');
  return *this;
}

JsonWriter& JsonWriter::end_object() {
  out_.push_back('}');
  return *this;
}

JsonWriter& JsonWriter::begin_array() {
  separate();
  out_.push_back('[');
  return *this;
}

JsonWriter& JsonWriter::end_array() {
  out_.push_back(']');
  return *this;
}

JsonWriter& JsonWriter::key(std::string_view name) {
  separate();
  out_.push_back('"');
  out_.append(name);
  out_.append("\":");
  return *this;
}

JsonWriter& JsonWriter::null() {
  separate();
  out_.append("null");
  return *this;
}

JsonWriter& JsonWriter::boolean(bool value) {
  separate();
  out_.append(value ? "true" : "false");
  return *this;
}

JsonWriter& JsonWriter::integer(std::int64_t value) {
  std::array<char, 20> digits{};
  separate();
  out_.append(written(digits, value));
  return *this;
}

JsonWriter& JsonWriter::real(double value) {
  if (std::isnan(value)) return ascii("NaN");
  if (std::isinf(value)) return ascii(value > 0 ? "Infinity" : "-Infinity");
  std::array<char, 32> digits;
  const auto [end, error] = std::to_chars(digits.data(), digits.data() + digits.size(), value);
  ENSURE(error == std::errc{});
  const std::string_view shortest(digits.data(), static_cast<std::size_t>(end - digits.data()));
  separate();
  out_.append(shortest);
  // "-0" would be read as the integer 0, and its sign be lost.
  if (shortest.find_first_of(".e") == std::string_view::npos) out_.append(".0");
  return *this;
}

JsonWriter& JsonWriter::text(std::string_view value) {
  if (!is_utf8(value)) return begin_object().key("base64").base64(as_bytes(value)).end_object();
  separate();
  out_.push_back('"');
  escaped(value);
  out_.push_back('"');
  return *this;
}

JsonWriter& JsonWriter::hex(ByteView value) {
  separate();
  out_.push_back('"');
  append_hex(out_, value);
  out_.push_back('"');
  return *this;
}

JsonWriter& JsonWriter::ascii(std::string_view value) {
  separate();
  out_.push_back('"');
  out_.append(value);
  out_.push_back('"');
  return *this;
}

void JsonWriter::escaped(std::string_view value) {
  std::size_t copied = 0;
  for (std::size_t i = 0; i < value.size(); ++i) {
    const char c = value[i];
    const bool control = static_cast<unsigned char>(c) < 0x20;
    if (!control && c != '"' && c != '\\') continue;
    out_.append(value.substr(copied, i - copied));
    copied = i + 1;
    if (control) {
      out_.append("\\u00");
      out_.append(to_hex(as_bytes(value.substr(i, 1))));
    } else {
      out_.push_back('\\');
      out_.push_back(c);
    }
  }
  out_.append(value.substr(copied));
}

}  // namespace prytany::wire
