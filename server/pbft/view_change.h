// What a VIEW-CHANGE says (section 4.4; docs/design.md section 4): P, what was prepared here, and
// Q, what this replica sent PREPARE for. Both are kept from the first vote on, since a later view
// depends on them; they are dropped with the checkpoint that covers their numbers, or when a
// NEW-VIEW has decided otherwise. Also the one VIEW-CHANGE held per sender.
#pragma once

#include <map>
#include <optional>
#include <vector>

#include "server/pbft/config.h"
#include "server/pbft/refusal.h"
#include "server/wire/messages.h"

namespace prytany::pbft {

class ViewChanges {
 public:
  explicit ViewChanges(const Config& config) : config_(config) {}

  // ---- P and Q ----
  /// I send PREPARE (or propose) n with `digest` in `view`: into Q, one entry per digest, with its
  /// latest view.
  void pre_prepared(Seq seq, const Digest& digest, View view);
  /// n prepared here: into P, the latest view wins.
  void prepared(Seq seq, const Digest& digest, View view);
  /// A stable checkpoint covers these.
  void discard(Seq seq);
  /// This NEW-VIEW is good: what it did not choose was not committed before it, and never will be.
  void decided(const wire::NewView& message);
  /// P or Q names this batch: somebody may have to propose it again.
  [[nodiscard]] bool pins(Seq seq, const Digest& digest) const;
  [[nodiscard]] std::vector<wire::PreparedEntry> p() const;
  [[nodiscard]] std::vector<wire::PrePreparedEntry> q() const;
  /// The VIEW-CHANGE that I send for `view`; `stable` proves h.
  [[nodiscard]] wire::ViewChange make(View view, std::optional<wire::CheckpointProof> stable) const;

  // ---- those held: one per sender, own included ----
  /// Whether it can have come from a correct replica, whatever else it says.
  [[nodiscard]] static std::optional<Refusal> refuse(const Config& config,
                                                     const wire::ViewChange& message);
  /// Keeps it, in place of an older one of the same sender; or says why not.
  std::optional<Refusal> store(ReplicaId from, View entered,
                               const wire::Signed<wire::ViewChange>& message);
  /// All for exactly this view, by sender: what a NEW-VIEW can be made of.
  [[nodiscard]] std::vector<wire::SignedViewChange> stored(View view) const;
  [[nodiscard]] const wire::Signed<wire::ViewChange>* of(ReplicaId sender) const;
  /// How many replicas ask for this view or a later one: they have left all before it.
  [[nodiscard]] unsigned asking_from(View view) const;
  /// The highest view that weak_quorum() others ask for, or go beyond: a correct replica among
  /// them wants at least this one.
  [[nodiscard]] std::optional<View> wanted_by_some_correct() const;
  /// Those for `view` and below have served.
  void entered(View view);

  /// Q holds at most this many digests of one number (docs/decisions/0011).
  static constexpr std::size_t digests_per_number_max = 4;

 private:
  const Config& config_;
  std::map<Seq, wire::PreparedEntry> p_;
  std::map<Seq, std::vector<wire::PrePreparedEntry>> q_;  // ascending views
  std::map<ReplicaId, wire::Signed<wire::ViewChange>> stored_;
};

}  // namespace prytany::pbft
