// Who hears weak_quorum() correct replicas ask for views above its own leaves for one that one of
// them has reached, at once, though its own timer is not up (Castro & Liskov TOCS 2002 section
// 4.5.2): else those who left wait for a quorum that only patience can give them.
#pragma once

#include <map>

#include "server/pbft/replica.h"
#include "server/wire/messages.h"
#include "tests/sim/violations.h"

namespace prytany::sim {

class LeaveChecker {
 public:
  LeaveChecker(Violations& violations, unsigned weak_quorum)
      : violations_(violations), weak_quorum_(weak_quorum) {}

  /// A frame from a replica that does not lie is given to the process of `to`, whose next turn
  /// reads it.
  void gets(ReplicaId to, ReplicaId from, ByteView frame);
  void started(ReplicaId id) {
    asked_.erase(id);
    voted_.erase(id);
  }
  void after_turn(ReplicaId id, const pbft::ReplicaStatus& status);

  /// How often somebody had to leave so.
  [[nodiscard]] std::uint64_t judged() const { return judged_; }

 private:
  struct Asked {
    ConfigNumber configuration;
    View view;
  };
  Violations& violations_;
  const unsigned weak_quorum_;
  std::map<ReplicaId, std::map<ReplicaId, Asked>> asked_;  // of whom, by whom: the highest
  std::map<ReplicaId, bool> voted_;                        // when its last turn ended
  std::uint64_t judged_ = 0;
};

}  // namespace prytany::sim
