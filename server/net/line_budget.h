// How many lines the log gets about one peer: a few at once, as a restart makes, and then only the
// last of each period, with the number of those before it. Links that come and go a thousand times
// a second do not fill a disk, and what the log ends with is still how things are.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "server/wire/ids.h"

namespace prytany::net {

class LineBudget {
 public:
  static constexpr unsigned lines_max = 8;  // per period

  explicit LineBudget(std::uint64_t period_us) : period_us_(period_us) {}

  /// What to write of it now: the line, or nothing yet.
  std::optional<std::string> say(Time now, std::string line) {
    if (!held_ && now >= until_) {
      until_ = now + period_us_;
      said_ = 0;
    }
    if (said_ < lines_max) {
      ++said_;
      return line;
    }
    if (held_) ++left_out_;
    held_ = std::move(line);
    return std::nullopt;
  }
  /// When take() has something; `never` if nothing is held.
  [[nodiscard]] Time due() const { return held_ ? until_ : never; }
  /// The last line that was held, which begins another period. Requires: one is held.
  std::string take(Time now) {
    std::string line = *std::exchange(held_, std::nullopt);
    if (left_out_ > 0)
      line += " (" + std::to_string(left_out_) + " such lines before are left out)";
    left_out_ = 0;
    said_ = 1;
    until_ = now + period_us_;
    return line;
  }

 private:
  std::uint64_t period_us_;
  Time until_;
  unsigned said_ = 0;  // in this period
  std::optional<std::string> held_;
  std::uint64_t left_out_ = 0;
};

}  // namespace prytany::net
