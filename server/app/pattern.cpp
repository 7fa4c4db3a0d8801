#include "server/app/pattern.h"

#include <algorithm>

namespace prytany::app {
namespace {

std::uint32_t lower(std::uint32_t c) { return c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c; }

/// SQLite's patterns and texts end at the first NUL.
std::string_view until_nul(std::string_view text) { return text.substr(0, text.find('\0')); }

}  // namespace

std::uint32_t read_character(std::string_view& text) {
  const auto byte = [&] { return static_cast<std::uint8_t>(text[0]); };
  std::uint32_t c = byte();
  text.remove_prefix(1);
  if (c < 0xc0) return c;
  c &= c < 0xe0 ? 0x1fU : c < 0xf0 ? 0x0fU : c < 0xf8 ? 0x07U : c < 0xfc ? 0x03U : 0x01U;
  while (!text.empty() && (byte() & 0xc0) == 0x80) {
    c = (c << 6) + (byte() & 0x3fU);
    text.remove_prefix(1);
  }
  if (c < 0x80 || (c & 0xfffff800U) == 0xd800U || (c & 0xfffffffeU) == 0xfffeU) return 0xfffd;
  return c;
}

Pattern Pattern::like(std::string_view pattern, std::uint32_t escape) {
  Pattern made;
  made.ignore_case_ = true;
  std::string_view rest = until_nul(pattern);
  while (!rest.empty()) {
    const std::uint32_t c = read_character(rest);
    if (escape != 0 && c == escape) {
      // What follows stands for itself; nothing may follow nothing.
      if (rest.empty()) {
        made.elements_.push_back({Element::Kind::never, 0, false, {}});
      } else {
        made.elements_.push_back({Element::Kind::character, read_character(rest), false, {}});
      }
    } else if (c == '%') {
      made.elements_.push_back({Element::Kind::any, 0, false, {}});
    } else if (c == '_') {
      made.elements_.push_back({Element::Kind::one, 0, false, {}});
    } else {
      made.elements_.push_back({Element::Kind::character, c, false, {}});
    }
  }
  return made;
}

Pattern Pattern::glob(std::string_view pattern) {
  Pattern made;
  std::string_view rest = until_nul(pattern);
  while (!rest.empty()) {
    const std::uint32_t c = read_character(rest);
    if (c == '*') {
      made.elements_.push_back({Element::Kind::any, 0, false, {}});
    } else if (c == '?') {
      made.elements_.push_back({Element::Kind::one, 0, false, {}});
    } else if (c == '[') {
      made.add_set(rest);
    } else {
      made.elements_.push_back({Element::Kind::character, c, false, {}});
    }
  }
  return made;
}

void Pattern::add_set(std::string_view& rest) {
  Element set{Element::Kind::set, 0, false, {}};
  const auto next = [&]() -> std::uint32_t { return rest.empty() ? 0 : read_character(rest); };
  std::uint32_t c = next();
  if (c == '^') {
    set.inverted = true;
    c = next();
  }
  if (c == ']') {
    set.ranges.push_back({']', ']'});
    c = next();
  }
  std::uint32_t prior = 0;
  while (c != 0 && c != ']') {
    if (c == '-' && !rest.empty() && rest[0] != ']' && prior > 0) {
      c = next();
      set.ranges.push_back({prior, c});
      prior = 0;
    } else {
      set.ranges.push_back({c, c});
      prior = c;
    }
    c = next();
  }
  if (c == 0) set.kind = Element::Kind::never;  // the set is not closed
  elements_.push_back(std::move(set));
}

bool Pattern::fits(const Element& element, std::uint32_t c) const {
  switch (element.kind) {
    case Element::Kind::one: return true;
    case Element::Kind::character:
      if (element.character == c) return true;
      return ignore_case_ && c < 0x80 && element.character < 0x80 &&
             lower(c) == lower(element.character);
    case Element::Kind::set:
      return element.inverted !=
             std::any_of(element.ranges.begin(), element.ranges.end(),
                         [&](const Range& range) { return c >= range.first && c <= range.last; });
    default: return false;
  }
}

bool Pattern::matches(std::string_view text,
                      const std::function<bool(std::uint64_t)>& spend) const {
  constexpr std::uint64_t report_every = 4096;
  std::string_view rest = until_nul(text);
  std::size_t at = 0;
  // Where to go on if this does not work out: only the last "any" can help.
  std::optional<std::size_t> retry_at;
  std::string_view retry_rest;
  std::uint64_t compared = elements_.size();  // they were made for this call
  for (;;) {
    if (++compared >= report_every) {
      if (!spend(compared)) return false;
      compared = 0;
    }
    if (at < elements_.size() && elements_[at].kind == Element::Kind::any) {
      retry_at = ++at;
      retry_rest = rest;
      continue;
    }
    if (rest.empty() && at == elements_.size()) break;
    if (!rest.empty() && at < elements_.size()) {
      std::string_view after = rest;
      compared += elements_[at].ranges.size();
      if (fits(elements_[at], read_character(after))) {
        rest = after;
        ++at;
        continue;
      }
    }
    if (!retry_at || retry_rest.empty()) return spend(compared) && false;
    read_character(retry_rest);
    rest = retry_rest;
    at = *retry_at;
  }
  return spend(compared);
}

}  // namespace prytany::app
