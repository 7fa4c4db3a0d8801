// Dispatch: what happened, to the handler in the room that decides; then what time brings; then the
// invariants.
#include "server/pbft/replica.h"

#include <algorithm>

#include "server/pbft/core.h"

namespace prytany::pbft {

Replica::Replica(const Config& config, const crypto::Signer& signer, NonDeterminism& nondeterminism,
                 Recovered recovered)
    : core_(std::make_unique<Core>(config, signer, nondeterminism, std::move(recovered))) {}
Replica::~Replica() = default;
void Replica::hear(Time now, Event event, Effects& out) { core_->hear(now, std::move(event), out); }
void Replica::conclude(Time now, Effects& out) { core_->conclude(now, out); }
void Replica::step(Time now, Event event, Effects& out) {
  hear(now, std::move(event), out);
  conclude(now, out);
}
Time Replica::deadline() const { return core_->owed(); }
bool Replica::leads() const { return core_->leads(); }
std::optional<Seq> Replica::read_barrier() const { return core_->read_barrier(); }
ReplicaStatus Replica::status() const { return core_->status(); }
Held Replica::held() const { return core_->held(); }
const std::optional<wire::CheckpointProof>& Replica::stable_proof() const {
  return core_->stable_proof();
}

Replica::Core::Core(const Config& config, const crypto::Signer& signer,
                    NonDeterminism& nondeterminism, Recovered recovered)
    : config_(config),
      signer_(signer),
      nondeterminism_(nondeterminism),
      membership_{config_.cluster, config_.number, config_.group.quorum(), {}},
      view_(recovered.view),
      active_(!recovered.view_change),
      entered_(config_.first_view),
      voted_in_(recovered.view),
      window_(recovered.image, config_.window, config_.ends_at),
      backlog_(config_),
      vouching_(config_),
      checkpoints_(config_.group),
      view_changes_(config_),
      peers_(config_),
      invariants_(recovered, config_.first_view),
      pace_(config_),
      boot_(config_, recovered),
      seen_(config_, recovered),
      boot_overdue_(config_.retransmit_us, config_.retransmit_max_us),
      overdue_(config_.retransmit_us, config_.retransmit_max_us),
      uncertified_(config_.retransmit_us, config_.retransmit_max_us),
      refetching_(20 * config_.retransmit_us, 20 * config_.retransmit_max_us),
      reminding_(2 * config_.retransmit_us, config_.retransmit_max_us, reminders_max),
      telling_(config_.retransmit_us, config_.retransmit_max_us, reminders_max),
      first_boot_(recovered.first_boot),
      fresh_(recovered.fresh) {
  ENSURE(!config_.refuse());
  ENSURE(view_ >= config_.first_view);
  recover(std::move(recovered));
}

/// What the journal remembers goes where it was; the first step acts on it.
void Replica::Core::recover(Recovered recovered) {
  proposed_ = handed_ = executed_ = taken_ = known_ = recovered.image;
  stable_ = std::move(recovered.stable);
  certified_ = std::move(recovered.certified);
  for (auto& [seq, old] : recovered.slots) {
    // A record above the window was written for a later checkpoint than state.db reached: it is
    // told again.
    if (!window_.contains(seq)) break;
    recover(seq, window_.at(seq), std::move(old));
  }
  if (recovered.new_view) {
    new_view_ = std::move(recovered.new_view);
    entered_ = new_view_->message.view;
    view_changes_.decided(new_view_->message);
  }
  if (!active_) {
    const auto again =
        wire::sign(membership_, config_.self, signer_, *std::move(recovered.view_change));
    const auto refusal = view_changes_.store(config_.self, entered_, again);
    ENSURE(!refusal);
  }
}

void Replica::Core::recover(Seq seq, Slot& slot, RecoveredSlot old) {
  const auto keep = [&](const wire::PrePrepare& m) {
    Body body = make_body(m.batch, m.agreed);
    body.recorded = true;
    slot.supply(std::move(body));
  };
  for (const wire::PrePrepare& m : old.earlier) keep(m);
  if (old.committed) {
    slot.set_committed(old.committed->committed.digest);
    keep({View{0}, seq, old.committed->batch, old.committed->agreed});
    slot.recorded = true;
    proposed_ = seq;
  }
  if (old.pre_prepare) {
    keep(*old.pre_prepare);
    const Digest digest = wire::batch_digest(old.pre_prepare->batch, old.pre_prepare->agreed);
    if (active_ && old.pre_prepare->view == view_ && !slot.refuse_pre_prepare(digest)) {
      slot.hold(*slot.body(digest));
      slot.set_standing(Standing::accepted);
      believe(*slot.proposed());
      // Whoever asks again for one of its requests is not to be given another number.
      assigned(slot);
      proposed_ = seq;
    }
  }
  for (const wire::PrePreparedEntry& entry : old.pre_prepared)
    view_changes_.pre_prepared(seq, entry.digest, entry.view);
  if (old.prepared) view_changes_.prepared(seq, old.prepared->digest, old.prepared->view);
  if (active_ && old.prepare && old.prepare->view == view_)
    slot.prepares.add(config_.self, old.prepare->digest);
  if (active_ && old.commit && old.commit->view == view_)
    slot.commits.add(config_.self, old.commit->digest);
  if (old.commit || old.prepared || old.committed) vouched_ = std::max(vouched_, seq);
  if (slot.awaited(config_.group)) known_ = seq;
}

/// The first step: opens the journal, or goes on where it ended. What was accepted is not judged
/// again.
void Replica::Core::start() {
  started_ = true;
  if (first_boot_) {
    persist(StableRecord{view_, std::nullopt});
  } else {
    if (fresh_) {
      say("configuration ", config_.number, " begins above n", window_.low(), " in view ", view_,
          ", primary r", primary());
    } else {
      say("restart at n", window_.low(), " in view ", view_, ", journal up to n", known_,
          " -> go on from there");
    }
    if (certified_) known_ = std::max(known_, certified_->checkpoint.seq);
    execute_ready();
  }
  if (!boot_.asking()) return go_on();
  trace("just started -> ask the others what I voted before");
  ask_what_i_voted();
}

/// From here on this life votes.
void Replica::Core::go_on() {
  active_at_ = calm_since_ = moved_at_ = now_;
  rearm();
  if (config_.boot_question) ask_all();
  if (first_boot_) return;
  if (!active_) {
    // In the middle of a view change: the same VIEW-CHANGE, word for word.
    say("view ", view_, " was asked for before the restart -> ask for it again");
    new_view_patience_ = config_.request_timeout_us;
    return broadcast(*view_changes_.of(config_.self));
  }
  for (auto& [seq, slot] : window_.slots()) {
    if (!slot.accepted()) continue;
    cast_prepare(seq, slot);
    try_commit(seq, slot);
  }
  proposed_ = std::max(proposed_, std::min(end_of_choices(), window_.high()));
  propose_again();
  for (auto& [seq, slot] : window_.slots()) in_use(seq, slot);
  if (is_primary() && config_.early_pre_prepare && config_.group.n > 1 && !fresh_) {
    silent_ = true;
    say("restarted as the primary of view ", view_,
        " -> leave it: a proposal may have left before it was durable");
    leave_view(view_ + 1);
  }
}

void Replica::Core::hear(Time now, Event event, Effects& out) {
  begin(now, out);
  if (!lost_) std::visit([this](auto& happened) { on(std::move(happened)); }, event);
}

/// What is heard until it is concluded happens at one moment.
void Replica::Core::begin(Time now, Effects& out) {
  ENSURE(now >= now_);
  now_ = now;
  if (out_ == &out) return;
  ENSURE(out_ == nullptr);
  out_ = &out;
  unchecked_ = out.size();
  was_lost_ = lost_;
  if (lost_) return;
  if (!started_) start();
  if (owed_ != never && now_ > owed_ + config_.request_timeout_us / 2) slept();
}

void Replica::Core::conclude(Time now, Effects& out) {
  begin(now, out);
  if (!was_lost_) pass_moment();
  owed_ = deadline();
  out_ = nullptr;
}

void Replica::Core::pass_moment() {
  if (!lost_) propose();
  if (boot_.asking()) {
    refetching_.watch(now_, fetching_.has_value(), 0);
    if (refetching_.due() <= now_) fetch_anew();
    boot_overdue_.watch(now_, true, boot_.answers());
    if (boot_overdue_.due() <= now_) {
      boot_overdue_.fired(now_);
      ask_what_i_voted();
    }
  } else {
    watch();
    if (deadline() <= now_) {
      pass_time();
      watch();
    }
  }
  invariants_.check(snapshot(), *out_, unchecked_);
}

void Replica::Core::on(Submitted event) {
  const Digest digest = event.request.digest();
  take_in(digest, std::move(event.request).take(), std::nullopt, event.host);
}

namespace {

/// The number that this decides, or helps to: its sender knows of it. (A PREPARE may come of one
/// who got the proposal late, from one peer, and is missed by the others yet.)
std::optional<Seq> number_of(const wire::PeerMessage& message) {
  if (const auto* commit = std::get_if<wire::Commit>(&message)) return commit->seq;
  if (const auto* told = std::get_if<wire::Committed>(&message)) return told->seq;
  return std::nullopt;
}

}  // namespace

void Replica::Core::on(Received event) {
  const ReplicaId from = event.message.sender();
  if (!config_.group.contains(from) || from == config_.self)
    return drop(Refusal::stranger, wire::name_of(*event.message), " from r", from);
  wire::PeerMessage said = std::move(event.message).take();
  seen_.saw(from, said);
  // Most messages could make me vote. What they said is asked for again when I may.
  if (const auto about = number_of(said)) peers_.spoke(from, *about);
  if (boot_.asking() && !std::holds_alternative<wire::AskVotes>(said) &&
      !std::holds_alternative<wire::VotesSeen>(said))
    return drop(Refusal::just_started, wire::name_of(said), " from r", from);
  speaker_ = from;
  std::visit([&](auto& message) { on(from, std::move(message)); }, said);
  speaker_.reset();
}

void Replica::Core::on(PeerConnected event) {
  if (!config_.group.contains(event.peer) || event.peer == config_.self) return;
  if (!peers_.connected(now_, event.peer)) return drop(Refusal::too_often, "link to r", event.peer);
  if (boot_.awaits(event.peer)) send(event.peer, wire::AskVotes{boot_.above()}, true);
  if (boot_.asking()) {
    if (fetching_) send(event.peer, my_status(), true);
    return;
  }
  (void)peers_.may_ask(now_, event.peer);
  send(event.peer, my_status(), true);
  trace("link to r", event.peer, " is up -> say what is missing");
  overdue_.hurry(now_);
  uncertified_.hurry(now_);
  if (!active_ || event.peer != primary()) return;
  pace_.drop(now_);
  backlog_.name_anew(now_);
  tell_again();
}

void Replica::Core::on(ReplicaId from, const wire::FetchPart&) {
  drop(Refusal::not_for_replica, "fetch-part from r", from);
}

void Replica::Core::on(ReplicaId from, const wire::StatePart&) {
  drop(Refusal::not_for_replica, "state-part from r", from);
}

void Replica::Core::on(ReplicaId from, const wire::Relay&) {
  drop(Refusal::not_for_replica, "relay from r", from);
}

void Replica::Core::on(ReplicaId from, const wire::RelayBack&) {
  drop(Refusal::not_for_replica, "relay-back from r", from);
}

void Replica::Core::on(ReplicaId from, const wire::Signed<wire::Prepare>&) {
  drop(Refusal::not_for_replica, "signed prepare from r", from);
}

void Replica::Core::on(ReplicaId from, const wire::Signed<wire::Commit>&) {
  drop(Refusal::not_for_replica, "signed commit from r", from);
}

Time Replica::Core::deadline() const {
  if (lost_) return never;
  if (!started_) return Time{0};
  if (boot_.asking()) return std::min(boot_overdue_.due(), refetching_.due());
  Time due = std::min({overdue_.due(), uncertified_.due(), refetching_.due(), reminding_.due(),
                       telling_.due(), idle_at(), batch_due_at(), forward_at(), doubt_at(),
                       suspicion_at(), trial_at(), new_view_due_, vouching_.due()});
  if (!untold_.empty()) due = std::min(due, now_);
  if (!held_.empty()) due = std::min(due, held_.begin()->first);
  if (!lacking_.empty()) due = std::min(due, lacking_.begin()->first);
  return due;
}

ReplicaStatus Replica::Core::status() const {
  ReplicaStatus status;
  status.view = view_;
  status.primary = primary();
  status.active = active_;
  status.configuration = config_.number;
  status.stable = window_.low();
  if (stable_) status.stable_state = stable_->checkpoint.state;
  status.executed = executed_;
  status.proposed = proposed_;
  status.waiting = backlog_.waiting() + vouching_.waiting();
  for (std::size_t i = 0; i < refusals; ++i)
    if (!everyday(static_cast<Refusal>(i))) status.refused += refused_[i];
  status.fetching = fetching_.has_value();
  status.diverged = diverged_;
  status.blamed = blamed_;
  const auto& slots = window_.slots();
  status.untimely = static_cast<std::size_t>(
      std::count_if(slots.upper_bound(handed_), slots.end(), [](const auto& each) {
        const Standing standing = each.second.standing();
        return standing == Standing::early || standing == Standing::late ||
               standing == Standing::doubted;
      }));
  status.voting = !diverged_ && !boot_.asking() && !lost_;
  return status;
}

std::optional<Seq> Replica::Core::read_barrier() const {
  if (diverged_ || lost_ || boot_.asking()) return std::nullopt;
  return std::max({window_.low(), vouched_, handed_});
}

Held Replica::Core::held() const {
  Held held;
  backlog_.count(held);
  vouching_.count(held);
  return held;
}

Snapshot Replica::Core::snapshot() const {
  Snapshot s{view_, active_, window_.low(), executed_, handed_, proposed_, config_.window, 0,
             {},    {}};
  s.asking = boot_.asking() || lost_;
  const auto& slots = window_.slots();
  s.slots = slots.size();
  if (!slots.empty()) {
    s.lowest_slot = slots.begin()->first;
    s.highest_slot = slots.rbegin()->first;
  }
  return s;
}

}  // namespace prytany::pbft
