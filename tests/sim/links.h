// The links between replicas: who is connected to whom, with which keys, and what is on its way.
// Every connection begins with the real handshake, run byte by byte with the seed's entropy.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "server/wire/handshake.h"
#include "tests/sim/network.h"
#include "tests/sim/process.h"

namespace prytany::sim {

/// Kinds of messages that are under way in every run; those after them only where clients keep one
/// connection. Chance is drawn by their number, and older seeds are to stay what they were.
inline constexpr std::size_t common_message_types = 22;

/// What came of a handshake: the keys of both, or what one of them was told instead.
struct Met {
  std::optional<std::pair<wire::LinkKeys, wire::LinkKeys>> keys;
  wire::ConfigurationLinks news_for_dialler;
  wire::ConfigurationLinks news_for_acceptor;
};
/// Runs both sides of a handshake, each in the newest configuration that it knows.
Met shake_hands(const std::string& engine, Machine& a, const wire::Chain& known_to_a, Machine& b,
                const wire::Chain& known_to_b);

class Links {
 public:
  /// `alive`: the running process of a replica that `peer` is, or may be, connected to; or null.
  using Alive = std::function<Process*(ReplicaId id, ReplicaId peer)>;
  /// Something of that kind happened to what this replica sends or gets.
  using OnFault = std::function<void(Fault, ReplicaId)>;
  Links(Run run, const GroupSetting& setting, std::deque<Machine>& machines, Alive alive,
        OnFault on_fault, Rng rng);

  /// A process started: its links come up one by one.
  void process_started(ReplicaId id);
  /// A process ended at `when`. What it sent before may still arrive, and peers may take a moment
  /// to notice.
  void process_ended(ReplicaId id, Time when);
  /// A process has learnt of another configuration.
  void make_anew(ReplicaId id);
  /// One link ends; and is dialled again.
  void hang_up(ReplicaId a, ReplicaId b) { hang_up(link(a, b)); }
  void call(ReplicaId a, ReplicaId b) { dial_later(link(a, b)); }
  /// A connection breaks, somewhere.
  std::optional<ReplicaId> reset_one();
  /// From now on the network does what it can.
  void calm();
  using Pairs = std::set<std::pair<ReplicaId, ReplicaId>>;  // from, to
  /// What is sent between these is lost, or waits until the end. Several at a time may overlap.
  /// Connections stay up. `name` is for people.
  std::uint64_t partition(const std::string& name, Pairs pairs, bool waits);
  void heal(std::uint64_t partition);
  /// Messages of this type (its place in wire::PeerMessage) are lost, with the frames they are in.
  void lose_type(std::optional<std::size_t> type);
  /// So many frames are lost besides.
  void lose(Ppm rate) { lost_rate_ = rate; }
  [[nodiscard]] bool connected(ReplicaId a, ReplicaId b) {
    const Link& between = link(a, b);
    return between.up && between.ends == never;
  }

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
  OnFault on_fault_;
  Rng rng_;
  struct Partition {
    Pairs pairs;
    bool waits = false;
    std::vector<Carried> held;
  };
  [[nodiscard]] Partition* parted(ReplicaId from, ReplicaId to);
  void on_its_way(Carried carried);

  bool calm_ = false;
  std::map<std::uint64_t, Partition> partitions_;
  std::uint64_t last_partition_ = 0;
  std::optional<std::size_t> lost_type_;
  Ppm lost_rate_ = 0;
  std::vector<Link> links_;
};

}  // namespace prytany::sim
