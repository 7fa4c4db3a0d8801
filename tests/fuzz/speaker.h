// Well-formed messages of every type, made from an input's bytes: with views and numbers near those
// that their receiver is at, digests that somebody said before, and proofs that somebody made. As a
// member that lies would say them, who has its own key and nobody else's.
#pragma once

#include <vector>

#include "server/pbft/replica.h"
#include "server/wire/messages.h"
#include "tests/fuzz/input.h"

namespace prytany::fuzz {

class Speaker {
 public:
  Speaker();

  /// For a receiver that is there.
  wire::PeerMessage say(Input& input, const pbft::ReplicaStatus& receiver);
  wire::ClientRequest request(Input& input) const;

  /// What was said by others may be repeated, changed, and referred to.
  void hear(ReplicaId from, const wire::PeerMessage& message);
  void remember(const Digest& digest);
  void remember(const wire::CheckpointProof& proof);

  /// Also proofs and VIEW-CHANGEs that nobody made: as if all others were its accomplices.
  bool invents_proofs = false;
  /// Digests that nobody said before, and requests of a thousand sessions: what is kept of each
  /// would add up.
  bool varies = false;

 private:
  View view(Input& input) const;
  Seq seq(Input& input) const;
  Digest digest(Input& input) const;
  wire::Batch batch(Input& input) const;
  wire::Agreed agreed(Input& input) const;
  std::optional<wire::CheckpointProof> proof(Input& input) const;
  wire::ViewChange view_change(Input& input) const;
  wire::PeerMessage ballot(Input& input);
  wire::PeerMessage proposal(Input& input);
  wire::PeerMessage question(Input& input);
  wire::PeerMessage new_view(Input& input);

  pbft::ReplicaStatus at_;
  std::vector<Digest> digests_;
  std::vector<wire::CheckpointProof> proofs_;
  std::vector<wire::SignedViewChange> view_changes_;
  std::vector<wire::PeerMessage> heard_;
};

}  // namespace prytany::fuzz
