// Whether the primary is slow though it serves everybody (pace.h): trials, and what they end with.
#include "server/pbft/core.h"

namespace prytany::pbft {

/// A number is free, or taken by a batch that had room for what waits here. (One that was full, or
/// held long requests, is as much as a correct primary could do; unless somebody has its second
/// turn in it before what waits here has its first.)
bool Replica::Core::could_propose() const {
  const bool behind = peers_.executed_by_some_correct() > handed_;
  if (!judging_ || is_primary() || behind || proposed_ >= window_.high()) return false;
  return proposed_ - executed_ < config_.in_flight_max || executed_ < passed_over_;
}

/// At its PRE-PREPARE, when its requests wait no longer.
void Replica::Core::measure_proposal(Seq seq, const Body& body) {
  if (is_primary()) return;
  if (pace_.proposed(now_, body.requests)) {
    const Pace::Measured last = pace_.last();
    trace("r", primary(), " took ", last.took_us / 1000, " ms for what it was given anew, of ",
          last.allowed_us / 1000);
  }
  std::size_t bytes = 0;
  for (const wire::ClientRequest& request : body.batch.requests)
    bytes += request.body.operation.bytes.size();
  const bool room = body.batch.requests.size() < config_.batch_requests_max &&
                    bytes <= config_.batch_bytes_max / 2;
  const Time first = backlog_.first_since();
  const bool waits = first != never && first + config_.slow_after_us <= now_;
  const bool in_turn = !waits || !backlog_.twice_since(first + config_.slow_after_us, body.batch);
  if (!room && in_turn) {
    passed_over_ = {};
  } else if (waits) {
    passed_over_ = seq;
  }
}

void Replica::Core::watch_pace() {
  pace_.drop_if([this](const Digest& request) {
    return backlog_.find(request) == nullptr && !vouching_.waits(request);
  });
  pace_.executed_upto(handed_);
  if (!active_ || !gap_is_next()) {
    gap_since_ = never;
  } else if (gap_since_ == never || gap_ != handed_ + 1) {
    gap_ = handed_ + 1;
    gap_since_ = now_;
  }
  pace_.watch(now_, could_propose());
  // What has a quorum's word here has weak_quorum() correct replicas', who gave it to all: so every
  // correct replica believes it, and the primary has their word, too (docs/decisions/0025).
  pace_.believed(now_, [this](const Digest& each) { return backlog_.find(each) != nullptr; });
}

/// With them gone, if they are the faulty, all who stay are correct, and each number needs all of
/// them: it takes as long as the slowest.
bool Replica::Core::f_have_left() const {
  return view_changes_.asking_from(view_ + 1) >= std::max(config_.group.f, 1U);
}

/// A PREPARE waits for nobody but its sender's disk. When a COMMIT is due depends on which PREPAREs
/// came there, so the primary's is not measured; but where all who stay are needed the group is, as
/// a whole (docs/decisions/0031).
bool Replica::Core::owes_vote(const Slot& slot) const {
  if (!slot.accepted() || slot.committed() || slot.voted == never) return false;
  if (f_have_left()) return true;
  const Digest* const its = slot.prepares.of(primary());
  return !slot.prepared(config_.group) && (its == nullptr || *its != slot.proposed()->digest);
}

/// A vote for what cannot be proven here is not what that number waits for.
void Replica::Core::measure_vote(ReplicaId from, Seq seq, const Slot& slot) {
  if (pace_.trying() && from == primary() && slot.accepted() && !f_have_left())
    pace_.came(now_, seq);
}

/// Numbers above have a proposal, or are committed, and the next one has none: nobody but the
/// primary can fill it.
bool Replica::Core::gap_is_next() const {
  if (proposed_ <= handed_ + 1) return false;
  const Slot* const next = window_.find(handed_ + 1);
  return next == nullptr ||
         (next->proposed() == nullptr && !next->committed() && !next->chosen() && !next->announced);
}

Time Replica::Core::trial_at() const {
  const auto tried = to_try();
  const Time due = tried ? pace_.trial_at(tried->since) : never;
  const auto hangs = hanging();
  return hangs ? std::min(due, pace_.number_trial_at(hangs->since)) : due;
}

/// A client may prove its request to others late, or never: a correct primary proposes only what
/// weak_quorum() correct replicas can prove, whose PREPAREs come as fast as answers do. And so do
/// its own.
std::optional<Replica::Core::Hanging> Replica::Core::hanging() const {
  const bool behind = peers_.executed_by_some_correct() > handed_;
  if (!judging_ || is_primary() || behind) return std::nullopt;
  std::optional<Hanging> first;
  const auto consider = [&](Seq seq, Time since) {
    if (since != never && (!first || since < first->since) && !pace_.contains(seq))
      first = Hanging{seq, since};
  };
  consider(handed_ + 1, gap_since_);
  for (const Seq seq : unverified_) {
    const Slot* const slot = window_.find(seq);
    if (slot != nullptr && slot->standing() == Standing::unverified) consider(seq, slot->since);
  }
  // Not only the next: where many are under way, each may come in time after the one before.
  const auto& slots = window_.slots();
  for (auto it = slots.upper_bound(handed_); it != slots.end(); ++it)
    if (owes_vote(it->second)) consider(it->first, it->second.voted);
  return first;
}

/// Those first of which a quorum's word is known here: others may never have it.
std::optional<Backlog::First> Replica::Core::to_try() const {
  if (is_primary() || !pace_.may_try()) return std::nullopt;
  auto first = backlog_.first_since() == never ? std::nullopt : backlog_.oldest_first(pace_);
  if (first && pace_.trial_at(first->since) <= now_) return first;
  const auto unproven = vouching_.untried();
  if (unproven && (!first || unproven->since < first->since))
    first = Backlog::First{unproven->digest, unproven->since};
  return first;
}

void Replica::Core::ping_others(std::uint64_t ask) {
  for (std::uint16_t i = 0; i < config_.group.size(); ++i)
    if (const ReplicaId peer{i}; peer != config_.self && peer != primary())
      send(peer, wire::Ping{ask}, true);
}

void Replica::Core::try_primary() {
  const auto hangs = hanging();
  if (!hangs || pace_.number_trial_at(hangs->since) > now_) return try_request();
  trace("n", hangs->seq, " hangs -> ask the others how fast they are");
  std::vector<ReplicaId> judges;
  for (std::uint16_t i = 0; f_have_left() && i < config_.group.size(); ++i)
    if (const ReplicaId peer{i}; peer != config_.self && peer != primary()) {
      const auto* asks = view_changes_.of(peer);
      if (asks == nullptr || asks->message.view <= view_) judges.push_back(peer);
    }
  ping_others(pace_.begin_number(now_, primary(), hangs->seq, std::move(judges)));
}

/// Its host may know that nobody waits for it any more: then there is nothing to learn.
void Replica::Core::try_request() {
  const Backlog::First tried = *to_try();
  const bool vouched_for = backlog_.find(tried.digest) != nullptr;
  const wire::ClientRequest& request =
      *(vouched_for ? backlog_.find(tried.digest) : vouching_.find(tried.digest));
  const std::uint64_t ask =
      pace_.begin(now_, primary(), tried.digest,
                  {request.body.session, request.body.number, request.body.signer}, rounds_.value(),
                  vouched_for);
  trace("request s", request.body.session, "/", request.body.number, " has waited for ",
        (now_ - tried.since) / 1000, " ms -> give it to r", primary(), " and ask the others, too");
  out_->push_back(AskIfWanted{request});
  send(primary(), wire::Forward{request}, true);
  ping_others(ask);
  if (vouched_for) return;
  // Mine is said to all at once (say_what_waits_for_word()), and those who hear it say theirs.
  vouching_.tried(tried.digest);
  vouching_.hurry(now_, tried.digest);
}

/// A proposal is on disk before it leaves: so is whatever came before the answer, which takes as
/// long.
void Replica::Core::on(ReplicaId from, const wire::Ping& message) {
  if (!peers_.may_ping(now_, from)) return drop(Refusal::too_often, "ping from r", from);
  make_durable();
  send(from, wire::Pong{message.ask});
}

void Replica::Core::on(ReplicaId from, const wire::Pong& message) {
  pace_.answered(now_, from, message.ask);
}

}  // namespace prytany::pbft
