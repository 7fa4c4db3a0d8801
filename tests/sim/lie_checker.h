// Who finds twice in one view that weak_quorum() correct replicas voted for another batch than it
// did, before it knows what was decided, knows that the primary lies, and leaves
// (docs/decisions/0031, 2).
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>

#include "server/pbft/replica.h"
#include "server/wire/messages.h"
#include "tests/sim/violations.h"

namespace prytany::sim {

class LieChecker {
 public:
  LieChecker(Violations& violations, unsigned weak_quorum)
      : violations_(violations), weak_quorum_(weak_quorum) {}

  /// A PREPARE leaves a correct replica.
  void votes(ReplicaId id, const wire::Prepare& vote);
  /// A frame is given to the process of `to`, whose next turn reads it.
  void gets(ReplicaId to, ReplicaId from, bool from_liar, ByteView frame);
  void started(ReplicaId id) { known_.erase(id); }
  /// `window`: L. What comes above its own, a replica may forget at once.
  void after_turn(ReplicaId id, const pbft::ReplicaStatus& status, std::uint64_t window);

  /// How often somebody left a view in which it had found one such number.
  [[nodiscard]] std::uint64_t judged() const { return judged_; }

 private:
  struct Number {
    std::optional<Digest> mine;
    std::map<ReplicaId, Digest> theirs;
    bool decided = false;  // for all that it was told
  };
  struct Known {
    std::optional<View> view;  // that its last turn ended in
    Seq high;                  // of its window, then
    std::map<Seq, Number> numbers;
    std::set<Seq> lies;
  };
  void hears(Known& known, ReplicaId from, bool from_liar, const wire::PeerMessage& message);
  [[nodiscard]] bool shows_a_lie(const Number& number) const;

  Violations& violations_;
  const unsigned weak_quorum_;
  std::map<ReplicaId, Known> known_;
  std::uint64_t judged_ = 0;
};

}  // namespace prytany::sim
