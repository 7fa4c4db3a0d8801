#include "server/net/socket.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace prytany::net {
namespace {

constexpr int backlog = 256;

void set_option(const Fd& fd, int level, int option, int value) {
  // Options make links better, not right: one that a system lacks is no reason to have no link.
  static_cast<void>(::setsockopt(fd.get(), level, option, &value, sizeof value));
}

Error listen_error(const std::string& host, std::uint16_t port) {
  const int error = errno;
  std::string message = "cannot listen on " + (host.empty() ? std::string("*") : host) + " port " +
                        std::to_string(port) + ": " + std::strerror(error);
  if (error == EADDRINUSE) {
    message +=
        ". Another program uses this port: is this replica running already? `ss -ltnp` shows "
        "which; stop it, or choose other ports";
  }
  if (error == EACCES) message += ". Ports below 1024 need a privilege: choose a higher one";
  if (error == EADDRNOTAVAIL) message += ". This machine does not have that address: see --bind";
  return Error{message};
}

sockaddr* plain(SocketAddress& address) { return reinterpret_cast<sockaddr*>(&address.storage); }

}  // namespace

Fd::~Fd() {
  if (fd_ >= 0) ::close(fd_);
}

Result<SocketAddress> numeric_address(const std::string& host, std::uint16_t port) {
  SocketAddress address;
  const bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
  const std::string bare = bracketed ? host.substr(1, host.size() - 2) : host;
  sockaddr_in v4 = {};
  sockaddr_in6 v6 = {};
  if (::inet_pton(AF_INET, bare.c_str(), &v4.sin_addr) == 1) {
    v4.sin_family = AF_INET;
    v4.sin_port = htons(port);
    std::memcpy(&address.storage, &v4, sizeof v4);
    address.length = sizeof v4;
  } else if (::inet_pton(AF_INET6, bare.c_str(), &v6.sin6_addr) == 1) {
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(port);
    std::memcpy(&address.storage, &v6, sizeof v6);
    address.length = sizeof v6;
  } else {
    return Error{"\"" + host + "\" is not a numeric address"};
  }
  return address;
}

Result<Fd> listen_on(const std::string& host, std::uint16_t port) {
  // Every address: IPv6's wildcard takes IPv4 too, where there is IPv6 at all.
  auto address = numeric_address(host.empty() ? "::" : host, port);
  if (!address) return address.error();
  Fd fd(::socket(address->storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd && host.empty() && errno == EAFNOSUPPORT) return listen_on("0.0.0.0", port);
  if (!fd) return listen_error(host, port);
  set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1);
  if (host.empty()) set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, 0);
  if (::bind(fd.get(), plain(*address), address->length) != 0 || ::listen(fd.get(), backlog) != 0) {
    return listen_error(host, port);
  }
  return fd;
}

Result<Fd> start_connect(const SocketAddress& address) {
  SocketAddress target = address;
  Fd fd(::socket(target.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd) return Error{std::string("cannot make a socket: ") + std::strerror(errno)};
  if (::connect(fd.get(), plain(target), target.length) != 0 && errno != EINPROGRESS) {
    return Error{std::strerror(errno)};
  }
  return fd;
}

int connect_error(const Fd& fd) {
  int error = 0;
  socklen_t size = sizeof error;
  if (::getsockopt(fd.get(), SOL_SOCKET, SO_ERROR, &error, &size) != 0) error = errno;
  return error;
}

void set_link_options(const Fd& fd) {
  set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
  set_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
  set_option(fd, IPPROTO_TCP, TCP_KEEPIDLE, 5);
  set_option(fd, IPPROTO_TCP, TCP_KEEPINTVL, 2);
  set_option(fd, IPPROTO_TCP, TCP_KEEPCNT, 5);
  set_option(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, 15'000);
}

void set_client_options(const Fd& fd) {
  set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
  set_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
  set_option(fd, IPPROTO_TCP, TCP_KEEPIDLE, 30);
  set_option(fd, IPPROTO_TCP, TCP_KEEPINTVL, 10);
  set_option(fd, IPPROTO_TCP, TCP_KEEPCNT, 3);
}

std::uint16_t local_port(const Fd& fd) {
  SocketAddress address;
  address.length = sizeof address.storage;
  if (::getsockname(fd.get(), plain(address), &address.length) != 0) return 0;
  sockaddr_in v4 = {};
  sockaddr_in6 v6 = {};
  std::memcpy(&v4, &address.storage, sizeof v4);
  std::memcpy(&v6, &address.storage, sizeof v6);
  return ntohs(address.storage.ss_family == AF_INET6 ? v6.sin6_port : v4.sin_port);
}

}  // namespace prytany::net
