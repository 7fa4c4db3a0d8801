#include "server/net/host_turns.h"

namespace prytany::net {

bool HostTurns::may_go(const std::string& host) const {
  const auto found = hosts_.find(host);
  return found == hosts_.end() || (found->second.line.empty() && found->second.slice.left());
}

void HostTurns::spend(const std::string& host, std::uint64_t us) { at(host).slice.spend(us); }

void HostTurns::wait(const std::string& host, ConnectionId connection) {
  at(host).line.push_back(connection);
  ++waiting_;
}

void HostTurns::next_turn(const std::function<Handled(ConnectionId)>& handle) {
  for (auto host = hosts_.begin(); host != hosts_.end();) {
    auto& [slice, line] = host->second;
    slice.renew();
    while (!line.empty() && slice.left()) {
      const ConnectionId first = line.front();
      line.pop_front();
      const Handled handled = handle(first);
      slice.spend(handled.us);
      if (handled.more) line.push_back(first);
      if (!handled.more) --waiting_;
    }
    host = line.empty() && slice.whole() ? hosts_.erase(host) : std::next(host);
  }
}

}  // namespace prytany::net
