// Latencies, counted in HdrHistogram's layout: linear within each power of two, three digits exact.
#pragma once

#include <cstdint>
#include <vector>

namespace prytany::bench {

class Histogram {
 public:
  /// Microseconds; above a minute counts as a minute.
  static constexpr std::uint64_t max_us = 60'000'000;

  Histogram();
  void record(std::uint64_t us);
  void add(const Histogram& other);

  [[nodiscard]] std::uint64_t count() const { return count_; }
  /// The exact largest value; 0 when empty.
  [[nodiscard]] std::uint64_t max() const { return largest_; }
  /// The smallest value, to three digits, that `share` (0..1) of all are at or below. 0 when empty.
  [[nodiscard]] std::uint64_t percentile(double share) const;

 private:
  std::vector<std::uint64_t> counts_;
  std::uint64_t count_ = 0;
  std::uint64_t largest_ = 0;
};

}  // namespace prytany::bench
