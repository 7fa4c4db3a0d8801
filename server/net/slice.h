// A party's part of the loop's time. Whoever sends what costs much to look at (signatures to
// check, thousands of small frames) gets a slice of each turn and waits with the rest, in the
// socket's buffer or ours, until everybody else had theirs: the cost falls on the one who causes
// it. While nobody else has anything to do, turns follow each other at once, and nothing is lost.
#pragma once

#include <algorithm>
#include <cstdint>

namespace prytany::net {

class Slice {
 public:
  explicit Slice(std::uint64_t slice_us) : slice_us_(slice_us) {}

  /// Whether something is left of it in this turn.
  [[nodiscard]] bool left() const { return owed_us_ < slice_us_; }
  /// The last thing that was begun may go beyond the slice; later turns pay for that.
  void spend(std::uint64_t us) { owed_us_ += us; }
  /// A turn of the loop has passed.
  void renew() { owed_us_ -= std::min(owed_us_, slice_us_); }
  /// Nothing was used, or all of it is paid.
  [[nodiscard]] bool whole() const { return owed_us_ == 0; }

 private:
  std::uint64_t slice_us_;
  std::uint64_t owed_us_ = 0;
};

}  // namespace prytany::net
