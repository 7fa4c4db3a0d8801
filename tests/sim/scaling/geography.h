// Where machines stand, and how long words take between them: the networks in which it is measured
// what an operation costs in groups of different sizes.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace prytany::sim {

struct Geography {
  std::string name;
  std::vector<std::vector<std::uint64_t>> one_way_us;  // from one region to another, and within
  std::uint64_t mbit_per_s = 1000;                     // what a replica's machine can send
  // What operators set for such distances (docs/how-to/operate.md).
  std::uint64_t retransmit_us = 50'000;
  std::uint64_t forward_us = 150'000;
  std::uint64_t request_timeout_us = 500'000;

  /// Machines are dealt out to regions in turn, replicas and clients apart.
  [[nodiscard]] std::size_t region_of(std::size_t machine) const {
    return machine % one_way_us.size();
  }
  [[nodiscard]] std::uint64_t between_us(std::size_t from, std::size_t to) const {
    return one_way_us[region_of(from)][region_of(to)];
  }
  [[nodiscard]] std::uint64_t farthest_us() const;
};

/// "lan", "wan" (three regions), "thin" (the same at 25 Mbit/s).
const std::vector<Geography>& geographies();
/// Null if there is none.
const Geography* geography_named(std::string_view name);

}  // namespace prytany::sim
