// Every message between replicas, once; each field listed once, in the paper's order
// (Castro & Liskov, TOCS 2002). The sender is never a field: it is what was proven (see
// authentic.h).
#pragma once

#include <span>
#include <variant>

#include "server/wire/codec.h"
#include "server/wire/ids.h"
#include "server/wire/limits.h"
#include "server/wire/relayed.h"
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

/// A PRE-PREPARE whose requests are named by their digests (`dissemination: all`): their clients
/// sent the requests themselves to everybody. What a backup lacks it asks for by FETCH-BATCH; the
/// batch has the same digest d either way.
struct PrePrepareDigests {
  View view;
  Seq seq;
  List<Digest, limits::batch_requests_max> requests;
  Agreed agreed;
  static constexpr auto fields(auto& m) { return std::tie(m.view, m.seq, m.requests, m.agreed); }
  bool operator==(const PrePrepareDigests&) const = default;
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

/// "These requests, which bear no signature, are authentic": their clients' tags for the sender are
/// right, or weak_quorum() others said this of them (docs/design.md section 7).
struct Verified {
  List<Digest, limits::verified_requests_max> requests;
  static constexpr auto fields(auto& m) { return std::tie(m.requests); }
  bool operator==(const Verified&) const = default;
};

// ---- checkpoints (section 4.3); always signed --------------------------------------------------

struct Checkpoint {
  Seq seq;
  Digest state;
  Digest configuration = {};  // configuration_digest() of what governs the numbers above seq
  static constexpr auto fields(auto& m) { return std::tie(m.seq, m.state, m.configuration); }
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

// ---- the boot question (docs/design.md section 10) ----------------------------------------------

/// I have just started: which votes of mine have you seen? Those at or below `above` are in my
/// state.db, and not asked for.
struct AskVotes {
  Seq above;
  static constexpr auto fields(auto& m) { return std::tie(m.above); }
  bool operator==(const AskVotes&) const = default;
};
/// The asker's PREPARE and COMMIT for n, in one view.
struct SeenVote {
  Seq seq;
  std::optional<Digest> prepare;
  std::optional<Digest> commit;
  static constexpr auto fields(auto& m) { return std::tie(m.seq, m.prepare, m.commit); }
  bool operator==(const SeenVote&) const = default;
};
/// The highest that I ever saw of the asker, and what I hold of it in the view that I am in.
struct VotesSeen {
  View view;      // of any PREPARE, COMMIT, VIEW-CHANGE, NEW-VIEW
  Seq prepared;   // the highest n of any PREPARE
  Seq committed;  // the highest n of any COMMIT
  View in;        // of these:
  List<SeenVote, limits::window_max> votes;
  static constexpr auto fields(auto& m) {
    return std::tie(m.view, m.prepared, m.committed, m.in, m.votes);
  }
  bool operator==(const VotesSeen&) const = default;
};

// ---- how fast others are (docs/protocol.md, slow primaries) -------------------------------------

/// Asks for PONG with the same number, as soon as a proposal could leave.
struct Ping {
  std::uint64_t ask = 0;
  static constexpr auto fields(auto& m) { return std::tie(m.ask); }
  bool operator==(const Ping&) const = default;
};
struct Pong {
  std::uint64_t ask = 0;
  static constexpr auto fields(auto& m) { return std::tie(m.ask); }
  bool operator==(const Pong&) const = default;
};

// ---- state transfer: between nodes, below the core ----------------------------------------------

/// Asks one peer for a part of the state of checkpoint `seq` (section 5.3). `ask` is the asker's
/// own number, which the answer repeats.
struct RootWish {
  static constexpr auto fields(auto&) { return std::tuple<>(); }
  bool operator==(const RootWish&) const = default;
};
/// The digests under each of these nodes of the tree. `level` counts from the pages, which are 0.
struct NodesWish {
  std::uint8_t level = 0;
  List<std::uint32_t, limits::nodes_per_part_max> indexes;
  static constexpr auto fields(auto& m) { return std::tie(m.level, m.indexes); }
  bool operator==(const NodesWish&) const = default;
};
struct PagesWish {
  List<std::uint32_t, limits::pages_per_part_max> indexes;
  static constexpr auto fields(auto& m) { return std::tie(m.indexes); }
  bool operator==(const PagesWish&) const = default;
};
struct FetchPart {
  Seq seq;
  std::uint64_t ask = 0;
  std::variant<RootWish, NodesWish, PagesWish> what;
  static constexpr auto fields(auto& m) { return std::tie(m.seq, m.ask, m.what); }
  bool operator==(const FetchPart&) const = default;
};

/// The answer. This checkpoint is not held here (any more).
struct NotHeld {
  static constexpr auto fields(auto&) { return std::tuple<>(); }
  bool operator==(const NotHeld&) const = default;
};
/// You have had enough for the moment.
struct AskLater {
  static constexpr auto fields(auto&) { return std::tuple<>(); }
  bool operator==(const AskLater&) const = default;
};
/// What the certified digest is made of.
struct TreeRoot {
  std::uint32_t page_count = 0;
  Digest top;
  static constexpr auto fields(auto& m) { return std::tie(m.page_count, m.top); }
  bool operator==(const TreeRoot&) const = default;
};
/// The children of the nodes asked for, one node's after the other's, in the order asked.
struct TreeNodes {
  List<Digest, limits::nodes_per_part_max * limits::node_children_max> digests;
  static constexpr auto fields(auto& m) { return std::tie(m.digests); }
  bool operator==(const TreeNodes&) const = default;
};
/// Whole pages, in the order asked.
struct StatePages {
  Body<limits::state_part_bytes_max> bytes;
  static constexpr auto fields(auto& m) { return std::tie(m.bytes); }
  bool operator==(const StatePages&) const = default;
};
struct StatePart {
  Seq seq;
  std::uint64_t ask = 0;
  std::variant<NotHeld, AskLater, TreeRoot, TreeNodes, StatePages> what;
  static constexpr auto fields(auto& m) { return std::tie(m.seq, m.ask, m.what); }
  bool operator==(const StatePart&) const = default;
};

/// Appending an alternative is a new wire version; the order here is the tag on the wire.
using PeerMessage =
    std::variant<PrePrepare, Prepare, Commit, Signed<Checkpoint>, Committed, Forward, Status,
                 FetchBatch, BatchBody, CheckpointProof, Signed<ViewChange>, Signed<NewView>,
                 FetchPart, StatePart, AskVotes, VotesSeen, Verified, PrePrepareDigests,
                 Signed<Prepare>, Signed<Commit>, Ping, Pong, Relay, RelayBack>;

/// "pre-prepare", "prepare", ...: for traces, logs and counters.
const char* name_of(const PeerMessage& message);

}  // namespace prytany::wire
