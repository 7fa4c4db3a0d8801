// One run: machines, processes, links, clients and faults on one line of virtual time, from one
// seed.
//
//   chaos until faults_until_us (or until the clients have asked enough): only safety is asked
//   -> calm: a quorum of those that are well lives, sometimes everybody; clients finish
//   -> every request was answered, in bounded time
//   -> everybody who can comes back, and all agree on one stable checkpoint, in bounded time
//   -> the committed log is executed again by a reference, and everything compared with it
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "tests/sim/byzantine/mouth.h"
#include "tests/sim/byzantine/twins.h"
#include "tests/sim/clients.h"
#include "tests/sim/hostile/hostiles.h"
#include "tests/sim/links.h"
#include "tests/sim/process.h"

namespace prytany::sim {

/// What a run did, for people and tests.
struct RunCounters {
  std::uint64_t requests = 0;     // committed, counted once each
  std::uint64_t repeated = 0;     // committed again
  std::uint64_t fast_reads = 0;   // answered without being ordered
  std::uint64_t batches = 0;      // numbers, null batches among them
  std::uint64_t checkpoints = 0;  // proven stable
  std::uint64_t kills = 0;
  std::uint64_t halts = 0;       // refused to go on with a damaged disk
  std::uint64_t disk_stops = 0;  // stopped because their disks failed
  std::uint64_t views = 0;       // entered by somebody, besides view 0
  std::uint64_t state_transfers = 0;
  std::uint64_t frames_refused = 0;
  std::uint64_t judged = 0;   // answers whose place in time was looked at
  std::uint64_t made_up = 0;  // rounds in which what was missed came in time
  std::uint64_t lies = 0;     // messages of Byzantine replicas that are not their processes'
  std::uint64_t attacks = 0;  // of hostile clients
  /// What they gave to liars and was ordered, by how it was answered: a code, or "done".
  std::map<std::string, std::uint64_t> confided;
  std::uint64_t filled = 0;           // turns after which something was as full as it may be
  std::uint64_t longest_us = 0;       // that an honest client waited
  std::uint64_t longest_join_us = 0;  // likewise, to join
  std::uint64_t slowest_mean_us = 0;  // of what clients waited for within some seconds of a view
  std::uint64_t replaced_us = 0;  // from when clients asked until the first view change; 0: none
  std::uint64_t events = 0;
};

struct RunResult {
  Options options;
  std::vector<std::string> violations;  // empty: everything held
  std::vector<std::string> last_lines;  // of the trace, when something did not hold
  Digest trace_hash;
  std::uint64_t simulated_us = 0;
  RunCounters counters;
  Coverage coverage;
  bool excused = false;
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
  void configuration_changed(ReplicaId of) override;
  void hangs_up(ReplicaId by) override;

  void make_group();
  void make_machines(Rng& rng);
  void make_credentials(Rng& rng);
  void make_hostile_credentials();
  [[nodiscard]] bool native() const { return parameters_.application == ApplicationKind::native; }
  Process* alive(ReplicaId id);
  Machine& machine(ReplicaId id) { return machines_[id.value]; }
  void make_liars();
  void make_ends();
  /// With which a replica's processes start.
  [[nodiscard]] GroupSetting setting_of(ReplicaId id) const;
  /// Neither faulty by plan nor lying nor halted: it must do all that a replica promises.
  [[nodiscard]] bool well(ReplicaId id) const;
  /// At the end it must be where all others are.
  [[nodiscard]] bool converges(ReplicaId id) const;

  // ---- chaos.cpp: processes, network, clocks ----
  void unleash();
  void start(ReplicaId id);
  void does_not_start(ReplicaId id, bool killed, const Error& why);
  bool may_stop(Machine& machine, const Error& why);
  /// The process is gone. What it wrote and did not sync is still there unless power fails too, and
  /// is lost when power fails later.
  void bury(ReplicaId id, Time when, bool power_fails);
  void bury(ReplicaId id, Time when) { bury(id, when, power_fails()); }
  bool power_fails() { return chaos_.chance(parameters_.power_failure_rate); }
  void start_later(ReplicaId id);
  void phase_changed(ReplicaId id);
  std::optional<ReplicaId> victim(Ppm primary_rate);
  void kill_one();
  void kill_all();
  void partition();
  [[nodiscard]] Links::Pairs some_pairs(ReplicaId first, Fault kind);
  void lose_a_type();
  void pause_one();
  void step_clock();
  /// Repeats `what` at random times around `every_us` while chaos lasts. Never if that is 0.
  void repeatedly(std::uint64_t every_us, std::function<void()> what);
  void hit(Fault fault, ReplicaId victim);
  /// What somebody is at, most remarkable first.
  [[nodiscard]] During phase_of_all();

  // ---- disk_faults.cpp ----
  void trouble();
  void rot(ReplicaId id);
  void lose_configurations();
  void await_transfer(const PlannedFault& fault);
  void meet_fate(ReplicaId id);
  void carry_out(const PlannedFault& fault);
  void lose_for_good(ReplicaId id);
  void await_birth(ReplicaId id);
  wire::Reconfigure approved(wire::Reconfigure wanted);
  void at_rest(const PlannedFault& fault);

  // ---- rounds.cpp: what was missed is made up ----
  std::vector<Shown> shown();
  bool settled(const std::vector<Shown>& all);
  void lose_something();
  bool settle();
  bool round();
  bool words_are_heard();
  void rounds();

  bool step();
  void chaos();
  void quieten();
  void calm();
  void heal_everybody();
  void finish();
  bool finish_requests(Time until, std::string& missing);
  void finish_excused();
  void set_clocks(AgreedTime time);
  [[nodiscard]] bool enough_asked() const;
  [[nodiscard]] bool all_born() const;
  /// Nothing if all replicas have one stable checkpoint that holds everything; else what is
  /// missing.
  [[nodiscard]] std::optional<std::string> not_converged();
  [[nodiscard]] std::optional<std::string> not_told();
  void compare_with_reference();
  void plant();

  Parameters parameters_;
  EventQueue queue_;
  Trace trace_;
  GroupSetting setting_;
  wire::Genesis genesis_;
  std::vector<crypto::Signer> credentials_;
  std::vector<crypto::Signer> hostile_credentials_;
  std::unique_ptr<Checks> checks_;
  std::optional<Run> run_;
  Rng chaos_;
  Rng rounds_;
  std::deque<Machine> machines_;
  std::vector<std::unique_ptr<app::Application>> applications_;  // empty: an installed one
  std::vector<std::unique_ptr<Process>> processes_;              // by replica; null while down
  std::unique_ptr<Links> links_;
  std::unique_ptr<Clients> clients_;
  std::unique_ptr<Hostiles> hostiles_;
  std::unique_ptr<Mouths> mouths_;  // of those that lie
  std::unique_ptr<Twins> twins_;
  std::map<ReplicaId, std::tuple<Folder, Folder, SlotDisk>> images_;  // of disks, taken earlier
  std::map<ReplicaId, During> phases_;
  std::set<ReplicaId> held_down_;
  std::map<ReplicaId, const PlannedFault*> awaits_transfer_;
  bool chaotic_ = true;
  bool astray_ = true;  // Parameters::astray's SQLite is
  RunCounters counters_;
  Coverage coverage_;
  Time stands_still_until_;
};

/// The run that `options` names. `trace_lines` may be null.
RunResult simulate(const Options& options, std::ostream* trace_lines = nullptr);

/// How the run ends, with what replicas noted of what they heard and decided. While nobody reads
/// along they note nothing, which is why it is done once more.
std::vector<std::string> last_notes(const Options& options);

}  // namespace prytany::sim
