// A group without faults under a steady load, whose links are metered: real nodes and sessions on
// simulated machines. Nothing is drawn but keys, so a row is the same on every machine.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "server/wire/genesis.h"
#include "tests/sim/process.h"
#include "tests/sim/scaling/asker.h"
#include "tests/sim/scaling/geography.h"
#include "tests/sim/scaling/traffic.h"

namespace prytany::sim {

struct ScalingOptions {
  unsigned replicas = 4;
  unsigned clients = 64;
  unsigned requests = 100;  // of each, measured
  unsigned warmup = 4;      // of each, before
  Asker::Load load = {1, 100, 0};
  bool mac_requests = true;
  bool signed_votes = false;
  bool bodies_apart = false;
};

struct ScalingRow {
  ScalingOptions options;
  std::string network;
  unsigned faults = 0;
  std::uint64_t requests = 0;
  std::uint64_t batches = 0;
  Traffic traffic{0};
  crypto::Counts replicas;  // all of them together
  crypto::Counts clients;
  std::vector<std::uint64_t> latency_us;  // sorted

  [[nodiscard]] std::uint64_t latency(double share) const;
};

class MeteredGroup final : public Outside {
 public:
  MeteredGroup(const ScalingOptions& options, const Geography& geography);
  ~MeteredGroup() override;

  /// Once. The Error says what went wrong where nothing should.
  Result<ScalingRow> run();

 private:
  void frame_departs(ReplicaId from, ReplicaId to, Time departs, Bytes frame) override;
  void text_departs(ReplicaId from, node::ConnectionId to, Time departs, std::string text) override;
  void connection_ends(ReplicaId by, node::ConnectionId connection) override;
  void configuration_changed(ReplicaId of) override;
  void hangs_up(ReplicaId by) override;

  void make_genesis();
  void make_clients();
  void start();
  void connect_replicas();
  void open(std::size_t client, ReplicaId replica);
  void say(std::size_t client, ReplicaId replica, const std::shared_ptr<const std::string>& text);
  /// When the last of so many bytes has left a replica's machine.
  Time sent(ReplicaId from, Time departs, std::size_t bytes);
  bool step();
  bool run_until(const std::function<bool()>& done, std::uint64_t within_us);
  bool work(unsigned requests);
  /// What is on its way arrives, and what it sets off.
  void settle();
  void fail(const std::string& why);
  [[nodiscard]] Error why() const;
  [[nodiscard]] crypto::Counts of_clients() const;

  ScalingOptions options_;
  const Geography& geography_;
  Parameters parameters_;
  EventQueue queue_;
  Trace trace_{nullptr};
  Rng chance_;
  wire::Genesis genesis_;
  GroupSetting setting_;
  std::deque<Machine> machines_;
  std::vector<crypto::Signer> keys_;  // of clients
  std::unique_ptr<Checks> checks_;
  std::vector<std::unique_ptr<Process>> processes_;
  std::vector<Time> free_at_;  // a replica's machine has sent all
  std::vector<std::unique_ptr<Asker>> askers_;
  Traffic traffic_;
  std::vector<std::uint64_t> latency_us_;
  std::string failure_;
};

}  // namespace prytany::sim
