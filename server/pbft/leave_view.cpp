// Leaving a view (section 4.4): VIEW-CHANGE, and what those of others make us do.
#include <algorithm>

#include "server/pbft/core.h"

namespace prytany::pbft {
namespace {

template <class M>
std::size_t units_of_entries(const M& message) {
  constexpr std::size_t entry_bytes = 48;
  return 1 +
         (message.prepared.size() + message.pre_prepared.size()) * entry_bytes / Peers::unit_bytes;
}

}  // namespace

/// From here on no PRE-PREPARE, PREPARE or COMMIT of a lower view is sent or accepted: P and Q say
/// all that this replica did there, and must stay true. The record comes first, so that this holds
/// across a restart, and so that there is one VIEW-CHANGE of ours for this view, ever.
void Replica::Core::leave_view(View next) {
  ENSURE(next > view_);
  // Section 4.5.2: twice the time, if the view that we leave did not work, or hardly did. One that
  // worked says that the time was long enough.
  const bool worked = active_ && (!entered_at_ || now_ >= *entered_at_ + 2 * patience());
  if (!worked) level_ = std::min(level_ + 1, config_.request_timeout_doublings_max);
  new_view_patience_ = config_.request_timeout_us << level_;
  new_view_due_ = never;
  new_view_excuses_ = 0;
  view_ = next;
  active_ = judging_ = silent_ = false;
  forget_this_view();

  wire::ViewChange mine = view_changes_.make(next, stable_);
  trace("leave for view ", next, " with h=n", mine.low(), ", ", mine.prepared.size(), " in P, ",
        mine.pre_prepared.size(), " in Q -> view-change");
  persist(ViewChangeRecord{mine});
  const auto message = wire::sign(membership_, config_.self, signer_, std::move(mine));
  const auto refusal = view_changes_.store(config_.self, entered_, message);
  ENSURE(!refusal);
  broadcast(message);
  start_new_view_timer();
  try_new_view();
}

/// Nothing of what is held against one primary counts against the next, also where a NEW-VIEW comes
/// before anybody has asked for its view here.
void Replica::Core::forget_this_view() {
  held_.clear();
  lacking_.clear();
  lied_to_ = false;
  unverified_.clear();
  pace_.begin_view();
  passed_over_ = {};
  gap_since_ = never;
}

void Replica::Core::on(ReplicaId from, const wire::Signed<wire::ViewChange>& message) {
  const View wanted = message.message.view;
  if (const auto refusal = view_changes_.store(from, entered_, message))
    return drop(*refusal, "view-change to ", wanted, " from r", from);
  trace("view-change to ", wanted, " from r", from, " -> keep it");
  join_others();
  follow_primary(from, wanted);
  start_new_view_timer();
  try_new_view();
}

/// The primary itself gives its view up, or the one that it was to begin: nothing will come of it
/// any more. Beyond the papers, where its backups find that out by waiting, if they have something
/// to wait for. One that lies could as well fall silent.
void Replica::Core::follow_primary(ReplicaId from, View wanted) {
  if (from != primary() || wanted <= view_) return;
  say("r", from, ", primary of view ", view_, ", leaves it -> leave it, too");
  leave_view(view_ + 1);
}

/// Section 4.5.2: weak_quorum() others ask for views above mine, so a correct one does: join it,
/// although my own timer is not up. The view is one that a correct replica has reached, however
/// high the liars among them ask.
void Replica::Core::join_others() {
  const auto wanted = view_changes_.wanted_by_some_correct();
  if (!wanted || *wanted <= view_) return;
  say(config_.group.weak_quorum(), " others ask for view ", *wanted, " -> join them");
  leave_view(*wanted);
}

/// Section 4.5.2: not before quorum() replicas have left all views before this one. Whoever starts
/// earlier runs ahead of the others from view to view, and no view ever gets a quorum.
void Replica::Core::start_new_view_timer() {
  if (active_ || new_view_due_ != never) return;
  if (view_changes_.asking_from(view_) < config_.group.quorum()) return;
  new_view_due_ = now_ + new_view_patience_;
  trace(config_.group.quorum(), " replicas wait for view ", view_, " -> give r", primary(), " ",
        new_view_patience_ / 1000, " ms");
}

void Replica::Core::new_view_overdue() {
  say("view ", view_, " does not begin -> leave it: r", primary(), " is too slow");
  leave_view(view_ + 1);
}

/// Own messages, and the NEW-VIEW that was entered last, whose primary may be dead by now.
std::size_t Replica::Core::answer_view(ReplicaId to, const wire::Status& theirs) {
  std::size_t units = 0;
  if (new_view_ && theirs.entered < entered_) {
    trace("r", to, " has not heard of view ", entered_, " -> pass on its new-view");
    send(to, *new_view_);
    for (const wire::SignedViewChange& inner : new_view_->message.view_changes)
      units += units_of_entries(inner.content.message);
  }
  const auto* mine = active_ ? nullptr : view_changes_.of(config_.self);
  if (mine != nullptr && theirs.view <= view_ && theirs.entered < view_) {
    send(to, *mine);
    units += units_of_entries(mine->message);
  }
  return units;
}

}  // namespace prytany::pbft
