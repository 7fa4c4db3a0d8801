// One sequence number in the current view: its PRE-PREPARE, the votes for it, and whether it is
// prepared and committed (Castro & Liskov, TOCS 2002, section 4.2). A slot knows nothing of other
// numbers and never sends.
#pragma once

#include <optional>
#include <vector>

#include "server/pbft/config.h"
#include "server/pbft/refusal.h"
#include "server/pbft/votes.h"
#include "server/wire/messages.h"

namespace prytany::pbft {

/// A batch with its agreed values, hashed once.
struct Body {
  wire::Batch batch;  // shared, not copied
  wire::Agreed agreed;
  Digest digest;                 // of both
  std::vector<Digest> requests;  // their digests, in order
};
Body make_body(wire::Batch batch, wire::Agreed agreed);
/// The same for whom the requests' digests are at hand.
Body make_body(wire::Batch batch, wire::Agreed agreed, std::vector<Digest> requests);

/// What a backup thinks of the PRE-PREPARE it holds (DESIGN section 6).
enum class Standing : std::uint8_t {
  none,      // there is none
  early,     // its time has not come: judged again when due
  late,      // its time is long past: accepted on others' word, or after a while
  doubted,   // refused by the upcall: accepted only on others' word
  accepted,  // recorded; I vote for it
};

class Slot {
 public:
  // ---- the PRE-PREPARE ----
  /// Whether another one for this number is held already, or contradicts what is known to be
  /// committed.
  [[nodiscard]] std::optional<Refusal> refuse_pre_prepare(const Digest& digest) const;
  /// Requires: !refuse_pre_prepare(body.digest).
  void hold(Body body);
  void set_standing(Standing standing) { standing_ = standing; }
  [[nodiscard]] Standing standing() const { return standing_; }
  [[nodiscard]] bool accepted() const { return standing_ == Standing::accepted; }
  /// What the PRE-PREPARE said; null if there is none.
  [[nodiscard]] const Body* proposed() const { return proposed_ ? &*proposed_ : nullptr; }

  // ---- votes of the current view; own ones are recorded where they are cast ----
  VoteSet<Digest> prepares;
  VoteSet<Digest> commits;
  VoteSet<Digest> told;  // COMMITTED: of any view

  /// A PRE-PREPARE, accepted, and quorum() PREPAREs for it (section 4.2: "prepared").
  [[nodiscard]] bool prepared(const Group& group) const;
  /// The digest with quorum() COMMITs, or that weak_quorum() say is committed.
  [[nodiscard]] std::optional<Digest> decided(const Group& group) const;
  /// Exists beyond a liar's word: the primary proposed it, or weak_quorum() replicas speak of it.
  [[nodiscard]] bool awaited(const Group& group) const;

  // ---- commitment: never changes ----
  void set_committed(const Digest& digest);
  [[nodiscard]] const std::optional<Digest>& committed() const { return committed_; }
  /// A body that was asked for. Requires: committed() == body.digest.
  void supply(Body body);
  /// The body with this digest, from whichever source; null if not held.
  [[nodiscard]] const Body* body(const Digest& digest) const;
  /// What to execute: null unless committed and held.
  [[nodiscard]] const Body* executable() const { return committed_ ? body(*committed_) : nullptr; }

  // ---- bookkeeping of the replica ----
  bool recorded = false;           // its CommittedRecord was written
  bool released = false;           // its requests are no longer in flight
  bool complained = false;         // that the primary lies: one line in the log is enough
  std::optional<ReplicaId> asked;  // whom we asked for the body
  unsigned asks = 0;

 private:
  std::optional<Body> proposed_;
  std::optional<Body> supplied_;
  Standing standing_ = Standing::none;
  std::optional<Digest> committed_;
};

}  // namespace prytany::pbft
