// What a VIEW-CHANGE says (section 4.4; DESIGN section 4): P, what was prepared here, and Q, what
// this replica sent PREPARE for. Both are kept from the first vote on, since a later view depends
// on them; they are dropped with the checkpoint that covers their numbers. Also the one VIEW-CHANGE
// held per sender.
//
// The primary is not yet replaced: nothing here sends or starts a timer (docs/protocol.md, "Not
// there yet").
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
  [[nodiscard]] std::vector<wire::PreparedEntry> p() const;
  [[nodiscard]] std::vector<wire::PrePreparedEntry> q() const;
  /// The VIEW-CHANGE that I would send for `view`. `own` are my checkpoints from the stable one on.
  [[nodiscard]] wire::ViewChange make(View view, Seq stable,
                                      std::vector<wire::Checkpoint> own) const;

  // ---- others' ----
  /// Whether it can have come from a correct replica, whatever else it says.
  [[nodiscard]] static std::optional<Refusal> refuse(const Config& config,
                                                     const wire::ViewChange& message);
  /// Keeps it, in place of an older one of the same sender; or says why not.
  std::optional<Refusal> store(ReplicaId from, View current,
                               const wire::Signed<wire::ViewChange>& message);
  [[nodiscard]] std::vector<wire::SignedViewChange> stored(View view) const;

  /// Q holds at most this many digests of one number.
  static constexpr std::size_t digests_per_number_max = 4;

 private:
  const Config& config_;
  std::map<Seq, wire::PreparedEntry> p_;
  std::map<Seq, std::vector<wire::PrePreparedEntry>> q_;  // ascending views
  std::map<ReplicaId, wire::Signed<wire::ViewChange>> stored_;
};

}  // namespace prytany::pbft
