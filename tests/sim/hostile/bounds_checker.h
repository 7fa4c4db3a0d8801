// Memory: whatever clients do, what a node keeps for them, and what it keeps for one of them, stays
// within its bounds (pitfalls I14). The bounds are said here once more, in numbers.
#pragma once

#include "server/node/held.h"
#include "server/pbft/config.h"
#include "tests/sim/violations.h"

namespace prytany::sim {

class BoundsChecker {
 public:
  explicit BoundsChecker(Violations& violations) : violations_(violations) {}

  void after_turn(ReplicaId by, const node::Held& held, const pbft::Config& config);

  /// How often something was as full as it may be.
  [[nodiscard]] std::uint64_t filled() const { return filled_; }

 private:
  Violations& violations_;
  std::uint64_t filled_ = 0;
};

}  // namespace prytany::sim
