#include "server/pbft/backlog.h"

#include <algorithm>
#include <utility>

namespace prytany::pbft {
namespace {

/// Canonical size, but for its few lengths: session, number, signer, operation, signature, branch.
std::size_t bytes_of(const wire::ClientRequest& request) {
  return 8 + 8 + crypto::PublicKey::size + 4 + request.body.operation.bytes.size() +
         crypto::Signature::size +
         (request.proof.signature ? request.proof.signature->branch.size() * Digest::size : 0);
}

}  // namespace

std::optional<Refusal> Backlog::add(Time now, const Digest& digest, wire::ClientRequest request,
                                    const Origin& origin) {
  // Session 0 is everybody who joins.
  const bool joins = request.body.session == SessionId{0};
  if (waiting_.contains(digest) && joins) take_earlier(digest, origin);
  if (waiting_.contains(digest) || in_flight_.contains(digest)) return Refusal::request_known;
  const std::size_t bytes = bytes_of(request);
  const SessionId session = request.body.session;
  if (!(joins ? make_join_room(now, origin) : make_session_room(now, request.body)))
    return Refusal::session_full;
  if (!make_room(now, session, bytes)) return Refusal::backlog_full;

  bytes_ += bytes;
  Queue& mine = queues_[session];
  mine.bytes += bytes;
  if (joins) join_rounds_.enter(digest, origin);
  const auto place =
      joins ? place_in_round(mine.digests, join_rounds_.of(digest)) : place_of(mine, request.body);
  const bool first = place == mine.digests.begin();
  mine.digests.insert(place, digest);
  if (first) first_changed(now, session, mine);
  waiting_.emplace(digest, std::move(request));
  return std::nullopt;
}

/// Whoever says somebody else's join first, behind many of its own, must not put it off.
void Backlog::take_earlier(const Digest& join, const Origin& origin) {
  if (join_rounds_.next(origin) >= join_rounds_.of(join)) return;
  std::deque<Digest>& digests = queues_.at(SessionId{0}).digests;
  digests.erase(std::find(digests.begin(), digests.end(), join));
  join_rounds_.enter(join, origin);
  digests.insert(place_in_round(digests, join_rounds_.of(join)), join);
}

/// The latest give way: those of who holds many.
bool Backlog::make_join_room(Time now, const Origin& origin) {
  const auto queue = queues_.find(SessionId{0});
  const std::size_t most = config_.backlog_joins_max * (origin.peer ? 2 : 1);
  if (queue == queues_.end() || queue->second.digests.size() < most) return true;
  const Digest last = queue->second.digests.back();
  if (join_rounds_.of(last) <= join_rounds_.next(origin)) return false;
  forget_waiting(now, last);
  return true;
}

bool Backlog::make_session_room(Time now, const wire::RequestBody& body) {
  const auto queue = queues_.find(body.session);
  if (queue == queues_.end() || queue->second.digests.size() < config_.backlog_per_session_max)
    return true;
  const Digest last = queue->second.digests.back();
  if (waiting_.at(last).body.number <= body.number) return false;
  forget_waiting(now, last);
  return true;
}

/// Without this, a few hundred sessions that fill their windows at the primary alone would have it
/// refuse everybody else, whom the backups then find it to starve.
bool Backlog::make_room(Time now, SessionId session, std::size_t bytes) {
  const auto full = [&] { return waiting_.size() >= config_.backlog_requests_max; };
  while (full() || bytes_ + bytes > config_.backlog_bytes_max) {
    const auto share = [&](const Queue& queue) {
      return full() ? queue.digests.size() : queue.bytes;
    };
    const auto mine = queues_.find(session);
    const std::size_t more = full() ? 1 : bytes;
    std::size_t most = (mine == queues_.end() ? 0 : share(mine->second)) + more;
    auto who = queues_.end();
    for (std::size_t i = std::min(looked_at, queues_.size()); i > 0; --i) {
      auto next = queues_.upper_bound(looked_at_last_);
      if (next == queues_.end()) next = queues_.begin();
      looked_at_last_ = next->first;
      if (share(next->second) <= most) continue;
      most = share(next->second);
      who = next;
    }
    if (who == queues_.end()) return false;
    forget_waiting(now, who->second.digests.back());
  }
  return true;
}

Backlog::Taken Backlog::take(Time now, std::size_t requests_max, std::size_t bytes_max) {
  Taken taken;
  std::size_t bytes = 0;
  while (taken.requests.size() < requests_max && !queues_.empty()) {
    // The session after the one served last, around the circle.
    auto queue = served_last_ ? queues_.upper_bound(*served_last_) : queues_.begin();
    if (queue == queues_.end()) queue = queues_.begin();
    const Digest digest = queue->second.digests.front();
    const wire::ClientRequest& request = waiting_.at(digest);
    const std::size_t more = bytes_of(request);
    if (!taken.requests.empty() && bytes + more > bytes_max) break;
    bytes += more;
    served_last_ = queue->first;
    taken.requests.push_back(request);
    taken.digests.push_back(digest);
    forget_waiting(now, digest);
    in_flight_.insert(digest);
  }
  return taken;
}

void Backlog::in_flight(Time now, const std::vector<Digest>& digests, const wire::Batch& batch) {
  ENSURE(digests.size() == batch.requests.size());
  auto digest = digests.begin();
  std::size_t joins = 0;
  for (const wire::ClientRequest& request : batch.requests) {
    if (waiting_.contains(*digest)) forget_waiting(now, *digest);
    in_flight_.insert(*digest);
    proposed_of(now, request.body);
    if (request.body.session == SessionId{0}) ++joins;
    ++digest;
  }
  if (joins > 0) joins_before_first(now, joins);
}

/// Joins have no order that all replicas share: what is first here may be last at the primary. It
/// is told of it, however, and takes it in a round or two from then on, each of no more joins than
/// it keeps. So each one that it takes before ours, while there may be such, gives it the time that
/// it takes to come by all sessions once.
void Backlog::joins_before_first(Time now, std::size_t count) {
  const auto found = queues_.find(SessionId{0});
  if (found == queues_.end()) return;
  Queue& queue = found->second;
  count = std::min(count, joins_before_max * config_.backlog_joins_max - queue.joins_before);
  queue.joins_before += count;
  const std::uint64_t requests = config_.in_flight_max * config_.batch_requests_max;
  const std::uint64_t us = config_.request_timeout_us * count * queues_.size() / requests;
  const bool undoubted = undoubted_.erase({queue.first_since, SessionId{0}}) > 0;
  firsts_.erase({queue.first_since, SessionId{0}});
  queue.first_since = std::min(queue.first_since + us, std::max(queue.first_since, now));
  firsts_.insert({queue.first_since, SessionId{0}});
  if (undoubted) undoubted_.insert({queue.first_since, SessionId{0}});
}

/// A primary could put a session off by proposing old requests of it again. So a number counts only
/// above all that were proposed before it, and only where the session may still use it beside its
/// first one: fewer than session_window times in all. docs/decisions/0012 argues this.
void Backlog::proposed_of(Time now, const wire::RequestBody& body) {
  const bool joins = body.session == SessionId{0};
  const Asker asker{body.session, joins ? crypto::PublicKey{} : body.signer};
  const auto seen = proposed_.find(asker);
  if (joins || seen == proposed_.end() || is_new(seen->second, body.number)) turn(now, asker);
  if (joins) return;
  const RequestNumber highest = seen == proposed_.end() ? RequestNumber{} : seen->second.highest;
  if (body.number <= highest) return;
  const auto queue = queues_.find(body.session);
  if (queue == queues_.end()) return;
  const wire::RequestBody& mine = waiting_.at(queue->second.digests.front()).body;
  if (mine.signer != body.signer) return;
  const RequestNumber first = mine.number;
  if (body.number < first && first.value - body.number.value < limits::session_window)
    first_changed(now, body.session, queue->second);
}

void Backlog::accepted(const wire::Batch& batch) {
  for (const wire::ClientRequest& request : batch.requests) note(request.body);
}

void Backlog::note(const wire::RequestBody& body) {
  if (body.session == SessionId{0}) return;
  const Asker asker{body.session, body.signer};
  if (proposed_.size() >= proposed_max && !proposed_.contains(asker)) proposed_.clear();
  Proposed& seen = proposed_[asker];
  if (is_new(seen, body.number)) note(seen, body.number);
}

bool Backlog::is_new(const Proposed& seen, RequestNumber number) {
  if (number > seen.highest) return true;
  const std::uint64_t back = seen.highest.value - number.value;
  return back < limits::session_window && (seen.below >> back & 1) == 0;
}

void Backlog::note(Proposed& seen, RequestNumber number) {
  static_assert(limits::session_window <= 64);
  if (number > seen.highest) {
    const std::uint64_t on = number.value - seen.highest.value;
    seen.below = on < 64 ? seen.below << on : 0;
    seen.highest = number;
  }
  seen.below |= std::uint64_t{1} << (seen.highest.value - number.value);
}

bool Backlog::serves_anew(const wire::RequestBody& body) const {
  if (body.session == SessionId{0}) return false;
  const auto seen = proposed_.find({body.session, body.signer});
  return seen == proposed_.end() || is_new(seen->second, body.number);
}

void Backlog::turn(Time now, const Asker& asker) {
  if (turns_.size() >= proposed_max && !turns_.contains(asker)) turns_.clear();
  Turns& turns = turns_[asker];
  turns.before = std::exchange(turns.last, now);
}

bool Backlog::twice_since(Time then, const wire::Batch& batch) const {
  return std::ranges::any_of(batch.requests, [&](const wire::ClientRequest& request) {
    const bool joins = request.body.session == SessionId{0};
    const auto turns =
        turns_.find({request.body.session, joins ? crypto::PublicKey{} : request.body.signer});
    return turns != turns_.end() && turns->second.before >= then;
  });
}

void Backlog::release(Time now, const std::vector<Digest>& digests) {
  for (const Digest& digest : digests) {
    if (waiting_.contains(digest)) forget_waiting(now, digest);
    in_flight_.erase(digest);
  }
}

void Backlog::return_to_waiting(Time now, const std::vector<Digest>& digests,
                                const wire::Batch& batch) {
  ENSURE(digests.size() == batch.requests.size());
  auto digest = digests.begin();
  for (const wire::ClientRequest& request : batch.requests) {
    // Else it was executed, or waits already. Without room, its client sends it again.
    // Joins are as old as those that this replica would name.
    if (in_flight_.erase(*digest))
      (void)add(now, *digest, request, {.peer = true, .id = config_.self.value});
    ++digest;
  }
}

void Backlog::count(Held& held) const {
  held.requests = waiting_.size();
  held.bytes = bytes_;
  for (const auto& [session, queue] : queues_) {
    std::size_t& most = session == SessionId{0} ? held.joins : held.of_one_session;
    most = std::max(most, queue.digests.size());
  }
}

std::vector<Digest> Backlog::waiting_unsigned() const {
  std::vector<Digest> all;
  for (const Digest& digest : waiting_.sorted())
    if (!waiting_.at(digest).proof.signature) all.push_back(digest);
  return all;
}

void Backlog::forget_all() {
  waiting_.clear();
  in_flight_.clear();
  queues_.clear();
  firsts_.clear();
  undoubted_.clear();
  named_.clear();
  join_rounds_.clear();
  bytes_ = 0;
}

/// With no more rounds than suspicion counts, and these change: or a primary that lacks a request
/// would be left for it before it is told of it.
Time Backlog::overdue_at() const {
  if (named_.empty()) return never;
  return named_.begin()->first + config_.forward_us * (rounds() - 1);
}

std::vector<wire::ClientRequest> Backlog::overdue(Time now, std::size_t max) {
  std::vector<wire::ClientRequest> late;
  while (late.size() < max && overdue_at() <= now) {
    const SessionId session = named_.begin()->second;
    Queue& queue = queues_.at(session);
    const std::size_t most = std::min({queue.digests.size(), named_max, max - late.size()});
    for (std::size_t i = 0; i < most; ++i) late.push_back(waiting_.at(queue.digests[i]));
    name_after(now, session, queue, std::min(2 * queue.named_after_us, config_.retransmit_max_us));
  }
  return late;
}

void Backlog::name_anew(Time now) {
  for (auto& [session, queue] : queues_) name_after(now, session, queue, config_.forward_us);
}

void Backlog::name_after(Time now, SessionId session, Queue& queue, std::uint64_t us) {
  named_.erase({queue.named_next, session});
  queue.named_after_us = us;
  queue.named_next = now + us;
  named_.insert({queue.named_next, session});
}

std::uint64_t Backlog::rounds(std::size_t unproven) const {
  // In flight at a time; what is at hand of sessions and of bytes, in these portions.
  const std::size_t sessions = std::max(queues_.size(), unproven);
  const std::uint64_t requests = config_.in_flight_max * config_.batch_requests_max;
  const std::uint64_t bytes = config_.in_flight_max * config_.batch_bytes_max;
  return 1 + std::max(sessions / requests, bytes == 0 ? 0 : bytes_ / bytes);
}

void Backlog::rearm(Time now) {
  for (auto& [session, queue] : queues_) first_changed(now, session, queue);
}

/// Without a bound, whoever keeps this replica busy would excuse a primary for ever.
void Backlog::excuse(Time now) {
  for (auto& [session, queue] : queues_) {
    if (queue.excuses >= excuses_max) continue;
    ++queue.excuses;
    first_from(now, session, queue);
  }
}

std::vector<wire::ClientRequest> Backlog::doubtful(Time before) {
  std::vector<wire::ClientRequest> all;
  while (!undoubted_.empty() && undoubted_.begin()->first <= before) {
    const Queue& queue = queues_.at(undoubted_.begin()->second);
    all.push_back(waiting_.at(queue.digests.front()));
    undoubted_.erase(undoubted_.begin());
  }
  return all;
}

/// In the order of the session's own numbers, in which everybody takes them, whatever came first
/// where: so the request that a backup sees waiting first is the one that a correct primary takes
/// next.
std::deque<Digest>::iterator Backlog::place_of(Queue& queue, const wire::RequestBody& body) {
  auto place = queue.digests.end();
  while (place != queue.digests.begin() && waiting_.at(*std::prev(place)).body.number > body.number)
    --place;
  return place;
}

/// Behind those who came before, whose rounds never decrease towards the end.
std::deque<Digest>::iterator Backlog::place_in_round(std::deque<Digest>& joins,
                                                     std::uint64_t round) {
  return std::upper_bound(
      joins.begin(), joins.end(), round,
      [&](std::uint64_t mine, const Digest& each) { return mine < join_rounds_.of(each); });
}

void Backlog::first_changed(Time now, SessionId session, Queue& queue) {
  queue.excuses = 0;
  queue.joins_before = 0;
  first_from(now, session, queue);
}

void Backlog::first_from(Time now, SessionId session, Queue& queue) {
  firsts_.erase({queue.first_since, session});
  undoubted_.erase({queue.first_since, session});
  named_.erase({queue.named_next, session});
  if (queue.digests.empty()) return;
  queue.first_since = now;
  firsts_.insert({now, session});
  undoubted_.insert({now, session});
  name_after(now, session, queue, config_.forward_us);
}

void Backlog::forget_waiting(Time now, const Digest& of) {
  const Digest digest = of;  // which may be in what is erased here
  const wire::ClientRequest& request = waiting_.at(digest);
  const auto found = queues_.find(request.body.session);
  ENSURE(found != queues_.end());
  Queue& queue = found->second;
  // Nearly always the first: the primary takes in the order of arrival, too.
  const auto place = std::find(queue.digests.begin(), queue.digests.end(), digest);
  const bool first = place == queue.digests.begin();
  queue.digests.erase(place);
  if (found->first == SessionId{0}) join_gone(digest, first, queue);
  queue.bytes -= bytes_of(request);
  bytes_ -= bytes_of(request);
  if (first) first_changed(now, found->first, queue);
  if (queue.digests.empty()) queues_.erase(found);
  waiting_.erase(digest);
}

void Backlog::join_gone(const Digest& join, bool was_first, const Queue& queue) {
  const std::uint64_t round = join_rounds_.of(join);
  join_rounds_.leave(join);
  if (!was_first) return;
  const auto& rest = queue.digests;
  join_rounds_.took_first(round, rest.empty() ? std::nullopt : std::optional(rest.front()));
}

}  // namespace prytany::pbft
