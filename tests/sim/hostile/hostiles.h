// The hostile clients of a run: their connections to the replicas, beside those of the honest ones.
// What they say reaches the replicas' nodes as the gateway would pass it on: any text of any bytes.
#pragma once

#include <array>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "clientlib/channel.h"
#include "server/wire/genesis.h"
#include "tests/sim/clients.h"
#include "tests/sim/coverage.h"
#include "tests/sim/hostile/attacks.h"
#include "tests/sim/network.h"
#include "tests/sim/process.h"

namespace prytany::sim {

class Stranger;

class Hostiles {
 public:
  /// `primary`: who leads, as far as anybody can see. `hit`: an attack was made on that replica.
  struct World {
    Clients::Alive alive;
    Clients::Alive second;
    std::function<ReplicaId()> primary;
    std::function<void(Fault, ReplicaId)> hit;
    /// To replicas that lie, by a way of their own.
    std::function<void(const wire::ClientRequest&)> confide;
  };
  Hostiles(Run run, const wire::Genesis& genesis, std::vector<crypto::Signer> credentials,
           World world, Rng rng);
  ~Hostiles();

  void start();
  /// They fall silent.
  void stop() { stopped_ = true; }

  /// Whose connections these are.
  static bool owns(node::ConnectionId id) { return id.value >= first_connection; }
  void carry(node::ConnectionId connection, Time departs, std::string text);
  void close(node::ConnectionId connection) { end(connection); }
  void process_ended(ReplicaId id);
  void calm();
  /// An honest client said this to a replica.
  void overheard(const std::shared_ptr<const std::string>& text);

  /// Messages that were meant to do harm.
  [[nodiscard]] std::uint64_t acts() const { return acts_; }

  // ---- for strangers ----
  struct Line {
    Stranger* whose = nullptr;
    ReplicaId replica;
    client::Channel channel;
    Path upward;
    Path downward;
    crypto::PublicKey spoken_for;  // the last speak_for said here
  };
  /// It stands, and nothing was said on it, when `opened` is called, unless nobody is there.
  void dial(Stranger& whose, ReplicaId replica, const std::string& address,
            std::function<void(node::ConnectionId)> opened);
  void hang_up(node::ConnectionId id);
  [[nodiscard]] Line* find(node::ConnectionId id);
  /// All at once: so many texts keep the replica busy for a while.
  void say(node::ConnectionId id, std::vector<std::string> texts);
  void act(Attack attack, ReplicaId on);
  /// A request bears a right proof somewhere, so it may be executed.
  void made(const Digest& request) { run_.checks.agreement.issued(request); }
  void confide(const wire::ClientRequest& request) { world_.confide(request); }
  /// It is said by somebody who keeps no rules.
  void capricious(const Digest& request) { run_.checks.replies.capricious(request); }
  [[nodiscard]] const Run& run() const { return run_; }
  [[nodiscard]] const std::shared_ptr<const client::ClusterView>& view() const { return view_; }
  [[nodiscard]] ReplicaId primary() const { return world_.primary(); }
  [[nodiscard]] const std::deque<std::shared_ptr<const std::string>>& heard() const {
    return heard_;
  }

 private:
  static constexpr std::uint64_t first_connection = std::uint64_t{1} << 40;

  void end(node::ConnectionId id);
  void input(ReplicaId replica, const std::function<void(node::Node&)>& happens);
  void tick_later(Stranger& stranger);

  Run run_;
  World world_;
  Rng rng_;
  std::shared_ptr<const client::ClusterView> view_;
  std::vector<std::unique_ptr<Stranger>> strangers_;
  std::map<node::ConnectionId, Line> lines_;
  node::ConnectionId last_connection_{first_connection};
  std::deque<std::shared_ptr<const std::string>> heard_;  // the latest from honest clients
  std::uint64_t acts_ = 0;
  bool stopped_ = false;
  bool calm_ = false;
};

}  // namespace prytany::sim
