// Whether the primary is slow though it serves everybody (pace.h): trials, and what they end with.
#include "server/pbft/core.h"

namespace prytany::pbft {

/// A number is free, or taken by a batch that had room for what waits here. (One that was full, or
/// held long requests, is as much as a correct primary could do.)
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
  if (!room) {
    passed_over_ = {};
  } else if (const Time first = backlog_.first_since();
             first != never && first + config_.slow_after_us <= now_) {
    passed_over_ = seq;
  }
}

void Replica::Core::watch_pace() {
  pace_.drop_if([this](const Digest& request) { return backlog_.find(request) == nullptr; });
  pace_.watch(now_, could_propose());
}

Time Replica::Core::trial_at() const {
  const Time least = is_primary() ? never : pace_.trial_at(backlog_.first_since());
  if (least == never || least > now_) return least;
  const auto oldest = backlog_.oldest_first(pace_);
  return oldest ? pace_.trial_at(oldest->since) : never;
}

/// Its host may know that nobody waits for it any more: then there is nothing to learn.
void Replica::Core::try_primary() {
  const auto oldest = backlog_.oldest_first(pace_);
  const wire::ClientRequest& request = *backlog_.find(oldest->digest);
  const std::uint64_t ask = pace_.begin(now_, primary(), oldest->digest, rounds_.value());
  trace("request s", request.body.session, "/", request.body.number, " has waited for ",
        (now_ - oldest->since) / 1000, " ms -> give it to r", primary(),
        " and ask the others, too");
  out_->push_back(AskIfWanted{request});
  send(primary(), wire::Forward{request}, true);
  for (std::uint16_t i = 0; i < config_.group.size(); ++i)
    if (const ReplicaId peer{i}; peer != config_.self && peer != primary())
      send(peer, wire::Ping{ask}, true);
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
