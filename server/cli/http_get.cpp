#include "server/cli/http_get.h"

#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "server/net/poller.h"
#include "server/net/socket.h"

namespace prytany::cli {
namespace {

constexpr std::size_t answer_bytes_max = 4 << 20;

/// False when `deadline` has passed.
bool wait_for(const net::Fd& fd, short events, Time deadline) {
  const Time now = net::SystemClock().now();
  if (deadline <= now) return false;
  pollfd polled = {fd.get(), events, 0};
  return ::poll(&polled, 1, static_cast<int>((deadline - now) / 1000) + 1) > 0;
}

Result<std::string> body_of(const std::string& answer) {
  const std::size_t end = answer.find("\r\n\r\n");
  if (end == std::string::npos) return Error{"the answer is not HTTP"};
  if (!answer.starts_with("HTTP/1.1 200")) return Error{answer.substr(0, answer.find("\r\n"))};
  return answer.substr(end + 4);
}

}  // namespace

Result<std::string> http_get(const wire::HostPort& address, const std::string& path,
                             std::uint64_t timeout_us) {
  const Time deadline = net::SystemClock().now() + timeout_us;
  const auto target = net::numeric_address(address.host, address.port);
  if (!target) return target.error();
  const auto fd = net::start_connect(*target);
  if (!fd) return fd.error();
  if (!wait_for(*fd, POLLOUT, deadline)) return Error{"no connection in time"};
  if (const int error = net::connect_error(*fd); error != 0) return Error{std::strerror(error)};
  const std::string request = "GET " + path + " HTTP/1.1\r\nHost: " + address.host + ":" +
                              std::to_string(address.port) + "\r\nConnection: close\r\n\r\n";
  if (::send(fd->get(), request.data(), request.size(), MSG_NOSIGNAL) !=
      static_cast<ssize_t>(request.size())) {
    return Error{"cannot send the request"};
  }
  std::string answer;
  std::array<char, 16384> piece;
  while (answer.size() < answer_bytes_max) {
    if (!wait_for(*fd, POLLIN, deadline)) return Error{"no answer in time"};
    const ssize_t n = ::recv(fd->get(), piece.data(), piece.size(), 0);
    if (n < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (n <= 0) break;
    answer.append(piece.data(), static_cast<std::size_t>(n));
  }
  return body_of(answer);
}

}  // namespace prytany::cli
