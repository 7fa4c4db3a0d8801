// Every message between replicas, once; each field listed once, in the paper's order
// (Castro & Liskov, TOCS 2002). The sender is never a field: it is what was proven (see
// authentic.h).
#pragma once

#include <span>
#include <variant>

#include "server/wire/codec.h"
#include "server/wire/ids.h"
#include "server/wire/limits.h"
#include "server/wire/request.h"
#include "server/wire/shared_list.h"

namespace prytany::wire {

// ---- the normal case (section 4.2) ------------------------------------------------------------

/// What the primary adds to a batch so that execution needs no clock and no dice (sections 4.6;
/// docs/design.md 6).
struct Agreed {
  AgreedTime time;
  Body<limits::nondeterminism_bytes_max> choice;  // an application's own, from its propose() upcall
  static constexpr auto fields(auto& m) { return std::tie(m.time, m.choice); }
  bool operator==(const Agreed&) const = default;
};

/// An empty batch is the null batch: it executes to nothing. Copies share one body (shared_list.h).
struct Batch {
  SharedList<ClientRequest, limits::batch_requests_max> requests;
  static constexpr auto fields(auto& m) { return std::tie(m.requests); }
  bool operator==(const Batch&) const = default;
};

/// d: over the digests of the requests and the agreed values, so that a batch sent by body and one
/// sent by digests (dissemination: all) have the same d. sha256("prytany batch", u32 count ‖
/// request digests ‖ encode(agreed)).
Digest batch_digest(const Batch& batch, const Agreed& agreed);
/// The same from the requests' digests, for whom they are at hand.
Digest batch_digest(std::span<const Digest> requests, const Agreed& agreed);

struct PrePrepare {
  View view;
  Seq seq;
  Batch batch;
  Agreed agreed;
  static constexpr auto fields(auto& m) { return std::tie(m.view, m.seq, m.batch, m.agreed); }
  bool operator==(const PrePrepare&) const = default;
};

struct Prepare {
  View view;
  Seq seq;
  Digest digest;
  static constexpr auto fields(auto& m) { return std::tie(m.view, m.seq, m.digest); }
  bool operator==(const Prepare&) const = default;
};

struct Commit {
  View view;
  Seq seq;
  Digest digest;
  static constexpr auto fields(auto& m) { return std::tie(m.view, m.seq, m.digest); }
  bool operator==(const Commit&) const = default;
};

/// "n committed with digest d": weak_quorum() of these prove it, in any view (design.md section 4).
struct Committed {
  Seq seq;
  Digest digest;
  static constexpr auto fields(auto& m) { return std::tie(m.seq, m.digest); }
  bool operator==(const Committed&) const = default;
};

/// A request that a backup passes to the primary, because it waits for longer than a retransmission
/// interval.
struct Forward {
  ClientRequest request;
  static constexpr auto fields(auto& m) { return std::tie(m.request); }
  bool operator==(const Forward&) const = default;
};

// ---- checkpoints (section 4.3); always signed --------------------------------------------------

struct Checkpoint {
  Seq seq;
  Digest state;
  static constexpr auto fields(auto& m) { return std::tie(m.seq, m.state); }
  bool operator==(const Checkpoint&) const = default;
};

/// A message with the sender's signature over signed_bytes(cluster, config, sender, message).
template <class M>
struct Signed {
  M message;
  crypto::Signature signature;
  static constexpr auto fields(auto& m) { return std::tie(m.message, m.signature); }
  bool operator==(const Signed&) const = default;
};

struct SignerAndSignature {
  ReplicaId signer;
  crypto::Signature signature;
  static constexpr auto fields(auto& m) { return std::tie(m.signer, m.signature); }
  bool operator==(const SignerAndSignature&) const = default;
};

/// quorum() signatures over one Checkpoint, signers strictly increasing. Transferable.
struct CheckpointProof {
  Checkpoint checkpoint;
  List<SignerAndSignature, limits::replicas_max> signatures;
  static constexpr auto fields(auto& m) { return std::tie(m.checkpoint, m.signatures); }
  bool operator==(const CheckpointProof&) const = default;
};

// ---- retransmission (section 5.2) ---------------------------------------------------------------

/// What I have of one sequence number above my last executed.
struct SlotStatus {
  Seq seq;
  bool pre_prepared = false;  // I hold the batch
  bool prepared = false;
  bool committed = false;  // I know it is committed (perhaps without the batch)
  static constexpr auto fields(auto& m) {
    return std::tie(m.seq, m.pre_prepared, m.prepared, m.committed);
  }
  bool operator==(const SlotStatus&) const = default;
};

/// Sent when something is overdue; peers answer with what is missing, their own votes only.
struct Status {
  View view;
  View entered;  // the last one entered; below `view` while the sender changes view
  Seq stable;
  Seq executed;
  List<SlotStatus, limits::window_max> slots;
  static constexpr auto fields(auto& m) {
    return std::tie(m.view, m.entered, m.stable, m.executed, m.slots);
  }
  bool operator==(const Status&) const = default;
};

/// Asks one peer for the batch of n whose digest is d.
struct FetchBatch {
  Seq seq;
  Digest digest;
  static constexpr auto fields(auto& m) { return std::tie(m.seq, m.digest); }
  bool operator==(const FetchBatch&) const = default;
};

struct BatchBody {
  Seq seq;
  Batch batch;
  Agreed agreed;
  static constexpr auto fields(auto& m) { return std::tie(m.seq, m.batch, m.agreed); }
  bool operator==(const BatchBody&) const = default;
};

// ---- view change (section 4.4); always signed --------------------------------------------------

/// P: n prepared with digest d, latest in view v.
struct PreparedEntry {
  Seq seq;
  Digest digest;
  View view;
  static constexpr auto fields(auto& m) { return std::tie(m.seq, m.digest, m.view); }
  bool operator==(const PreparedEntry&) const = default;
};

/// Q: I sent PREPARE (or proposed) n with digest d, latest in view v.
using PrePreparedEntry = PreparedEntry;

struct ViewChange {
  View view;                                                    // the view to be entered
  std::optional<CheckpointProof> stable;                        // of h; nothing for genesis
  List<PreparedEntry, limits::window_max> prepared;             // P
  List<PrePreparedEntry, 4 * limits::window_max> pre_prepared;  // Q
  /// h: everything at or below it is in the sender's stable checkpoint.
  [[nodiscard]] Seq low() const { return stable ? stable->checkpoint.seq : Seq{0}; }
  static constexpr auto fields(auto& m) {
    return std::tie(m.view, m.stable, m.prepared, m.pre_prepared);
  }
  bool operator==(const ViewChange&) const = default;
};

struct SignedViewChange {
  ReplicaId sender;
  Signed<ViewChange> content;
  static constexpr auto fields(auto& m) { return std::tie(m.sender, m.content); }
  bool operator==(const SignedViewChange&) const = default;
};

/// The chosen digest for n; nothing chosen means the null batch with null agreed values.
struct Choice {
  Seq seq;
  std::optional<Digest> digest;
  static constexpr auto fields(auto& m) { return std::tie(m.seq, m.digest); }
  bool operator==(const Choice&) const = default;
};

/// Signed by the primary of `view`, whoever brings it.
struct NewView {
  View view;
  List<SignedViewChange, limits::replicas_max> view_changes;
  Checkpoint start;
  List<Choice, limits::window_max> choices;
  static constexpr auto fields(auto& m) {
    return std::tie(m.view, m.view_changes, m.start, m.choices);
  }
  bool operator==(const NewView&) const = default;
};

// ---- state transfer: between nodes, below the core ----------------------------------------------

/// Asks for `page_count` pages from `first_page` of the image of checkpoint `seq`.
struct FetchPages {
  Seq seq;
  std::uint64_t first_page = 0;
  std::uint32_t page_count = 0;
  static constexpr auto fields(auto& m) { return std::tie(m.seq, m.first_page, m.page_count); }
  bool operator==(const FetchPages&) const = default;
};

/// The answer; `pages_total` is the image's length in pages. `gone`: this checkpoint is not held
/// any more.
struct Pages {
  Seq seq;
  bool gone = false;
  std::uint64_t pages_total = 0;
  std::uint64_t first_page = 0;
  Body<limits::image_chunk_bytes_max> bytes;  // whole pages
  static constexpr auto fields(auto& m) {
    return std::tie(m.seq, m.gone, m.pages_total, m.first_page, m.bytes);
  }
  bool operator==(const Pages&) const = default;
};

/// Appending an alternative is a new wire version; the order here is the tag on the wire.
using PeerMessage = std::variant<PrePrepare, Prepare, Commit, Signed<Checkpoint>, Committed,
                                 Forward, Status, FetchBatch, BatchBody, CheckpointProof,
                                 Signed<ViewChange>, Signed<NewView>, FetchPages, Pages>;

/// "pre-prepare", "prepare", ...: for traces, logs and counters.
const char* name_of(const PeerMessage& message);

}  // namespace prytany::wire
