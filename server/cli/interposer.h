// Somebody between a replica's node and its sockets, who may change, keep back and add what passes.
// No replica has one: it is how the test program `prytany-liar` speaks with a replica's key.
#pragma once

#include "server/net/upstream.h"
#include "server/node/ports.h"

namespace prytany::cli {

class Interposer {
 public:
  virtual ~Interposer() = default;
  /// What the node speaks to, in place of the sockets. Once; both live as long as the process.
  virtual node::Transport& before(node::Transport& sockets) = 0;
  /// What the sockets speak to, in place of the node. Once.
  virtual net::Upstream& before(net::Upstream& node) = 0;
  /// When tick() is owed.
  [[nodiscard]] virtual Time deadline() const = 0;
  virtual void tick(Time now) = 0;
};

}  // namespace prytany::cli
