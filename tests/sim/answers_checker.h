// What others can make a correct replica say: parts of its checkpoints at a bounded pace, whoever
// asks how often; and to a client of one connection no more of other replicas than it asked of
// them.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>

#include "server/node/ports.h"
#include "server/wire/client_messages.h"
#include "tests/sim/violations.h"

namespace prytany::sim {

class AnswersChecker {
 public:
  /// What replicas of a run are configured with (server/node/state_server.h): so little that a seed
  /// can ask for more.
  static constexpr std::uint64_t state_burst_bytes = 512U << 10;
  static constexpr std::uint64_t state_bytes_per_s = 8U << 20;

  AnswersChecker(Violations& violations, unsigned replicas)
      : violations_(violations), replicas_(replicas) {}

  void started(ReplicaId id);
  /// A sealed frame leaves for a peer.
  void frame_left(ReplicaId from, ReplicaId to, Time now, ByteView frame);
  /// A replica is given a client's text.
  void asked(ReplicaId replica, node::ConnectionId of) { ++clients_[{replica, of}].texts; }
  /// It passes another's words on to a client.
  void passed_back(ReplicaId by, node::ConnectionId to, const wire::PassedBack& words);

 private:
  struct Client {
    std::uint64_t texts = 0;
    std::uint64_t passed_back = 0;
  };
  struct Allowance {
    Time since;
    std::uint64_t bytes = 0;
  };
  Violations& violations_;
  unsigned replicas_;
  std::map<std::pair<ReplicaId, ReplicaId>, Allowance> read_;  // by whom, of whom
  std::map<std::pair<ReplicaId, node::ConnectionId>, Client> clients_;
};

}  // namespace prytany::sim
