#include "server/pbft/vouching.h"

#include <algorithm>

namespace prytany::pbft {
namespace {

/// Of this replica, as many as can wait; of all others together a few times that, but of each a
/// thousand. Some fifteen megabytes when all are full.
std::size_t generation_max(const Config& config, std::size_t id) {
  if (id == config.self.value) return config.backlog_requests_max;
  return std::max<std::size_t>(4 * config.backlog_requests_max / config.group.n, 1024);
}

constexpr std::size_t brought_max = 64;
/// Of those that are due first, to find one that was not tried.
constexpr std::size_t looked_at = 16;
constexpr std::size_t brought_bytes_max = 4 << 20;

std::size_t bytes_of(const wire::ClientRequest& request) {
  return 128 + request.body.operation.bytes.size();
}

}  // namespace

Vouching::Vouching(const Config& config) : config_(config) {
  for (std::size_t id = 0; id < config.group.n; ++id)
    said_.emplace_back(generation_max(config, id));
}

// ---- words ------------------------------------------------------------------------------------

bool Vouching::vouch(const Digest& request) {
  Said& mine = said_[config_.self.value];
  if (mine.find(request) != nullptr) return false;
  mine.remember(request, true);
  return true;
}

void Vouching::said(ReplicaId from, const Digest& request) {
  said_[from.value].remember(request, true);
}

bool Vouching::authentic(const Digest& request) const {
  return said_[config_.self.value].find(request) != nullptr;
}

unsigned Vouching::words(const Digest& request) const {
  return static_cast<unsigned>(std::count_if(
      said_.begin(), said_.end(), [&](const Said& of) { return of.find(request) != nullptr; }));
}

bool Vouching::believed(const Digest& request) const {
  return words(request) >= config_.group.weak_quorum() + (authentic(request) ? 1U : 0U);
}

// ---- requests that wait -----------------------------------------------------------------------

std::optional<Refusal> Vouching::add(Time now, const Digest& digest, wire::ClientRequest request) {
  if (const auto it = waiting_.find(digest); it != waiting_.end()) {
    if (!it->second.brought_by) return Refusal::request_known;
    erase(it);  // now from its client
  }
  const SessionId session = request.body.session;
  const auto mine = of_session_.find(session);
  if (mine != of_session_.end() && mine->second.waiting >= config_.backlog_per_session_max)
    return Refusal::session_full;
  if (waiting_.size() >= config_.backlog_requests_max ||
      bytes_ + bytes_of(request) > config_.backlog_bytes_max)
    return Refusal::backlog_full;
  bytes_ += bytes_of(request);
  ++of_session_[session].waiting;
  insert(now, digest, {std::move(request), now, now, config_.retransmit_us, std::nullopt, false});
  return std::nullopt;
}

std::optional<Refusal> Vouching::bring(Time now, ReplicaId from, const Digest& digest,
                                       wire::ClientRequest request) {
  if (waiting_.contains(digest)) return Refusal::request_known;
  const std::size_t bytes = bytes_of(request);
  if (bytes > brought_bytes_max) return Refusal::backlog_full;
  Brought& brought = brought_[from];
  while (brought.digests.size() >= brought_max || brought.bytes + bytes > brought_bytes_max)
    erase(waiting_.find(brought.digests.front()));
  brought.bytes += bytes;
  brought.digests.push_back(digest);
  insert(now, digest, {std::move(request), now, now, config_.retransmit_us, from, false});
  return std::nullopt;
}

void Vouching::insert(Time now, const Digest& digest, Waiting waiting) {
  waiting.due = now + waiting.interval_us;
  due_.insert({waiting.due, digest});
  waiting_.emplace(digest, std::move(waiting));
}

void Vouching::erase(std::map<Digest, Waiting>::iterator it) {
  ENSURE(it != waiting_.end());
  const Waiting& waiting = it->second;
  const std::size_t bytes = bytes_of(waiting.request);
  due_.erase({waiting.due, it->first});
  if (waiting.brought_by) {
    Brought& brought = brought_[*waiting.brought_by];
    brought.bytes -= bytes;
    std::erase(brought.digests, it->first);
  } else {
    bytes_ -= bytes;
    const auto mine = of_session_.find(waiting.request.body.session);
    if (waiting.tried) --mine->second.tried;
    if (--mine->second.waiting == 0) of_session_.erase(mine);
  }
  waiting_.erase(it);
}

wire::ClientRequest Vouching::take(const Digest& digest) {
  const auto it = waiting_.find(digest);
  ENSURE(it != waiting_.end());
  wire::ClientRequest request = it->second.request;
  erase(it);
  return request;
}

void Vouching::remove(const std::vector<Digest>& digests) {
  if (waiting_.empty()) return;
  for (const Digest& digest : digests)
    if (const auto it = waiting_.find(digest); it != waiting_.end()) erase(it);
}

void Vouching::forget_waiting() {
  waiting_.clear();
  due_.clear();
  of_session_.clear();
  brought_.clear();
  bytes_ = 0;
}

void Vouching::count(Held& held) const {
  held.unproven = waiting_.size();
  for (const auto& [session, count] : of_session_)
    held.unproven_of_one = std::max(held.unproven_of_one, count.waiting);
  for (const auto& [peer, brought] : brought_)
    held.brought_by_one = std::max(held.brought_by_one, brought.digests.size());
}

/// In the order in which they are due, which is that of their age where all are fresh.
std::optional<Vouching::Oldest> Vouching::untried() const {
  std::size_t looked = 0;
  for (const auto& [due, digest] : due_) {
    if (++looked > looked_at) break;
    const Waiting& waiting = waiting_.at(digest);
    if (waiting.brought_by || waiting.tried || !fresh(waiting)) continue;
    if (of_session_.at(waiting.request.body.session).tried == 0)
      return Oldest{digest, waiting.since};
  }
  return std::nullopt;
}

void Vouching::tried(const Digest& digest) {
  Waiting& waiting = waiting_.at(digest);
  if (waiting.brought_by || std::exchange(waiting.tried, true)) return;
  ++of_session_.at(waiting.request.body.session).tried;
}

bool Vouching::hurry(Time now, const Digest& digest) {
  const auto it = waiting_.find(digest);
  if (it == waiting_.end() || !fresh(it->second) || it->second.due <= now) return false;
  due_.erase({it->second.due, digest});
  it->second.due = now;
  due_.insert({now, digest});
  return true;
}

std::vector<Digest> Vouching::waiting_here() const {
  std::vector<Digest> all;
  for (const auto& [digest, waiting] : waiting_)
    if (authentic(digest)) all.push_back(digest);
  return all;
}

std::vector<Vouching::Overdue> Vouching::overdue(Time now, std::size_t max) {
  std::vector<Overdue> late;
  while (due() <= now && late.size() < max) {
    const auto it = waiting_.find(due_.begin()->second);
    Waiting& waiting = it->second;
    if (now >= waiting.since + config_.unverified_life_us) {
      erase(it);
      continue;
    }
    due_.erase(due_.begin());
    waiting.interval_us = std::min(2 * waiting.interval_us, config_.retransmit_max_us);
    waiting.due = now + waiting.interval_us;
    due_.insert({waiting.due, it->first});
    late.push_back({it->first, waiting.request, waiting.since});
  }
  return late;
}

}  // namespace prytany::pbft
