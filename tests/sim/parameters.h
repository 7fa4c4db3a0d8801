// What one seed decides before anything runs. Every rate is drawn anew for every seed (swarm
// testing): a run without loss but with long tails finds what an average of both never would.
#pragma once

#include <cstdint>
#include <string>

#include "tests/sim/plant.h"
#include "tests/sim/rng.h"

namespace prytany::sim {

/// What a person asks for.
struct Options {
  std::uint64_t seed = 1;
  unsigned replicas = 4;
  unsigned faults = 1;
  Plant plant = Plant::none;
};

/// One direction of one link. Delays in microseconds.
struct LinkParameters {
  std::uint64_t delay_min_us = 0;
  std::uint64_t delay_mean_us = 0;  // exponential, on top of the minimum
  Ppm tail_rate = 0;                // so many frames wait for tail_us more
  std::uint64_t tail_us = 0;
  Ppm loss_rate = 0;
  Ppm duplicate_rate = 0;
  bool in_order = false;     // like one TCP stream; else frames overtake each other
  Ppm late_replay_rate = 0;  // a copy comes again after the connection was renewed
};

enum class ApplicationKind : std::uint8_t {
  native,     // a C++ class
  installed,  // a SQL application, by one ordered operation
  none,       // ad-hoc SQL only
};

/// The choices of genesis.json (docs/reference/genesis.md).
struct Choices {
  bool mac_requests = false;
  bool signed_votes = false;
  bool bodies_apart = false;
};

struct Parameters {
  Options options;
  Choices choices;

  // The group (server/pbft/config.h).
  std::uint64_t checkpoint_interval = 0;  // K
  std::uint64_t window = 0;               // L
  std::uint64_t in_flight_max = 0;
  std::uint64_t batch_requests_max = 0;
  std::uint64_t request_timeout_us = 0;  // how long a primary is given
  bool early_pre_prepare = false;

  // The network. Each link draws its own numbers around these when it comes up.
  LinkParameters link;
  std::uint64_t reset_every_us = 0;  // mean time between resets of some link; 0: never
  std::uint64_t reconnect_us = 0;    // mean time until a broken link is dialled again
  LinkParameters client_link;        // in order, nothing lost while the connection lives

  std::uint64_t partition_every_us = 0;  // mean time between partitions; 0: never
  std::uint64_t partition_mean_us = 0;   // how long one lasts

  // Processes.
  std::uint64_t kill_every_us = 0;   // mean time between kills; 0: never
  Ppm kill_in_turn_rate = 0;         // so many kills happen between two effects of a turn
  std::uint64_t down_mean_us = 0;    // how long a killed process stays down
  std::uint64_t pause_every_us = 0;  // mean time between pauses (SIGSTOP); 0: never
  std::uint64_t pause_mean_us = 0;
  Ppm primary_rate = 0;       // so many kills, pauses and partitions look for the primary
  std::uint64_t turn_us = 0;  // what a turn costs besides its sync

  // Disks.
  std::uint64_t sync_min_us = 0;
  std::uint64_t sync_mean_us = 0;
  Ppm power_failure_rate = 0;  // so many kills take the machine's power too
  Ppm torn_tail_rate = 0;      // then, so many sectors of what was not synced are there anyway
  std::uint64_t image_commit_us = 0;  // until state.db's commit point is durable

  // Clocks: |skew| of each replica's wall clock, and its drift.
  std::int64_t skew_max_us = 0;
  std::int64_t drift_max_ppm = 0;

  // Clients.
  unsigned clients = 0;
  unsigned outstanding_max = 0;  // requests of one session at a time
  std::uint64_t think_mean_us = 0;
  std::uint64_t requests_min = 0;  // executed before the clients stop
  Ppm leave_rate = 0;              // after a reply, a client leaves and joins anew
  Ppm failing_rate = 0;            // statements that must fail
  Ppm read_rate = 0;
  Ppm public_read_rate = 0;  // reads that are not ordered, of an installed application
  Ppm sql_rate = 0;          // ad-hoc SQL instead of a procedure
  ApplicationKind application = ApplicationKind::installed;

  /// Nothing happens that a primary could be blamed for: the network is good, and only one backup
  /// at a time is down or stands still. Then there must be no view change.
  bool gentle = false;

  /// When faults stop, and how long everything may take to finish afterwards.
  std::uint64_t faults_until_us = 0;
  std::uint64_t finish_within_us = 0;
};

Parameters draw_parameters(const Options& options);

/// One line for people.
std::string describe(const Parameters& parameters);

}  // namespace prytany::sim
