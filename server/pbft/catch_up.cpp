#include "server/pbft/catch_up.h"

#include <algorithm>
#include <functional>

namespace prytany::pbft {

void Overdue::watch(Time now, bool awaited, std::uint64_t progress) {
  if (!awaited) {
    awaiting_ = false;
    due_ = never;
    return;
  }
  if (awaiting_ && progress == progress_) return;
  awaiting_ = true;
  progress_ = progress;
  times_ = 0;
  interval_us_ = first_us_;
  due_ = now + first_us_;
}

void Overdue::fired(Time now) {
  ++times_;
  interval_us_ = std::min(interval_us_ * 2, longest_us_);
  due_ = times_ == times_max_ ? never : now + interval_us_;
}

void Overdue::hurry(Time now) {
  if (!awaiting_) return;
  interval_us_ = first_us_;
  due_ = std::min(due_, now + first_us_);
}

void Peers::heard(ReplicaId peer, Seq executed, Seq stable) {
  Peer& p = peers_[peer.value];
  p.executed = std::max(p.executed, executed);
  p.stable = std::max(p.stable, stable);
  spoke(peer, executed);
  std::vector<Seq> claims;
  claims.reserve(peers_.size());
  for (const Peer& other : peers_) claims.push_back(other.executed);
  // Of the weak_quorum() highest claims, the lowest is one that a correct replica's claim does not
  // fall below. Our own entry stays 0 and never counts.
  const auto nth = static_cast<std::ptrdiff_t>(config_.group.weak_quorum()) - 1;
  if (nth >= static_cast<std::ptrdiff_t>(claims.size())) return;
  std::nth_element(claims.begin(), claims.begin() + nth, claims.end(), std::greater<>());
  some_correct_ = claims[static_cast<std::size_t>(nth)];
}

bool Peers::any_behind(Seq seq) const {
  for (std::size_t i = 0; i < peers_.size(); ++i)
    if (i != config_.self.value && peers_[i].executed < seq) return true;
  return false;
}

bool Peers::discarded(Seq seq) const {
  std::size_t holders = 0;
  for (std::size_t i = 0; i < peers_.size(); ++i)
    if (i != config_.self.value && peers_[i].stable < seq) ++holders;
  return holders <= config_.group.f;
}

void Peers::spoke(ReplicaId peer, Seq seq) {
  Peer& p = peers_[peer.value];
  p.spoken = std::max(p.spoken, seq);
}

bool Peers::any_unaware(Seq seq) const {
  for (std::size_t i = 0; i < peers_.size(); ++i)
    if (i != config_.self.value && peers_[i].spoken < seq) return true;
  return false;
}

Peers::Budget& Peers::at(Budget& budget, Time now, std::uint64_t interval_us) {
  if (now >= budget.from + interval_us) budget = {now, 0};
  return budget;
}

bool Peers::may_answer(Time now, ReplicaId peer) {
  return at(peers_[peer.value].answers, now).used < answer_units;
}

void Peers::answered(ReplicaId peer, std::size_t units) {
  peers_[peer.value].answers.used += units;
}

bool Peers::may_forward(Time now, ReplicaId peer) {
  Budget& budget = at(peers_[peer.value].forwards, now);
  if (budget.used >= forwards_per_interval + trials_per_interval) return false;
  ++budget.used;
  return true;
}

bool Peers::may_ping(Time now, ReplicaId peer) {
  Budget& budget = at(peers_[peer.value].pings, now);
  if (budget.used >= trials_per_interval) return false;
  ++budget.used;
  return true;
}

bool Peers::may_hurry(Time now, ReplicaId peer) {
  Budget& budget = at(peers_[peer.value].hurries, now);
  if (budget.used >= trials_per_interval) return false;
  ++budget.used;
  return true;
}

bool Peers::may_vouch(Time now, ReplicaId peer, std::size_t requests) {
  Budget& budget = at(peers_[peer.value].vouchers, now);
  if (budget.used > config_.backlog_requests_max) return false;
  budget.used += requests;
  return true;
}

bool Peers::may_ask(Time now, ReplicaId peer) {
  Peer& p = peers_[peer.value];
  if (p.asked != never && now < p.asked + config_.retransmit_us / 2) return false;
  p.asked = now;
  return true;
}

bool Peers::connected(Time now, ReplicaId peer) {
  // Not of config_: the time that links take to come back is none of the protocol's.
  Peer& p = peers_[peer.value];
  Budget& budget = at(p.links, now, 1'000'000);
  if (budget.used >= links_per_second) return false;
  ++budget.used;
  p.asked = never;
  return true;
}

}  // namespace prytany::pbft
