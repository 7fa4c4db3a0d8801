// What replicas and clients sign, byte for byte, and what a replica needs to sign its own.
//
// Signed bytes begin with a domain word: one byte with its length, then its letters. No domain word
// is a prefix of another so written, hence bytes signed for one purpose never stand for another.
#pragma once

#include <string_view>
#include <utility>
#include <vector>

#include "server/crypto/sign.h"
#include "server/wire/codec.h"
#include "server/wire/ids.h"
#include "server/wire/messages.h"

namespace prytany::wire {

/// Who is in the group, as far as proofs go.
struct Membership {
  Digest cluster;  // the genesis digest
  ConfigNumber config;
  unsigned quorum = 0;  // pbft::Group decides the number; here it bounds CheckpointProof from below
  std::vector<crypto::PublicKey> replica_keys;  // by ReplicaId
  bool mac_requests = false;                    // requests without a signature may travel
  bool signed_votes = false;                    // PREPARE and COMMIT must be signed
};

/// Appends `domain` as a domain word. Requires: domain.size() < 256.
void put_domain(Writer& w, std::string_view domain);

/// What a replica signs for CHECKPOINT, VIEW-CHANGE, NEW-VIEW, and with `votes: signed` for PREPARE
/// and COMMIT (defined for these five):
/// "prytany signed <kind>" ‖ cluster ‖ config ‖ sender ‖ encode(message),
/// with <kind> one of "checkpoint", "view-change", "new-view", "prepare", "commit".
template <class M>
Bytes signed_bytes(const Membership& group, ReplicaId sender, const M& message);

extern template Bytes signed_bytes(const Membership&, ReplicaId, const Checkpoint&);
extern template Bytes signed_bytes(const Membership&, ReplicaId, const ViewChange&);
extern template Bytes signed_bytes(const Membership&, ReplicaId, const NewView&);
extern template Bytes signed_bytes(const Membership&, ReplicaId, const Prepare&);
extern template Bytes signed_bytes(const Membership&, ReplicaId, const Commit&);

/// `message` as `self` says it. Requires: `signer` is self's key in `group`.
template <class M>
Signed<M> sign(const Membership& group, ReplicaId self, const crypto::Signer& signer, M message) {
  const crypto::Signature signature = signer.sign(signed_bytes(group, self, message));
  return Signed<M>{std::move(message), signature};
}

/// True exactly when `signer` is a member and signed `message`.
template <class M>
[[nodiscard]] bool verify_signed(const Membership& group, ReplicaId signer, const M& message,
                                 const crypto::Signature& signature) {
  if (signer.value >= group.replica_keys.size()) return false;
  return crypto::verify(group.replica_keys[signer.value], signed_bytes(group, signer, message),
                        signature);
}

}  // namespace prytany::wire
