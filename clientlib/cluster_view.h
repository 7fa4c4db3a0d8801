// What a client knows of the cluster, and all of it comes from genesis: never from a replica,
// unless it proves that it came of genesis (server/wire/configuration.h).
#pragma once

#include <string>
#include <vector>

#include "server/wire/configuration.h"
#include "server/wire/genesis.h"

namespace prytany::client {

struct ClusterView {
  Digest cluster;
  std::vector<std::string> urls;  // by ReplicaId: where clients connect
  unsigned faults = 0;
  bool mac_requests = false;

  explicit ClusterView(const wire::Genesis& genesis)
      : cluster(wire::genesis_digest(genesis)),
        faults(genesis.faults),
        mac_requests(genesis.mac_requests),
        chain_(membership_of(genesis)) {
    for (const wire::Member& member : genesis.members) urls.push_back(member.client_url.text);
  }

  [[nodiscard]] std::size_t size() const { return urls.size(); }
  [[nodiscard]] bool knows(ReplicaId replica) const { return replica.value < size(); }
  /// Of its newest incarnation that is known.
  [[nodiscard]] const crypto::PublicKey& key(ReplicaId replica) const {
    return chain_.newest().keys.items[replica.value];
  }
  [[nodiscard]] ConfigNumber configuration() const { return chain_.newest().number; }
  /// Believes what is proven. True if there was something new. Only on the thread of the sessions.
  bool learn(const wire::ConfigurationLinks& links) const {
    const ConfigNumber before = configuration();
    for (const wire::ConfigurationLink& link : links)
      if (chain_.extend(link) != nullptr) break;
    return configuration() > before;
  }
  /// So many holds at least one correct replica (Castro & Liskov TOCS 2002 section 4.1): what they
  /// say alike is true.
  [[nodiscard]] std::size_t weak_quorum() const { return faults + 1U; }
  /// Any two of so many share a correct replica: the most that may be waited for, and what refusals
  /// need, since these are no results and correct replicas that are behind may be wrong about them.
  [[nodiscard]] std::size_t quorum() const { return (size() + faults) / 2 + 1; }
  /// All replicas, in order of their ids.
  [[nodiscard]] std::vector<ReplicaId> replicas() const {
    std::vector<ReplicaId> all;
    all.reserve(size());
    for (std::size_t i = 0; i < size(); ++i) all.emplace_back(static_cast<ReplicaId::rep>(i));
    return all;
  }

 private:
  static wire::Membership membership_of(const wire::Genesis& genesis) {
    wire::Membership group;
    group.cluster = wire::genesis_digest(genesis);
    group.quorum = static_cast<unsigned>((genesis.members.size() + genesis.faults) / 2 + 1);
    for (const wire::Member& member : genesis.members) group.replica_keys.push_back(member.key);
    return group;
  }
  mutable wire::Chain chain_;  // grows; nobody sees a part of it go
};

}  // namespace prytany::client
