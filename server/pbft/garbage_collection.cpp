// Checkpoints, stability and garbage collection (section 4.3), and the state transfer that they
// make safe.
#include <algorithm>

#include "server/pbft/core.h"

namespace prytany::pbft {
void Replica::Core::on(CheckpointTaken event) {
  // Of a state that was replaced since, or is about to be.
  if (event.seq <= window_.low() || fetching_) return;
  ENSURE(event.seq == taken_);
  const auto mine = wire::sign(membership_, config_.self, signer_,
                               wire::Checkpoint{event.seq, event.state, event.configuration});
  trace("checkpoint n", event.seq, " is taken: ", event.state, " -> sign it");
  checkpoints_.take(config_.self, mine);
  // Whoever holds a certificate forgets what it covers, and a view may begin there. So who signs
  // must come back to this state by itself after any crash: weak_quorum() correct replicas then can
  // (docs/protocol.md, checkpoints).
  if (config_.group.n > 1) make_durable();
  broadcast(mine);
  if (certified_ && certified_->checkpoint.seq == event.seq) {
    compare_with_certified();
  } else {
    try_certify(event.seq);
  }
}

void Replica::Core::on(ReplicaId from, const wire::Signed<wire::Checkpoint>& message) {
  const wire::Checkpoint& checkpoint = message.message;
  const Seq seq = checkpoint.seq;
  if (!at_checkpoint(seq))
    return drop(Refusal::no_checkpoint_number, "checkpoint n", seq, " from r", from);
  peers_.heard(from, seq, Seq{0});
  if (seq <= window_.low())
    return drop(Refusal::below_window, "checkpoint n", seq, " from r", from);
  const bool inside = window_.contains(seq);
  const Added added =
      inside ? checkpoints_.add(from, message) : checkpoints_.add_above(from, message);
  if (added == Added::conflicting)
    return drop(Refusal::conflicting_vote, "checkpoint n", seq, " from r", from);
  if (added == Added::repeated) return;
  if (const auto mine = checkpoints_.mine(seq); mine && *mine != checkpoint.state)
    say("checkpoint n", seq, " of r", from, " is ", checkpoint.state, ", mine ", *mine,
        " -> wait for a quorum");
  if (inside) return try_certify(seq);
  if (auto proof = checkpoints_.proof_above()) certified(*std::move(proof));
}

void Replica::Core::on(ReplicaId from, wire::CheckpointProof proof) {
  const Seq seq = proof.checkpoint.seq;
  if (!at_checkpoint(seq))
    return drop(Refusal::no_checkpoint_number, "checkpoint-proof n", seq, " from r", from);
  if (seq <= window_.low())
    return drop(Refusal::below_window, "checkpoint-proof n", seq, " from r", from);
  certified(std::move(proof));
}

void Replica::Core::on(Superseded event) {
  const Seq seq = event.proof.checkpoint.seq;
  if (!at_checkpoint(seq) || seq <= window_.low()) return;
  certified(std::move(event.proof));
  if (!certified_ || (!fetching_ && checkpoints_.mine(certified_->checkpoint.seq))) return;
  // What is being fetched may be gone where it is asked for, and nobody tells me of later
  // checkpoints but in answer to a question: this one is there now. And whoever may not vote does
  // not take part in what would bring it there otherwise.
  const bool newer = fetching_ && certified_->checkpoint.seq > *fetching_;
  const bool apart = boot_.asking() && !fetching_ && !within_reach(certified_->checkpoint.seq);
  if (newer || apart) fetch_state(*certified_);
}

/// All up to it is here and committed: my own journal leads there. It may be the only one that
/// does.
bool Replica::Core::within_reach(Seq seq) const {
  for (Seq next = handed_ + 1; next <= seq; ++next) {
    const Slot* slot = window_.find(next);
    if (slot == nullptr || slot->executable() == nullptr) return false;
  }
  return true;
}

void Replica::Core::try_certify(Seq seq) {
  if (auto proof = checkpoints_.proof(seq)) certified(*std::move(proof));
}

void Replica::Core::certified(wire::CheckpointProof proof) {
  const Seq seq = proof.checkpoint.seq;
  if (seq <= window_.low() || (certified_ && seq <= certified_->checkpoint.seq)) return;
  certified_ = std::move(proof);
  known_ = std::max(known_, seq);
  // What is on its way comes first: were a later state of mine stable by then, it would be older
  // than the window.
  if (checkpoints_.mine(seq) && !fetching_) return compare_with_certified();
  if (gone_) return fetch_state(*certified_);
  if (fetching_)
    return trace("checkpoint n", seq, " is certified, n", *fetching_,
                 " is being fetched -> go on with that");
  if (!window_.contains(seq)) {
    // Section 4.3: what is between was discarded by those who could resend it.
    say("checkpoint n", seq, " is certified above my window -> fetch state");
    return fetch_state(*certified_);
  }
  trace("checkpoint n", seq, " is certified, executed n", executed_, " -> catch up");
}

void Replica::Core::compare_with_certified() {
  const wire::Checkpoint& proven = certified_->checkpoint;
  const Digest mine = *checkpoints_.mine(proven.seq);
  if (mine == proven.state) return make_stable(*certified_);
  diverged_ = true;
  say("checkpoint n", proven.seq, " is certified as ", proven.state, ", mine is ", mine,
      " -> stop voting and executing, fetch state");
  fetch_state(*certified_);
}

void Replica::Core::make_stable(const wire::CheckpointProof& proof) {
  const wire::Checkpoint& checkpoint = proof.checkpoint;
  trace("checkpoint n", checkpoint.seq, " has a quorum -> stable");
  pending_.insert_or_assign(checkpoint.seq, proof);
  record_stable(proof);
  out_->push_back(Stable{checkpoint.seq, checkpoint.state});
}

/// What of views is still needed is written again with every proof: older segments go one day.
void Replica::Core::record_stable(const wire::CheckpointProof& proof) {
  persist(StableRecord{view_, proof});
  if (new_view_) persist(NewViewRecord{*new_view_});
  if (const auto* mine = active_ ? nullptr : view_changes_.of(config_.self))
    persist(ViewChangeRecord{mine->message});
}

void Replica::Core::on(CheckpointDurable event) {
  if (event.seq <= window_.low()) return;
  const auto proof = pending_.find(event.seq);
  ENSURE(proof != pending_.end());
  stable_ = proof->second;
  trace("checkpoint n", event.seq, " is durable -> discard what it covers");
  advance(event.seq);
  propose_again();
  // What the primary proposed while my window was behind its own was refused here: no need to wait
  // until it is overdue.
  if (std::exchange(outran_, false)) ask_all();
}

void Replica::Core::fetch_state(wire::CheckpointProof proof) {
  const Seq seq = proof.checkpoint.seq;
  if (!target_ || target_->checkpoint.seq != seq) {
    // First the proof, so that a crash between finds state.db vouched for, old or new.
    record_stable(proof);
    target_ = proof;
  }
  if (fetching_ != seq) gone_ = false;
  fetching_ = seq;
  out_->push_back(FetchState{std::move(proof), diverged_});
}

/// No need to wait until it is overdue (fetch_anew()). Where checkpoints are close to each other, a
/// group can leave behind what was certified a moment ago; it must not do without us for a second.
void Replica::Core::on(const StateGone& event) {
  if (!fetching_ || *fetching_ != event.seq) return;
  gone_ = true;
  if (certified_ && certified_->checkpoint.seq > event.seq) return fetch_state(*certified_);
  trace("state of n", event.seq, " is gone -> ask for a later checkpoint");
  ask_all();
}

void Replica::Core::on(StateInstalled event) {
  const Seq here = event.proof.checkpoint.seq;
  ENSURE(target_ && here <= target_->checkpoint.seq);
  say("state of n", here, " is installed -> go on from there");
  stable_ = std::move(event.proof);
  target_.reset();
  fetching_.reset();
  gone_ = false;
  diverged_ = false;
  if (event.ends) window_.end_at(*event.ends);
  checkpoints_.forget_mine(config_.self);
  backlog_.forget_all();
  vouching_.forget_waiting();
  executed_ = handed_ = taken_ = here;
  proposed_ = std::max(proposed_, here);
  known_ = std::max(known_, here);
  invariants_.installed(here);
  advance(here);
  if (window_.end() && *window_.end() <= here) return;  // the host begins the next one
  for (auto& [seq, slot] : window_.slots()) {
    if (slot.proposed() == nullptr) continue;
    assigned(slot);
    // What came while our state was in doubt was not voted for.
    if (active_ && slot.standing() == Standing::none) consider(seq, slot);
  }
  propose_again();
  // The group went on meanwhile, perhaps beyond what this state lets us join.
  if (certified_ && !window_.contains(certified_->checkpoint.seq)) return fetch_state(*certified_);
  execute_ready();
  ask_all();
  try_new_view();
}

/// h moves: the certificate and state.db are durable.
void Replica::Core::advance(Seq low) {
  for (auto& [seq, slot] : window_.slots())
    if (seq <= low) release(slot);
  window_.advance(low);
  checkpoints_.discard(low);
  view_changes_.discard(low);
  pending_.erase(pending_.begin(), pending_.upper_bound(low));
  if (certified_ && certified_->checkpoint.seq <= low) certified_.reset();
  std::erase_if(held_, [&](const auto& held) { return held.second <= low; });
  std::erase_if(lacking_, [&](const auto& lacking) { return lacking.second <= low; });
  // Segments that go may hold votes above this, too, next to others that stay for such: only this
  // record tells, should state.db be put back to an older checkpoint.
  persist_lazily(DiscardedRecord{low});
  out_->push_back(DiscardJournal{low});
}

}  // namespace prytany::pbft
