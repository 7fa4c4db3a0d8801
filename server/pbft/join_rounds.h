// In which order those who join are taken. They share one session's turn, and a key costs nothing:
// so they take turns by where they come from, which does cost something, and one who asks for a
// thousand sessions at once makes others wait for one of them. In rounds: of one host one join is
// taken in each, of a peer as many as it names at a time. Whoever comes is in the first round that
// has not begun and in which its origin has a place, so that each round ends, however many hosts
// there are.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>

#include "server/wire/ids.h"

namespace prytany::pbft {

/// Who brought a request here: a client, by its host (whatever number stands for it), or a backup
/// that waits for it.
struct Origin {
  bool peer = false;
  std::uint64_t id = 0;
  auto operator<=>(const Origin&) const = default;
};

class JoinRounds {
 public:
  /// So many joins of one peer are in one round: what a backup names at a time.
  static constexpr unsigned of_peer_max = 8;

  /// That of one which came from there now.
  [[nodiscard]] std::uint64_t next(const Origin& origin) const;
  /// Gives it that round. One that had another leaves it: its place there is lost to whoever had
  /// it, and so nobody gains by repeating what others say.
  void enter(const Digest& join, const Origin& origin);
  /// Of one that waits. Requires: it entered, and has not left.
  [[nodiscard]] std::uint64_t of(const Digest& join) const { return rounds_.at(join); }
  void leave(const Digest& join) { rounds_.erase(join); }
  /// The first one left; `next`: who is the first now. That round has begun.
  void took_first(std::uint64_t round, std::optional<Digest> next);
  void clear();

 private:
  struct Turn {
    std::uint64_t round = 0;  // the last in which it has a place
    unsigned places = 0;      // there
  };
  /// Hosts whose turn is remembered: more than joins can wait. Beyond that all is forgotten, which
  /// is unfair for a round.
  static constexpr std::size_t origins_max = 8'192;

  std::map<Digest, std::uint64_t> rounds_;  // of those that wait
  std::map<Origin, Turn> turns_;            // of those with places in rounds that have not begun
  std::uint64_t begun_ = 0;
};

}  // namespace prytany::pbft
