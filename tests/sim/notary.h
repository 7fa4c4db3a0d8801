// Who the clients of somebody's own application are, its tests say (`-- @identity`), and there are
// no proofs of it: so replicas vouch for it unseen, as `prytany test` does. From there on
// everything is as ever: the client gathers the words, orders them, and authorize judges. (Real
// proofs are the account book's: passports.h.)
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "server/crypto/agree.h"
#include "server/crypto/mac.h"
#include "server/node/ports.h"
#include "server/wire/client_messages.h"
#include "tests/sim/machine.h"

namespace prytany::sim {

/// Of one process: it knows what its process draws, and so the keys of its clients' connections.
class Notary {
 public:
  explicit Notary(const Digest& cluster) : cluster_(cluster) {}

  void drew(ByteView random);
  /// A client says this to the process, or the process to it.
  void asked(node::ConnectionId from, std::string_view text);
  void said(node::ConnectionId to, std::string_view text);

  /// What the replica says to who shows any proof; nothing: they have not greeted each other.
  [[nodiscard]] std::optional<std::string> vouch(const Machine& machine, node::ConnectionId to,
                                                 const wire::Identify& shown,
                                                 const wire::Identity& identity,
                                                 AgreedTime expires) const;

 private:
  struct Greeted {
    wire::ClientHello hello;
    std::optional<crypto::Mac> key;
  };
  Digest cluster_;
  std::deque<crypto::DhSecret::Seed> seeds_;
  std::map<node::ConnectionId, Greeted> clients_;
};

/// A proof that only a notary takes for one.
wire::Proof unseen_proof(const std::string& kind);

}  // namespace prytany::sim
