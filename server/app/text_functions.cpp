#include "server/app/text_functions.h"

#include <sqlite3.h>

#include <bitset>
#include <cstring>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "server/app/pattern.h"
#include "server/app/request_state.h"
#include "server/wire/limits.h"

namespace prytany::app {
namespace {

/// Bytes a function may go through for one unit of the budget: both cost about as much as a VM
/// step.
constexpr std::uint64_t bytes_per_step = 16;

bool spend(sqlite3_context* context, std::uint64_t bytes) {
  auto& state = *static_cast<RequestState*>(sqlite3_user_data(context));
  if (state.spend(bytes / bytes_per_step)) return true;
  sqlite3_result_error(context, "over budget", -1);
  return false;
}

std::string_view text_of(sqlite3_value* value) {
  const unsigned char* data = sqlite3_value_text(value);
  const int size = sqlite3_value_bytes(value);
  if (data == nullptr) return {};
  return {reinterpret_cast<const char*>(data), static_cast<std::size_t>(size)};
}
std::string_view blob_of(sqlite3_value* value) {
  const void* data = sqlite3_value_blob(value);
  const int size = sqlite3_value_bytes(value);
  if (data == nullptr) return {};
  return {static_cast<const char*>(data), static_cast<std::size_t>(size)};
}
bool is_null(sqlite3_value* value) { return sqlite3_value_type(value) == SQLITE_NULL; }
bool is_blob(sqlite3_value* value) { return sqlite3_value_type(value) == SQLITE_BLOB; }
bool is_continuation(char c) { return (static_cast<unsigned char>(c) & 0xc0) == 0x80; }

/// memmem is linear in the worst case.
std::size_t position(std::string_view haystack, std::string_view needle, std::size_t from) {
  if (from > haystack.size() || needle.size() > haystack.size() - from)
    return std::string_view::npos;
  const void* at =
      memmem(haystack.data() + from, haystack.size() - from, needle.data(), needle.size());
  if (at == nullptr) return std::string_view::npos;
  return static_cast<std::size_t>(static_cast<const char*>(at) - haystack.data());
}

void instr(sqlite3_context* context, int, sqlite3_value** a) {
  if (is_null(a[0]) || is_null(a[1])) return;
  const bool bytes = is_blob(a[0]) && is_blob(a[1]);
  const std::string_view haystack = bytes ? blob_of(a[0]) : text_of(a[0]);
  const std::string_view needle = bytes ? blob_of(a[1]) : text_of(a[1]);
  if (!spend(context, haystack.size() + needle.size())) return;
  if (needle.empty()) return sqlite3_result_int(context, 1);
  // SQLite moves by whole characters, so a match may only begin at the first byte of one.
  std::size_t at = position(haystack, needle, 0);
  while (!bytes && at != std::string_view::npos && at > 0 && is_continuation(haystack[at])) {
    if (!spend(context, needle.size())) return;
    at = position(haystack, needle, at + 1);
  }
  if (at == std::string_view::npos) return sqlite3_result_int(context, 0);
  int character = 1;
  for (std::size_t i = 1; i <= at; ++i)
    if (bytes || !is_continuation(haystack[i])) ++character;
  sqlite3_result_int(context, character);
}

void replace(sqlite3_context* context, int, sqlite3_value** a) {
  if (is_null(a[0]) || is_null(a[1])) return;
  const std::string_view text = text_of(a[0]);
  const std::string_view pattern = text_of(a[1]);
  // SQLite takes a pattern that begins with a NUL for an empty one.
  if (pattern.empty() || pattern[0] == '\0') return sqlite3_result_value(context, a[0]);
  if (is_null(a[2])) return;
  const std::string_view replacement = text_of(a[2]);
  if (!spend(context, text.size())) return;
  std::string out;
  std::size_t from = 0;
  for (;;) {
    const std::size_t at = position(text, pattern, from);
    if (at == std::string_view::npos) break;
    out.append(text.substr(from, at - from)).append(replacement);
    from = at + pattern.size();
    // What is found often takes longer than what is gone through.
    if (!spend(context, bytes_per_step)) return;
    if (out.size() > limits::value_bytes_max) return sqlite3_result_error_toobig(context);
  }
  out.append(text.substr(from));
  if (!spend(context, out.size())) return;
  sqlite3_result_text(context, out.data(), static_cast<int>(out.size()), SQLITE_TRANSIENT);
}

/// The bytes of the character at the front. SQLite takes any continuation bytes after a byte of
/// 0xc0 or more.
std::size_t front_bytes(std::string_view text) {
  std::size_t n = 1;
  if (static_cast<unsigned char>(text[0]) >= 0xc0)
    while (n < text.size() && is_continuation(text[n])) ++n;
  return n;
}

struct CharacterSet {
  std::bitset<256> single;
  std::vector<std::string_view> longer;

