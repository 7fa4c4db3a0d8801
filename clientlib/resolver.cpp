#include "clientlib/resolver.h"

#include <netdb.h>

#include <cstring>
#include <thread>

namespace prytany::client {
namespace {

Resolved look_up(const std::string& host, const std::string& port, int flags) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = flags;
  addrinfo* found = nullptr;
  const int status = ::getaddrinfo(host.c_str(), port.c_str(), &hints, &found);
  if (status != 0) return Error{"cannot find host " + host + ": " + ::gai_strerror(status)};
  WebSocketConnection::Address address;
  std::memcpy(&address.bytes, found->ai_addr, found->ai_addrlen);
  address.size = found->ai_addrlen;
  ::freeaddrinfo(found);
  return address;
}

}  // namespace

std::optional<WebSocketConnection::Address> numeric_address(const std::string& host,
                                                            const std::string& port) {
  const Resolved resolved = look_up(host, port, AI_NUMERICHOST | AI_NUMERICSERV);
  if (!resolved) return std::nullopt;
  return *resolved;
}

void resolve_elsewhere(std::string host, std::string port, std::function<void(Resolved)> done) {
  // Detached: a resolver that hangs must not keep its caller from ending.
  std::thread([host = std::move(host), port = std::move(port), done = std::move(done)] {
    done(look_up(host, port, AI_NUMERICSERV));
  }).detach();
}

}  // namespace prytany::client
