// Entering a view (section 4.4): the primary makes its NEW-VIEW out of a quorum's VIEW-CHANGEs,
// backups check it from exactly those, and both propose again what it chose.
#include <algorithm>

#include "server/pbft/core.h"

namespace prytany::pbft {
namespace {

/// The proof of the plan's start, out of the messages that it was made from.
std::optional<wire::CheckpointProof> proof_of(const wire::Checkpoint& start,
                                              std::span<const wire::SignedViewChange> messages) {
  for (const wire::SignedViewChange& m : messages) {
    const auto& stable = m.content.message.stable;
    if (stable && stable->checkpoint == start) return stable;
  }
  return std::nullopt;
}

/// Nothing chosen means the null batch.
const Digest& digest_of(const wire::Choice& choice) {
  return choice.digest ? *choice.digest : null_body().digest;
}

}  // namespace

// ---- the primary ------------------------------------------------------------------------------

/// Whenever something came that may have been missing: a VIEW-CHANGE, a batch, a state.
void Replica::Core::try_new_view() {
  if (active_ || !is_primary() || boot_.asking()) return;
  auto messages = view_changes_.stored(view_);
  auto plan = plan_new_view(config_.group, config_.window, messages);
  if (!plan) {
    if (plan.error().seq)
      trace("n", *plan.error().seq, " is undecided by ", messages.size(),
            " view-changes -> wait for more");
    return;
  }
  if (auto proof = proof_of(plan->start, messages)) certified(*std::move(proof));
  if (!can_lead(*plan)) return;
  wire::NewView message{view_, {std::move(messages)}, plan->start, {std::move(plan->choices)}};
  ENSURE(!refuse_new_view(config_, message));
  trace("view ", view_, " starts at n", message.start.seq, " with ", message.choices.size(),
        " numbers, by ", message.view_changes.size(), " view-changes -> new-view");
  auto mine = wire::sign(membership_, config_.self, signer_, std::move(message));
  persist(NewViewRecord{mine});
  broadcast(mine);
  enter_view(std::move(mine));
}

/// Condition A3: every chosen batch is at hand; and so is the state that makes room for it.
bool Replica::Core::can_lead(const NewViewPlan& plan) {
  if (plan.start.seq + plan.choices.size() > window_.high()) {
    if (!fetching_ && certified_) fetch_state(*certified_);
    trace("view ", view_, " starts at n", plan.start.seq, " beyond my state -> fetch it first");
    return false;
  }
  const auto held = [&](Seq seq, const Digest& digest) {
    if (seq <= window_.low()) return true;  // in my stable checkpoint, which is what I answer with
    return window_.at(seq).body(digest) != nullptr;
  };
  const auto missing = missing_batches(plan, held);
  for (const wire::Choice& choice : missing)
    ask_for_body(choice.seq, window_.at(choice.seq), *choice.digest);
  return missing.empty();
}

// ---- backups ----------------------------------------------------------------------------------

void Replica::Core::on(ReplicaId from, wire::Signed<wire::NewView> message) {
  const View view = message.message.view;
  if (view <= entered_) return drop(Refusal::stale_view, "new-view ", view, " from r", from);
  std::optional<Refusal> refusal = refuse_new_view(config_, message.message);
  if (!refusal && view >= view_ && contradicts(message.message))
    refusal = Refusal::new_view_contradicts;
  if (refusal) {
    const ReplicaId liar = config_.group.primary_of(view);
    if (caught_.insert(liar).second)
      say("new-view ", view, " is refused (", words(*refusal), "): r", liar, " lies");
    return drop(*refusal, "new-view ", view, " from r", from);
  }
  if (view < view_) return learn(message);
  trace("new-view ", view, " from r", from, " follows from its ",
        message.message.view_changes.size(), " view-changes -> enter");
  persist(NewViewRecord{message});
  enter_view(std::move(message));
}

/// Of a view that I asked to leave, or never was in: not to be entered any more, but what it
/// decided counts. Without this, what I say in P of older views could keep the next one undecided
/// when the others have forgotten it (view_change.cpp: decided, pre_prepared).
void Replica::Core::learn(const wire::Signed<wire::NewView>& message) {
  trace("new-view ", message.message.view, " came after I left for ", view_,
        " -> forget what it decided otherwise");
  persist(NewViewRecord{message});  // we pass it on to others, too
  entered_ = message.message.view;
  new_view_ = message;
  view_changes_.decided(message.message);
}

/// Cannot be while at most f replicas lie: what is committed is chosen. But above the choices the
/// view's primary gives out numbers, and others may have committed them before I hear of the view.
bool Replica::Core::contradicts(const wire::NewView& message) const {
  const auto& choices = message.choices.items;
  return std::any_of(window_.slots().begin(), window_.slots().end(), [&](const auto& of_seq) {
    const auto& [seq, slot] = of_seq;
    if (!slot.committed() || seq <= message.start.seq) return false;
    const std::uint64_t index = seq - message.start.seq - 1;
    return index < choices.size() && digest_of(choices[index]) != *slot.committed();
  });
}

// ---- both -------------------------------------------------------------------------------------

void Replica::Core::enter_view(wire::Signed<wire::NewView> message) {
  view_ = entered_ = voted_in_ = message.message.view;
  active_ = true;
  begun_ = false;
  new_view_due_ = never;
  entered_at_ = calm_since_ = moved_at_ = now_;
  forget_this_view();
  view_changes_.entered(view_);
  view_changes_.decided(message.message);
  say("view ", view_, " begins at n", message.message.start.seq, ", primary r", primary());
  new_view_ = std::move(message);

  std::vector<Body> dropped;
  for (auto& [seq, slot] : window_.slots()) {
    const auto pinned = [&, n = seq](const Digest& d) { return view_changes_.pins(n, d); };
    const auto& choices = new_view_->message.choices.items;
    const Seq start = new_view_->message.start.seq;
    const bool listed = seq > start && seq - start <= choices.size();
    const auto wanted = [&](const Digest& d) {
      return pinned(d) || (listed && choices[seq - start - 1].digest == d);
    };
    if (auto body = slot.leave_view(wanted)) dropped.push_back(*std::move(body));
  }
  // Numbers above the choices are free again, but for those that others committed in this very
  // view.
  proposed_ = known_ = std::max(handed_, std::min(end_of_choices(), window_.high()));
  for (const auto& [seq, slot] : window_.slots())
    if (slot.committed()) proposed_ = known_ = std::max(known_, seq);
  if (certified_) known_ = std::max(known_, certified_->checkpoint.seq);
  // What earlier views committed is among the choices: a COMMIT of mine above them helped nobody,
  // and there may never be a request for its number again.
  vouched_ = std::min(vouched_, end_of_choices());
  // Before the choices are taken up, which take theirs out of the queue again.
  for (const Body& body : dropped) {
    withdraw_unverified(body);
    backlog_.return_to_waiting(now_, body.requests, body.batch);
  }

  if (auto proof = proof_of(new_view_->message.start, new_view_->message.view_changes.items))
    certified(*std::move(proof));
  propose_again();
  tell_again();
  // Others entered before me, and what they said of this view I refused.
  ask_all();
}

Seq Replica::Core::end_of_choices() const {
  if (!new_view_) return Seq{0};
  return new_view_->message.start.seq + new_view_->message.choices.size();
}

/// What the NEW-VIEW chose for the numbers in my window, as if its primary had sent a PRE-PREPARE
/// for each: not judged, since it may be committed already. Whoever executed a number votes for it
/// again: others may need the vote. Called again when the window moves.
void Replica::Core::propose_again() {
  if (!active_ || !new_view_ || boot_.asking()) return;
  for (const wire::Choice& choice : new_view_->message.choices) {
    if (!window_.contains(choice.seq)) continue;
    Slot& slot = window_.at(choice.seq);
    const Digest& digest = digest_of(choice);
    if (slot.chosen() || slot.refuse_pre_prepare(digest)) continue;
    slot.choose(digest);
    proposed_ = std::max(proposed_, choice.seq);
    in_use(choice.seq, slot);
    if (slot.proposed() == nullptr) {
      ask_for_body(choice.seq, slot, digest);
    } else if (!diverged_) {
      take_up(choice.seq, slot);
    }
  }
  execute_ready();
}

}  // namespace prytany::pbft
