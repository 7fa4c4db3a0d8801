// A cluster of replica processes on this machine that one workload is installed on and measured.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "bench/crowd.h"
#include "bench/delay_process.h"
#include "bench/row.h"
#include "bench/workload.h"
#include "server/cli/init.h"
#include "server/cli/local_cluster.h"
#include "server/cli/scratch.h"

namespace prytany::cli {

struct BenchOptions {
  bool local = false;
  unsigned replicas = 4;
  unsigned faults = 1;
  std::vector<std::string> workloads = {"insert1"};
  std::vector<unsigned> clients = {64};
  std::vector<unsigned> depths = {1};
  double seconds = 10;
  double warmup = 3;
  std::size_t size = 100;
  std::optional<std::size_t> reply_size;
  std::optional<std::uint64_t> records;
  std::uint64_t seed = 1;
  std::string reads = "fast";
  std::vector<std::string> durabilities = {"log"};
  std::vector<std::string> connections = {"auto"};  // of each client: "all", "one"
  std::vector<std::string> settings;
  std::vector<double> rates;  // of open loops; none: closed loops
  std::string arrivals = "poisson";
  bool syscalls = false;
  bool allocations = false;
  unsigned delay_ms = 0;  // each way between replicas; the clients are where replica 0 is
  bool static_clients = false;
  std::string fault;
  std::string folder;
  std::uint16_t base_port = 0;
  bool no_floor = false;
};

class BenchCluster {
 public:
  /// Started, installed and with the rows that the workload begins with.
  static Result<std::unique_ptr<BenchCluster>> start(const BenchOptions& options,
                                                     const bench::Workload& workload,
                                                     const std::string& durability);
  /// One row; `rate` 0: of a closed loop. The Error also says what the workload computed wrong.
  Result<bench::Row> measure(bench::Crowd::Size size, double rate = 0);

 private:
  BenchCluster(const BenchOptions& options, const bench::Workload& workload,
               std::string durability);
  Result<void> boot();
  Result<void> go_far(const InitOptions& init, LocalCluster::Options& local);
  Result<void> install();
  Result<void> admit(const crypto::Signer& key);
  Result<void> set_up(client::Seat admin);
  Result<void> load(bench::Crowd& crowd, bench::Row& row);
  /// Warm-up and window of a load that is under way.
  Result<void> window(bench::Crowd& crowd, bench::Row& row);
  Result<void> faulty_window(bench::Crowd& crowd, bench::Row& row);
  Result<void> check();
  [[nodiscard]] std::vector<pid_t> processes() const;
  /// Of all replicas, so far; nothing: nobody asked.
  [[nodiscard]] Result<std::optional<double>> allocations() const;

  const BenchOptions& options_;
  Scratch scratch_;
  const bench::Workload& workload_;
  std::string durability_;
  std::optional<bench::DelayProcess> delays_;
  std::optional<LocalCluster> servers_;
  std::unique_ptr<client::Loop> loop_;
  client::Seat admin_;
  std::vector<crypto::Signer> keys_;  // of clients that genesis lists
  bench::Tally tally_;
};

}  // namespace prytany::cli
