// A client in a closed loop: a real session that asks for nothing (a null operation) and, when it
// is answered, for nothing again.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "clientlib/session.h"
#include "server/crypto/counts.h"
#include "tests/sim/event_queue.h"
#include "tests/sim/rng.h"

namespace prytany::sim {

class Asker {
 public:
  struct Load {
    unsigned depth = 1;       // requests outstanding
    std::size_t size = 0;     // bytes of a request
    std::uint32_t reply = 0;  // and of its answer
  };
  /// What it does to the world around it.
  struct World {
    std::function<void(ReplicaId)> open;
    std::function<void(ReplicaId, const std::shared_ptr<const std::string>&)> say;
    std::function<void(std::uint64_t latency_us)> answered;
    std::function<void(const std::string&)> failed;
  };
  /// Its session is one that genesis lists.
  Asker(EventQueue& queue, std::shared_ptr<const client::ClusterView> cluster, SessionId session,
        const crypto::Signer& key, Load load, Rng rng, World world);

  void start();
  /// So many more, `depth` at a time.
  void ask(std::uint64_t requests);
  void connected(ReplicaId replica);
  void text(ReplicaId replica, const std::string& text);

  [[nodiscard]] bool ready() const;  // with everybody
  [[nodiscard]] bool idle() const { return left_ == 0 && asked_.empty(); }
  [[nodiscard]] const crypto::Counts& cryptography() const { return cryptography_; }

 private:
  void perform(const std::function<void(client::Effects&)>& happens);
  void carry_out(client::Effects& effects);
  void finished(const client::Completed& done);
  void wake();

  EventQueue& queue_;
  Load load_;
  Rng rng_;
  World world_;
  client::Session session_;
  std::uint64_t left_ = 0;
  std::map<client::Ticket, Time> asked_;
  Time wakes_at_ = never;
  crypto::Counts cryptography_;
};

}  // namespace prytany::sim
