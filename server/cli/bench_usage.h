// What the replicas of a local cluster, and this process, have used so far: two of these, a window
// apart, make what a row says.
#pragma once

#include <cstdint>
#include <vector>

#include "bench/row.h"
#include "bench/tcp_usage.h"
#include "server/cli/local_cluster.h"
#include "server/crypto/counts.h"

namespace prytany::cli {

struct ClusterUsage {
  std::vector<double> replica_cpu_us;
  double client_cpu_us = 0;
  // Of all replicas together:
  bench::TcpUsage between_replicas;
  bench::TcpUsage with_clients;
  std::uint64_t disk_bytes = 0;
  std::uint64_t waits = 0;
  std::uint64_t syncs = 0;    // of the journals
  std::uint64_t batches = 0;  // each counted by every replica
  crypto::Counts cryptography;
};

Result<ClusterUsage> usage_of(const LocalCluster& cluster);
/// Puts the difference into the row.
void put_usage(const ClusterUsage& before, const ClusterUsage& after, bench::Row& row);

}  // namespace prytany::cli
