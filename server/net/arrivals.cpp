#include "server/net/arrivals.h"

#include <netinet/in.h>

#include <cstring>
#include <utility>

namespace prytany::net {

std::string host_of(const sockaddr_storage& address) {
  constexpr std::size_t network_bytes = 8;
  if (address.ss_family == AF_INET6) {
    sockaddr_in6 v6 = {};
    std::memcpy(&v6, &address, sizeof v6);
    const auto* bytes = reinterpret_cast<const char*>(v6.sin6_addr.s6_addr);
    // An IPv4 address on an IPv6 socket is its last four bytes.
    if (IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr)) return {bytes + 12, 4};
    return {bytes, network_bytes};
  }
  sockaddr_in v4 = {};
  std::memcpy(&v4, &address, sizeof v4);
  return {reinterpret_cast<const char*>(&v4.sin_addr), sizeof v4.sin_addr};
}

bool Arrivals::may_come(const std::string& host) const {
  const auto found = counts_.find(host);
  return found == counts_.end() ||
         (found->second.http < http_per_host_max_ && found->second.all < per_host_max_);
}

void Arrivals::came(const lws* socket, std::string host) {
  Count& count = counts_[host];
  ++count.all;
  ++count.http;
  connections_[socket] = {std::move(host), true};
}

void Arrivals::became_websocket(const lws* socket) {
  const auto found = connections_.find(socket);
  if (found == connections_.end() || !std::exchange(found->second.http, false)) return;
  --counts_.at(found->second.host).http;
}

void Arrivals::gone(const lws* socket) {
  became_websocket(socket);
  const auto found = connections_.find(socket);
  if (found == connections_.end()) return;
  const auto count = counts_.find(found->second.host);
  if (--count->second.all == 0) counts_.erase(count);
  connections_.erase(found);
}

}  // namespace prytany::net
