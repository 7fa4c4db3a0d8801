// Whose texts are looked at: all clients together have a slice of each turn of the loop and of the
// clock, and when it is used up they wait in line by hosts. Whose host had least of the time goes
// first, whatever its texts cost and however many connections it has; its connections go one after
// the other, each with one text at a time.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>

#include "server/net/slice.h"
#include "server/net/upstream.h"

namespace prytany::net {

class HostTurns {
 public:
  explicit HostTurns(Slice::Rule of_all) : slice_(of_all) {}

  /// Nobody waits, and something of the slice is left.
  [[nodiscard]] bool may_go(Time now) const { return waiting_.empty() && slice_.left(now); }
  /// For who was let go, at the end of it, and for what else all of them cost.
  void spend(Time now, std::uint64_t us) { slice_.spend(now, us); }
  /// To the end of its host's line (as Arrivals has it). Requires: it is not in it.
  void wait(const std::string& host, ConnectionId connection);
  /// When next_turn() has something to do; `never` if nobody waits.
  [[nodiscard]] Time again() const { return waiting_.empty() ? never : slice_.again(); }
  /// Nobody is to be listened to until then.
  [[nodiscard]] bool rest(Time now) const { return slice_.rests(now); }
  [[nodiscard]] Time rested() const { return slice_.again(); }

  struct Handled {
    Time ended;
    std::uint64_t us = 0;
    bool more = false;  // of this connection: it goes to the end of the line
  };
  /// A turn of the loop has passed: `handle` one text of who is first in line, and so on, as far as
  /// the slice goes. (Who has hung up has nothing to handle.)
  void next_turn(Time now, const std::function<Handled(ConnectionId)>& handle);

 private:
  /// Start-time fair queueing: what a host has had since all were equal, or as if it had come then
  /// and had had as much as who is served now.
  struct Host {
    std::uint64_t had_us = 0;
    std::deque<ConnectionId> line;
  };
  void forget_who_rests();

  Slice slice_;
  std::uint64_t had_us_ = 0;                                 // by who is served now
  std::set<std::pair<std::uint64_t, std::string>> waiting_;  // by what they had; each has a line
  std::unordered_map<std::string, Host> hosts_;              // looked up, and swept in no order
  std::size_t sweep_at_ = hosts_kept;
  static constexpr std::size_t hosts_kept = 1024;
};

}  // namespace prytany::net
