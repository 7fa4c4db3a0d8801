// What a Byzantine replica has heard and can lie with: digests that were really voted for, their
// batches, the proof of the latest checkpoint, others' VIEW-CHANGEs. And VIEW-CHANGEs of its own
// making.
#pragma once

#include <map>
#include <optional>
#include <vector>

#include "server/wire/messages.h"
#include "tests/sim/byzantine/plot.h"

namespace prytany::sim {

class Hearsay {
 public:
  void hear(ReplicaId from, const wire::PeerMessage& message);

  /// One that somebody voted for, or one that is nobody's.
  [[nodiscard]] Digest any_digest(Rng& rng) const;
  /// What was voted for there last; nothing if nobody did.
  [[nodiscard]] std::optional<Digest> voted_for(Seq seq) const;
  /// With this content; null if it was not heard of.
  [[nodiscard]] const wire::BatchBody* batch(const Digest& digest) const;
  [[nodiscard]] const std::optional<wire::CheckpointProof>& stable() const { return stable_; }
  /// Those that ask for this view.
  [[nodiscard]] const std::map<ReplicaId, wire::SignedViewChange>& view_changes(View view) const;

  /// It was prepared for nothing, and voted for nothing.
  [[nodiscard]] wire::ViewChange ignorant(View view) const;
  /// In the view before, all numbers of the window were prepared as something else: null, or the
  /// batch of another number. The same of all who lie together.
  [[nodiscard]] wire::ViewChange boastful(View view, const Plot& plot) const;

 private:
  void keep(const wire::BatchBody& body);

  std::vector<Digest> digests_;
  std::map<Seq, Digest> voted_;
  std::map<Digest, wire::BatchBody> batches_;
  std::vector<Digest> order_;  // of batches_
  std::optional<wire::CheckpointProof> stable_;
  std::map<View, std::map<ReplicaId, wire::SignedViewChange>> view_changes_;
};

}  // namespace prytany::sim
