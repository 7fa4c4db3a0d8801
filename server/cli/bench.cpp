// prytany bench: replica processes on this machine, a load, and the rows that came out.
#include <sys/resource.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <thread>

#include "bench/closed_loop.h"
#include "bench/cpu.h"
#include "bench/floor.h"
#include "bench/row.h"
#include "server/cli/client_commands.h"
#include "server/cli/demo_checks.h"
#include "server/cli/files.h"
#include "server/cli/init.h"
#include "server/cli/local_cluster.h"
#include "server/cli/settings.h"
#include "server/crypto/key_file.h"

namespace prytany::cli {
namespace {

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
  std::vector<std::string> durabilities = {"log"};
  std::vector<std::string> settings;
  std::string folder;
  std::uint16_t base_port = 0;
  bool no_floor = false;
};

/// A folder for one cluster, gone afterwards.
class Scratch {
 public:
  explicit Scratch(const std::string& parent) {
    const std::string base =
        parent.empty() ? std::filesystem::temp_directory_path().string() : parent;
    std::string pattern = base + "/prytany-bench-XXXXXX";
    if (::mkdtemp(pattern.data()) != nullptr) path_ = pattern;
  }
  ~Scratch() {
    std::error_code ignored;
    if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
  }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
};

void sleep_for(double seconds) {
  std::this_thread::sleep_for(std::chrono::duration<double>(seconds));
}

/// 64 clients of four replicas have 256 connections, and more clients more.
void raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  (void)::setrlimit(RLIMIT_NOFILE, &limit);
}

/// One cluster, for all rows of one workload and durability.
class LocalBench {
 public:
  static Result<std::unique_ptr<LocalBench>> start(const BenchOptions& options,
                                                   const bench::Workload& workload,
                                                   const std::string& durability);
  Result<bench::Row> measure(const BenchOptions& options, bench::ClosedLoop::Load load);

 private:
  LocalBench(const BenchOptions& options, const bench::Workload& workload, std::string durability)
      : scratch_(options.folder), workload_(workload), durability_(std::move(durability)) {}
  Result<void> boot(const BenchOptions& options);
  Result<void> install();
  Result<double> server_cpu_us() const;

  Scratch scratch_;
  const bench::Workload& workload_;
  std::string durability_;
  std::optional<LocalCluster> servers_;
  std::unique_ptr<client::Loop> loop_;
};

Result<std::unique_ptr<LocalBench>> LocalBench::start(const BenchOptions& options,
                                                      const bench::Workload& workload,
                                                      const std::string& durability) {
  std::unique_ptr<LocalBench> made(new LocalBench(options, workload, durability));
  if (made->scratch_.path().empty()) return Error{"cannot make a folder for the cluster"};
  if (auto booted = made->boot(options); !booted) return booted.error();
  if (auto installed = made->install(); !installed) return installed.error();
  return made;
}

Result<void> LocalBench::boot(const BenchOptions& options) {
  InitOptions init;
  init.folder = scratch_.path() + "/cluster";
  init.replicas = options.replicas;
  init.faults = options.faults;
  init.base_port =
      options.base_port == 0 ? free_base_port(9600, options.replicas) : options.base_port;
  std::vector<std::string> settings;
  for (const std::string& setting : options.settings)
    (is_genesis_setting(setting) ? init.settings : settings).push_back(setting);
  if (auto made = init_cluster(init); !made) return made.error();
  settings.push_back("durability=" + durability_);
  auto servers = LocalCluster::open({init.folder, settings, "warning", {}});
  if (!servers) return servers.error();
  servers_.emplace(std::move(*servers));
  if (auto started = servers_->start_all(); !started) return started.error();
  if (auto ready = servers_->wait_until_ready(ready_timeout_us); !ready) return ready.error();
  loop_ = std::make_unique<client::Loop>(
      std::make_shared<const client::ClusterView>(servers_->genesis()));
  return {};
}

Result<void> LocalBench::install() {
  const auto key = crypto::read_key_file(servers_->folder() + "/admin.key");
  if (!key) return key.error();
  const client::Seat seat = loop_->open({}, {});
  const auto joined = bench::join(*loop_, seat, *key, "bench", ready_timeout_us);
  if (const auto problem = bench::problem_of(joined); !problem.empty()) return Error{problem};
  const auto done =
      bench::ask(*loop_, seat, wire::Operation{workload_.application}, ready_timeout_us);
  loop_->leave_and_close(seat);
  if (const auto problem = bench::problem_of(done); !problem.empty()) return Error{problem};
  return {};
}

Result<double> LocalBench::server_cpu_us() const {
  double sum = 0;
  for (unsigned id = 0; id < servers_->size(); ++id) {
    const auto pid = read_file(replica_folder(servers_->folder(), id) + "/pid");
    if (!pid) return pid.error();
    const auto used = bench::cpu_us_of(static_cast<pid_t>(std::atoi(pid->c_str())));
    if (!used) return used.error();
    sum += *used;
  }
  return sum;
}

