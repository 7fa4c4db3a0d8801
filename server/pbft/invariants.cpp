#include "server/pbft/invariants.h"

namespace prytany::pbft {

Invariants::Invariants(const Recovered& recovered, View first_view)
    : next_execution_(recovered.image + 1) {
  last_.view = recovered.view;
  last_.active = !recovered.view_change;
  entered_ = recovered.view_change ? first_view : recovered.view;
  left_for_ = recovered.view_change;
  if (recovered.new_view) {
    entered_ = recovered.new_view->message.view;
    new_view_ = recovered.new_view->signature;
  }
  last_.stable = last_.executed = last_.handed = last_.proposed = recovered.image;
  for (const auto& [seq, slot] : recovered.slots) {
    Promise& promise = promises_[seq];
    if (slot.prepare) promise.prepare = {slot.prepare->view, slot.prepare->digest};
    if (slot.commit) promise.commit = {slot.commit->view, slot.commit->digest};
    if (slot.committed) promise.committed = slot.committed->committed.digest;
  }
}

void Invariants::installed(Seq seq) {
  next_execution_ = seq + 1;
  installed_ = true;
}

void Invariants::check(const Snapshot& now, const Effects& effects, std::size_t first) {
  // Basic: h <= executed <= handed <= h + L, and every slot is in the window.
  ENSURE(now.stable <= now.executed);
  ENSURE(now.executed <= now.handed);
  ENSURE(now.handed - now.stable <= now.window);
  ENSURE(now.proposed <= now.stable + now.window);
  ENSURE(now.slots <= now.window);
  ENSURE(now.slots == 0 || now.lowest_slot > now.stable);
  ENSURE(now.slots == 0 || now.highest_slot <= now.stable + now.window);
  // Delta: nothing goes back. (Execution may, once: to a certified state that replaces a wrong
  // one.)
  ENSURE(now.view >= last_.view);
  ENSURE(now.stable >= last_.stable);
  ENSURE(installed_ || now.executed >= last_.executed);
  ENSURE(installed_ || now.handed >= last_.handed);
  // (A view starts with what was chosen for it, which may be less than was proposed before.)
  ENSURE(now.view > last_.view || now.active != last_.active || now.proposed >= last_.proposed);
  for (std::size_t i = first; i < effects.size(); ++i) {
    check_effect(effects[i]);
    if (now.asking) check_silence(effects[i]);
  }
  ENSURE(now.active == !left_for_);
  ENSURE(left_for_ ? now.view == left_for_->view : now.view == entered_);
  ENSURE(now.handed + 1 == next_execution_);
  last_ = now;
  installed_ = false;
}

void Invariants::record(std::optional<Ballot>& ballot, View view, const Digest& digest) {
  // Within a view, one digest; and no vote for a view that was left.
  ENSURE(!ballot || view >= ballot->view);
  ENSURE(!ballot || view > ballot->view || digest == ballot->digest);
  ballot = {view, digest};
}

void Invariants::ensure_recorded(const std::optional<Ballot>& ballot, View view,
                                 const Digest& digest) {
  ENSURE(ballot && ballot->view == view && ballot->digest == digest);
}

void Invariants::check_vote(View view) const { ENSURE(!left_for_ && view == entered_); }

void Invariants::check_view_change(const wire::ViewChange& sent) {
  ENSURE(sent.view > entered_);
  // One for each view, ever; and P and Q are true while no vote follows (check_vote).
  ENSURE(!left_for_ || sent.view > left_for_->view || sent == *left_for_);
  left_for_ = sent;
}

void Invariants::check_new_view(const wire::Signed<wire::NewView>& accepted) {
  const View view = accepted.message.view;
  ENSURE(view >= entered_);
  ENSURE(view > entered_ || new_view_ == accepted.signature);
  entered_ = view;
  new_view_ = accepted.signature;
  if (left_for_ && left_for_->view <= view) left_for_.reset();
}

void Invariants::check_record(const JournalRecord& record) {
  if (const auto* prepare = std::get_if<PreparedVote>(&record)) {
    check_vote(prepare->vote.view);
    this->record(promises_[prepare->vote.seq].prepare, prepare->vote.view, prepare->vote.digest);
  } else if (const auto* commit = std::get_if<CommitVote>(&record)) {
    check_vote(commit->vote.view);
    this->record(promises_[commit->vote.seq].commit, commit->vote.view, commit->vote.digest);
  } else if (const auto* known = std::get_if<CommittedRecord>(&record)) {
    std::optional<Digest>& committed = promises_[known->committed.seq].committed;
    ENSURE(!committed || *committed == known->committed.digest);
    committed = known->committed.digest;
  } else if (const auto* left = std::get_if<ViewChangeRecord>(&record)) {
    check_view_change(left->sent);
  } else if (const auto* entered = std::get_if<NewViewRecord>(&record)) {
    check_new_view(entered->accepted);
  }
}

/// Whoever does not know yet what it voted sends no vote, new or old, and no proposal.
void Invariants::check_silence(const Effect& effect) {
  const auto* send = std::get_if<Send>(&effect);
  if (send == nullptr) return;
  ENSURE(!std::holds_alternative<wire::PrePrepare>(send->message));
  ENSURE(!std::holds_alternative<wire::PrePrepareDigests>(send->message));
  ENSURE(!std::holds_alternative<wire::Prepare>(send->message));
  ENSURE(!std::holds_alternative<wire::Commit>(send->message));
  ENSURE(!std::holds_alternative<wire::Signed<wire::ViewChange>>(send->message));
  ENSURE(!std::holds_alternative<wire::Signed<wire::NewView>>(send->message));
}

void Invariants::check_effect(const Effect& effect) {
  if (const auto* persist = std::get_if<Persist>(&effect)) {
    check_record(persist->record);
  } else if (const auto* send = std::get_if<Send>(&effect)) {
    // Durable before sent: the record came out earlier, in this step or one before.
    if (const auto* prepare = std::get_if<wire::Prepare>(&send->message)) {
      ensure_recorded(promises_[prepare->seq].prepare, prepare->view, prepare->digest);
    } else if (const auto* commit = std::get_if<wire::Commit>(&send->message)) {
      ensure_recorded(promises_[commit->seq].commit, commit->view, commit->digest);
    } else if (const auto* left = std::get_if<wire::Signed<wire::ViewChange>>(&send->message)) {
      ENSURE(left_for_ == left->message);
    } else if (const auto* entered = std::get_if<wire::Signed<wire::NewView>>(&send->message)) {
      ENSURE(entered->message.view == entered_ && new_view_ == entered->signature);
    }
  } else if (const auto* execute = std::get_if<Execute>(&effect)) {
    ENSURE(execute->seq == next_execution_);
    ENSURE(promises_[execute->seq].committed == execute->digest);
    ++next_execution_;
  } else if (const auto* discard = std::get_if<DiscardJournal>(&effect)) {
    promises_.erase(promises_.begin(), promises_.upper_bound(discard->seq));
  }
}

}  // namespace prytany::pbft
