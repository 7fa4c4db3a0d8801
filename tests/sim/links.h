// The links between replicas: who is connected to whom, with which keys, and what is on its way.
// Every connection begins with the real handshake, run byte by byte with the seed's entropy.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "server/wire/handshake.h"
#include "tests/sim/network.h"
#include "tests/sim/process.h"

namespace prytany::sim {

/// Runs both sides of a handshake. Requires: both are members of `group`. Returns the keys of (a,
/// b).
std::pair<wire::LinkKeys, wire::LinkKeys> shake_hands(const wire::Membership& group,
                                                      const std::string& engine, Machine& a,
                                                      Machine& b);

class Links {
 public:
  /// `alive`: the running process of a replica, or null.
  using Alive = std::function<Process*(ReplicaId)>;
  Links(Run run, const GroupSetting& setting, std::deque<Machine>& machines, Alive alive, Rng rng);

  /// A process started: its links come up one by one.
  void process_started(ReplicaId id);
  /// A process ended at `when`. What it sent before may still arrive, and peers may take a moment
  /// to notice.
  void process_ended(ReplicaId id, Time when);
  /// A connection breaks, somewhere.
  void reset_one();
  /// From now on the network does what it can.
  void calm();
  /// From now on what is sent from inside to outside is lost, or the other way round, or both.
  void partition(std::set<ReplicaId> inside, bool outward, bool inward);
  void heal();

  /// A frame leaves a process.
  void carry(ReplicaId from, ReplicaId to, Time departs, Bytes frame);

 private:
  struct Link {
    ReplicaId low;
    ReplicaId high;
    std::uint64_t connection = 0;  // counts connections: frames of an old one are not delivered
    bool up = false;
    Time ends = never;           // one end died then: what it sent later never left
    std::optional<Path> upward;  // low to high
    std::optional<Path> downward;
    std::vector<std::pair<ReplicaId, std::shared_ptr<const Bytes>>>
        late;  // to whom; from older ones
  };
  Link& link(ReplicaId a, ReplicaId b);
  void dial_later(Link& link);
  void dial(Link& link);
  void hang_up(Link& link);
  /// One copy of a frame on one connection.
  struct Carried {
    std::uint64_t connection;
    ReplicaId from;
    ReplicaId to;
    Time departed;
    std::shared_ptr<const Bytes> frame;
  };
  void deliver(const Link& link, const Carried& carried);

  Run run_;
  const GroupSetting& setting_;
  std::deque<Machine>& machines_;
  Alive alive_;
  Rng rng_;
  [[nodiscard]] bool parted(ReplicaId from, ReplicaId to) const;

  bool calm_ = false;
  std::set<ReplicaId> inside_;  // of a partition
  bool outward_ = false;        // what leaves it is lost
  bool inward_ = false;
  std::vector<Link> links_;
};

}  // namespace prytany::sim
