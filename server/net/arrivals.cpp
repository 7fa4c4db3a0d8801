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
  const auto found = count_.find(host);
  return found == count_.end() || found->second < per_host_max_;
}

void Arrivals::came(const lws* socket, std::string host) {
  ++count_[host];
  host_of_[socket] = std::move(host);
}

void Arrivals::went_on(const lws* socket) {
  const auto found = host_of_.find(socket);
  if (found == host_of_.end()) return;
  const auto count = count_.find(found->second);
  if (--count->second == 0) count_.erase(count);
  host_of_.erase(found);
}

}  // namespace prytany::net
