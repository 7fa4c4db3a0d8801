// Refusals: no correct replica refuses what another correct one says, or an honest client, but for
// what time explains: an old view, watermarks, what was said before, a replica that has too much to
// do. Else it is deaf to somebody, whom the others may have to do without.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>

#include "server/pbft/replica.h"
#include "server/wire/client_messages.h"
#include "tests/sim/violations.h"

namespace prytany::sim {

class RefusalChecker {
 public:
  /// `correct`: whether it does, now, all that a replica must.
  RefusalChecker(Violations& violations, std::function<bool(ReplicaId)> correct)
      : violations_(violations), correct_(std::move(correct)) {}

  /// Tags of honest clients' requests are changed on their way: then they are refused.
  void expect_wrong_tags() { wrong_tags_ = true; }
  void started(ReplicaId id) { blamed_.erase(id); }
  /// A whole frame, of the connection that they have now.
  void refused_frame(ReplicaId by, ReplicaId from);
  void after_turn(ReplicaId id, const pbft::ReplicaStatus& status);
  /// It refuses what an honest client asks.
  void refused(ReplicaId by, const wire::Refused& answer);

 private:
  Violations& violations_;
  std::function<bool(ReplicaId)> correct_;
  std::map<ReplicaId, std::set<ReplicaId>> blamed_;  // by whom
  bool wrong_tags_ = false;
};

}  // namespace prytany::sim
