#include "bench/delay.h"

#include <poll.h>
#include <sys/socket.h>
#include <time.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <iterator>

#include "bench/crowd.h"

namespace prytany::bench {
namespace {

/// What is on its way in one direction of one connection: 100 ms of 5 Gbit/s.
constexpr std::size_t held_bytes_max = 64 << 20;
constexpr std::size_t piece_bytes = 64 << 10;

void say_no_more(int fd) { ::shutdown(fd, SHUT_WR); }

}  // namespace

Result<DelayRoute> delay_route_from(const std::string& text) {
  const std::size_t equals = text.find('=');
  const std::size_t at = text.rfind('@');
  const Error wrong{text + " is not LISTEN:PORT=TARGET:PORT@MICROSECONDS"};
  if (equals == std::string::npos || at == std::string::npos || at < equals) return wrong;
  const auto listen = wire::address_from(text.substr(0, equals));
  const auto target = wire::address_from(text.substr(equals + 1, at - equals - 1));
  std::uint64_t delay_us = 0;
  const char* const end = text.data() + text.size();
  const auto [stopped, failed] = std::from_chars(text.data() + at + 1, end, delay_us);
  if (!listen || !target || failed != std::errc() || stopped != end) return wrong;
  return DelayRoute{*listen, *target, delay_us};
}

std::string to_text(const DelayRoute& route) {
  const auto address = [](const wire::HostPort& a) {
    return a.host + ":" + std::to_string(a.port);
  };
  return address(route.listen) + "=" + address(route.target) + "@" + std::to_string(route.delay_us);
}

Result<std::unique_ptr<DelayProxy>> DelayProxy::open(const std::vector<DelayRoute>& routes) {
  auto made = std::make_unique<DelayProxy>();
  for (const DelayRoute& route : routes) {
    auto fd = net::listen_on(route.listen.host, route.listen.port);
    if (!fd) return fd.error();
    made->listeners_.push_back({std::move(*fd), route});
  }
  return made;
}

void DelayProxy::accept(const Listener& listener) {
  net::Fd near(::accept4(listener.fd.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
  if (!near) return;
  const auto target = net::numeric_address(listener.route.target.host, listener.route.target.port);
  if (!target) return;
  auto far = net::start_connect(*target);
  if (!far) return;
  net::set_link_options(near);
  net::set_link_options(*far);
  Pair& pair = pairs_.emplace_back();
  pair.near = std::move(near);
  pair.far = std::move(*far);
  pair.there.from = pair.back.to = pair.near.get();
  pair.there.to = pair.back.from = pair.far.get();
  pair.there.delay_us = pair.back.delay_us = listener.route.delay_us;
}

/// False: the connection is broken.
bool DelayProxy::take(Direction& direction) {
  Piece piece;
  piece.bytes.resize(piece_bytes);
  const ssize_t got = ::recv(direction.from, piece.bytes.data(), piece.bytes.size(), 0);
  if (got < 0) return errno == EAGAIN || errno == EINTR;
  piece.bytes.resize(static_cast<std::size_t>(got));
  piece.due_us = now_us() + direction.delay_us;
  direction.ended = got == 0;
  direction.held += piece.bytes.size();
  direction.pieces.push_back(std::move(piece));
  return true;
}

/// As much as is due. False: the connection is broken.
bool DelayProxy::give(Direction& direction, std::uint64_t now_us) {
  while (!direction.pieces.empty() && direction.pieces.front().due_us <= now_us) {
    Piece& piece = direction.pieces.front();
    if (piece.bytes.empty()) {
      say_no_more(direction.to);
      direction.over = true;
    }
    const std::size_t left = piece.bytes.size() - piece.written;
    if (left > 0) {
      const ssize_t sent =
          ::send(direction.to, piece.bytes.data() + piece.written, left, MSG_NOSIGNAL);
      if (sent < 0) return errno == EAGAIN || errno == EINTR;
      piece.written += static_cast<std::size_t>(sent);
      direction.held -= static_cast<std::size_t>(sent);
      if (piece.written < piece.bytes.size()) return true;
    }
    direction.pieces.pop_front();
  }
  return true;
}

void DelayProxy::step(std::uint64_t within_us) {
  const std::uint64_t begin = now_us();
  std::uint64_t until = begin + within_us;
  std::vector<pollfd> polled;
  for (const Listener& listener : listeners_) polled.push_back({listener.fd.get(), POLLIN, 0});
  const auto wishes = [&](const Direction& in, const Direction& out) {
    short events = 0;
    if (!in.ended && in.held < held_bytes_max) events |= POLLIN;
    if (out.pieces.empty()) return events;
    if (out.pieces.front().due_us <= begin) return static_cast<short>(events | POLLOUT);
    until = std::min(until, out.pieces.front().due_us);
    return events;
  };
  for (const Pair& pair : pairs_) {
    polled.push_back({pair.near.get(), wishes(pair.there, pair.back), 0});
    polled.push_back({pair.far.get(), wishes(pair.back, pair.there), 0});
  }
  const std::uint64_t wait_us = until - begin;
  const timespec wait{static_cast<time_t>(wait_us / 1'000'000),
                      static_cast<long>(wait_us % 1'000'000 * 1'000)};
  if (::ppoll(polled.data(), polled.size(), &wait, nullptr) < 0) return;

  auto at = polled.begin() + static_cast<std::ptrdiff_t>(listeners_.size());
  const std::uint64_t now = now_us();
  for (Pair& pair : pairs_) {
    const short near = (at++)->revents;
    const short far = (at++)->revents;
    const auto readable = [](short events) { return (events & (POLLIN | POLLHUP)) != 0; };
    if (((near | far) & (POLLERR | POLLNVAL)) != 0) pair.broken = true;
    if (!pair.broken && readable(near) && !pair.there.ended) pair.broken = !take(pair.there);
    if (!pair.broken && readable(far) && !pair.back.ended) pair.broken = !take(pair.back);
    if (!pair.broken) pair.broken = !give(pair.there, now) || !give(pair.back, now);
  }
  pairs_.remove_if([](const Pair& p) { return p.broken || (p.there.over && p.back.over); });
  for (std::size_t i = 0; i < listeners_.size(); ++i)
    if ((polled[i].revents & POLLIN) != 0) accept(listeners_[i]);
}

}  // namespace prytany::bench
