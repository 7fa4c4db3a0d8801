// Chance from a seed: the same operations in every run, whoever is faster.
#pragma once

#include <cstdint>

namespace prytany::bench {

/// SplitMix64 (Steele, Lea, Flood 2014): a counter, mixed.
class Dice {
 public:
  explicit Dice(std::uint64_t seed) : state_(seed) {}
  /// For the n-th operation of a client. Nothing is kept between operations, so that the order in
  /// which clients are answered decides nothing.
  Dice(std::uint64_t seed, std::uint64_t client, std::uint64_t n) : state_(seed) {
    state_ = next() ^ client;
    state_ = next() ^ n;
  }

  std::uint64_t next() {
    state_ += 0x9e3779b97f4a7c15U;
    std::uint64_t mixed = state_;
    mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9U;
    mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111ebU;
    return mixed ^ (mixed >> 31);
  }
  /// 0..bound-1. The remainder's bias is below 2^-40 for every bound here.
  std::uint64_t below(std::uint64_t bound) { return next() % bound; }
  /// first..last
  std::int64_t between(std::int64_t first, std::int64_t last) {
    return first + static_cast<std::int64_t>(below(static_cast<std::uint64_t>(last - first + 1)));
  }
  /// [0, 1)
  double share() { return static_cast<double>(next() >> 11) * 0x1p-53; }

 private:
  std::uint64_t state_;
};

}  // namespace prytany::bench
