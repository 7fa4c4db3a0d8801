// Who is read, and whose texts are looked at: all clients together have a slice of each turn of the
// loop and of the clock, and when it is used up they wait in line by hosts. Whose host had least of
// the time goes first, whatever that costs and however many connections it has; its connections go
// one after the other, each with one read or one text at a time. While hosts are several, none has
// more than a share of the clock of its own, even if the others want less: or all that clients
// have, and the processor, would go to who wants most.
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
  HostTurns(Slice::Rule of_all, Slice::Rule of_host) : slice_(of_all), of_host_(of_host) {}

  /// How many it knows of.
  [[nodiscard]] std::size_t hosts() const { return hosts_.size(); }
  [[nodiscard]] bool nobody_waits() const { return waiting_.empty(); }
  /// Nobody waits who might go, and something of the slices is left.
  [[nodiscard]] bool may_go(const std::string& host, Time now) const;
  /// For who was let go, at the end of it.
  void spend(const std::string& host, Time now, std::uint64_t us);
  /// What all of them cost together.
  void spend(Time now, std::uint64_t us) { slice_.spend(now, us); }
  /// To the end of its host's line (as Arrivals has it). Requires: it is not in it.
  void wait(const std::string& host, ConnectionId connection);
  /// When next_turn() has something to do; `never` if nobody waits.
  [[nodiscard]] Time again() const;
  /// Nobody is to be listened to until then.
  [[nodiscard]] bool rest(Time now) const { return slice_.rests(now); }
  [[nodiscard]] Time rested() const { return slice_.again(); }

  struct Handled {
    Time ended;
    std::uint64_t us = 0;
    bool more = false;  // of this connection: it goes to the end of the line
  };
  /// A turn of the loop has passed: `handle` who is first in line, and so on, as far as the slices
  /// go. (Who has hung up has nothing to handle.)
  void next_turn(Time now, const std::function<Handled(ConnectionId)>& handle);

 private:
  /// Start-time fair queueing: what a host has had since all were equal, or as if it had come then
  /// and had had as much as who is served now.
  struct Host {
    explicit Host(Slice::Rule rule) : slice(rule) {}
    std::uint64_t had_us = 0;
    std::deque<ConnectionId> line;
    Slice slice;
  };
  Host& at(const std::string& host);
  void charge(const std::string& host, Host& its, Time now, std::uint64_t us);
  [[nodiscard]] bool rests(const Host& its, Time now) const;
  void forget_who_rests(Time now);

  Slice slice_;
  Slice::Rule of_host_;
  std::string latest_;        // host that had something
  Time several_until_;        // hosts are here: another than the one before had something
  std::uint64_t had_us_ = 0;  // by who is served now
  std::set<std::pair<std::uint64_t, std::string>> waiting_;  // by what they had; each has a line
  std::set<std::pair<Time, std::string>> resting_;  // each has a line, and waits for the clock
  std::unordered_map<std::string, Host> hosts_;     // looked up, and swept in no order
  Time sweep_at_;
  static constexpr std::size_t hosts_kept = 1024;
  static constexpr std::uint64_t sweep_us = 1'000'000;
  static constexpr std::uint64_t several_us = 1'000'000;
};

}  // namespace prytany::net
