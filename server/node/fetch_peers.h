// Whom a state transfer asks, and how much at once. Each peer has a window of asks in flight that
// grows while its answers come soon and shrinks when they do not, so that a slow peer gets less; a
// silent one is left alone for a while, twice as long each time; a liar for good.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>

#include "server/pbft/config.h"
#include "server/wire/ids.h"

namespace prytany::node {

class FetchPeers {
 public:
  FetchPeers(ReplicaId self, pbft::Group group);

  /// The connected peer with the most room, if any has room now.
  [[nodiscard]] std::optional<ReplicaId> free(Time now, const std::set<ReplicaId>& connected) const;
  /// The same, but one that has nothing to do at all, and not `other`.
  [[nodiscard]] std::optional<ReplicaId> idle(Time now, const std::set<ReplicaId>& connected,
                                              ReplicaId other) const;
  /// Pages that one ask of this peer should be for: fewer while its answers come late.
  [[nodiscard]] std::size_t pages_per_ask(ReplicaId peer) const;

  /// An ask leaves: until when its answer is waited for.
  Time asked(ReplicaId peer, Time now);
  /// Its answer came, after so many microseconds, and was of use.
  void answered(ReplicaId peer, std::uint64_t after_us);
  /// It came and says: not now, or not this checkpoint.
  void refused(ReplicaId peer, Time now, bool has_it);
  /// The answer is given up, because the link is gone.
  void lost(ReplicaId peer);
  /// The answer did not come in time. True if this is news: the peer was not left alone already.
  bool stalled(ReplicaId peer, Time now);
  /// It lied: it is never asked again.
  void reject(ReplicaId peer);
  /// Another checkpoint is wanted: who had not the last one may have this.
  void new_target();

  [[nodiscard]] bool rejected(ReplicaId peer) const { return peers_.at(peer).rejected; }
  [[nodiscard]] std::set<ReplicaId> rejected() const;
  /// All that are connected, but f at most, lied, or say not to have this checkpoint: who else may
  /// have it may be faulty. False while nobody said so.
  [[nodiscard]] bool exhausted(const std::set<ReplicaId>& connected) const;
  /// When somebody who is left alone may be asked again.
  [[nodiscard]] Time next_retry(Time now, const std::set<ReplicaId>& connected) const;

 private:
  struct Peer {
    unsigned window = 2;
    unsigned in_flight = 0;
    unsigned stalls = 0;  // less those made good since
    Time not_before;
    bool lacks_it = false;
    bool rejected = false;
  };
  [[nodiscard]] bool may_ask(const Peer& peer, Time now) const;

  unsigned faults_;
  std::map<ReplicaId, Peer> peers_;
};

}  // namespace prytany::node
