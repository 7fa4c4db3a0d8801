// What happens to bytes on their way: one Path per direction and connection decides when copies
// arrive.
#pragma once

#include <vector>

#include "server/wire/ids.h"
#include "tests/sim/parameters.h"
#include "tests/sim/rng.h"

namespace prytany::sim {

class Path {
 public:
  /// Draws this path's own delays and rates around `around`: links of one network are not alike.
  Path(const LinkParameters& around, Rng& rng);

  /// When the copies of something that is sent at `sent` arrive: none when it is lost, two when it
  /// is duplicated.
  std::vector<Time> arrivals(Time sent, Rng& rng);

  /// Whether a copy of this frame is kept and comes again on a later connection, where its tag must
  /// not fit any more.
  bool replays_late(Rng& rng) const { return rng.chance(own_.late_replay_rate); }

  /// No loss, no duplicates, no tail from now on.
  void calm();

 private:
  Time arrival(Time sent, Rng& rng);

  LinkParameters own_;
  Time last_arrival_;
};

}  // namespace prytany::sim
