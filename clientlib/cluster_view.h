// What a client knows of the cluster, and all of it comes from genesis: never from a replica.
#pragma once

#include <string>
#include <vector>

#include "server/wire/genesis.h"

namespace prytany::client {

struct ClusterView {
  Digest cluster;
  std::vector<crypto::PublicKey> keys;  // by ReplicaId
  std::vector<std::string> urls;        // by ReplicaId: where clients connect
  unsigned faults = 0;
  bool mac_requests = false;

  explicit ClusterView(const wire::Genesis& genesis)
      : cluster(wire::genesis_digest(genesis)),
        faults(genesis.faults),
        mac_requests(genesis.mac_requests) {
    for (const wire::Member& member : genesis.members) {
      keys.push_back(member.key);
      urls.push_back(member.client_url.text);
    }
  }

  [[nodiscard]] std::size_t size() const { return keys.size(); }
  [[nodiscard]] bool knows(ReplicaId replica) const { return replica.value < keys.size(); }
  /// So many holds at least one correct replica (Castro & Liskov TOCS 2002 section 4.1): what they
  /// say alike is true.
  [[nodiscard]] std::size_t weak_quorum() const { return faults + 1U; }
  /// Any two of so many share a correct replica: the most that may be waited for, and what refusals
  /// need, since these are no results and correct replicas that are behind may be wrong about them.
  [[nodiscard]] std::size_t quorum() const { return (size() + faults) / 2 + 1; }
  /// All replicas, in order of their ids.
  [[nodiscard]] std::vector<ReplicaId> replicas() const {
    std::vector<ReplicaId> all;
    all.reserve(keys.size());
    for (std::size_t i = 0; i < keys.size(); ++i) all.emplace_back(static_cast<ReplicaId::rep>(i));
    return all;
  }
};

}  // namespace prytany::client
