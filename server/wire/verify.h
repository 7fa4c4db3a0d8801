// Verifier: the one door from bytes to Authentic<M>.
#pragma once

#include <vector>

#include "server/base/result.h"
#include "server/crypto/mac.h"
#include "server/wire/authentic.h"
#include "server/wire/configuration.h"
#include "server/wire/frame.h"
#include "server/wire/signing.h"
#include "server/wire/two_generations.h"

namespace prytany::wire {

class Verifier {
 public:
  /// `chain`: of which `group` is one configuration, and which tells whose quorums proofs of other
  /// numbers need; outlives this. Without one, frames and proofs are of `group` or refused.
  explicit Verifier(Membership group, const Chain* chain = nullptr);

  /// A frame on its way through the door: with the sender's tag, and looked at in parts, for a
  /// frame may hold signatures for half a second.
  class Opening {
   public:
    /// That of the sender's core. Of another than membership().config only FETCH-PART, STATE-PART,
    /// STATUS and CHECKPOINT-PROOF come through; the rest is dropped.
    [[nodiscard]] ConfigNumber config() const { return config_; }
    /// Requires: go_on() said true.
    std::vector<AuthenticPeerMessage> take() { return std::move(opened_); }

   private:
    friend class Verifier;
    ReplicaId sender_;
    ConfigNumber config_;
    std::vector<ByteView> messages_;
    std::size_t next_ = 0;                // of messages_
    std::optional<PeerMessage> message_;  // that one, decoded
    std::size_t part_ = 0;                // of it, is to be checked
    std::size_t signatures_ = 0;          // seen, in all
    std::vector<AuthenticPeerMessage> opened_;
  };

  /// `frame` is exactly what frame_length() measured, and stays where it is until go_on() is done
  /// with it. Checks the frame's tag with the link's key, and nothing behind it.
  Result<Opening, Malformed> begin(ReplicaId sender, const LinkKeys& keys, ByteView frame) const;
  /// Decodes and checks each message, about `work` signatures' worth of them: client signatures in
  /// PRE-PREPARE, FORWARD and BATCH-BODY (a request without one is no more than the sender's word;
  /// refused where the cluster demands signatures), the sender's in CHECKPOINT and VIEW-CHANGE, the
  /// primary's of its view in NEW-VIEW (and each signature of the VIEW-CHANGEs inside), quorum() in
  /// a proof, also in the one that a VIEW-CHANGE carries. A vote costs two hashes and no signature.
  /// All or nothing: one bad message refuses the frame. True: all is checked.
  Result<bool, Malformed> go_on(Opening& opening, std::size_t work);
  /// Both at once, all of it. `config`, if given: the opening's.
  Result<std::vector<AuthenticPeerMessage>, Malformed> open(ReplicaId sender, const LinkKeys& keys,
                                                            ByteView frame,
                                                            ConfigNumber* config = nullptr);

  /// A request from a client's connection, with its signature.
  Result<AuthenticRequest, Malformed> check(ClientRequest request);
  /// The same, for who has hashed it. Requires: digest == request_digest(request.body).
  Result<AuthenticRequest, Malformed> check(const Digest& digest, ClientRequest request);
  /// And without a signature: `key` is that of the connection, whose client has proven to hold
  /// body.signer; `tag` is over request_tagged_bytes().
  Result<AuthenticRequest, Malformed> check(const Digest& digest, ClientRequest request,
                                            const crypto::Mac& key, const crypto::Tag16& tag);

  /// quorum() distinct members of the configuration that governs its number signed it.
  [[nodiscard]] bool check(const CheckpointProof& proof) const;

  [[nodiscard]] const Membership& membership() const { return group_; }

 private:
  /// Nothing when all is well, else the reason. `part` is one of parts_in(message).
  const char* refuse_inside(ReplicaId sender, const PeerMessage& message, std::size_t part);
  [[nodiscard]] const char* refuse_unsigned_vote() const;
  const char* refuse_new_view(const Signed<NewView>& message, std::size_t part) const;
  bool check_stable(const ViewChange& message) const;
  bool check_request(const Digest& digest, const ClientRequest& request);
  /// check_request(), or no signature where none is needed.
  bool may_travel(const ClientRequest& request);

  Membership group_;
  const Chain* chain_;
  struct Known {
    crypto::PublicKey signer;
    crypto::Signature signature;
  };
  /// Requests come several times (client, PRE-PREPARE, retransmission), and several under one
  /// signature: signed_root() -> what verified of it lately.
  TwoGenerations<Known> verified_;
};

}  // namespace prytany::wire
