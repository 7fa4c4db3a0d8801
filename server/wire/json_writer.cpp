#include "server/wire/json_writer.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstring>

#include "server/base/ensure.h"
#include "server/base/utf8.h"

namespace prytany::wire {

namespace {

char* write_plain(char* to, std::string_view from) {
  std::memcpy(to, from.data(), from.size());
  return to + from.size();
}

}  // namespace

void JsonWriter::grow(std::size_t bytes) { out_.resize(std::max(2 * out_.size(), size_ + bytes)); }

char* JsonWriter::separated(std::size_t bytes) {
  char* const at = room(bytes + 1);
  if (size_ == 0) return at;
  // A string ends with its quote, so these can only be structure.
  const char last = at[-1];
  if (last == '{' || last == '[' || last == ':') return at;
  *at = ',';
  return at + 1;
}

void JsonWriter::put(std::string_view value) {
  if (!value.empty()) ends_at(write_plain(room(value.size()), value));
}

JsonWriter& JsonWriter::open(char bracket) {
  char* const at = separated(1);
  *at = bracket;
  ends_at(at + 1);
  return *this;
}

JsonWriter& JsonWriter::close(char bracket) {
  *room(1) = bracket;
  ++size_;
  return *this;
}

JsonWriter& JsonWriter::begin_object() { return open('{'); }
JsonWriter& JsonWriter::end_object() { return close('}'); }
JsonWriter& JsonWriter::begin_array() { return open('['); }
JsonWriter& JsonWriter::end_array() { return close(']'); }

JsonWriter& JsonWriter::key(std::string_view name) {
  char* at = separated(name.size() + 3);
  *at++ = '"';
  at = write_plain(at, name);
  *at++ = '"';
  *at++ = ':';
  ends_at(at);
  return *this;
}

JsonWriter& JsonWriter::bare(std::string_view word) {
  ends_at(write_plain(separated(word.size()), word));
  return *this;
}

JsonWriter& JsonWriter::null() { return bare("null"); }
JsonWriter& JsonWriter::boolean(bool value) { return bare(value ? "true" : "false"); }

JsonWriter& JsonWriter::integer(std::int64_t value) {
  std::array<char, 20> digits;
  return bare(written(digits, value));
}

JsonWriter& JsonWriter::real(double value) {
  if (std::isnan(value)) return ascii("NaN");
  if (std::isinf(value)) return ascii(value > 0 ? "Infinity" : "-Infinity");
  std::array<char, 32> digits;
  const auto [end, error] = std::to_chars(digits.data(), digits.data() + digits.size(), value);
  ENSURE(error == std::errc{});
  const std::string_view shortest(digits.data(), static_cast<std::size_t>(end - digits.data()));
  bare(shortest);
  // "-0" would be read as the integer 0, and its sign be lost.
  if (shortest.find_first_of(".e") == std::string_view::npos) put(".0");
  return *this;
}

JsonWriter& JsonWriter::text(std::string_view value) {
  if (!is_utf8(value)) return begin_object().key("base64").base64(as_bytes(value)).end_object();
  bare("\"");
  escaped(value);
  put("\"");
  return *this;
}

JsonWriter& JsonWriter::hex(ByteView value) {
  char* at = separated(2 * value.size() + 2);
  *at++ = '"';
  at = write_hex(at, value);
  *at++ = '"';
  ends_at(at);
  return *this;
}

JsonWriter& JsonWriter::ascii(std::string_view value) {
  char* at = separated(value.size() + 2);
  *at++ = '"';
  if (!value.empty()) at = write_plain(at, value);
  *at++ = '"';
  ends_at(at);
  return *this;
}

void JsonWriter::escaped(std::string_view value) {
  std::size_t copied = 0;
  for (std::size_t i = 0; i < value.size(); ++i) {
    const char c = value[i];
    const bool control = static_cast<unsigned char>(c) < 0x20;
    if (!control && c != '"' && c != '\\') continue;
    put(value.substr(copied, i - copied));
    copied = i + 1;
    if (control) {
      put("\\u00");
      put(to_hex(as_bytes(value.substr(i, 1))));
    } else {
      put("\\");
      put({&c, 1});
    }
  }
  put(value.substr(copied));
}

}  // namespace prytany::wire
