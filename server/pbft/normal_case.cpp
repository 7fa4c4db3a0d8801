// Normal-case operation (Castro & Liskov, TOCS 2002, section 4.2): PRE-PREPARE, PREPARE, COMMIT,
// execute.
#include <algorithm>

#include "server/pbft/core.h"

namespace prytany::pbft {

// ---- requests ---------------------------------------------------------------------------------

void Replica::Core::take_in(const Digest& digest, wire::ClientRequest request,
                            std::optional<ReplicaId> from, std::uint64_t host) {
  if (!request.proof.signature) return take_in_unsigned(digest, std::move(request), from);
  if (config_.mac_requests) {
    // It may have come without before.
    vouching_.remove({digest});
    if (vouching_.vouch(digest)) settle(digest);
  }
  enqueue(digest, std::move(request), from ? Origin{true, from->value} : Origin{false, host});
}

/// It may be proposed: its client's signature is right, or quorum() replicas vouch for it.
void Replica::Core::enqueue(const Digest& digest, wire::ClientRequest request,
                            const Origin& origin) {
  const SessionId session = request.body.session;
  const RequestNumber number = request.body.number;
  if (const auto refusal = backlog_.add(now_, digest, std::move(request), origin))
    return drop(*refusal, "request s", session, "/", number);
  active_at_ = now_;
  if (!active_) return trace("request s", session, "/", number, " -> wait for view ", view_);
  if (!is_primary()) return trace("request s", session, "/", number, " -> wait for r", primary());
  trace("request s", session, "/", number, " -> queue");
}

/// A number is free: fewer than in_flight_max are between executed and proposed, and it is in the
/// window.
bool Replica::Core::may_propose() const {
  return is_primary() && active_ && !silent_ && !diverged_ && !fetching_ && !boot_.asking() &&
         proposed_ < window_.high() && proposed_ - executed_ < config_.in_flight_max;
}

/// Each number costs everybody votes, frames and a sync, so a batch waits for company: for as many
/// requests as batches have held of late, or for what is in flight, and for nothing else. Whoever
/// is alone waits for nobody (docs/decisions/0030).
bool Replica::Core::worth_a_number() const {
  return proposed_ == executed_ || backlog_.waiting() >= usual_eighths_ / 8 ||
         backlog_.bytes() >= config_.batch_bytes_max;
}

/// Batches cut themselves: requests gather while others are in flight; no timer. At the end of each
/// moment, when all that came together is here.
void Replica::Core::propose() {
  while (backlog_.waiting() > 0 && may_propose() && worth_a_number()) {
    Backlog::Taken taken = backlog_.take(now_, config_.batch_requests_max, config_.batch_bytes_max);
    usual_eighths_ += taken.requests.size() - usual_eighths_ / 8;
    propose_batch(std::move(taken));
  }
}

void Replica::Core::propose_batch(Backlog::Taken taken) {
  const Seq seq = proposed_ + 1;
  const std::size_t size = taken.requests.size();
  if (size > 0) active_at_ = now_;
  wire::Batch batch{{std::move(taken.requests)}};
  wire::Agreed agreed = nondeterminism_.propose(batch, now_, agreed_before(seq));
  trace("n", seq, " is free, batch of ", size, " -> propose");

  Slot& slot = window_.at(seq);
  const wire::PrePrepare message{view_, seq, batch, agreed};
  slot.hold(make_body(std::move(batch), std::move(agreed), std::move(taken.digests)));
  slot.set_standing(Standing::accepted);
  proposed_ = seq;
  in_use(seq, slot);
  // A PRE-PREPARE is not a vote: the primary promises with its PREPARE (docs/design.md section 4).
  // It may overtake its record, but not that of the NEW-VIEW, which a crash would let us make anew.
  const bool early = config_.early_pre_prepare && (view_ == config_.first_view || begun_);
  if (early) announce(message, slot.proposed()->requests, true);
  persist(PrePreparedRecord{message});
  slot.set_recorded(slot.proposed()->digest);
  if (!early) announce(message, slot.proposed()->requests, false);
  cast_prepare(seq, slot);
  try_commit(seq, slot);
}

// ---- pre-prepare ------------------------------------------------------------------------------

std::optional<Refusal> Replica::Core::refuse(View view, Seq seq) const {
  if (view != view_) return view < view_ ? Refusal::stale_view : Refusal::future_view;
  if (!active_) return Refusal::changing_view;
  // What a view starts above was decided before it.
  if (new_view_ && seq <= new_view_->message.start.seq) return Refusal::below_window;
  return window_.refuse(seq);
}

std::optional<Refusal> Replica::Core::refuse(ReplicaId from,
                                             const wire::PrePrepare& message) const {
  if (const auto refusal = refuse(message.view, message.seq)) return refusal;
  if (from != primary()) return Refusal::not_primary;
  if (diverged_) return Refusal::diverged;
  return std::nullopt;
}

void Replica::Core::ask_if_behind(Refusal refusal, ReplicaId peer) {
  if (refusal != Refusal::future_view && refusal != Refusal::changing_view) return;
  if (peers_.may_ask(now_, peer)) send(peer, my_status(), true);
}

void Replica::Core::on(ReplicaId from, wire::PrePrepare message) {
  const Seq seq = message.seq;
  if (const auto refusal = refuse(from, message)) {
    drop(*refusal, "pre-prepare n", seq, " from r", from);
    if (refusal == Refusal::above_window && from == primary()) outran_ = true;
    return ask_if_behind(*refusal, from);
  }
  Slot& slot = window_.at(seq);
  Body body = make_body(std::move(message.batch), std::move(message.agreed));
  auto refusal = slot.refuse_pre_prepare(body.digest);
  if (!refusal && others_vote_against(slot, body.digest))
    refusal = Refusal::conflicting_pre_prepare;
  // What I voted for before a restart binds me, even if its PRE-PREPARE was lost.
  const Digest* voted = slot.prepares.of(config_.self);
  if (voted != nullptr && *voted != body.digest) refusal = Refusal::conflicting_pre_prepare;
  if (refusal == Refusal::conflicting_pre_prepare && !std::exchange(slot.complained, true))
    say("pre-prepare n", seq, " contradicts an earlier one -> keep that: r", from, " lies");
  if (refusal) return drop(*refusal, "pre-prepare n", seq, " from r", from);

  slot.hold(std::move(body));
  if (pace_.trying()) pace_.came(now_, seq);
  proposed_ = std::max(proposed_, seq);
  in_use(seq, slot);
  assigned(slot);
  measure_proposal(seq, *slot.proposed());
  consider(seq, slot);
  // Committed before its batch came: the batch is here now.
  if (slot.executable() != nullptr && !slot.recorded) record_committed(seq, slot);
  execute_ready();
}

/// The requests proposed there wait no longer.
void Replica::Core::assigned(Slot& slot) {
  if (slot.released) return;
  if (config_.mac_requests) renew_words(*slot.proposed());
  if (pace_.trying())
    for (const wire::ClientRequest& request : slot.proposed()->batch.requests)
      if (backlog_.serves_anew(request.body))
        pace_.served({request.body.session, request.body.number, request.body.signer});
  backlog_.in_flight(now_, slot.proposed()->requests, slot.proposed()->batch);
  vouching_.remove(slot.proposed()->requests);
}

bool Replica::Core::vouched(const Slot& slot) const {
  const Digest& digest = slot.proposed()->digest;
  return slot.committed() == digest ||
         slot.prepares.count_others(digest, config_.self) >= config_.group.weak_quorum();
}

void Replica::Core::consider(Seq seq, Slot& slot) {
  const Body& body = *slot.proposed();
  // Section 4.4: what a NEW-VIEW chose may be committed already; there is nothing to doubt.
  if (slot.chosen() || vouched(slot)) return accept(seq, slot);
  if (!authentic(body, slot.prepares)) return wait_for_word(seq, slot);
  // Validation gates voting, never execution (docs/design.md section 6; TOCS section 4.6).
  const NonDeterminism::Verdict verdict =
      nondeterminism_.judge(body.batch, body.agreed, now_, agreed_before(seq));
  if (const auto* early = std::get_if<NonDeterminism::Early>(&verdict))
    return hold_until(early->due, Standing::early, seq, slot);
  if (std::holds_alternative<NonDeterminism::Late>(verdict))
    return hold_until(now_ + config_.late_patience_us, Standing::late, seq, slot);
  if (std::holds_alternative<NonDeterminism::Refused>(verdict)) {
    slot.set_standing(Standing::doubted);
    return trace("pre-prepare n", seq, " has doubtful agreed values -> wait for ",
                 config_.group.weak_quorum(), " others' word");
  }
  accept(seq, slot);
}

/// Another batch than a PRE-PREPARE's own, come by another way: it stands for one all the same.
void Replica::Core::take_up(Seq seq, Slot& slot) {
  assigned(slot);
  accept(seq, slot);
}

void Replica::Core::hold_until(Time due, Standing standing, Seq seq, Slot& slot) {
  due = std::max(due, now_ + 1);
  slot.set_standing(standing);
  held_.insert({due, seq});
  trace("pre-prepare n", seq, standing == Standing::early ? " is early" : " is late",
        " -> hold it for ", due - now_, " us");
}

void Replica::Core::due(Seq seq, Slot& slot) {
  if (diverged_) return;
  if (slot.standing() == Standing::early) {
    if (!is_primary() && slot.since != never) pace_.held(now_, now_ - slot.since);
    consider(seq, slot);
  } else if (slot.standing() == Standing::late) {
    accept(seq, slot);
  }
}

void Replica::Core::accept(Seq seq, Slot& slot) {
  const Body& body = *slot.proposed();
  slot.set_standing(Standing::accepted);
  if (pace_.trying()) pace_.came(now_, seq);
  believe(body);
  backlog_.accepted(body.batch);
  if (slot.chosen()) {
    trace("n", seq, body.digest == null_body().digest ? " is null" : " is proposed again",
          " -> prepare");
  } else {
    trace("pre-prepare n", seq, " from r", primary(), " -> prepare");
  }
  // Of an earlier view the journal has it already.
  if (!body.recorded) {
    persist(PrePreparedRecord{wire::PrePrepare{view_, seq, body.batch, body.agreed}});
    slot.set_recorded(body.digest);
  }
  cast_prepare(seq, slot);
  try_commit(seq, slot);
}

// ---- prepare ----------------------------------------------------------------------------------

void Replica::Core::cast_prepare(Seq seq, Slot& slot) {
  if (diverged_ || boot_.asking() || slot.prepares.of(config_.self) != nullptr) return;
  const wire::Prepare vote{view_, seq, slot.proposed()->digest};
  persist(PreparedVote{vote});
  slot.prepares.add(config_.self, vote.digest);
  slot.voted = now_;
  view_changes_.pre_prepared(seq, vote.digest, view_);
  broadcast(vote);
}

void Replica::Core::on(ReplicaId from, const wire::Prepare& message) {
  const Seq seq = message.seq;
  if (const auto refusal = refuse(message.view, seq)) {
    drop(*refusal, "prepare n", seq, " from r", from);
    return ask_if_behind(*refusal, from);
  }
  Slot& slot = window_.at(seq);
  const Added added = slot.prepares.add(from, message.digest);
  if (added == Added::conflicting)
    return drop(Refusal::conflicting_vote, "prepare n", seq, " from r", from);
  if (added == Added::repeated) return;
  begun_ = true;
  in_use(seq, slot);
  if (slot.prepares.count_others(message.digest, config_.self) == config_.group.weak_quorum())
    note_others_word(seq, slot);
  if (message.view != view_) return;       // left for that
  if (slot.proposed() == nullptr) return;  // kept until the PRE-PREPARE comes
  if (!slot.accepted() && !diverged_ && vouched(slot)) return accept(seq, slot);
  if (slot.standing() == Standing::unverified && !diverged_) settle(seq, slot);
  measure_vote(from, seq, slot);
  try_commit(seq, slot);
}

// ---- commit -----------------------------------------------------------------------------------

/// Whoever knows that it is committed, from an earlier view or from others' word, says COMMIT
/// without being prepared here, whatever was proposed to it, if anything: others may need this vote
/// to make a quorum, and nobody would repeat to it the PREPAREs that it does not miss. What a
/// quorum of COMMITs then proves is true all the same: its correct senders were prepared, or one of
/// them knew it to be committed.
void Replica::Core::try_commit(Seq seq, Slot& slot) {
  const bool prepared = slot.prepared(config_.group);
  const bool told = slot.proposed() != nullptr && slot.committed() == slot.proposed()->digest;
  const bool known = slot.committed() && (slot.accepted() || !told);
  const bool silent = diverged_ || boot_.asking() || slot.commits.of(config_.self) != nullptr;
  if (!silent && (prepared || known)) {
    const Digest digest = slot.committed() ? *slot.committed() : slot.proposed()->digest;
    const wire::Commit vote{view_, seq, digest};
    const bool by_prepares = prepared && slot.proposed()->digest == digest;
    trace(by_prepares ? "prepared n" : "known to be committed, n", seq, " -> commit");
    persist(CommitVote{vote, by_prepares});
    slot.commits.add(config_.self, vote.digest);
    slot.voted = now_;
    vouched_ = std::max(vouched_, seq);
    if (by_prepares) view_changes_.prepared(seq, vote.digest, view_);
    broadcast(vote);
  }
  try_decide(seq, slot);
}

void Replica::Core::on(ReplicaId from, const wire::Commit& message) {
  const Seq seq = message.seq;
  if (const auto refusal = refuse(message.view, seq)) {
    drop(*refusal, "commit n", seq, " from r", from);
    return ask_if_behind(*refusal, from);
  }
  Slot& slot = window_.at(seq);
  const Added added = slot.commits.add(from, message.digest);
  if (added == Added::conflicting)
    return drop(Refusal::conflicting_vote, "commit n", seq, " from r", from);
  if (added == Added::repeated) return;
  in_use(seq, slot);
  measure_vote(from, seq, slot);
  try_decide(seq, slot);
}

/// quorum() COMMITs, or weak_quorum() COMMITTED, decide: also for one who never saw the
/// PRE-PREPARE.
void Replica::Core::try_decide(Seq seq, Slot& slot) {
  if (slot.committed()) return;
  const auto digest = slot.decided(config_.group);
  if (!digest) return;
  slot.set_committed(*digest);
  if (pace_.trying()) pace_.came(now_, seq);
  proposed_ = std::max(proposed_, seq);
  in_use(seq, slot);
  if (active_ && slot.proposed() != nullptr && slot.proposed()->digest != *digest) {
    say("committed n", seq, " is not what was proposed to me -> fetch it: r", primary(), " lies");
    backlog_.release(now_, slot.proposed()->requests);
  }
  if (slot.executable() == nullptr) {
    trace("committed n", seq, " -> wait for its batch");
    if (active_) try_commit(seq, slot);
    return;
  }
  trace("committed n", seq, " -> execute in turn");
  // Whoever knows that it is committed still votes: others may need it.
  if (active_ && !slot.accepted() && !diverged_ && slot.proposed() != nullptr &&
      slot.proposed()->digest == *digest)
    accept(seq, slot);
  if (active_) try_commit(seq, slot);
  record_committed(seq, slot);
  execute_ready();
}

void Replica::Core::record_committed(Seq seq, Slot& slot) {
  const Body* body = slot.executable();
  ENSURE(body != nullptr && !slot.recorded);
  const bool by_reference = body->recorded;
  persist_lazily(CommittedRecord{
      {seq, body->digest}, by_reference ? wire::Batch{} : body->batch, body->agreed, by_reference});
  slot.recorded = true;
  slot.set_recorded(*slot.committed());
}

// ---- execute ----------------------------------------------------------------------------------

/// In order, without gaps, only what is committed; nothing beyond a checkpoint until it is being
/// taken.
void Replica::Core::execute_ready() {
  while (!fetching_ && !diverged_) {
    if (at_checkpoint(handed_) && handed_ > taken_) return;
    const Seq next = handed_ + 1;
    const Slot* slot = window_.find(next);
    const Body* body = slot == nullptr ? nullptr : slot->executable();
    if (body == nullptr) return;
    if (handed_ == executed_) executing_since_ = now_;
    handed_ = next;
    agreed_executed_ = std::max(agreed_executed_, body->agreed.time);
    out_->push_back(Execute{next, body->digest, body->batch, body->agreed, body->requests});
  }
}

void Replica::Core::on(Executed event) {
  if (event.seq <= executed_) return;  // of a state that was replaced since
  ENSURE(event.seq <= handed_);
  pace_.executed(now_ - std::exchange(executing_since_, now_));
  if (event.ends && window_.end() != event.ends) {
    say("another configuration is ordered at or below n", event.seq, " -> this one ends with n",
        *event.ends);
    window_.end_at(*event.ends);
  }
  while (executed_ < event.seq) {
    ++executed_;
    if (Slot* slot = window_.find(executed_)) release(*slot);
  }
  active_at_ = moved_at_ = now_;
  move_excuses_ = 0;
  calm_down();
  if (at_checkpoint(executed_) && executed_ > taken_ && !fetching_) {
    taken_ = executed_;
    trace("executed n", executed_, " -> take a checkpoint");
    out_->push_back(TakeCheckpoint{executed_});
    execute_ready();
  }
}

/// Its requests are done with: neither waiting nor in flight.
void Replica::Core::release(Slot& slot) {
  if (slot.released) return;
  slot.released = true;
  const Body* body = slot.executable();
  for (const Body* of : {slot.proposed(), body != slot.proposed() ? body : nullptr}) {
    if (of == nullptr) continue;
    backlog_.release(now_, of->requests);
    vouching_.remove(of->requests);
  }
}

/// The agreed time of the nearest earlier proposal known here: never later than what a correct
/// primary built on.
AgreedTime Replica::Core::agreed_before(Seq seq) const {
  const auto& slots = window_.slots();
  for (auto it = slots.lower_bound(seq); it != slots.begin();) {
    --it;
    // (A null batch that filled a gap says nothing of time.)
    const Body* body = it->second.proposed();
    if (body != nullptr && body->agreed.time > AgreedTime{0}) return body->agreed.time;
  }
  return agreed_executed_;
}

}  // namespace prytany::pbft
