#include "server/node/fetch_peers.h"

#include <algorithm>

#include "server/base/ensure.h"

namespace prytany::node {
namespace {

constexpr unsigned window_max = 16;
constexpr std::size_t pages_min = 8;
constexpr std::size_t pages_max = 64;
/// Answers that take longer mean a queue somewhere: ask for less at once.
constexpr std::uint64_t late_us = 300'000;
constexpr std::uint64_t patience_us = 1'000'000;
constexpr unsigned doublings_max = 4;
constexpr std::uint64_t later_us = 50'000;
constexpr std::uint64_t lacks_it_us = 2'000'000;

std::uint64_t doubled(std::uint64_t us, unsigned times) {
  return us << std::min(times, doublings_max);
}

}  // namespace

FetchPeers::FetchPeers(ReplicaId self, pbft::Group group) : faults_(group.f) {
  for (unsigned i = 0; i < group.n; ++i)
    if (const ReplicaId id{static_cast<std::uint16_t>(i)}; id != self) peers_.emplace(id, Peer{});
}

bool FetchPeers::may_ask(const Peer& peer, Time now) const {
  return !peer.rejected && now >= peer.not_before && peer.in_flight < peer.window;
}

std::optional<ReplicaId> FetchPeers::free(Time now, const std::set<ReplicaId>& connected) const {
  std::optional<ReplicaId> best;
  unsigned most_room = 0;
  for (const auto& [id, peer] : peers_) {
    if (!connected.contains(id) || !may_ask(peer, now)) continue;
    const unsigned room = peer.window - peer.in_flight;
    if (room > most_room) best = id;
    most_room = std::max(most_room, room);
  }
  return best;
}

std::optional<ReplicaId> FetchPeers::idle(Time now, const std::set<ReplicaId>& connected,
                                          ReplicaId other) const {
  for (const auto& [id, peer] : peers_)
    if (id != other && connected.contains(id) && peer.in_flight == 0 && may_ask(peer, now))
      return id;
  return std::nullopt;
}

std::size_t FetchPeers::pages_per_ask(ReplicaId peer) const {
  return std::clamp(pages_min * peers_.at(peer).window, pages_min, pages_max);
}

Time FetchPeers::asked(ReplicaId id, Time now) {
  Peer& peer = peers_.at(id);
  ++peer.in_flight;
  return now + doubled(patience_us, peer.stalls);
}

void FetchPeers::answered(ReplicaId id, std::uint64_t after_us) {
  Peer& peer = peers_.at(id);
  ENSURE(peer.in_flight > 0);
  --peer.in_flight;
  peer.lacks_it = false;
  if (peer.stalls > 0) --peer.stalls;
  peer.window =
      after_us > late_us ? std::max(1U, peer.window / 2) : std::min(window_max, peer.window + 1);
}

void FetchPeers::refused(ReplicaId id, Time now, bool has_it) {
  Peer& peer = peers_.at(id);
  ENSURE(peer.in_flight > 0);
  --peer.in_flight;
  peer.lacks_it = !has_it;
  peer.window = std::max(1U, peer.window / 2);
  peer.not_before = std::max(peer.not_before, now + (has_it ? later_us : lacks_it_us));
}

void FetchPeers::lost(ReplicaId id) {
  Peer& peer = peers_.at(id);
  ENSURE(peer.in_flight > 0);
  --peer.in_flight;
}

bool FetchPeers::stalled(ReplicaId id, Time now) {
  Peer& peer = peers_.at(id);
  ENSURE(peer.in_flight > 0);
  --peer.in_flight;
  peer.window = 1;
  // Several asks of one silence count once.
  if (now < peer.not_before) return false;
  peer.not_before = now + doubled(patience_us, peer.stalls);
  peer.stalls = std::min(peer.stalls + 1, doublings_max);
  return true;
}

void FetchPeers::reject(ReplicaId id) { peers_.at(id).rejected = true; }

void FetchPeers::new_target() {
  for (auto& [id, peer] : peers_) {
    peer.in_flight = 0;
    if (peer.lacks_it) peer.not_before = Time{0};
    peer.lacks_it = false;
  }
}

std::set<ReplicaId> FetchPeers::rejected() const {
  std::set<ReplicaId> all;
  for (const auto& [id, peer] : peers_)
    if (peer.rejected) all.insert(id);
  return all;
}

bool FetchPeers::exhausted(const std::set<ReplicaId>& connected) const {
  std::size_t without = 0;
  std::size_t left = 0;
  for (const auto& [id, peer] : peers_) {
    const bool of_no_use = peer.rejected || peer.lacks_it;
    without += of_no_use ? 1U : 0U;
    left += !of_no_use && connected.contains(id) ? 1U : 0U;
  }
  return without > 0 && left <= faults_;
}

Time FetchPeers::next_retry(Time now, const std::set<ReplicaId>& connected) const {
  Time next = never;
  for (const auto& [id, peer] : peers_)
    if (!peer.rejected && connected.contains(id) && peer.not_before > now)
      next = std::min(next, peer.not_before);
  return next;
}

}  // namespace prytany::node
