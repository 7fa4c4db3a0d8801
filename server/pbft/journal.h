// What a restart must remember. A vote leaves only after its record is durable (docs/design.md
// section 4): a replica that forgot a vote could contradict it, which is a Byzantine fault.
#pragma once

#include <map>
#include <optional>
#include <variant>
#include <vector>

#include "server/base/result.h"
#include "server/wire/messages.h"

namespace prytany::pbft {

/// Opens the journal, and every part of it that starts with a new stable checkpoint. `proof` is
/// empty only for the genesis state (seq 0).
struct StableRecord {
  View view;
  std::optional<wire::CheckpointProof> proof;
  static constexpr auto fields(auto& m) { return std::tie(m.view, m.proof); }
  bool operator==(const StableRecord&) const = default;
};
/// I accepted (or proposed) this, and hold its batch.
struct PrePreparedRecord {
  wire::PrePrepare pre_prepare;
  static constexpr auto fields(auto& m) { return std::tie(m.pre_prepare); }
  bool operator==(const PrePreparedRecord&) const = default;
};
/// I send PREPARE / COMMIT.
struct PreparedVote {
  wire::Prepare vote;
  static constexpr auto fields(auto& m) { return std::tie(m.vote); }
  bool operator==(const PreparedVote&) const = default;
};
struct CommitVote {
  wire::Commit vote;
  bool prepared = true;  // else I knew it to be committed: no entry of P
  static constexpr auto fields(auto& m) { return std::tie(m.vote, m.prepared); }
  bool operator==(const CommitVote&) const = default;
};
/// I know that n is committed with d, and hold the batch: it may be executed again after a restart.
struct CommittedRecord {
  wire::Committed committed;
  wire::Batch batch;  // empty when a PrePreparedRecord of the same digest has it
  wire::Agreed agreed;
  bool by_reference = true;  // batch is in that PrePreparedRecord
  static constexpr auto fields(auto& m) {
    return std::tie(m.committed, m.batch, m.agreed, m.by_reference);
  }
  bool operator==(const CommittedRecord&) const = default;
};
/// I leave all views before sent.view, and say this of them. Written again after a StableRecord
/// while that view is not entered, so that older segments may go.
struct ViewChangeRecord {
  wire::ViewChange sent;
  static constexpr auto fields(auto& m) { return std::tie(m.sent); }
  bool operator==(const ViewChangeRecord&) const = default;
};
/// I enter this view, as its primary or as a backup. Written again after a StableRecord while it
/// is the last one entered: those who slept are told of it.
struct NewViewRecord {
  wire::Signed<wire::NewView> accepted;
  static constexpr auto fields(auto& m) { return std::tie(m.accepted); }
  bool operator==(const NewViewRecord&) const = default;
};

/// state.db holds this checkpoint durably, and from now on older records may go, votes above it
/// excepted: with an older state.db this journal is not enough.
struct DiscardedRecord {
  Seq seq;
  static constexpr auto fields(auto& m) { return std::tie(m.seq); }
  bool operator==(const DiscardedRecord&) const = default;
};

/// The order here is the tag on disk.
using JournalRecord =
    std::variant<StableRecord, PrePreparedRecord, PreparedVote, CommitVote, CommittedRecord,
                 ViewChangeRecord, NewViewRecord, DiscardedRecord>;

struct RecoveredSlot {
  std::optional<wire::PrePrepare> pre_prepare;  // the latest
  std::vector<wire::PrePrepare> earlier;        // of other batches: P and Q may need them
  std::optional<wire::Prepare> prepare;         // my latest vote
  std::optional<wire::Commit> commit;           // my latest vote
  std::optional<wire::Commit> prepared;         // P: what I prepared last
  std::optional<CommittedRecord> committed;     // with its batch filled in
  /// Q: every digest that I sent PREPARE for, with its latest view.
  std::vector<wire::PrePreparedEntry> pre_prepared;
};

/// The journal, folded. Empty on first boot.
struct Recovered {
  View view;
  /// What state.db holds: the executor's word, given by the host. The proof is the journal's.
  Seq image;
  std::optional<wire::CheckpointProof> stable;     // that of `image`; nothing for genesis
  std::optional<wire::CheckpointProof> certified;  // the highest above `image`, if any
  std::map<Seq, RecoveredSlot> slots;              // above image
  bool first_boot = true;
  bool fresh = false;  // not a journal's: the process goes on in a new configuration
  /// My last, if the view that it asks for was not entered since: then `view` is that one.
  std::optional<wire::ViewChange> view_change;
  /// Of the last view entered; nothing while that is view 0.
  std::optional<wire::Signed<wire::NewView>> new_view;
};

/// Folds records in the order in which they were written. `image` and `image_state`: what state.db
/// holds. Refused: a journal that contradicts state.db (no proof for the image it holds, or it
/// begins above that image), which is disk loss.
class Recovery {
 public:
  void add(JournalRecord record);
  /// Whether some proof in the journal vouches for this state.
  [[nodiscard]] bool vouches_for(const Digest& state) const;
  /// `first_view`: of the configuration that the image is in. What is older was said in one that
  /// has ended, of numbers at or below the image.
  Result<Recovered> finish(Seq image, const Digest& image_state, View first_view = View{0}) &&;

 private:
  Recovered state_;
  std::map<Seq, wire::CheckpointProof> proofs_;
  /// What the journal does not hold any more was thrown away when state.db held this checkpoint.
  Seq begins_at_;
};

}  // namespace prytany::pbft
