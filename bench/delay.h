// A network that is far, on this machine: what arrives at one address is passed on to another a
// fixed time later, in both directions, in order and whole.
#pragma once

#include <cstdint>
#include <deque>
#include <list>
#include <memory>
#include <string>
#include <vector>

#include "server/base/bytes.h"
#include "server/base/result.h"
#include "server/net/socket.h"
#include "server/wire/genesis.h"

namespace prytany::bench {

struct DelayRoute {
  wire::HostPort listen;
  wire::HostPort target;
  std::uint64_t delay_us = 0;  // each way
};
/// "LISTEN-HOST:PORT=TARGET-HOST:PORT@MICROSECONDS"
Result<DelayRoute> delay_route_from(const std::string& text);
std::string to_text(const DelayRoute& route);

class DelayProxy {
 public:
  /// Listens. Connections come later, and each connects to its target.
  static Result<std::unique_ptr<DelayProxy>> open(const std::vector<DelayRoute>& routes);
  /// What is to be done within so long; returns earlier when something was.
  void step(std::uint64_t within_us);

 private:
  struct Listener {
    net::Fd fd;
    DelayRoute route;
  };
  struct Piece {
    std::uint64_t due_us = 0;
    Bytes bytes;  // none: the end
    std::size_t written = 0;
  };
  struct Direction {
    int from = -1;
    int to = -1;
    std::uint64_t delay_us = 0;
    std::deque<Piece> pieces;
    std::size_t held = 0;
    bool ended = false;  // `from` says no more
    bool over = false;   // and `to` was told
  };
  struct Pair {
    net::Fd near;
    net::Fd far;
    Direction there;
    Direction back;
    bool broken = false;
  };

  void accept(const Listener& listener);
  static bool take(Direction& direction);
  static bool give(Direction& direction, std::uint64_t now_us);

  std::vector<Listener> listeners_;
  std::list<Pair> pairs_;
};

}  // namespace prytany::bench
