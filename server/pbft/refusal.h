// Why a message is not acted on. Each reason has its own enumerator, counted by name.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace prytany::pbft {

enum class Refusal : std::uint8_t {
  stranger,  // not a member, or ourselves
  stale_view,
  future_view,
  changing_view,            // a vote in the view that we wait for: we have not entered it yet
  below_window,             // a stable checkpoint covers it: late, as the last of every quorum is
  above_window,             // beyond h + L
  not_primary,              // a PRE-PREPARE from a backup, or a FORWARD to one
  conflicting_pre_prepare,  // another one for this view and number is held: the primary equivocates
  conflicting_vote,         // the sender voted differently before
  repeated,                 // nothing new
  no_checkpoint_number,     // not a multiple of K
  diverged,                 // our own state is wrong: we vote for nothing
  backlog_full,
  session_full,
  request_known,   // waiting or in flight already
  body_not_asked,  // a BATCH-BODY that we did not ask this peer for
  body_wrong,      // a BATCH-BODY with another digest
  body_not_held,   // a FETCH-BATCH for what we do not hold
  too_often,       // this peer has had its share for now
  view_change_malformed,
  view_change_old,       // not newer than the one held from this sender
  new_view_unfounded,    // its VIEW-CHANGEs are no quorum of good ones for its view
  new_view_wrong,        // its VIEW-CHANGEs imply another start of the view
  new_view_contradicts,  // it proposes another batch where we know what is committed
  not_for_replica,       // a message for the host's state transfer
  just_started,          // what I voted before is not known yet; it is asked for again
  batch_unfit,           // names a request twice, or more than a batch may hold
};
inline constexpr std::size_t refusals = 27;

constexpr const char* words(Refusal refusal) {
  constexpr std::array<const char*, refusals> all = {"stranger",
                                                     "stale view",
                                                     "future view",
                                                     "view not entered yet",
                                                     "covered by a stable checkpoint",
                                                     "above the window",
                                                     "not the primary",
                                                     "conflicts with the pre-prepare held",
                                                     "conflicting vote",
                                                     "repeated",
                                                     "not a checkpoint",
                                                     "own state diverged",
                                                     "backlog full",
                                                     "session has too many waiting",
                                                     "known request",
                                                     "body not asked for",
                                                     "body of another digest",
                                                     "body not held",
                                                     "too often",
                                                     "malformed view-change",
                                                     "old view-change",
                                                     "new-view without a quorum",
                                                     "new-view of another outcome",
                                                     "new-view against what is committed",
                                                     "not for the replica",
                                                     "just started",
                                                     "no fit batch"};
  return all[static_cast<std::size_t>(refusal)];
}

/// Happens every day among correct replicas and clients, and says nothing of anybody: the last
/// votes of a quorum, what was sent twice, a request that came after its PRE-PREPARE, what is said
/// in one view to somebody in another.
constexpr bool everyday(Refusal refusal) {
  return refusal == Refusal::below_window || refusal == Refusal::repeated ||
         refusal == Refusal::request_known || refusal == Refusal::stale_view ||
         refusal == Refusal::future_view || refusal == Refusal::changing_view ||
         refusal == Refusal::view_change_old || refusal == Refusal::just_started;
}

/// No correct replica causes it, however late or often its message comes, and however much it has
/// to do: whoever did lies.
constexpr bool blames(Refusal refusal) {
  return refusal == Refusal::conflicting_pre_prepare || refusal == Refusal::conflicting_vote ||
         refusal == Refusal::no_checkpoint_number || refusal == Refusal::view_change_malformed ||
         refusal == Refusal::new_view_unfounded || refusal == Refusal::new_view_wrong ||
         refusal == Refusal::new_view_contradicts || refusal == Refusal::not_for_replica ||
         refusal == Refusal::batch_unfit;
}

}  // namespace prytany::pbft
