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

  struct Fate {
    std::vector<Time> times;  // when copies arrive: none when it is lost
    bool lost = false;
    bool duplicated = false;
    bool stale = false;  // one of them comes very late
  };
  /// What happens to something that is sent at `sent`.
  Fate arrivals(Time sent, Rng& rng);

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
