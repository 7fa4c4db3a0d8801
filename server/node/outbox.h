// Outbox: every message encoded and hashed once, one frame per peer and turn (one tag, one write).
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "server/node/ports.h"
#include "server/wire/frame.h"
#include "server/wire/messages.h"
#include "server/wire/signing.h"

namespace prytany::node {

class Outbox {
 public:
  /// Signs votes on their way, where genesis demands it.
  struct VoteSigning {
    ReplicaId self;
    const crypto::Signer& signer;
    const wire::Membership& membership;
  };
  Outbox(ConfigNumber config, Transport& transport,
         std::optional<VoteSigning> vote_signing = std::nullopt)
      : config_(config), transport_(transport), vote_signing_(std::move(vote_signing)) {}

  /// What leaves from now on is of this configuration. Requires: everything is flushed.
  void configure(ConfigNumber config) { config_ = config; }

  /// A link is usable from now on, with these keys; an older one is forgotten with what waited for
  /// it.
  void up(ReplicaId peer, wire::LinkKeys keys);
  void down(ReplicaId peer);
  [[nodiscard]] bool connected(ReplicaId peer) const { return peers_.contains(peer); }
  [[nodiscard]] std::size_t connected() const { return peers_.size(); }
  /// Requires: connected(peer).
  [[nodiscard]] const wire::LinkKeys& keys(ReplicaId peer) const { return peers_.at(peer).keys; }

  /// To one peer, or to all that are connected; dropped for those that are not (PBFT retransmits).
  void add(std::optional<ReplicaId> to, const wire::PeerMessage& message);
  /// Seals and hands over what was added since the last flush.
  void flush();

 private:
  struct Peer {
    wire::LinkKeys keys;
    std::vector<std::shared_ptr<const wire::EncodedMessage>> waiting;
  };
  void flush(ReplicaId id, Peer& peer);
  [[nodiscard]] std::shared_ptr<const wire::EncodedMessage> encode(
      const wire::PeerMessage& message) const;

  ConfigNumber config_;
  Transport& transport_;
  std::optional<VoteSigning> vote_signing_;
  std::map<ReplicaId, Peer> peers_;
};

}  // namespace prytany::node
