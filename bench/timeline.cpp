#include "bench/timeline.h"

#include <algorithm>

namespace prytany::bench {

void Timeline::begin(std::uint64_t now_us) {
  begin_us_ = now_us;
  last_us_ = now_us;
  gap_us_ = 0;
  bins_.clear();
}

void Timeline::heard(std::uint64_t now_us) {
  gap_us_ = std::max(gap_us_, now_us - last_us_);
  last_us_ = now_us;
  const auto bin = static_cast<std::size_t>((now_us - begin_us_) / bin_us);
  if (bins_.size() <= bin) bins_.resize(bin + 1);
}

void Timeline::answered(std::uint64_t now_us) {
  heard(now_us);
  ++bins_.back();
}

void Timeline::end(std::uint64_t now_us) {
  // A window of exactly a second has ten bins.
  if (now_us > begin_us_) heard(std::max(last_us_, now_us - 1));
}

}  // namespace prytany::bench
