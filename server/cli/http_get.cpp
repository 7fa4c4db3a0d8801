#include "server/cli/http_get.h"

#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cerrno>
#include <cstring>
#include <string_view>
#include <vector>

#include "server/net/poller.h"
#include "server/net/socket.h"

namespace prytany::cli {
namespace {

constexpr std::size_t answer_bytes_max = 4 << 20;  // a page is at most 960 KiB

/// False when `deadline` has passed.
bool wait_for(const net::Fd& fd, short events, Time deadline) {
  const Time now = net::SystemClock().now();
  if (deadline <= now) return false;
  pollfd polled = {fd.get(), events, 0};
  return ::poll(&polled, 1, static_cast<int>((deadline - now) / 1000) + 1) > 0;
}

/// The value of a header, whose name is in lower case; empty if it is not there.
std::string header(std::string_view head, std::string_view name) {
  while (!head.empty()) {
    const std::size_t end = std::min(head.find("\r\n"), head.size());
    const std::string_view line = head.substr(0, end);
    head.remove_prefix(std::min(end + 2, head.size()));
    if (line.size() <= name.size() || line[name.size()] != ':' ||
        !std::equal(name.begin(), name.end(), line.begin(),
                    [](char b, char a) { return std::tolower(a) == b; })) {
      continue;
    }
    std::string_view value = line.substr(name.size() + 1);
    while (value.starts_with(' ')) value.remove_prefix(1);
    return std::string(value);
  }
  return {};
}

/// `closed`: the server itself said that this is all.
Result<HttpPage> page_of(const std::string& answer, bool closed) {
  const std::size_t end = answer.find("\r\n\r\n");
  if (end == std::string::npos) return Error{"the answer is not HTTP"};
  if (!answer.starts_with("HTTP/1.1 200")) return Error{answer.substr(0, answer.find("\r\n"))};
  const std::string_view head = std::string_view(answer).substr(0, end);
  if (!header(head, "transfer-encoding").empty()) {
    return Error{"the answer is in pieces (chunked), which is not understood here"};
  }
  const std::string length = header(head, "content-length");
  if (length.empty() ? !closed : length != std::to_string(answer.size() - end - 4)) {
    return Error{"the answer is cut off, or longer than a page may be"};
  }
  return HttpPage{header(head, "content-type"), answer.substr(end + 4)};
}

Result<std::vector<net::SocketAddress>> find(const wire::HostPort& address) {
  if (auto numeric = net::numeric_address(address.host, address.port)) return std::vector{*numeric};
  addrinfo hints = {};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int failed =
      ::getaddrinfo(address.host.c_str(), std::to_string(address.port).c_str(), &hints, &found);
  if (failed != 0) return Error{address.host + ": " + ::gai_strerror(failed)};
  std::vector<net::SocketAddress> all;
  for (const addrinfo* each = found; each != nullptr; each = each->ai_next) {
    net::SocketAddress& target = all.emplace_back();
    std::memcpy(&target.storage, each->ai_addr, each->ai_addrlen);
    target.length = each->ai_addrlen;
  }
  ::freeaddrinfo(found);
  return all;
}

Result<net::Fd> connect(const net::SocketAddress& target, Time deadline) {
  auto fd = net::start_connect(target);
  if (!fd) return fd.error();
  if (!wait_for(*fd, POLLOUT, deadline)) return Error{"no connection in time"};
  if (const int error = net::connect_error(*fd); error != 0) return Error{std::strerror(error)};
  return fd;
}

/// The first of the host's addresses that answers.
Result<net::Fd> connect(const wire::HostPort& address, Time deadline) {
  const auto targets = find(address);
  if (!targets) return targets.error();
  Result<net::Fd> fd = Error{address.host + " has no address"};
  for (const net::SocketAddress& target : *targets) {
    fd = connect(target, deadline);
    if (fd) break;
  }
  return fd;
}

/// One question and its answer, in the clear or by TLS.
class Exchange {
 public:
  Exchange(const net::Fd& fd, Time deadline, const std::string& host,
           std::shared_ptr<const crypto::TlsTrust> trust)
      : fd_(fd), deadline_(deadline) {
    if (trust != nullptr) tls_.emplace(std::move(trust), host);
  }
  Result<void> ask(const std::string& request) {
    if (!tls_) return write(request);
    tls_->send(request);
    return write(tls_->outgoing());
  }
  /// Until the other side closes.
  Result<HttpPage> answer() {
    std::string answer;
    std::array<char, 16384> piece;
    while (answer.size() < answer_bytes_max && !(tls_ && tls_->ended())) {
      if (!wait_for(fd_, POLLIN, deadline_)) return Error{"no answer in time"};
      const ssize_t n = ::recv(fd_.get(), piece.data(), piece.size(), 0);
      if (n < 0 && (errno == EINTR || errno == EAGAIN)) continue;
      if (n <= 0) break;
      const std::string_view bytes(piece.data(), static_cast<std::size_t>(n));
      if (!tls_) {
        answer += bytes;
      } else if (auto received = tls_->receive(bytes, answer); !received) {
        return received.error();
      } else if (auto written = write(tls_->outgoing()); !written) {
        return written.error();
      }
    }
    // Who cuts the line of TLS must not pass for its end.
    return page_of(answer, !tls_ || tls_->ended());
  }

 private:
  Result<void> write(const std::string& bytes) {
    if (bytes.empty()) return {};
    // No more than a few packets: the socket takes them at once.
    if (::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL) !=
        static_cast<ssize_t>(bytes.size())) {
      return Error{"cannot send the request"};
    }
    return {};
  }

  const net::Fd& fd_;
  Time deadline_;
  std::optional<crypto::Tls> tls_;
};

}  // namespace

Result<HttpPage> http_page(const wire::HostPort& address, const std::string& path,
                           std::uint64_t timeout_us,
                           std::shared_ptr<const crypto::TlsTrust> trust) {
  const Time deadline = net::SystemClock().now() + timeout_us;
  const auto fd = connect(address, deadline);
  if (!fd) return fd.error();
  Exchange exchange(*fd, deadline, address.host, std::move(trust));
  const auto asked = exchange.ask("GET " + path + " HTTP/1.1\r\nHost: " + address.host + ":" +
                                  std::to_string(address.port) + "\r\nConnection: close\r\n\r\n");
  if (!asked) return asked.error();
  return exchange.answer();
}

Result<std::string> http_get(const wire::HostPort& address, const std::string& path,
                             std::uint64_t timeout_us,
                             std::shared_ptr<const crypto::TlsTrust> trust) {
  auto page = http_page(address, path, timeout_us, std::move(trust));
  if (!page) return page.error();
  return std::move(page->body);
}

}  // namespace prytany::cli
