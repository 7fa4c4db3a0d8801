// The clients of a run: real sessions (clientlib/session.h) on simulated WebSockets, each driven by
// a workload until it is told to stop.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "clientlib/session.h"
#include "tests/sim/network.h"
#include "tests/sim/passports.h"
#include "tests/sim/process.h"
#include "tests/sim/recital.h"
#include "tests/sim/workload.h"

namespace prytany::sim {

class Clients {
 public:
  using Alive = std::function<Process*(ReplicaId)>;
  /// `second`: a process that hears what clients say to that replica, too; most often null.
  Clients(Run run, const wire::Genesis& genesis, std::vector<crypto::Signer> credentials,
          Alive alive, Alive second, Rng rng);
  ~Clients();

  /// The first client joins and prepares the application; when it has, and a script was asked to
  /// its end, all others join.
  void start();
  [[nodiscard]] bool at_work() const;
  /// The first client, an administrator, asks this too, if it can just now.
  void order(wire::Operation operation);
  /// No new requests from now on.
  void stop();
  /// Every request of every client was answered, and none will be made.
  [[nodiscard]] bool idle() const;
  /// Why not, for people.
  [[nodiscard]] std::string who_waits() const;
  /// Of what changed, as this one has it; nothing if those who watch have heard all.
  [[nodiscard]] std::optional<std::string> who_is_not_told(const app::Executor& executor) const;
  [[nodiscard]] std::uint64_t answered() const { return answered_; }
  /// The longest that anybody waited for an answer that was ordered; who joined apart.
  [[nodiscard]] std::uint64_t longest_us() const { return longest_us_; }
  [[nodiscard]] std::uint64_t longest_join_us() const { return longest_join_us_; }

  /// A text leaves a replica for a client.
  void carry(ReplicaId from, node::ConnectionId connection, Time departs, std::string text);
  void close(node::ConnectionId connection);
  void process_ended(ReplicaId id);
  /// A client's connection breaks, somewhere.
  void reset_one();
  void calm();
  /// What clients say is held back, until they may be heard again.
  void hush(bool on);
  /// Nobody says anything to this replica.
  void pass_over(std::optional<ReplicaId> replica) { passed_over_ = replica; }
  /// All clocks are set forward, to this.
  std::function<void(AgreedTime)> sets_clocks;
  /// Hears every text that a client sends to a replica.
  std::function<void(const std::shared_ptr<const std::string>&)> overhears;

 private:
  class Client;
  struct Connection {
    std::size_t client = 0;
    ReplicaId replica;
    Path upward;  // to the replica
    Path downward;
  };
  struct Held {
    node::ConnectionId connection;
    ReplicaId replica;
    std::shared_ptr<const std::string> text;
  };

  [[nodiscard]] Recital::Stage stage();
  void all_work();
  void open(std::size_t client, ReplicaId replica);
  /// Both ends learn of it, the client a little later.
  void end(node::ConnectionId connection);
  void arrives(Held held);
  bool notarized(const Held& held, Process& process);
  void send(std::size_t client, ReplicaId replica, const std::shared_ptr<const std::string>& text);
  std::shared_ptr<const std::string> perhaps_with_a_wrong_tag(
      const std::shared_ptr<const std::string>& text);
  void send_now(std::size_t client, ReplicaId replica,
                const std::shared_ptr<const std::string>& text);
  /// Texts of one moment go in another order: the last first, the others a while later.
  void turn_round(std::size_t client, ReplicaId replica,
                  const std::shared_ptr<const std::string>& text);
  void let_go(std::size_t client, ReplicaId replica, node::ConnectionId connection);
  std::optional<node::ConnectionId> connection_of(std::size_t client, ReplicaId replica) const;

  Run run_;
  /// What happens to the replica's processes.
  void input(ReplicaId replica, const std::function<void(node::Node&)>& happens);

  Alive alive_;
  Alive second_;
  Rng rng_;
  Workload workload_;
  Rng watching_;  // who watches what
  Rng turning_;   // what is asked all at once
  std::map<node::ConnectionId, std::vector<std::shared_ptr<const std::string>>> together_;
  std::shared_ptr<const client::ClusterView> view_;
  Passports passports_;
  std::vector<std::unique_ptr<Client>> clients_;
  std::unique_ptr<Recital> recital_;  // null: no script
  std::map<node::ConnectionId, Connection> connections_;
  node::ConnectionId last_connection_{0};
  std::shared_ptr<const std::string> last_text_;  // one text goes to several replicas
  std::uint64_t answered_ = 0;
  std::uint64_t longest_us_ = 0;
  std::uint64_t longest_join_us_ = 0;
  bool stopping_ = false;
  bool calm_ = false;
  bool hushed_ = false;
  std::vector<Held> held_;
  std::optional<ReplicaId> passed_over_;
};

}  // namespace prytany::sim
