// prytany bench: replica processes on this machine, a load, and the rows that came out.
#include <sys/resource.h>

#include <algorithm>
#include <cstdio>

#include "bench/floor.h"
#include "bench/row.h"
#include "server/cli/bench_cluster.h"
#include "server/cli/bench_fault.h"
#include "server/cli/client_commands.h"
#include "server/cli/scratch.h"
#include "server/cli/settings.h"

namespace prytany::cli {
namespace {

/// 64 clients of four replicas have 256 connections, and more clients more.
void raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  (void)::setrlimit(RLIMIT_NOFILE, &limit);
}

class Report {
 public:
  explicit Report(bool json) : json_(json) {}
  void add(bench::Row row) {
    if (json_) {
      std::printf("%s\n", bench::to_json(row).c_str());
      std::fflush(stdout);
    }
    rows_.push_back(std::move(row));
  }
  void finish() const {
    if (!json_) std::printf("%s", bench::table(rows_).c_str());
  }

 private:
  bool json_;
  std::vector<bench::Row> rows_;
};

Result<void> measure_floors(const BenchOptions& options, Report& report) {
  const Scratch scratch(options.folder);
  for (const bench::Floor floor : bench::all_floors) {
    auto row =
        bench::measure_floor(floor, scratch.path(), options.size, std::min(options.seconds, 5.0));
    if (!row) return row.error();
    report.add(std::move(*row));
  }
  return {};
}

/// A pipeline so deep shares its system calls among its requests anyway, and what a gateway passes
/// on costs more than it saves (bench/RESULTS.md).
constexpr unsigned deep = 8;

bool reads_fast(const bench::Workload& workload) {
  constexpr std::uint64_t looked_at = 256;
  for (std::uint64_t n = 0; n < looked_at; ++n)
    if (workload.next(0, n).fast_read) return true;
  return false;
}

/// `auto`: what docs/reference/cpp-client.md advises.
client::Connections connections_of(const std::string& how, const BenchOptions& options,
                                   const bench::Workload& workload, unsigned depth) {
  const bool alone = options.replicas == 1;  // nobody else is there to be asked
  const bool one_pays = !alone && depth < deep && !reads_fast(workload);
  return how == "one" || (how == "auto" && one_pays) ? client::Connections::one
                                                     : client::Connections::all;
}

/// All rows of one workload and durability: of one cluster. `prefix`: of their names.
Result<void> measure_cluster(const BenchOptions& options, const bench::Workload& workload,
                             const std::string& durability, const std::string& prefix,
                             Report& report) {
  auto local = BenchCluster::start(options, workload, durability);
  if (!local) return local.error();
  const std::vector<double> rates = options.rates.empty() ? std::vector{0.0} : options.rates;
  for (const unsigned clients : options.clients) {
    for (const unsigned depth : options.depths) {
      for (const double rate : rates) {
        for (const std::string& how : options.connections) {
          const auto connections = connections_of(how, options, workload, depth);
          auto row = (*local)->measure({clients, depth, connections}, rate);
          if (!row) return row.error();
          row->workload = prefix + row->workload;
          report.add(std::move(*row));
        }
      }
    }
  }
  return {};
}

Result<bench::Workload> workload_of(const BenchOptions& options, const std::string& name) {
  return bench::make_workload(name, {options.size, options.reply_size, options.records,
                                     options.seed, options.reads == "ordered"});
}

/// `alone`: the same with one replica, which tolerates nothing, as a floor.
Result<void> measure_all(const BenchOptions& given, Report& report, bool alone) {
  BenchOptions options = given;
  if (alone) {
    options.replicas = 1;
    options.faults = 0;
    options.fault.clear();
    options.connections = {"all"};
  }
  for (const std::string& name : options.workloads) {
    const auto workload = workload_of(options, name);
    if (!workload) return workload.error();
    for (const std::string& durability : options.durabilities) {
      const std::string prefix = alone ? "floor: n=1, " : "";
      auto measured = measure_cluster(options, *workload, durability, prefix, report);
      if (!measured) return measured;
    }
  }
  return {};
}

/// What no replica would start with; empty: nothing. Each would say it by itself, after a while.
std::string wrong_setting(const BenchOptions& options) {
  node::NodeConfig unused;
  unused.pbft.group = {options.replicas, options.faults};
  wire::Genesis unused_too;
  for (const std::string& setting : options.settings) {
    if (setting.starts_with("durability="))
      return "--set " + setting + ": here it is --durability log, none or both";
    if (is_genesis_setting(setting)) {
      const auto applied = apply_genesis_settings({setting}, unused_too);
      if (!applied) return applied.error().message;
    } else if (const auto applied = apply_settings({setting}, unused); !applied) {
      return applied.error().message;
    }
  }
  return {};
}

std::string wrong_workload(const BenchOptions& options) {
  for (const std::string& name : options.workloads)
    if (const auto workload = workload_of(options, name); !workload)
      return workload.error().message;
  return {};
}

/// What does not go together; empty: all does.
std::string contradiction(const BenchOptions& options) {
  if (!options.local) return "give --local: replicas are started on this machine as processes";
  if (!options.fault.empty() && options.faults == 0)
    return "--fault needs --faults 1 or more: without one, all stops";
  if (!options.fault.empty() && options.fault != "mute-backup" &&
      std::ranges::count(options.durabilities, "none") > 0)
    return "a replica that is killed with --durability none has lost its disk and does not come "
           "back: --durability log, or --fault mute-backup";
  if (options.static_clients && std::ranges::max(options.clients) >= limits::static_clients_max)
    return "genesis lists at most " + std::to_string(limits::static_clients_max) +
           " clients, of which one is the administrator";
  if (std::string why = wrong_setting(options); !why.empty()) return why;
  return wrong_workload(options);
}

Status run_bench(const BenchOptions& options, bool json) {
  if (const std::string why = contradiction(options); !why.empty()) return usage_failure(why);
  raise_descriptor_limit();
  const ScratchKeeper keeper;
  Report report(json);
  Result<void> done = measure_all(options, report, false);
  if (done && !options.no_floor && options.replicas > 1) done = measure_all(options, report, true);
  if (done && !options.no_floor) done = measure_floors(options, report);
  report.finish();
  if (!done) return Failure{ExitCode::failed, "bench_failed", done.error().message};
  return {};
}

void add_load_options(arguments::Command command, BenchOptions& options) {
  command.add_flag("--local", options.local, "Start separate replica processes on this machine");
  command.add_option("--replicas", options.replicas, "n").shows_default();
  command.add_option("--faults", options.faults, "f").shows_default();
  command
      .add_option("--workload", options.workloads,
                  "null, insert1, kv256, ycsb-a, tpcb, ... (bench/README.md); several with commas")
      .separated_by(',')
      .shows_default();
  command.add_option("--clients", options.clients, "C sessions; several with commas")
      .separated_by(',')
      .between(1, 10'000)
      .shows_default();
  command.add_option("--depth", options.depths, "D requests outstanding in each; several")
      .separated_by(',')
      .between(1, 64)
      .shows_default();
  command.add_option("--seconds", options.seconds, "Length of the measured window")
      .between(0.1, 86'400.0)
      .shows_default();
  command.add_option("--warmup", options.warmup, "Seconds of load before it")
      .between(0.0, 86'400.0)
      .shows_default();
  command.add_option("--size", options.size, "Bytes of a request's payload or text")
      .shows_default();
  command.add_option("--reply-size", options.reply_size,
                     "null: bytes of a reply (default: --size)");
  command.add_option("--records", options.records,
                     "Rows that are there before (default: the workload's)");
  command
      .add_option("--rate", options.rates,
                  "Open loop: so many operations are due a second, answered or not; several")
      .separated_by(',')
      .between(0.1, 10'000'000.0);
  command.add_option("--arrivals", options.arrivals, "Of an open loop: poisson, or fixed pauses")
      .one_of({"poisson", "fixed"})
      .shows_default();
  command
      .add_option("--fault", options.fault,
                  "After a third of each window: kill-primary, kill-backup, mute-backup, or "
                  "restart-backup")
      .one_of(bench_fault_names());
}

void add_cluster_options(arguments::Command command, BenchOptions& options) {
  command.add_flag("--static-clients", options.static_clients,
                   "Genesis lists the clients, and nobody joins");
  command.add_flag("--syscalls", options.syscalls,
                   "Count the replicas' system calls by perf, which slows them a little");
  command
      .add_option(
          "--delay-ms", options.delay_ms,
          "So long words take from each replica to another, and from clients to all but the "
          "first (a proxy; bench/wan)")
      .between(0, 10'000);
  command.add_flag("--allocations", options.allocations,
                   "Count the replicas' allocations by a library, which slows them a little");
  command.add_option("--seed", options.seed, "Of the operations' chance").shows_default();
  command
      .add_option("--reads", options.reads,
                  "fast: on a quorum's word, not ordered; ordered: as writes are")
      .one_of({"fast", "ordered"})
      .shows_default();
  command
      .add_option("--durability", options.durabilities,
                  "log: fsynced before any answer; none; or both")
      .separated_by(',')
      .one_of({"log", "none"})
      .shows_default();
  command
      .add_option("--connections", options.connections,
                  "all: to every replica; one: to one, which asks the others; or both; auto: one, "
                  "but all for depths from 8 and for workloads with fast reads")
      .separated_by(',')
      .one_of({"auto", "all", "one"})
      .shows_default();
  command.add_option("--set", options.settings,
                     "key=value for every replica, or of genesis; repeatable");
  command.add_option("--dir", options.folder, "Where to put the cluster: on the disk to measure");
  command.add_option("--base-port", options.base_port, "P (default: free ports from 9600)");
  command.add_flag("--no-floor", options.no_floor,
                   "Leave out the rows of plain SQLite, one replica, disk and TCP");
}

}  // namespace

void add_bench(arguments::Command app, Chosen& chosen) {
  auto options = std::make_shared<BenchOptions>();
  arguments::Command command =
      app.add_command("bench", "Measure a cluster under load, beside plain SQLite in the same run");
  add_load_options(command, *options);
  add_cluster_options(command, *options);
  add_json_flag(command, chosen);
  command.when_chosen([&chosen, options] {
    chosen.run = [options, &chosen] { return run_bench(*options, chosen.json); };
  });
}

}  // namespace prytany::cli
