// The simulator's only source of chance. Integers throughout: the standard's distributions and the
// C library's logarithm may differ between builds, and then a seed would no longer name one run.
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <span>

#include "server/base/ensure.h"

namespace prytany::sim {

/// Parts per million: how often something happens, without floating point.
using Ppm = std::uint32_t;

/// SplitMix64: turns any 64-bit number into well mixed ones. Seeds the generator below.
class SplitMix {
 public:
  explicit SplitMix(std::uint64_t seed) : state_(seed) {}
  std::uint64_t next() {
    std::uint64_t z = (state_ += 0x9E3779B97F4A7C15U);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9U;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBU;
    return z ^ (z >> 31);
  }

 private:
  std::uint64_t state_;
};

/// xoshiro256**.
class Rng {
 public:
  explicit Rng(std::uint64_t seed) {
    SplitMix mix(seed);
    for (std::uint64_t& word : state_) word = mix.next();
  }
  /// A stream of its own for one purpose: what one part of the world draws never shifts what
  /// another part draws, so that a changed workload keeps the faults of its seed.
  Rng(std::uint64_t seed, std::uint64_t purpose) : Rng(SplitMix(seed ^ (purpose << 56)).next()) {}

  std::uint64_t next() {
    const std::uint64_t result = std::rotl(state_[1] * 5, 7) * 9;
    const std::uint64_t shifted = state_[1] << 17;
    state_[2] ^= state_[0];
    state_[3] ^= state_[1];
    state_[1] ^= state_[2];
    state_[0] ^= state_[3];
    state_[2] ^= shifted;
    state_[3] = std::rotl(state_[3], 45);
    return result;
  }

  /// Uniform in [0, n). Requires: n > 0. Draws again rather than favour small numbers.
  std::uint64_t below(std::uint64_t n) {
    ENSURE(n > 0);
    const std::uint64_t first_fair = (0 - n) % n;
    for (;;) {
      const std::uint64_t drawn = next();
      if (drawn >= first_fair) return drawn % n;
    }
  }
  /// Uniform in [low, high].
  std::uint64_t between(std::uint64_t low, std::uint64_t high) {
    ENSURE(low <= high);
    return low + below(high - low + 1);
  }
  bool chance(Ppm rate) { return below(1'000'000) < rate; }

  /// About exponential with this mean: -log2 of a uniform number is its leading zeros plus a
  /// fraction, which is interpolated linearly. Bounded by 32 times the mean.
  std::uint64_t exponential(std::uint64_t mean) {
    const std::uint64_t drawn = (next() >> 32) | 1;  // 1 .. 2^32-1
    const auto zeros = static_cast<std::uint64_t>(std::countl_zero(drawn)) - 32;
    const std::uint64_t mantissa = (drawn << zeros) & 0x7FFFFFFFU;                  // of 2^31
    const std::uint64_t minus_log2 = (zeros << 16) + (0xFFFFU - (mantissa >> 15));  // 16.16
    return (mean * ((minus_log2 * 45'426) >> 16)) >> 16;                            // times ln 2
  }

  void fill(std::span<std::uint8_t> out) {
    for (std::uint8_t& byte : out) byte = static_cast<std::uint8_t>(next() >> 56);
  }
  template <std::size_t N>
  std::array<std::uint8_t, N> bytes() {
    std::array<std::uint8_t, N> out{};
    fill(out);
    return out;
  }

 private:
  std::array<std::uint64_t, 4> state_{};
};

}  // namespace prytany::sim
