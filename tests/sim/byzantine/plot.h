// What the Byzantine replicas of one run share: who is on which side, and which digest stands for
// which other one there.
#pragma once

#include <deque>
#include <map>
#include <set>
#include <utility>

#include "server/pbft/config.h"
#include "server/wire/ids.h"
#include "server/wire/request.h"
#include "tests/sim/rng.h"

namespace prytany::sim {

struct Plot {
  pbft::Group group;
  Digest cluster;
  std::uint64_t window = 0;
  std::uint64_t checkpoint_interval = 0;
  std::uint64_t in_flight_max = 0;
  std::uint64_t patience_us = 0;  // how long others give a primary
  std::set<ReplicaId> liars;
  std::uint64_t salt = 0;
  /// The correct ones are divided as evenly as can be, the same in every view; else by chance, anew
  /// for each view.
  bool even = false;
  /// Always, not now and then.
  bool relentless = false;

  /// What is said in a view to those on the other side: instead of a digest, that one.
  struct Told {
    View view;
    Digest instead;
    bool everybody = false;
  };
  std::map<Digest, Told> stories;

  /// What hostile clients gave them, to be ordered though nobody else would let it in; the latest.
  std::deque<wire::ClientRequest> confided;
  static constexpr std::size_t confided_max = 96;

  /// The same for all questions about it: which of two stories `peer` hears in `view`.
  [[nodiscard]] bool other_side(ReplicaId peer, View view) const {
    if (liars.contains(peer)) return false;
    if (!even) return dice(view.value * 64 + peer.value).chance(500'000);
    std::uint64_t rank = 0;
    for (std::uint16_t i = 0; i < peer.value; ++i)
      if (!liars.contains(ReplicaId{i})) ++rank;
    return rank % 2 == 1;
  }
  /// Dice that fall the same way whenever they are thrown about the same thing.
  [[nodiscard]] Rng dice(std::uint64_t about) const {
    return Rng(salt ^ (about * 0x9E3779B97F4A7C15U));
  }
};

}  // namespace prytany::sim
