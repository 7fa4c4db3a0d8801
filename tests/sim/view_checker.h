// View changes, seen from outside: what leaves a replica, and what its journal held before.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <tuple>

#include "server/pbft/config.h"
#include "server/pbft/journal.h"
#include "server/pbft/replica.h"
#include "server/wire/messages.h"
#include "tests/sim/violations.h"

namespace prytany::sim {

/// One VIEW-CHANGE per replica and view, ever, and one NEW-VIEW per view of a primary that does not
/// lie;
/// both only after their records; no vote in a view after a VIEW-CHANGE for a later one; and the
/// lemma on which all else rests: a NEW-VIEW proposes again whatever was committed in an earlier
/// view, or starts above it (I5, I6 and I7 of docs/testing.md). And no stable checkpoint that fewer
/// than a quorum signed.
///
/// What a replica said binds it, also after a restart: a view that it asked for and nobody began is
/// still asked for, with the same VIEW-CHANGE; a VIEW-CHANGE tells of what was prepared and voted
/// for in the views that it leaves; and nobody is answered from a state below what this replica
/// helped to commit (I12).
class ViewChecker {
 public:
  /// `forgetful`: may contradict themselves. `byzantine`: of them, those that lie. Both outlive the
  /// checker.
  ViewChecker(Violations& violations, const pbft::Group& group,
              const std::set<ReplicaId>& forgetful, const std::set<ReplicaId>& byzantine = nobody())
      : violations_(violations), group_(group), forgetful_(forgetful), byzantine_(byzantine) {}

  void synced(ReplicaId by, const pbft::JournalRecord& record);
  void born(ReplicaId by);
  void sent(ReplicaId by, const wire::PeerMessage& message);
  void recovered(ReplicaId by, const pbft::Recovered& recovered);
  void after_turn(ReplicaId by, const pbft::ReplicaStatus& status);
  /// It answers a read that was not ordered from this state.
  void answered_from(ReplicaId by, Seq executed);
  /// At the end, when all COMMITs are known: the lemma.
  void finish();

  /// Views that some replica entered.
  [[nodiscard]] std::size_t entered() const { return new_views_.size(); }

 private:
  void vote(ReplicaId by, View view);
  void open_view_change(ReplicaId by, const pbft::Recovered& recovered);
  void tells_all(ReplicaId by, const wire::ViewChange& message);
  [[nodiscard]] bool decided_otherwise(const wire::PreparedEntry& entry, View before) const;
  [[nodiscard]] bool given_up(Seq seq, View view) const;
  void view_change(ReplicaId by, const wire::ViewChange& message);
  void new_view(ReplicaId by, const wire::NewView& message);
  void stable(ReplicaId by, const wire::CheckpointProof& proof);
  static const std::set<ReplicaId>& nobody();
  static bool leaves_out(const wire::NewView& m, Seq seq, const Digest& committed);

  Violations& violations_;
  const pbft::Group group_;
  const std::set<ReplicaId>& forgetful_;
  const std::set<ReplicaId>& byzantine_;
  std::map<std::pair<ReplicaId, View>, Digest> said_;  // VIEW-CHANGEs
  std::map<ReplicaId, View> left_for_;                 // the highest of its records
  std::map<ReplicaId, View> begun_;                    // whose NEW-VIEW its journal holds
  /// Of its records: P, and for each number the vote for a proposal that it cast last.
  std::map<ReplicaId, std::map<Seq, wire::PreparedEntry>> prepared_;
  std::map<ReplicaId, std::map<Seq, wire::PreparedEntry>> voted_;
  /// COMMITs that it sent, with the latest view of each: ever, and before this life.
  std::map<ReplicaId, std::map<Seq, View>> helped_;
  std::map<ReplicaId, std::map<Seq, View>> helped_before_;
  std::set<std::tuple<ReplicaId, View, Digest>> durable_;  // of both kinds
  std::map<View, std::map<Digest, wire::NewView>> new_views_;
  std::map<std::tuple<View, Seq, Digest>, std::set<ReplicaId>> commits_;
};

}  // namespace prytany::sim
