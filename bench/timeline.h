// When answers came within a window: how many in each tenth of a second, and the longest silence.
#pragma once

#include <cstdint>
#include <vector>

namespace prytany::bench {

class Timeline {
 public:
  static constexpr std::uint64_t bin_us = 100'000;

  void begin(std::uint64_t now_us);
  /// Times do not fall, and none is before begin().
  void answered(std::uint64_t now_us);
  void end(std::uint64_t now_us);

  /// Valid after end(), which made a bin of what was left of the last tenth.
  [[nodiscard]] const std::vector<std::uint32_t>& bins() const { return bins_; }
  /// The longest time without an answer, of the window's beginning and end, too.
  [[nodiscard]] std::uint64_t gap_us() const { return gap_us_; }

 private:
  void heard(std::uint64_t now_us);

  std::uint64_t begin_us_ = 0;
  std::uint64_t last_us_ = 0;
  std::uint64_t gap_us_ = 0;
  std::vector<std::uint32_t> bins_;
};

}  // namespace prytany::bench
