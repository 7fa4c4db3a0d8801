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
  bool recorded = false;         // the journal holds it
};
Body make_body(wire::Batch batch, wire::Agreed agreed);
/// The same for whom the requests' digests are at hand.
Body make_body(wire::Batch batch, wire::Agreed agreed, std::vector<Digest> requests);

/// What a NEW-VIEW puts where nothing can have been committed: no requests, no time of its own.
const Body& null_body();

/// What a backup thinks of the PRE-PREPARE it holds (docs/design.md section 6).
enum class Standing : std::uint8_t {
  none,        // there is none
  early,       // its time has not come: judged again when due
  late,        // its time is long past: accepted on others' word, or after a while
  doubted,     // refused by the upcall: accepted only on others' word
  unverified,  // holds a request that is not authentic here: accepted when it is, or on others'
               // word
  accepted,    // recorded; I vote for it
};

class Slot {
 public:
  // ---- the PRE-PREPARE, or what stands for one in a NEW-VIEW ----
  /// Whether another one for this number is held already, or contradicts the NEW-VIEW, or what is
  /// known to be committed.
  [[nodiscard]] std::optional<Refusal> refuse_pre_prepare(const Digest& digest) const;
  /// Requires: !refuse_pre_prepare(body.digest).
  void hold(Body body);
  /// The NEW-VIEW proposes this digest for this number. Requires: !refuse_pre_prepare(digest).
  void choose(const Digest& digest);
  [[nodiscard]] const std::optional<Digest>& chosen() const { return chosen_; }
  void set_standing(Standing standing) { standing_ = standing; }
  [[nodiscard]] Standing standing() const { return standing_; }
  [[nodiscard]] bool accepted() const { return standing_ == Standing::accepted; }
  /// What was proposed in this view, if its batch is at hand; null otherwise.
  [[nodiscard]] const Body* proposed() const { return proposed_ ? body(*proposed_) : nullptr; }

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

  // ---- batches: of this view's proposal, of what is committed, and of P and Q ----
  /// Keeps a batch that is not (or not yet) what this view proposes: one that was asked for, or
  /// that the journal remembered.
  void supply(Body body);
  /// The body with this digest, from whichever source; null if not held.
  [[nodiscard]] const Body* body(const Digest& digest) const;
  /// The journal holds this body from now on. Requires: it is held.
  void set_recorded(const Digest& digest);
  /// The digest whose batch is committed or chosen, and not held; nothing if none is missing.
  [[nodiscard]] std::optional<Digest> missing() const;
  /// What to execute: null unless committed and held.
  [[nodiscard]] const Body* executable() const { return committed_ ? body(*committed_) : nullptr; }

  // ---- another view (section 4.4) ----
  /// Forgets the proposal and the votes of the view that was left. Of the batches those stay that
  /// are committed, or that `pinned` names: P and Q pin theirs. Gives back the proposal's batch,
  /// if there was one and it is not committed.
  template <class Pinned>
  std::optional<Body> leave_view(Pinned pinned);

  // ---- bookkeeping of the replica ----
  Time since = never;       // when it was first awaited in this view, or not yet
  Time voted = never;       // when I last voted for it, in this life
  unsigned excuses = 0;     // how often that was put off for a cause that lies here
  bool recorded = false;    // its CommittedRecord was written
  bool released = false;    // its requests are no longer in flight
  bool complained = false;  // that the primary lies: one line in the log is enough
  struct Asked {
    ReplicaId peer;
    Digest digest;
  };
  std::optional<Asked> asked;  // whom we asked for a body
  /// The primary proposed this by the requests' digests, and some of them are not at hand yet.
  std::optional<Digest> announced;
  unsigned asks = 0;

 private:
  std::vector<Body> bodies_;        // by digest; few: see ViewChanges::digests_per_number_max
  std::optional<Digest> proposed_;  // in this view, with its batch
  std::optional<Digest> chosen_;    // by this view's NEW-VIEW, perhaps without its batch
  Standing standing_ = Standing::none;
  std::optional<Digest> committed_;
};

template <class Pinned>
std::optional<Body> Slot::leave_view(Pinned pinned) {
  std::optional<Body> dropped;
  if (const Body* was = proposed(); was != nullptr && committed_ != was->digest) dropped = *was;
  proposed_.reset();
  chosen_.reset();
  standing_ = Standing::none;
  prepares.clear();
  commits.clear();
  since = voted = never;
  excuses = 0;
  complained = false;
  asked.reset();
  announced.reset();
  std::erase_if(
      bodies_, [&](const Body& body) { return committed_ != body.digest && !pinned(body.digest); });
  return dropped;
}

}  // namespace prytany::pbft
