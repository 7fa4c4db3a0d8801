// Votes on the state after every K-th number, and what quorum() of them prove (section 4.3).
// Signed, so that the proof can be shown to others. Bounded: one vote per sender for each
// checkpoint in the window, and one per sender above it.
#pragma once

#include <map>
#include <optional>
#include <vector>

#include "server/pbft/config.h"
#include "server/pbft/votes.h"
#include "server/wire/messages.h"

namespace prytany::pbft {

class Checkpoints {
 public:
  explicit Checkpoints(const Group& group) : group_(group) {}

  /// My own: taken here, signed. Requires: not taken before at this number, or with the same
  /// digest.
  void take(ReplicaId self, const wire::Signed<wire::Checkpoint>& mine);
  /// Another's, for a number in the window.
  Added add(ReplicaId from, const wire::Signed<wire::Checkpoint>& vote);
  /// Another's, for a number above the window: only the highest of each sender is kept, since
  /// whoever signed a checkpoint has all below it.
  Added add_above(ReplicaId from, const wire::Signed<wire::Checkpoint>& vote);

  /// quorum() equal votes for `seq`, as something to show; nothing while there are fewer.
  [[nodiscard]] std::optional<wire::CheckpointProof> proof(Seq seq) const;
  /// The same among those above the window.
  [[nodiscard]] std::optional<wire::CheckpointProof> proof_above() const;

  [[nodiscard]] std::optional<Digest> mine(Seq seq) const;
  /// Own votes above `seq`, lowest first: to repeat to who asks. Also C of a VIEW-CHANGE.
  [[nodiscard]] std::vector<wire::Signed<wire::Checkpoint>> mine_above(Seq seq) const;
  /// Votes for `seq` that differ from mine: a liar's, or the sign that I am wrong.
  [[nodiscard]] unsigned differing(Seq seq) const;

  /// Nothing at or below `seq` matters any more.
  void discard(Seq seq);
  /// My own were of a state that was wrong, and is replaced.
  void forget_mine(ReplicaId self);

 private:
  struct Vote {
    wire::Checkpoint checkpoint;
    crypto::Signature signature;
    bool operator==(const Vote& other) const { return checkpoint == other.checkpoint; }
  };
  const Group group_;
  std::map<Seq, VoteSet<Vote>> votes_;
  std::map<Seq, wire::Signed<wire::Checkpoint>> mine_;
  std::map<ReplicaId, Vote> above_;
};

}  // namespace prytany::pbft
