// Subscriptions: which connections watch which topics, how far each has been told, and whose turn
// it is to be told more. Only who said that it is ready is told anything, once: so whoever is slow
// costs no more than its place here. Clients asks the executor, and speaks.
//
// Places are bounded for each connection, for each host and in all; those whose topics are quiet
// cost nothing when others change.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "server/crypto/sign.h"
#include "server/node/held.h"
#include "server/node/ports.h"

namespace prytany::node {

struct Subscription {
  std::string host;
  SessionId session;
  crypto::PublicKey signer;
  std::vector<std::string> topics;
  std::uint64_t told = 0;    // its client knows what there is up to this position
  std::uint64_t looked = 0;  // there is nothing for it up to this one
  bool anew = false;         // its client does not know where it begins
  bool ready = true;         // for more
  bool queued = false;       // its turn will come
};

class Subscriptions {
 public:
  using Key = std::pair<ConnectionId, Digest>;  // of what subscription_digest() gave

  /// In place of one of the same key. False: there is no room. Requires: it watches some topic.
  bool add(const Key& key, Subscription subscription);
  void remove(const Key& key);
  void closed(ConnectionId connection);
  [[nodiscard]] Subscription* find(const Key& key);

  /// Its client is ready, or there may be news for it.
  void queue(const Key& key);
  /// These topics changed: whoever is ready and watches one gets a turn.
  void changed(const std::set<std::string>& topics);
  /// Everybody who is ready gets a turn.
  void queue_all();

  [[nodiscard]] bool has_turns() const { return turns_ > 0; }
  /// Whose turn it is: hosts are served in turn, and so are those of one. Requires: has_turns().
  Key take_turn();

  void count(Held& held) const;

 private:
  struct Turns {  // of one host
    std::set<Key> waiting;
    Key last;
  };
  void unlist(const Key& key, const Subscription& subscription);

  std::map<Key, Subscription> all_;
  std::map<std::string, std::set<Key>> by_topic_;
  std::map<ConnectionId, std::size_t> of_connection_;
  std::map<std::string, std::size_t> topics_of_host_;
  std::size_t topics_ = 0;                      // of all, each as often as it is watched
  std::map<std::string, Turns> turns_of_host_;  // none empty
  std::size_t turns_ = 0;
  std::string host_last_;
};

}  // namespace prytany::node
