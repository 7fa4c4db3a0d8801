// Keys of which few are asked for often, as YCSB draws them.
#pragma once

#include <cstdint>

#include "bench/dice.h"

namespace prytany::bench {

/// Ranks 0..items-1 with probability proportional to 1 / (rank+1)^theta: Gray et al., "Quickly
/// Generating Billion-Record Synthetic Databases", SIGMOD 1994, section 3.2.
class Zipf {
 public:
  static constexpr double ycsb_theta = 0.99;
  /// Adds up `items` terms.
  explicit Zipf(std::uint64_t items, double theta = ycsb_theta);
  /// Whoever knows the sum of 1 / i^theta for i = 1..items.
  Zipf(std::uint64_t items, double theta, double zeta);

  [[nodiscard]] std::uint64_t draw(Dice& dice) const;

 private:
  std::uint64_t items_;
  double theta_;
  double zeta_;
  double alpha_;
  double eta_;
};

/// YCSB's scrambled Zipfian: a rank of ten thousand million, hashed (FNV-1a) onto the records, so
/// that the popular ones lie anywhere and do not depend on how many there are.
class ScrambledZipf {
 public:
  explicit ScrambledZipf(std::uint64_t records);
  [[nodiscard]] std::uint64_t draw(Dice& dice) const;

 private:
  std::uint64_t records_;
  Zipf ranks_;
};

/// FNV-1a over the eight bytes of `value`, least first.
std::uint64_t fnv1a(std::uint64_t value);

}  // namespace prytany::bench