  explicit CharacterSet(std::string_view characters) {
    while (!characters.empty()) {
      const std::size_t n = front_bytes(characters);
      if (n == 1) {
        single.set(static_cast<unsigned char>(characters[0]));
      } else {
        longer.push_back(characters.substr(0, n));
      }
      characters.remove_prefix(n);
    }
  }
  /// How many bytes at this end are one of the characters; 0 if none.
  [[nodiscard]] std::size_t front(std::string_view text) const {
    if (single[static_cast<unsigned char>(text.front())]) return 1;
    for (const std::string_view c : longer)
      if (text.starts_with(c)) return c.size();
    return 0;
  }
  [[nodiscard]] std::size_t back(std::string_view text) const {
    if (single[static_cast<unsigned char>(text.back())]) return 1;
    for (const std::string_view c : longer)
      if (text.ends_with(c)) return c.size();
    return 0;
  }
};

template <bool left, bool right>
void trim(sqlite3_context* context, int, sqlite3_value** a) {
  if (is_null(a[0]) || is_null(a[1])) return;
  std::string_view text = text_of(a[0]);
  std::string_view characters = text_of(a[1]);
  characters = characters.substr(0, characters.find('\0'));  // where SQLite stops reading them
  if (!spend(context, text.size() + characters.size() * bytes_per_step / 4)) return;
  const CharacterSet set(characters);
  const auto strip = [&](auto match, auto remove) {
    while (!text.empty()) {
      // Also for the last character, which is none of these.
      if (!spend(context, set.longer.size() * bytes_per_step / 2)) return false;
      const std::size_t n = match();
      if (n == 0) return true;
      remove(n);
    }
    return true;
  };
  if (left &&
      !strip([&] { return set.front(text); }, [&](std::size_t n) { text.remove_prefix(n); }))
    return;
  if (right &&
      !strip([&] { return set.back(text); }, [&](std::size_t n) { text.remove_suffix(n); }))
    return;
  sqlite3_result_text(context, text.data(), static_cast<int>(text.size()), SQLITE_TRANSIENT);
}

/// As SQLite reads a character, also where it is none.
std::uint32_t character(std::string_view text, std::size_t& at) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  std::uint32_t c = byte(at++);
  if (c < 0xc0) return c;
  constexpr std::uint32_t bits[] = {0x1f, 0x1f, 0x0f, 0x07};  // by the four upper bits
  c = c >= 0xfe ? 0 : c & (c >= 0xfc ? 0x01U : c >= 0xf8 ? 0x03U : bits[(c >> 4) - 12]);
  while (at < text.size() && is_continuation(text[at])) c = (c << 6) + (byte(at++) & 0x3f);
  if (c < 0x80 || (c & 0xfffff800) == 0xd800 || (c & 0xfffffffe) == 0xfffe) return 0xfffd;
  return c;
}

int digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

/// SQLite looks for each character that is no digit in all of those that may stand between.
void unhex(sqlite3_context* context, int, sqlite3_value** a) {
  if (is_null(a[0]) || is_null(a[1])) return;
  const std::string_view hex = text_of(a[0]);
  const std::string_view between = text_of(a[1]);
  if (!spend(context, hex.size() + 4 * between.size())) return;
  std::unordered_set<std::uint32_t> allowed;
  for (std::size_t at = 0; at < between.size();) allowed.insert(character(between, at));
  std::string bytes;
  for (std::size_t at = 0; at < hex.size() && hex[at] != '\0';) {
    const int upper = digit(hex[at]);
    if (upper < 0) {
      if (!allowed.contains(character(hex, at))) return;
      continue;
    }
    const int lower = at + 1 < hex.size() ? digit(hex[at + 1]) : -1;
    if (lower < 0) return;
    bytes += static_cast<char>(16 * upper + lower);
    at += 2;
  }
  sqlite3_result_blob(context, bytes.data(), static_cast<int>(bytes.size()), SQLITE_TRANSIENT);
}

/// Whether the pattern may be used: the limit is SQLite's own.
bool good_pattern(sqlite3_context* context, std::string_view pattern) {
  sqlite3* db = sqlite3_context_db_handle(context);
  const int max = sqlite3_limit(db, SQLITE_LIMIT_LIKE_PATTERN_LENGTH, -1);
  if (pattern.size() <= static_cast<std::size_t>(max)) return true;
  sqlite3_result_error(context, "LIKE or GLOB pattern too complex", -1);
  return false;
}

void match(sqlite3_context* context, const Pattern& pattern, std::string_view text) {
  constexpr std::uint64_t comparisons_per_step = 4;
  auto& state = *static_cast<RequestState*>(sqlite3_user_data(context));
  const bool matches = pattern.matches(text, [&](std::uint64_t comparisons) {
    return state.spend(comparisons / comparisons_per_step);
  });
  if (state.failure) return sqlite3_result_error(context, "over budget", -1);
  sqlite3_result_int(context, matches ? 1 : 0);
}

/// X LIKE Y ESCAPE Z is like(Y, X, Z). It costs the index that SQLite's own can use for patterns
/// that begin with a constant; a range on the column does the same.
void like(sqlite3_context* context, int count, sqlite3_value** a) {
  if (is_blob(a[0]) || is_blob(a[1])) return sqlite3_result_int(context, 0);
  const std::string_view pattern = text_of(a[0]);
  if (!good_pattern(context, pattern)) return;
  std::uint32_t escape = 0;
  if (count == 3) {
    if (is_null(a[2])) return;
    std::string_view text = text_of(a[2]);
    text = text.substr(0, text.find('\0'));  // as SQLite counts its characters
    if (!text.empty()) escape = read_character(text);
    if (escape == 0 || !text.empty())
      return sqlite3_result_error(context, "ESCAPE expression must be a single character", -1);
  }
  if (is_null(a[0]) || is_null(a[1])) return;
  match(context, Pattern::like(pattern, escape), text_of(a[1]));
}

void glob(sqlite3_context* context, int, sqlite3_value** a) {
  if (is_blob(a[0]) || is_blob(a[1])) return sqlite3_result_int(context, 0);
  const std::string_view pattern = text_of(a[0]);
  if (!good_pattern(context, pattern)) return;
  if (is_null(a[0]) || is_null(a[1])) return;
  match(context, Pattern::glob(pattern), text_of(a[1]));
}

constexpr auto table = std::to_array<TextFunction>({
    {"glob", 2, glob},
    {"instr", 2, instr},
    {"like", 2, like},
    {"like", 3, like},
    {"replace", 3, replace},
    {"trim", 2, trim<true, true>},
    {"ltrim", 2, trim<true, false>},
    {"rtrim", 2, trim<false, true>},
    {"unhex", 2, unhex},
});

}  // namespace

const std::span<const TextFunction> text_functions = table;

}  // namespace prytany::app
