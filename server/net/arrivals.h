// Connections, counted by the host that they come from, so that one host cannot take the places of
// all others: in all, and those that are not WebSockets (on the way to becoming one, or asking for
// pages), which share libwebsockets' room for request headers.
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
  Arrivals(std::size_t http_per_host_max, std::size_t per_host_max)
      : http_per_host_max_(http_per_host_max), per_host_max_(per_host_max) {}

  [[nodiscard]] bool may_come(const std::string& host) const;
  void came(const lws* socket, std::string host);
  void became_websocket(const lws* socket);
  /// Requires: it came, and is not gone.
  [[nodiscard]] const std::string& host(const lws* socket) const {
    return connections_.at(socket).host;
  }
  void gone(const lws* socket);

 private:
  struct Count {
    std::size_t all = 0;
    std::size_t http = 0;
  };
  struct Connection {
    std::string host;
    bool http = true;
  };

  std::size_t http_per_host_max_;
  std::size_t per_host_max_;
  // Looked up only, never walked.
  std::unordered_map<const lws*, Connection> connections_;
  std::unordered_map<std::string, Count> counts_;
};

}  // namespace prytany::net
