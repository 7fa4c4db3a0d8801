#include "server/net/host_turns.h"

#include <algorithm>

namespace prytany::net {

HostTurns::Host& HostTurns::at(const std::string& host) {
  return hosts_.try_emplace(host, of_host_).first->second;
}

bool HostTurns::rests(const Host& its, Time now) const {
  return now < several_until_ && its.slice.rests(now);
}

bool HostTurns::may_go(const std::string& host, Time now) const {
  if (!nobody_waits() || !slice_.left(now)) return false;
  const auto found = hosts_.find(host);
  return found == hosts_.end() || (found->second.line.empty() && !rests(found->second, now));
}

void HostTurns::charge(const std::string& host, Host& its, Time now, std::uint64_t us) {
  slice_.spend(now, us);
  // What a host had while it was alone it has taken from nobody.
  if (now < several_until_) its.slice.spend(now, us);
  its.had_us = std::max(its.had_us, had_us_) + us;
  // Who is served while nobody waits has taken it from nobody.
  if (nobody_waits()) had_us_ = its.had_us;
  if (host == latest_) return;
  if (!latest_.empty()) several_until_ = now + several_us;
  latest_ = host;
}

void HostTurns::spend(const std::string& host, Time now, std::uint64_t us) {
  charge(host, at(host), now, us);
  if (hosts_.size() > hosts_kept && sweep_at_ <= now) forget_who_rests(now);
}

void HostTurns::wait(const std::string& host, ConnectionId connection) {
  Host& its = at(host);
  its.line.push_back(connection);
  if (its.line.size() > 1) return;
  its.had_us = std::max(its.had_us, had_us_);
  waiting_.emplace(its.had_us, host);
}

Time HostTurns::again() const {
  if (!waiting_.empty()) return slice_.again();
  return resting_.empty() ? never : std::max(resting_.begin()->first, slice_.again());
}

void HostTurns::next_turn(Time now, const std::function<Handled(ConnectionId)>& handle) {
  slice_.renew();
  while (!resting_.empty() && resting_.begin()->first <= now) {
    const auto rested = resting_.extract(resting_.begin());
    const std::string& host = rested.value().second;
    waiting_.emplace(hosts_.at(host).had_us, host);
  }
  while (!waiting_.empty() && slice_.left(now)) {
    const auto first = waiting_.extract(waiting_.begin());
    const auto& [had_us, host] = first.value();
    Host& its = hosts_.at(host);
    if (rests(its, now)) {
      resting_.emplace(its.slice.again(), host);
      continue;
    }
    had_us_ = std::max(had_us_, had_us);
    const ConnectionId connection = its.line.front();
    its.line.pop_front();
    const Handled handled = handle(connection);
    now = std::max(now, handled.ended);
    charge(host, its, now, handled.us);
    if (handled.more) its.line.push_back(connection);
    if (!its.line.empty()) waiting_.emplace(its.had_us, host);
  }
  if (hosts_.size() > hosts_kept && sweep_at_ <= now) forget_who_rests(now);
}

/// They come back as if they had never been here, and would have had no more.
void HostTurns::forget_who_rests(Time now) {
  std::erase_if(hosts_, [&](const auto& entry) {
    const Host& its = entry.second;
    return its.line.empty() && its.had_us <= had_us_ && its.slice.fresh(now);
  });
  sweep_at_ = now + sweep_us;
}

}  // namespace prytany::net
