// One measured row: what was run, and what came out. Definitions are in bench/README.md.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "bench/histogram.h"
#include "bench/timeline.h"

namespace prytany::bench {

struct Row {
  std::string workload;
  unsigned replicas = 0;
  unsigned faults = 0;
  unsigned clients = 0;
  unsigned depth = 0;
  std::string connections = "all";  // of each client: "all" replicas, or "one"
  std::string durability;           // "log": fsynced before any answer; "none"
  unsigned delay_ms = 0;            // each way between replicas; 0: none that we made
  bool static_clients = false;      // genesis lists them, and nobody joined
  std::string guarantee;            // "byzantine", "none"
  std::size_t size = 0;             // bytes of payload or text
  double seconds = 0;               // of the window
  std::uint64_t operations = 0;
  std::uint64_t errors = 0;
  std::string first_error;
  std::size_t checks = 0;  // of the database afterwards, all of them good
  Histogram latency;
  // User and system time in the window; nothing: not measured.
  std::optional<double> server_cpu_us;  // of all replicas together
  std::optional<double> client_cpu_us;
  std::vector<double> replica_cpu_us;  // of each; empty: not measured
  /// What else was counted in the window, of all replicas together; nothing: not measured.
  std::vector<std::pair<std::string, std::optional<double>>> counts;
  double rate = 0;            // an open loop's; 0: a closed one
  std::uint64_t due = 0;      // in the window
  std::uint64_t refused = 0;  // of those, by the client itself: too many waited
  Histogram lag;              // the generator's own, of an open loop

  std::string fault;  // what befell a replica in the window; empty: nothing
  Timeline timeline;
  std::optional<double> caught_up_ms;  // of a replica that was started again

  /// Of an open loop: as many as were due were answered, and the generator was not the reason if
  /// some were late. Otherwise its latencies mean nothing.
  [[nodiscard]] bool saturated() const;

  [[nodiscard]] double throughput() const {
    return seconds > 0 ? static_cast<double>(operations) / seconds : 0;
  }
  [[nodiscard]] double per_operation(double us) const {
    return operations > 0 ? us / static_cast<double>(operations) : 0;
  }
};

/// One JSON object, in one line.
std::string to_json(const Row& row);
/// The same for people: a heading, and a line for each row.
std::string table(const std::vector<Row>& rows);

}  // namespace prytany::bench
