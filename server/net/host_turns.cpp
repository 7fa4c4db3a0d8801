#include "server/net/host_turns.h"

#include <algorithm>

namespace prytany::net {

void HostTurns::wait(const std::string& host, ConnectionId connection) {
  Host& its = hosts_[host];
  its.line.push_back(connection);
  if (its.line.size() > 1) return;
  its.had_us = std::max(its.had_us, had_us_);
  waiting_.emplace(its.had_us, host);
  if (hosts_.size() > sweep_at_) forget_who_rests();
}

void HostTurns::next_turn(Time now, const std::function<Handled(ConnectionId)>& handle) {
  slice_.renew();
  while (!waiting_.empty() && slice_.left(now)) {
    const auto first = waiting_.extract(waiting_.begin());
    const auto& [had_us, host] = first.value();
    Host& its = hosts_.at(host);
    had_us_ = had_us;
    const ConnectionId connection = its.line.front();
    its.line.pop_front();
    const Handled handled = handle(connection);
    now = std::max(now, handled.ended);
    slice_.spend(now, handled.us);
    its.had_us += handled.us;
    if (handled.more) its.line.push_back(connection);
    if (!its.line.empty()) waiting_.emplace(its.had_us, host);
  }
  // All are equal again.
  if (waiting_.empty()) hosts_.clear();
}

/// They come back as if they had never been here, and would have had no more.
void HostTurns::forget_who_rests() {
  std::erase_if(hosts_, [this](const auto& entry) {
    return entry.second.line.empty() && entry.second.had_us <= had_us_;
  });
  sweep_at_ = std::max(hosts_kept, 2 * hosts_.size());
}

}  // namespace prytany::net
