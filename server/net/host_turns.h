// Whose texts are looked at: what one host sends, over however many connections, takes no more
// than a slice of each turn of the loop. Its connections wait in line, each for one text at a time.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <string>
#include <unordered_map>

#include "server/net/slice.h"
#include "server/net/upstream.h"

namespace prytany::net {

class HostTurns {
 public:
  explicit HostTurns(std::uint64_t slice_us) : slice_us_(slice_us) {}

  /// Nothing of this host (as Arrivals has it) waits, and something of its slice is left.
  [[nodiscard]] bool may_go(const std::string& host) const;
  void spend(const std::string& host, std::uint64_t us);
  /// To the end of its host's line. Requires: it is not in it.
  void wait(const std::string& host, ConnectionId connection);
  [[nodiscard]] bool anybody_waits() const { return waiting_ > 0; }

  struct Handled {
    std::uint64_t us = 0;
    bool more = false;  // of this connection: it goes to the end of the line
  };
  /// A turn of the loop has passed: `handle` one text of who is first in line, and so on, as far as
  /// each host's slice goes. (Who has hung up has nothing to handle.)
  void next_turn(const std::function<Handled(ConnectionId)>& handle);

 private:
  struct Host {
    explicit Host(std::uint64_t slice_us) : slice(slice_us) {}
    Slice slice;
    std::deque<ConnectionId> line;
  };

  Host& at(const std::string& host) { return hosts_.try_emplace(host, slice_us_).first->second; }

  std::uint64_t slice_us_;
  std::size_t waiting_ = 0;
  // Of hosts that used something, or have a line. Walked, but each has a slice of its own, so that
  // the order means little.
  std::unordered_map<std::string, Host> hosts_;
};

}  // namespace prytany::net
