// A process: one life of one replica, from start-up to the kill. Real page store, executor, journal
// file and node between simulated ports; put together as the server puts them together.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "server/app/executor.h"
#include "server/node/node.h"
#include "tests/sim/coverage.h"
#include "tests/sim/sim_ports.h"

namespace prytany::sim {

/// What every process of a run is started with.
struct GroupSetting {
  pbft::Config pbft;  // self is filled in
  wire::Membership membership;
  app::ExecutorConfig executor;
  std::string engine;
};

class Process {
 public:
  /// `application` may be null, and outlives the process.
  Process(Run run, Machine& machine, Outside& outside, app::Application* application);
  ~Process();
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  /// Loads state.db and the journal, and makes the node. An Error is what an operator would read.
  Result<void> start(const GroupSetting& setting);
  /// The end, at that time: what state.db's helper was at is left where it was.
  void killed_at(Time now) { state_disk_.killed_at(now); }

  /// Something happens to the node, when the process next runs.
  void input(std::function<void(node::Node&)> happens);
  /// Stopped (SIGSTOP) until then: inputs wait.
  void pause(Time until);
  /// With a turn, or standing still.
  [[nodiscard]] Time busy_until() const { return busy_until_; }
  /// Before the next effect but `effects_left`, everything ends.
  void kill_within_turn(std::uint64_t effects_left) { ports_.fuse.light(effects_left); }
  /// No: it lives.
  void spare() { ports_.fuse.put_out(); }

  /// The node stopped, because it was killed within a turn or because it met a local fault.
  [[nodiscard]] bool stopped() const { return stopped_; }
  [[nodiscard]] bool killed() const { return ports_.fuse.blown(); }
  [[nodiscard]] const Error& why_stopped() const { return why_stopped_; }
  /// The end of its last turn, when it has stopped.
  [[nodiscard]] Time stopped_at() const { return ports_.clock.world_now(); }

  [[nodiscard]] ReplicaId id() const { return ports_.machine.id; }
  /// Null: it is honest.
  [[nodiscard]] Mouth* mouth() const { return ports_.machine.mouth; }
  /// Of somebody's own application: what it says to a client that is what a test says; nothing: it
  /// says nothing now, or does not keep the rules.
  [[nodiscard]] std::optional<std::string> vouch(node::ConnectionId to, const wire::Identify& shown,
                                                 const wire::Identity& identity) const;
  [[nodiscard]] Notary* notary() const { return ports_.notary; }
  /// What it is at, as of its last turn.
  [[nodiscard]] During phase() const;
  [[nodiscard]] const node::Node& node() const { return *node_; }
  [[nodiscard]] const app::Executor& executor() const { return *executor_; }
  [[nodiscard]] vfs::PageStore& store() { return *store_; }

 private:
  Result<void> open_journal(pbft::Recovery& recovery);
  void wake(Time when);
  void turn();
  [[nodiscard]] bool wrongly_stopped() const;

  Ports ports_;
  std::optional<Notary> notary_;
  app::Application* application_;
  SimulatedStateDisk state_disk_;
  SimulatedSlots fetched_;
  SimulatedTransport transport_;
  std::unique_ptr<vfs::PageStore> store_;
  std::unique_ptr<app::Executor> executor_;
  std::unique_ptr<WatchedJournal> journal_;
  SimulatedChainFile chain_file_;
  std::unique_ptr<node::Node> node_;

  std::vector<std::function<void(node::Node&)>> inputs_;
  pbft::Config config_;
  Time wakes_at_ = never;
  std::set<Time> disk_news_;  // when state.db's commits will have become durable
  Time busy_until_;
  Time started_;
  bool active_ = true;
  bool fetching_ = false;
  bool stopped_ = false;
  Error why_stopped_;
  /// Events in the queue outlive a killed process; they look here first.
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace prytany::sim
