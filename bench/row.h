// One measured row: what was run, and what came out. Definitions are in bench/README.md.
#pragma once

#include <string>
#include <vector>

#include "bench/histogram.h"

namespace prytany::bench {

struct Row {
  std::string workload;
  unsigned replicas = 0;
  unsigned faults = 0;
  unsigned clients = 0;
  unsigned depth = 0;
  std::string durability;  // "log": fsynced before any answer; "none"
  std::string guarantee;   // "byzantine", "none"
  std::size_t size = 0;    // bytes of payload or text
  double seconds = 0;      // of the window
  std::uint64_t operations = 0;
  std::uint64_t errors = 0;
  Histogram latency;
  double server_cpu_us = 0;  // all replicas, user and system, in the window
  double client_cpu_us = 0;

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
