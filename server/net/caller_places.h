// Places for those who call at the peer port and have proven nothing: who gives way when all are
// taken. Pure: descriptors and hosts in, a descriptor out.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace prytany::net {

class CallerPlaces {
 public:
  explicit CallerPlaces(std::size_t places_max) : places_max_(places_max) {}

  /// Requires: `fd` has no place.
  void take(const std::string& host, int fd);
  /// Requires: `fd` of `host` has a place.
  void leave(const std::string& host, int fd);
  /// More than there are places: somebody has to give way.
  [[nodiscard]] bool too_many() const { return taken_ > places_max_; }
  /// Who: any of the host that holds most, as `random` has it; of several such hosts, any of
  /// theirs. So nobody pushes out who comes from elsewhere before holding as many places as that
  /// host. And whoever comes from the same host (all of a development cluster do), or who faces as
  /// many hosts as there are places, is pushed out by each newer caller with a chance of one in
  /// `places_max`: of R callers a second, a step that takes t seconds survives with a chance of
  /// exp(-R t / places_max), 94 % for 1000 callers a second, 8 ms and 128 places. If the oldest
  /// gave way, the step would have to take less than places_max / R seconds, however often it is
  /// tried; if the newest did, whoever holds all places would keep them. Requires: not empty.
  [[nodiscard]] int gives_way(std::uint64_t random) const;
  [[nodiscard]] std::size_t taken() const { return taken_; }

 private:
  std::size_t places_max_;
  std::size_t taken_ = 0;
  std::map<std::string, std::vector<int>> by_host_;  // no host without descriptors
};

}  // namespace prytany::net
