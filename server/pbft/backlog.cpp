#include "server/pbft/backlog.h"

#include <algorithm>

namespace prytany::pbft {
namespace {

/// Canonical size: session, number, signer, length of the operation, signature.
std::size_t bytes_of(const wire::ClientRequest& request) {
  return 8 + 8 + crypto::PublicKey::size + 4 + request.body.operation.bytes.size() +
         crypto::Signature::size;
}

}  // namespace

std::optional<Refusal> Backlog::add(Time now, const Digest& digest, wire::ClientRequest request) {
  if (waiting_.contains(digest) || in_flight_.contains(digest)) return Refusal::request_known;
  const std::size_t bytes = bytes_of(request);
  if (waiting_.size() >= config_.backlog_requests_max || bytes_ + bytes > config_.backlog_bytes_max)
    return Refusal::backlog_full;
  const SessionId session = request.body.session;
  // Session 0 is everybody who joins.
  const std::size_t session_max =
      session == SessionId{0} ? config_.backlog_joins_max : config_.backlog_per_session_max;
  const auto queue = queues_.find(session);
  if (queue != queues_.end() && queue->second.size() >= session_max) return Refusal::session_full;

  bytes_ += bytes;
  queues_[session].push_back(digest);
  order_[next_ticket_] = {digest, now};
  waiting_.emplace(digest, Waiting{std::move(request), next_ticket_});
  ++next_ticket_;
  return std::nullopt;
}

Backlog::Taken Backlog::take(std::size_t requests_max, std::size_t bytes_max) {
  Taken taken;
  std::size_t bytes = 0;
  while (taken.requests.size() < requests_max && !queues_.empty()) {
    // The session after the one served last, around the circle.
    auto queue = served_last_ ? queues_.upper_bound(*served_last_) : queues_.begin();
    if (queue == queues_.end()) queue = queues_.begin();
    const Digest digest = queue->second.front();
    const auto it = waiting_.find(digest);
    ENSURE(it != waiting_.end());
    const std::size_t more = bytes_of(it->second.request);
    if (!taken.requests.empty() && bytes + more > bytes_max) break;
    bytes += more;
    served_last_ = queue->first;
    taken.requests.push_back(it->second.request);
    taken.digests.push_back(digest);
    forget_waiting(it);
    in_flight_.insert(digest);
  }
  return taken;
}

void Backlog::in_flight(const std::vector<Digest>& digests) {
  for (const Digest& digest : digests) {
    if (const auto it = waiting_.find(digest); it != waiting_.end()) forget_waiting(it);
    in_flight_.insert(digest);
  }
}

void Backlog::release(const std::vector<Digest>& digests) {
  for (const Digest& digest : digests) {
    if (const auto it = waiting_.find(digest); it != waiting_.end()) forget_waiting(it);
    in_flight_.erase(digest);
  }
}

void Backlog::forget_all() {
  waiting_.clear();
  in_flight_.clear();
  queues_.clear();
  order_.clear();
  bytes_ = 0;
}

std::vector<wire::ClientRequest> Backlog::overdue(Time now, std::uint64_t older_than_us,
                                                  std::size_t max) {
  std::vector<wire::ClientRequest> late;
  while (late.size() < max && overdue_at(older_than_us) <= now) {
    const Digest digest = order_.begin()->second.digest;
    order_.erase(order_.begin());
    Waiting& waiting = waiting_.at(digest);
    waiting.ticket = next_ticket_++;
    order_[waiting.ticket] = {digest, now};
    late.push_back(waiting.request);
  }
  return late;
}

Time Backlog::overdue_at(std::uint64_t older_than_us) const {
  return order_.empty() ? never : order_.begin()->second.since + older_than_us;
}

void Backlog::forget_waiting(std::map<Digest, Waiting>::iterator it) {
  const auto queue = queues_.find(it->second.request.body.session);
  ENSURE(queue != queues_.end());
  // Nearly always the first: the primary takes in the order of arrival, too.
  queue->second.erase(std::find(queue->second.begin(), queue->second.end(), it->first));
  if (queue->second.empty()) queues_.erase(queue);
  order_.erase(it->second.ticket);
  bytes_ -= bytes_of(it->second.request);
  waiting_.erase(it);
}

}  // namespace prytany::pbft
