// Connections that are not WebSockets: on the way to becoming one, or asking for pages. They share
// libwebsockets' room for request headers, so one host that opens many and says nothing would shut
// everybody out: they are counted by the address that they come from.
#pragma once

#include <sys/socket.h>

#include <cstddef>
#include <string>
#include <unordered_map>

struct lws;

namespace prytany::net {

/// What a host cannot choose anew for each connection: an IPv4 address, or the first 64 bits of an
/// IPv6 address.
std::string host_of(const sockaddr_storage& address);

class Arrivals {
 public:
  explicit Arrivals(std::size_t per_host_max) : per_host_max_(per_host_max) {}

  [[nodiscard]] bool may_come(const std::string& host) const;
  void came(const lws* socket, std::string host);
  /// It became a WebSocket, or is gone.
  void went_on(const lws* socket);

 private:
  std::size_t per_host_max_;
  // Looked up only, never walked.
  std::unordered_map<const lws*, std::string> host_of_;
  std::unordered_map<std::string, std::size_t> count_;
};

}  // namespace prytany::net
