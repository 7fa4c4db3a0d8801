// What is said of one peer's bad frames: a line now and then, however many it sends.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "server/wire/ids.h"

namespace prytany::node {

class Complaints {
 public:
  static constexpr std::uint64_t quiet_us = 10'000'000;

  /// Whether the operator is to read of this one; `unsaid` is then how many he was not told of
  /// since the last.
  bool worth_a_line(ReplicaId peer, Time now, std::uint64_t& unsaid) {
    const auto [found, first] = peers_.try_emplace(peer);
    Peer& p = found->second;
    if (!first && now < p.quiet_until) {
      ++p.unsaid;
      return false;
    }
    unsaid = p.unsaid;
    p = {now + quiet_us, 0};
    return true;
  }

 private:
  struct Peer {
    Time quiet_until;
    std::uint64_t unsaid = 0;
  };
  std::map<ReplicaId, Peer> peers_;  // of the group, so few
};

}  // namespace prytany::node
