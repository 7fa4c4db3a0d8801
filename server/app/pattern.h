// LIKE and GLOB, as SQLite defines them, with every comparison counted: its own may take a second
// within one VM step.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>
#include <vector>

namespace prytany::app {

class Pattern {
 public:
  /// `escape` is a character, or 0 for none.
  static Pattern like(std::string_view pattern, std::uint32_t escape);
  static Pattern glob(std::string_view pattern);

  /// Whether all of `text` matches. `spend` is told of comparisons made; when it says no, the
  /// answer is no.
  [[nodiscard]] bool matches(std::string_view text,
                             const std::function<bool(std::uint64_t)>& spend) const;

 private:
  struct Range {
    std::uint32_t first;
    std::uint32_t last;
  };
  struct Element {
    enum class Kind : std::uint8_t { any, one, character, set, never } kind;
    std::uint32_t character = 0;
    bool inverted = false;
    std::vector<Range> ranges;
  };
  [[nodiscard]] bool fits(const Element& element, std::uint32_t character) const;
  void add_set(std::string_view& rest);

  std::vector<Element> elements_;
  bool ignore_case_ = false;
};

/// Reads one character as SQLite does: total, and nonsense is U+FFFD. Requires: !text.empty().
std::uint32_t read_character(std::string_view& text);

}  // namespace prytany::app
