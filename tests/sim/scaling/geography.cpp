#include "tests/sim/scaling/geography.h"

#include <algorithm>

namespace prytany::sim {

std::uint64_t Geography::farthest_us() const {
  std::uint64_t farthest = 0;
  for (const auto& row : one_way_us) farthest = std::max(farthest, std::ranges::max(row));
  return farthest;
}

const std::vector<Geography>& geographies() {
  static const std::vector<Geography> all = [] {
    const Geography lan{"lan", {{100}}};
    Geography wan{"wan",
                  {{1'000, 40'000, 80'000}, {40'000, 1'000, 100'000}, {80'000, 100'000, 1'000}}};
    // A request's way to the primary and three rounds of votes, and twice that for what waits
    // behind others.
    wan.retransmit_us = 1'000'000;
    wan.forward_us = 1'000'000;
    wan.request_timeout_us = 4'000'000;
    Geography thin = wan;
    thin.name = "thin";
    thin.mbit_per_s = 25;
    return std::vector{lan, wan, thin};
  }();
  return all;
}

const Geography* geography_named(std::string_view name) {
  const auto found = std::ranges::find(geographies(), name, &Geography::name);
  return found == geographies().end() ? nullptr : &*found;
}

}  // namespace prytany::sim
