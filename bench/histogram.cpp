#include "bench/histogram.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace prytany::bench {
namespace {

constexpr std::uint64_t half = 1024;  // steps in each power of two: three digits

/// 0..2047 one by one; above, `half` steps for every doubling.
std::size_t index_of(std::uint64_t us) {
  const auto width = static_cast<std::uint64_t>(std::bit_width(us));
  const std::uint64_t doublings = width > 11 ? width - 11 : 0;
  return static_cast<std::size_t>(doublings * half + (us >> doublings));
}

/// The largest value that is counted at `index`.
std::uint64_t top_of(std::size_t index) {
  if (index < 2 * half) return index;
  const std::uint64_t doublings = index / half - 1;
  const std::uint64_t step = index - doublings * half;
  return ((step + 1) << doublings) - 1;
}

}  // namespace

Histogram::Histogram() : counts_(index_of(max_us) + 1) {}

void Histogram::record(std::uint64_t us) {
  us = std::min(us, max_us);
  ++counts_[index_of(us)];
  ++count_;
  largest_ = std::max(largest_, us);
}

void Histogram::add(const Histogram& other) {
  for (std::size_t i = 0; i < counts_.size(); ++i) counts_[i] += other.counts_[i];
  count_ += other.count_;
  largest_ = std::max(largest_, other.largest_);
}

std::uint64_t Histogram::percentile(double share) const {
  if (count_ == 0) return 0;
  const auto wanted =
      static_cast<std::uint64_t>(std::max(1.0, std::ceil(share * static_cast<double>(count_))));
  std::uint64_t seen = 0;
  for (std::size_t i = 0; i < counts_.size(); ++i) {
    seen += counts_[i];
    if (seen >= wanted) return std::min(top_of(i), largest_);
  }
  return largest_;
}

}  // namespace prytany::bench
