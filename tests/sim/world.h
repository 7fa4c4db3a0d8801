// One run: machines, processes, links, clients and faults on one line of virtual time, from one
// seed.
//
//   chaos until faults_until_us (or until the clients have asked enough)
//   -> calm: everybody lives, the network does what it can, clients finish
//   -> every request was answered and all replicas agree on one stable checkpoint, in bounded time
//   -> the committed log is executed again by a reference, and everything compared with it
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tests/sim/clients.h"
#include "tests/sim/links.h"
#include "tests/sim/process.h"

namespace prytany::sim {

/// What a run did, for people and tests.
struct RunCounters {
  std::uint64_t requests = 0;     // committed, counted once each
  std::uint64_t repeated = 0;     // committed again
  std::uint64_t batches = 0;      // numbers, null batches among them
  std::uint64_t checkpoints = 0;  // proven stable
  std::uint64_t kills = 0;
  std::uint64_t kills_in_turn = 0;
  std::uint64_t pauses = 0;
  std::uint64_t resets = 0;
  std::uint64_t partitions = 0;
  std::uint64_t views = 0;  // entered by somebody, besides view 0
  std::uint64_t state_transfers = 0;
  std::uint64_t frames_refused = 0;
  std::uint64_t events = 0;
};

struct RunResult {
  Options options;
  std::vector<std::string> violations;  // empty: everything held
  std::vector<std::string> last_lines;  // of the trace, when something did not hold
  Digest trace_hash;
  std::uint64_t simulated_us = 0;
  RunCounters counters;
  std::string parameters;

  [[nodiscard]] bool ok() const { return violations.empty(); }
};

class World final : public Outside {
 public:
  World(const Parameters& parameters, std::ostream* trace_lines);
  ~World() override;

  /// Once.
  RunResult run();

 private:
  // Outside: what processes hand over.
  void frame_departs(ReplicaId from, ReplicaId to, Time departs, Bytes frame) override;
  void text_departs(ReplicaId from, node::ConnectionId to, Time departs, std::string text) override;
  void connection_ends(ReplicaId by, node::ConnectionId connection) override;

  void make_group();
  [[nodiscard]] bool native() const { return parameters_.application == ApplicationKind::native; }
  Process* alive(ReplicaId id);
  void start(ReplicaId id);
  /// The process is gone. What it wrote and did not sync is still there unless power fails too, and
  /// is lost when power fails later.
  void bury(ReplicaId id, Time when);
  std::optional<ReplicaId> victim(Ppm primary_rate);
  void kill_one();
  void partition();
  void pause_one();
  /// Repeats `what` at random times around `every_us` while chaos lasts. Never if that is 0.
  void repeatedly(std::uint64_t every_us, std::function<void()> what);

  bool step();
  void chaos();
  void calm();
  void finish();
  [[nodiscard]] bool enough_asked() const;
  /// Nothing if all replicas have one stable checkpoint that holds everything; else what is
  /// missing.
  [[nodiscard]] std::optional<std::string> not_converged();
  void compare_with_reference();
  void plant();

  Parameters parameters_;
  EventQueue queue_;
  Trace trace_;
  GroupSetting setting_;
  wire::Genesis genesis_;
  std::vector<crypto::Signer> credentials_;
  std::unique_ptr<Checks> checks_;
  std::optional<Run> run_;
  Rng chaos_;
  std::deque<Machine> machines_;
  std::vector<std::unique_ptr<app::Application>> applications_;  // empty: an installed one
  std::vector<std::unique_ptr<Process>> processes_;              // by replica; null while down
  std::unique_ptr<Links> links_;
  std::unique_ptr<Clients> clients_;
  bool chaotic_ = true;
  RunCounters counters_;
  Time stands_still_until_;
};

/// The run that `options` names. `trace_lines` may be null.
RunResult simulate(const Options& options, std::ostream* trace_lines = nullptr);

}  // namespace prytany::sim
