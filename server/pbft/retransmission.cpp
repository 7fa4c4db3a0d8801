// Retransmission (section 5.2; Practicality section 2.4): saying what is missing, answering those
// who say it, and all that time brings. For any number in the window, without waiting for a
// checkpoint.
#include <algorithm>

#include "server/pbft/core.h"

namespace prytany::pbft {
namespace {

constexpr std::size_t bodies_per_time = 64;
/// Statuses without progress after which state is fetched rather than waited for, where others may
/// still hold what is missing; where they said that they do not, the first is enough.
constexpr unsigned patience_before_fetch = 3;
/// At the default intervals this is 6 seconds without progress.
constexpr unsigned patience_before_word = 7;

std::size_t units_of(const wire::Batch& batch) {
  std::size_t bytes = 0;
  for (const wire::ClientRequest& request : batch.requests)
    bytes += request.body.operation.bytes.size() + 128;
  return 1 + bytes / Peers::unit_bytes;
}

}  // namespace

// ---- saying what is missing -------------------------------------------------------------------

wire::Status Replica::Core::my_status() const {
  wire::Status status{view_, entered_, window_.low(), handed_, {}};
  const auto& slots = window_.slots();
  for (auto it = slots.upper_bound(handed_); it != slots.end(); ++it) {
    const Slot& slot = it->second;
    const bool held = slot.committed() ? slot.executable() != nullptr : slot.proposed() != nullptr;
    status.slots.items.push_back(
        {it->first, held, active_ && slot.prepared(config_.group), slot.committed().has_value()});
  }
  return status;
}

bool Replica::Core::knows_more(const wire::Status& theirs) const {
  const Seq certified = certified_ ? certified_->checkpoint.seq : window_.low();
  if (theirs.executed > handed_ || theirs.stable > certified) return true;
  if (theirs.view > view_ || theirs.entered > entered_) return true;
  const bool same_view = active_ && theirs.entered == view_ && theirs.view == view_;
  return std::any_of(theirs.slots.begin(), theirs.slots.end(), [&](const wire::SlotStatus& s) {
    if (s.seq <= handed_ || !window_.contains(s.seq)) return false;
    const Slot* slot = window_.find(s.seq);
    if (slot == nullptr) return same_view || s.committed;
    if (s.committed && !slot->committed()) return true;
    return same_view &&
           ((s.pre_prepared && slot->proposed() == nullptr && slot->executable() == nullptr) ||
            (s.prepared && !slot->prepared(config_.group)));
  });
}

/// The word of weak_quorum() others, or of the primary, proves that these numbers are in use; a
/// single liar's does not.
void Replica::Core::watch() {
  const Seq certified = certified_ ? certified_->checkpoint.seq : window_.low();
  const bool behind = std::max(known_, peers_.executed_by_some_correct()) > handed_;
  // While state is fetched nothing is executed, so nothing is missed.
  overdue_.watch(now_, !fetching_ && (behind || !active_),
                 handed_.value + view_.value + view_changes_.asking_from(view_));
  // Apart from it: a checkpoint that comes through is no progress of the number that hangs.
  uncertified_.watch(now_, !fetching_ && taken_ > certified, certified.value);
  refetching_.watch(now_, fetching_.has_value(), 0);
  // A peer that lost the last messages of a burst hears no more, and would wait for the next one.
  reminding_.watch(now_, certified <= handed_ && peers_.any_behind(certified), certified.value);
  // Whoever heard nothing of the last number at all does not know that it misses something.
  telling_.watch(now_, peers_.any_unaware(handed_), handed_.value);
  watch_primary();
}

void Replica::Core::say_what_is_missing() {
  overdue_.fired(now_);
  const Seq next = handed_ + 1;
  if (active_) {
    trace("n", next, " is overdue -> say what is missing");
  } else {
    trace("view ", view_, " is overdue -> say what is missing");
  }
  ask_all();
  if (overdue_.times() == patience_before_word)
    say("no progress on n", next, " in view ", view_, ", primary r", primary(),
        active_ ? "" : ", not entered", " -> wait: fewer than a quorum answer");
  for (const Seq seq : unverified_)
    if (const Slot* slot = window_.find(seq); slot != nullptr && slot->proposed() != nullptr)
      share_words(*slot->proposed());
  std::size_t asked = 0;
  for (auto it = window_.slots().upper_bound(handed_);
       it != window_.slots().end() && asked < bodies_per_time; ++it) {
    const auto missing = it->second.missing();
    if (!missing) continue;
    ask_for_body(it->first, it->second, *missing);
    ++asked;
  }
  try_new_view();
  if (certified_ && certified_->checkpoint.seq > handed_ &&
      (overdue_.times() >= patience_before_fetch || peers_.discarded(certified_->checkpoint.seq))) {
    say("n", next, " cannot be had, n", certified_->checkpoint.seq, " is certified -> fetch state");
    fetch_state(*certified_);
  }
}

void Replica::Core::ask_all() {
  if (config_.group.n == 1) return;
  for (std::uint16_t i = 0; i < config_.group.size(); ++i)
    if (ReplicaId{i} != config_.self) (void)peers_.may_ask(now_, ReplicaId{i});
  broadcast(my_status(), true);
}

/// The state that we fetch may be one that nobody holds any more. Each target is given twice the
/// time of the one before, so that a large state arrives although the group goes on.
void Replica::Core::fetch_anew() {
  refetching_.fired(now_);
  ask_all();
  fetch_state(certified_ ? *certified_ : *target_);
}

/// Those who voted for it, or say in a VIEW-CHANGE that they did: Q pins its batches. And the
/// primary, who chose it with its batch at hand (condition A3).
std::set<ReplicaId> Replica::Core::holders(Seq seq, const Slot& slot, const Digest& digest) const {
  std::set<ReplicaId> all;
  for (const VoteSet<Digest>* votes : {&slot.prepares, &slot.commits, &slot.told})
    for (const auto& vote : *votes)
      if (vote.value == digest) all.insert(vote.from);
  if (slot.chosen() == digest) all.insert(primary());
  const auto add_voters = [&](const std::vector<wire::SignedViewChange>& messages) {
    for (const wire::SignedViewChange& m : messages)
      for (const wire::PrePreparedEntry& entry : m.content.message.pre_prepared)
        if (entry.seq == seq && entry.digest == digest) all.insert(m.sender);
  };
  if (!active_) add_voters(view_changes_.stored(view_));
  if (slot.chosen() == digest && new_view_) add_voters(new_view_->message.view_changes.items);
  all.erase(config_.self);
  return all;
}

/// One peer at a time, in turn.
void Replica::Core::ask_for_body(Seq seq, Slot& slot, const Digest& digest) {
  const std::set<ReplicaId> all = holders(seq, slot, digest);
  if (all.empty()) return;
  auto holder = all.begin();
  std::advance(holder, static_cast<std::ptrdiff_t>((seq.value + slot.asks) % all.size()));
  ++slot.asks;
  slot.asked = {*holder, digest};
  trace("batch of n", seq, " is missing -> ask r", *holder);
  send(*holder, wire::FetchBatch{seq, digest}, true);
}

// ---- answering --------------------------------------------------------------------------------

void Replica::Core::on(ReplicaId from, const wire::Status& message) {
  peers_.heard(from, message.executed, message.stable);
  if (peers_.may_answer(now_, from)) {
    answer(from, message);
  } else {
    drop(Refusal::too_often, "status from r", from);
  }
  if (knows_more(message) && peers_.may_ask(now_, from)) send(from, my_status(), true);
}

void Replica::Core::answer(ReplicaId to, const wire::Status& theirs) {
  std::size_t units = 1 + answer_checkpoints(to, theirs.stable) + answer_view(to, theirs);
  const bool same_view = active_ && theirs.view == view_ && theirs.entered == view_;
  std::map<Seq, wire::SlotStatus> listed;
  for (const wire::SlotStatus& slot : theirs.slots) listed.emplace(slot.seq, slot);
  std::size_t answered = 0;
  const auto& slots = window_.slots();
  for (auto it = slots.upper_bound(theirs.executed); it != slots.end(); ++it) {
    // Beyond their window they would refuse it.
    if (it->first > theirs.stable && it->first - theirs.stable > config_.window) break;
    const auto line = listed.find(it->first);
    const wire::SlotStatus have = line == listed.end() ? wire::SlotStatus{it->first} : line->second;
    const std::size_t more = answer_slot(to, it->second, have, same_view);
    if (more > 0) ++answered;
    units += more;
    if (units >= Peers::answer_units) break;
  }
  peers_.answered(to, units);
  if (answered > 0)
    trace("r", to, " misses some of ", answered, " numbers above n", theirs.executed,
          " -> resend mine");
}

/// Own messages only, exactly as recorded. (They came out of an earlier step, after their records.)
std::size_t Replica::Core::answer_slot(ReplicaId to, const Slot& slot,
                                       const wire::SlotStatus& theirs, bool same_view) {
  std::size_t units = 0;
  const Seq seq = theirs.seq;
  if (slot.committed() && !theirs.committed) {
    send(to, wire::Committed{seq, *slot.committed()});
    ++units;
  }
  if (!same_view || theirs.committed) return units;
  const Body* body = slot.proposed();
  if (is_primary() && body != nullptr && !theirs.pre_prepared) {
    send(to, wire::PrePrepare{view_, seq, body->batch, body->agreed});
    units += units_of(body->batch);
  }
  const Digest* prepare = slot.prepares.of(config_.self);
  if (prepare != nullptr && !theirs.prepared) {
    send(to, wire::Prepare{view_, seq, *prepare});
    ++units;
  }
  if (const Digest* commit = slot.commits.of(config_.self)) {
    send(to, wire::Commit{view_, seq, *commit});
    ++units;
  }
  return units;
}

std::size_t Replica::Core::answer_checkpoints(ReplicaId to, Seq stable) {
  std::size_t units = 0;
  const auto& best = certified_ && certified_->checkpoint.seq <= handed_ ? certified_ : stable_;
  if (best && best->checkpoint.seq > stable) {
    send(to, *best);
    units += 1 + best->signatures.size();
  }
  for (const auto& mine : checkpoints_.mine_above(stable)) {
    send(to, mine);
    ++units;
  }
  return units;
}

/// What it lacks of its configuration it gets as a state: votes of that one are not repeated here.
void Replica::Core::on(const Behind& event) {
  if (!config_.group.contains(event.peer) || event.peer == config_.self) return;
  if (!peers_.may_answer(now_, event.peer))
    return drop(Refusal::too_often, "status of an older configuration from r", event.peer);
  trace("r", event.peer, " is of an older configuration, at n", event.stable,
        " -> show it a checkpoint of this one");
  peers_.answered(event.peer, 1 + answer_checkpoints(event.peer, event.stable));
}

void Replica::Core::on(ReplicaId from, const wire::Committed& message) {
  const Seq seq = message.seq;
  if (const auto refusal = window_.refuse(seq))
    return drop(*refusal, "committed n", seq, " from r", from);
  Slot& slot = window_.at(seq);
  const Added added = slot.told.add(from, message.digest);
  if (added == Added::conflicting)
    return drop(Refusal::conflicting_vote, "committed n", seq, " from r", from);
  if (added == Added::repeated || slot.committed()) return;
  in_use(seq, slot);
  try_decide(seq, slot);
  // Who is told by others will not get the PRE-PREPARE from the primary any more.
  if (slot.committed() && slot.executable() == nullptr) ask_for_body(seq, slot, *slot.committed());
}

void Replica::Core::on(ReplicaId from, const wire::FetchBatch& message) {
  const Seq seq = message.seq;
  if (!peers_.may_answer(now_, from))
    return drop(Refusal::too_often, "fetch-batch n", seq, " from r", from);
  const Slot* slot = window_.find(seq);
  const Body* body = slot == nullptr ? nullptr : slot->body(message.digest);
  if (body != nullptr) {
    peers_.answered(from, units_of(body->batch));
    return send(from, wire::BatchBody{seq, body->batch, body->agreed}, true);
  }
  peers_.answered(from, 1);
  drop(Refusal::body_not_held, "fetch-batch n", seq, " from r", from);
  // Discarded with the checkpoint that covers it: the asker needs that.
  if (seq <= window_.low() && stable_) send(from, *stable_, true);
}

void Replica::Core::on(ReplicaId from, wire::BatchBody message) {
  const Seq seq = message.seq;
  Slot* slot = window_.find(seq);
  // Hashing a body costs: only of whom we asked, and once.
  if (slot == nullptr || !slot->asked || slot->asked->peer != from)
    return drop(Refusal::body_not_asked, "batch-body n", seq, " from r", from);
  const Digest wanted = std::exchange(slot->asked, std::nullopt)->digest;
  if (slot->body(wanted) != nullptr)
    return drop(Refusal::repeated, "batch-body n", seq, " from r", from);
  Body body = make_body(std::move(message.batch), std::move(message.agreed));
  if (body.digest != wanted) {
    drop(Refusal::body_wrong, "batch-body n", seq, " from r", from);
    return ask_for_body(seq, *slot, wanted);
  }
  if (stands_for_pre_prepare(*slot, wanted)) {
    trace("batch of n", seq, " from r", from, " is the one proposed -> take it as its pre-prepare");
    speaker_ = primary();  // who brings the batch says nothing of whether it should be this one
    return on(primary(), wire::PrePrepare{view_, seq, body.batch, body.agreed});
  }
  const bool committed = slot->committed() == wanted;
  trace("batch of n", seq, " from r", from, " is the ",
        committed ? "committed one -> execute in turn" : "chosen one -> keep it");
  slot->supply(std::move(body));
  if (active_ && slot->chosen() == wanted && slot->proposed() == nullptr) {
    slot->choose(wanted);
    if (!diverged_) take_up(seq, *slot);
  }
  if (committed && !slot->recorded) record_committed(seq, *slot);
  execute_ready();
  try_new_view();
}

void Replica::Core::on(ReplicaId from, wire::Forward message) {
  const wire::RequestBody& body = message.request.body;
  if (!is_primary())
    return drop(Refusal::not_primary, "forward s", body.session, "/", body.number, " from r", from);
  if (!peers_.may_forward(now_, from))
    return drop(Refusal::too_often, "forward s", body.session, "/", body.number, " from r", from);
  const Digest digest = wire::request_digest(body);
  take_in(digest, std::move(message.request), from);
}

// ---- what time brings -------------------------------------------------------------------------

void Replica::Core::pass_time() {
  while (!held_.empty() && held_.begin()->first <= now_) {
    const Seq seq = held_.begin()->second;
    held_.erase(held_.begin());
    if (Slot* slot = window_.find(seq)) due(seq, *slot);
  }
  while (!lacking_.empty() && lacking_.begin()->first <= now_) {
    const Seq seq = lacking_.begin()->second;
    lacking_.erase(lacking_.begin());
    follow_others(seq);
  }
  if (overdue_.due() <= now_) say_what_is_missing();
  if (uncertified_.due() <= now_) {
    uncertified_.fired(now_);
    trace("checkpoint n", taken_, " is overdue -> say what is missing");
    ask_all();
  }
  if (refetching_.due() <= now_) fetch_anew();
  if (doubt_at() <= now_) ask_if_wanted();
  if (trial_at() <= now_) try_primary();
  if (suspicion_at() <= now_) suspect();
  if (new_view_due_ <= now_) new_view_overdue();
  if (forward_at() <= now_) forward_what_waits();
  if (vouching_.due() <= now_) say_what_waits_for_word();
  if (batch_due_at() <= now_) propose_what_is_due();
  if (idle_at() <= now_) fill_to_checkpoint();
  if (reminding_.due() <= now_) remind_those_behind();
  if (telling_.due() <= now_) tell_those_unaware();
}

Time Replica::Core::forward_at() const {
  if (leads() || (active_ && is_primary())) return never;
  return std::max(forwarded_ + config_.retransmit_us, backlog_.overdue_at());
}

void Replica::Core::forward_what_waits() {
  forwarded_ = now_;
  for (wire::ClientRequest& request : backlog_.overdue(now_, Peers::forwards_per_interval)) {
    trace("request s", request.body.session, "/", request.body.number,
          " waits for long -> forward to r", leader());
    send(leader(), wire::Forward{std::move(request)}, true);
  }
}

bool Replica::Core::idle() const {
  return backlog_.waiting() == 0 && executed_ == proposed_ && may_propose();
}

/// While there are requests, their batches bring the time that the application waits for.
Time Replica::Core::batch_due_at() const { return idle() ? batch_due_.at : never; }

void Replica::Core::propose_what_is_due() {
  trace("idle above n", proposed_, ", and the application has work -> null batch");
  propose_batch({});
}

/// When an idle primary fills up to the next checkpoint, so that what was executed becomes stable
/// (docs/design.md section 4).
Time Replica::Core::idle_at() const {
  if (!idle()) return never;
  if (ending()) return moved_at_ + fill_after_us();
  return at_checkpoint(proposed_) ? never : active_at_ + config_.idle_checkpoint_us;
}

void Replica::Core::fill_to_checkpoint() {
  trace("idle above n", proposed_, " -> null batches up to the next checkpoint");
  do propose_batch({});
  while (!at_checkpoint(proposed_) && proposed_ < window_.high());
}

void Replica::Core::remind_those_behind() {
  reminding_.fired(now_);
  const Seq certified = certified_ ? certified_->checkpoint.seq : window_.low();
  for (std::uint16_t i = 0; i < config_.group.size(); ++i) {
    const ReplicaId peer{i};
    if (peer == config_.self || !peers_.behind(peer, certified)) continue;
    trace("r", peer, " was not heard at n", certified, " -> remind it");
    send(peer, my_status(), true);
  }
}

void Replica::Core::tell_those_unaware() {
  telling_.fired(now_);
  for (std::uint16_t i = 0; i < config_.group.size(); ++i) {
    const ReplicaId peer{i};
    if (peer == config_.self || !peers_.unaware(peer, handed_)) continue;
    trace("r", peer, " was not heard of n", handed_, " -> tell it what I have");
    send(peer, my_status(), true);
  }
}

}  // namespace prytany::pbft
