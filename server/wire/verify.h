// Verifier: the one door from bytes to Authentic<M>.
#pragma once

#include <map>
#include <vector>

#include "server/base/result.h"
#include "server/crypto/mac.h"
#include "server/wire/authentic.h"
#include "server/wire/frame.h"

namespace prytany::wire {

/// Who is in the group, as far as proofs go.
struct Membership {
  Digest cluster;  // the genesis digest
  ConfigNumber config;
  unsigned quorum = 0;  // pbft::Group decides the number; here it bounds CheckpointProof from below
  std::vector<crypto::PublicKey> replica_keys;  // by ReplicaId
};

/// What a replica signs for CHECKPOINT, VIEW-CHANGE, NEW-VIEW:
/// "prytany signed <kind>" ‖ cluster ‖ config ‖ sender ‖ encode(message).
template <class M>
Bytes signed_bytes(const Membership& group, ReplicaId sender, const M& message);

class Verifier {
 public:
  explicit Verifier(Membership group);

  /// Checks the frame's tag with the link's key, then decodes and checks each message: client signatures in
  /// PRE-PREPARE, FORWARD and BATCH-BODY, the sender's in CHECKPOINT and VIEW-CHANGE, quorum() in a proof.
  /// All or nothing: one bad message refuses the frame.
  Result<std::vector<AuthenticPeerMessage>, Malformed> open(ReplicaId sender, const LinkKeys& keys,
                                                            ByteView frame);

  /// A request from a client's connection.
  Result<AuthenticRequest, Malformed> check(ClientRequest request);

  /// From our own journal or from a peer whose word was checked: quorum() distinct members signed it.
  [[nodiscard]] bool check(const CheckpointProof& proof) const;

  [[nodiscard]] const Membership& membership() const { return group_; }

 private:
  Result<void, Malformed> check_inside(ReplicaId sender, const PeerMessage& message);
  bool check_request(const ClientRequest& request);

  Membership group_;
  /// Requests come several times (client, PRE-PREPARE, retransmission): digests of (request, proof) that
  /// verified lately. Bounded: two generations, the older dropped when the younger is full.
  std::map<Digest, bool> verified_young_, verified_old_;
};

}  // namespace prytany::wire
