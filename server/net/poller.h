// One epoll and one timer: what the process's only loop waits on.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <unordered_map>

#include "server/base/result.h"
#include "server/net/socket.h"
#include "server/node/ports.h"

namespace prytany::net {

/// The machine's clocks. now() is CLOCK_MONOTONIC in microseconds.
class SystemClock final : public node::Clock {
 public:
  [[nodiscard]] Time now() const override;
  [[nodiscard]] AgreedTime wall() const override;
};

class Poller {
 public:
  /// `events` as epoll reports them: EPOLLIN, EPOLLOUT, EPOLLHUP, EPOLLERR.
  using Ready = std::function<void(std::uint32_t events)>;

  static Result<Poller> create();

  /// Level-triggered. `ready` may watch, change and forget any descriptor, its own too.
  /// Requires: fd is not watched.
  void watch(int fd, std::uint32_t events, Ready ready);
  /// Requires: fd is watched.
  void change(int fd, std::uint32_t events);
  /// Before the descriptor is closed. Nothing happens if it is not watched.
  void forget(int fd);

  /// Waits until a descriptor is ready or `deadline` (of SystemClock::now) has passed, and calls
  /// what is ready.
  void wait(Time deadline);

 private:
  struct Watch {
    std::uint32_t generation = 0;
    Ready ready;
  };

  Poller(Fd epoll, Fd timer) : epoll_(std::move(epoll)), timer_(std::move(timer)) {}
  void arm(Time deadline);

  Fd epoll_;
  Fd timer_;
  Time armed_ = never;  // when the timer goes off
  std::uint32_t next_generation_ = 1;
  // Looked up only, never walked, so its order means nothing. Shared: a callback may forget itself
  // while it runs.
  std::unordered_map<int, std::shared_ptr<Watch>> watches_;
};

}  // namespace prytany::net
