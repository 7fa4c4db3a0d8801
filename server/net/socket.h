// Non-blocking TCP sockets: made, named and closed in one place.
#pragma once

#include <sys/socket.h>

#include <cstdint>
#include <string>
#include <utility>

#include "server/base/result.h"

namespace prytany::net {

/// Owns a descriptor.
class Fd {
 public:
  Fd() = default;
  explicit Fd(int fd) : fd_(fd) {}
  Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Fd& operator=(Fd&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~Fd();

  [[nodiscard]] int get() const { return fd_; }
  int release() { return std::exchange(fd_, -1); }
  explicit operator bool() const { return fd_ >= 0; }

 private:
  int fd_ = -1;
};

/// At a time, so that who calls does not keep the loop from those who are there.
constexpr int accepts_per_event = 64;
/// Who has no descriptors left accepts nobody for so long.
constexpr std::uint64_t accept_pause_us = 100'000;

/// An address and port as the system wants them.
struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t length = 0;
};
/// From "127.0.0.1", "::1" or "[::1]"; nothing is looked up. An Error for anything else.
Result<SocketAddress> numeric_address(const std::string& host, std::uint16_t port);

/// Listens on `host` (numeric, or empty for every address). Port 0 lets the system choose. The
/// Error says which port is in use and what to do.
Result<Fd> listen_on(const std::string& host, std::uint16_t port);
/// Starts to connect; the socket becomes writable when that has ended (see connect_error).
Result<Fd> start_connect(const SocketAddress& address);
/// errno of a connect that ended (the socket became writable), 0 when it stands.
int connect_error(const Fd& fd);
/// No delay, keepalive, and an end to connections whose peer has vanished (15 s).
void set_link_options(const Fd& fd);
/// The same for a client, with more patience (a minute).
void set_client_options(const Fd& fd);
std::uint16_t local_port(const Fd& fd);

}  // namespace prytany::net