Result<bench::Row> LocalBench::measure(const BenchOptions& options, bench::ClosedLoop::Load load) {
  bench::ClosedLoop closed(*loop_, workload_, load);
  if (auto joined = closed.join(ready_timeout_us); !joined) return joined.error();
  closed.start();
  sleep_for(options.warmup);
  const auto server_before = server_cpu_us();
  if (!server_before) return server_before.error();
  const double client_before = bench::own_cpu_us();
  const auto begin = std::chrono::steady_clock::now();
  closed.begin_window();
  sleep_for(options.seconds);
  closed.end_window();
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
  const double client_after = bench::own_cpu_us();
  const auto server_after = server_cpu_us();
  if (!server_after) return server_after.error();
  closed.stop();
  if (const auto ended = servers_->ended(); !ended.empty())
    return Error{"replica " + std::to_string(ended[0].id) + " ended: " + ended[0].how};
  if (closed.operations() == 0)
    return Error{"nothing was acknowledged" +
                 (closed.first_error().empty() ? std::string() : ": " + closed.first_error())};
  bench::Row row;
  row.workload = workload_.name;
  row.replicas = options.replicas;
  row.faults = options.faults;
  row.clients = load.clients;
  row.depth = load.depth;
  row.durability = durability_;
  row.guarantee = options.faults > 0 ? "byzantine" : "none";
  row.size = options.size;
  row.seconds = took.count();
  row.operations = closed.operations();
  row.errors = closed.errors();
  row.latency = closed.latency();
  row.server_cpu_us = *server_after - *server_before;
  row.client_cpu_us = client_after - client_before;
  return row;
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
  for (const bench::Floor floor : {bench::Floor::wal_full, bench::Floor::wal_batch,
                                   bench::Floor::memory, bench::Floor::fdatasync}) {
    auto row =
        bench::measure_floor(floor, scratch.path(), options.size, std::min(options.seconds, 5.0));
    if (!row) return row.error();
    report.add(std::move(*row));
  }
  return {};
}

Result<void> measure_all(const BenchOptions& options, Report& report) {
  for (const std::string& name : options.workloads) {
    const auto workload =
        bench::make_workload(name, {options.size, options.reply_size.value_or(options.size)});
    if (!workload) return workload.error();
    for (const std::string& durability : options.durabilities) {
      auto local = LocalBench::start(options, *workload, durability);
      if (!local) return local.error();
      for (const unsigned clients : options.clients) {
        for (const unsigned depth : options.depths) {
          auto row = (*local)->measure(options, {clients, depth});
          if (!row) return row.error();
          report.add(std::move(*row));
        }
      }
    }
  }
  return {};
}

Status run_bench(const BenchOptions& options, bool json) {
  if (!options.local)
    return usage_failure("give --local: replicas are started on this machine as processes");
  raise_descriptor_limit();
  Report report(json);
  Result<void> done = measure_all(options, report);
  if (done && !options.no_floor) done = measure_floors(options, report);
  report.finish();
  if (!done) return Failure{ExitCode::failed, "bench_failed", done.error().message};
  return {};
}

void add_options(CLI::App& command, BenchOptions& options) {
  command.add_flag("--local", options.local, "Start separate replica processes on this machine");
  command.add_option("--replicas", options.replicas, "n")->capture_default_str();
  command.add_option("--faults", options.faults, "f")->capture_default_str();
  command.add_option("--workload", options.workloads, "null, insert1; several with commas")
      ->delimiter(',')
      ->capture_default_str();
  command.add_option("--clients", options.clients, "C sessions; several with commas")
      ->delimiter(',')
      ->check(CLI::Range(1, 10'000))
      ->capture_default_str();
  command.add_option("--depth", options.depths, "D requests outstanding in each; several")
      ->delimiter(',')
      ->check(CLI::Range(1, 64))
      ->capture_default_str();
  command.add_option("--seconds", options.seconds, "Length of the measured window")
      ->check(CLI::Range(0.1, 86'400.0))
      ->capture_default_str();
  command.add_option("--warmup", options.warmup, "Seconds of load before it")
      ->check(CLI::Range(0.0, 86'400.0))
      ->capture_default_str();
  command.add_option("--size", options.size, "Bytes of a request's payload or text")
      ->capture_default_str();
  command.add_option("--reply-size", options.reply_size,
                     "null: bytes of a reply (default: --size)");
  command
      .add_option("--durability", options.durabilities,
                  "log: fsynced before any answer; none; or both")
      ->delimiter(',')
      ->check(CLI::IsMember({"log", "none"}))
      ->capture_default_str();
  command.add_option("--set", options.settings,
                     "key=value for every replica, or of genesis; repeatable");
  command.add_option("--dir", options.folder, "Where to put the cluster: on the disk to measure");
  command.add_option("--base-port", options.base_port, "P (default: free ports from 9600)");
  command.add_flag("--no-floor", options.no_floor, "Leave out the rows of plain SQLite");
}

}  // namespace

void add_bench(CLI::App& app, Chosen& chosen) {
  auto options = std::make_shared<BenchOptions>();
  CLI::App* command = app.add_subcommand(
      "bench", "Measure a cluster under load, beside plain SQLite in the same run");
  add_options(*command, *options);
  add_json_flag(*command, chosen);
  command->callback([&chosen, options] {
    chosen.run = [options, &chosen] { return run_bench(*options, chosen.json); };
  });
}

}  // namespace prytany::cli
