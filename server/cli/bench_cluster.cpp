#include "server/cli/bench_cluster.h"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <deque>
#include <future>
#include <thread>

#include "bench/allocations.h"
#include "bench/closed_loop.h"
#include "bench/cpu.h"
#include "bench/open_loop.h"
#include "bench/syscalls.h"
#include "server/cli/bench_fault.h"
#include "server/cli/bench_usage.h"
#include "server/cli/demo_checks.h"
#include "server/cli/files.h"
#include "server/cli/genesis.h"
#include "server/cli/init.h"
#include "server/cli/settings.h"
#include "server/crypto/key_file.h"

namespace prytany::cli {
namespace {

constexpr std::size_t setup_at_once = 4;
constexpr std::size_t open_loop_waiting_max = 16;  // of each client

void sleep_for_seconds(double seconds) {
  std::this_thread::sleep_for(std::chrono::duration<double>(seconds));
}

}  // namespace

BenchCluster::BenchCluster(const BenchOptions& options, const bench::Workload& workload,
                           std::string durability)
    : options_(options),
      scratch_(options.folder),
      workload_(workload),
      durability_(std::move(durability)) {}

Result<std::unique_ptr<BenchCluster>> BenchCluster::start(const BenchOptions& options,
                                                          const bench::Workload& workload,
                                                          const std::string& durability) {
  std::unique_ptr<BenchCluster> made(new BenchCluster(options, workload, durability));
  if (made->scratch_.path().empty()) return Error{"cannot make a folder for the cluster"};
  if (auto booted = made->boot(); !booted) return booted.error();
  if (auto installed = made->install(); !installed) return installed.error();
  return made;
}

Result<void> BenchCluster::boot() {
  InitOptions init;
  init.folder = scratch_.path() + "/cluster";
  init.replicas = options_.replicas;
  init.faults = options_.faults;
  init.base_port =
      options_.base_port == 0 ? free_base_port(9600, options_.replicas) : options_.base_port;
  std::vector<std::string> settings;
  for (const std::string& setting : options_.settings)
    (is_genesis_setting(setting) ? init.settings : settings).push_back(setting);
  if (options_.static_clients) {
    const unsigned most = std::ranges::max(options_.clients);
    for (unsigned i = 0; i < most; ++i) {
      keys_.push_back(crypto::Signer::generate());
      init.static_clients.push_back(
          {{"bench " + std::to_string(i)}, {"client"}, keys_.back().public_key()});
    }
  }
  if (auto made = init_cluster(init); !made) return made.error();
  settings.push_back("durability=" + durability_);
  LocalCluster::Options local{init.folder, settings, "warning"};
  if (options_.allocations) {
    auto environment = bench::environment_to_count_allocations(scratch_.path());
    if (!environment) return environment.error();
    local.environment = std::move(*environment);
  }
  if (options_.delay_ms > 0)
    if (auto gone = go_far(init, local); !gone) return gone;
  auto servers = LocalCluster::open(std::move(local));
  if (!servers) return servers.error();
  servers_.emplace(std::move(*servers));
  if (auto started = servers_->start_all(); !started) return started.error();
  if (auto ready = servers_->wait_until_ready(ready_timeout_us); !ready) return ready.error();
  loop_ = std::make_unique<client::Loop>(
      std::make_shared<const client::ClusterView>(servers_->genesis()));
  return {};
}

/// Replicas listen where genesis does not say, and what delays stands where it does.
Result<void> BenchCluster::go_far(const InitOptions& init, LocalCluster::Options& local) {
  local.bind = "127.0.0.2";
  const auto genesis = read_genesis(init.folder + "/genesis.json");
  if (!genesis) return genesis.error();
  std::vector<bench::DelayRoute> routes;
  for (std::size_t id = 0; id < genesis->genesis.members.size(); ++id) {
    const wire::Member& member = genesis->genesis.members.items[id];
    const std::uint64_t delay_us = std::uint64_t{options_.delay_ms} * 1'000;
    const auto clients = wire::client_address_from(member.client_url.text);
    ENSURE(clients.has_value());
    routes.push_back(
        {{member.peer_host.text, member.peer_port}, {local.bind, member.peer_port}, delay_us});
    routes.push_back({*clients, {local.bind, clients->port}, id == 0 ? 0 : delay_us});
  }
  auto started = bench::DelayProcess::start(routes);
  if (!started) return started.error();
  delays_.emplace(std::move(*started));
  return {};
}

/// The administrator's session: the first of those that genesis lists, or one that joins.
Result<void> BenchCluster::admit(const crypto::Signer& key) {
  if (options_.static_clients) {
    admin_ = loop_->open({}, {}, SessionId{1}, key, bench::number_by_clock());
    return {};
  }
  admin_ = loop_->open({}, {});
  const auto joined = bench::join(*loop_, admin_, key, "bench", ready_timeout_us);
  if (const auto problem = bench::problem_of(joined); !problem.empty()) return Error{problem};
  return {};
}

Result<void> BenchCluster::install() {
  const auto key = crypto::read_key_file(servers_->folder() + "/admin.key");
  if (!key) return key.error();
  if (auto admitted = admit(*key); !admitted) return admitted;
  const auto done =
      bench::ask(*loop_, admin_, wire::Operation{workload_.application}, ready_timeout_us);
  if (const auto problem = bench::problem_of(done); !problem.empty()) return Error{problem};
  return set_up(admin_);
}

Result<void> BenchCluster::set_up(client::Seat admin) {
  std::deque<std::future<client::Completion>> asked;
  const auto settle = [&](std::size_t left) -> Result<void> {
    while (asked.size() > left) {
      const std::string problem = bench::problem_of(asked.front().get());
      asked.pop_front();
      if (!problem.empty()) return Error{"the workload's rows: " + problem};
    }
    return {};
  };
  for (const wire::Operation& operation : workload_.setup) {
    if (auto settled = settle(setup_at_once - 1); !settled) return settled;
    const auto promise = std::make_shared<std::promise<client::Completion>>();
    asked.push_back(promise->get_future());
    loop_->submit(admin, operation, ready_timeout_us,
                  [promise](client::Completion c) { promise->set_value(std::move(c)); });
  }
  return settle(0);
}

std::vector<pid_t> BenchCluster::processes() const {
  std::vector<pid_t> all;
  for (unsigned id = 0; id < servers_->size(); ++id)
    if (const auto pid = read_file(replica_folder(servers_->folder(), id) + "/pid"))
      all.push_back(static_cast<pid_t>(std::atoi(pid->c_str())));
  return all;
}

Result<std::optional<double>> BenchCluster::allocations() const {
  if (!options_.allocations) return std::optional<double>();
  double sum = 0;
  for (const pid_t process : processes()) {
    const auto count = bench::allocations_of(scratch_.path(), process);
    if (!count) return count.error();
    sum += static_cast<double>(*count);
  }
  return std::optional(sum);
}

Result<void> BenchCluster::load(bench::Crowd& crowd, bench::Row& row) {
  if (row.rate <= 0) {
    bench::ClosedLoop closed(crowd);
    closed.start();
    return window(crowd, row);
  }
  const bench::Schedule schedule(row.rate,
                                 options_.arrivals == "fixed" ? bench::Schedule::Arrivals::fixed
                                                              : bench::Schedule::Arrivals::poisson,
                                 options_.seed);
  bench::OpenLoop open(crowd, schedule);
  open.start();
  auto done = window(crowd, row);
  open.stop();
  row.lag = open.lag();
  return done;
}

/// What replicas use is not asked: one of them is not there to tell. The row says so.
Result<void> BenchCluster::faulty_window(bench::Crowd& crowd, bench::Row& row) {
  BenchFault fault(options_.fault, *servers_);
  const double cpu_before = bench::own_cpu_us();
  const auto begin = std::chrono::steady_clock::now();
  crowd.begin_window();
  auto sat = fault.sit_through(options_.seconds);
  crowd.end_window();
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
  row.client_cpu_us = bench::own_cpu_us() - cpu_before;
  if (auto mended = fault.mend(); sat && !mended) sat = mended;
  row.seconds = took.count();
  row.fault = options_.fault;
  row.caught_up_ms = fault.caught_up_ms();
  return sat;
}

Result<void> BenchCluster::window(bench::Crowd& crowd, bench::Row& row) {
  sleep_for_seconds(options_.warmup);
  if (!options_.fault.empty()) return faulty_window(crowd, row);
  std::optional<bench::SyscallCount> syscalls;
  if (options_.syscalls) syscalls.emplace(processes(), scratch_.path());
  const auto before = usage_of(*servers_);
  if (!before) return before.error();
  const auto allocated_before = allocations();
  if (!allocated_before) return allocated_before.error();
  const auto begin = std::chrono::steady_clock::now();
  crowd.begin_window();
  sleep_for_seconds(options_.seconds);
  crowd.end_window();
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
  const auto allocated = allocations();
  if (!allocated) return allocated.error();
  const auto after = usage_of(*servers_);
  if (!after) return after.error();
  row.seconds = took.count();
  put_usage(*before, *after, row);
  // What stands between carries everything once more.
  if (delays_)
    for (auto& [name, value] : row.counts)
      if (name.ends_with("_bytes") || name.ends_with("_segments"))
        if (name != "disk_bytes") value.reset();
  row.counts.emplace_back(
      "allocations", *allocated ? std::optional(**allocated - **allocated_before) : std::nullopt);
  if (!syscalls) {
    row.counts.emplace_back("syscalls", std::nullopt);
    return {};
  }
  const auto counted = syscalls->stop();
  if (!counted) return counted.error();
  row.counts.emplace_back("syscalls", *counted);
  return {};
}

Result<void> BenchCluster::check() {
  return bench::run_checks(
      workload_, tally_, [this](const std::string& sql) -> Result<wire::Outcome> {
        wire::Statement statement;
        statement.sql.text = sql;
        auto done = bench::ask(*loop_, admin_,
                               wire::Operation{wire::Execute{{{std::move(statement)}}, true}},
                               ready_timeout_us);
        if (const auto problem = bench::problem_of(done); !problem.empty()) return Error{problem};
        return std::move(done.outcome);
      });
}

Result<bench::Row> BenchCluster::measure(bench::Crowd::Size size, double rate) {
  // Else what is due beyond what the group can do would wait without end.
  if (rate > 0) size.waiting = open_loop_waiting_max;
  bench::Crowd crowd(*loop_, workload_, size, tally_);
  if (options_.static_clients) {
    crowd.attach(keys_, SessionId{2});
  } else if (auto joined = crowd.join(ready_timeout_us); !joined) {
    return joined.error();
  }
  bench::Row row;
  row.rate = rate;
  if (auto loaded = load(crowd, row); !loaded) return loaded.error();
  if (const auto ended = servers_->ended(); !ended.empty())
    return Error{"replica " + std::to_string(ended[0].id) + " ended: " + ended[0].how};
  const std::string first_error =
      crowd.first_error().empty() ? std::string() : ": " + crowd.first_error();
  if (crowd.operations() == 0) return Error{"nothing was answered as it should be" + first_error};
  if (auto checked = check(); !checked) return checked.error();
  row.workload = workload_.name;
  row.replicas = options_.replicas;
  row.faults = options_.faults;
  row.clients = size.clients;
  row.connections = size.connections == client::Connections::one ? "one" : "all";
  row.depth = size.depth;
  row.durability = durability_;
  row.static_clients = options_.static_clients;
  row.delay_ms = options_.delay_ms;
  row.guarantee = options_.faults > 0 ? "byzantine" : "none";
  row.size = options_.size;
  row.operations = crowd.operations();
  row.due = crowd.due();
  row.timeline = crowd.timeline();
  row.errors = crowd.errors();
  row.refused = crowd.refused();
  row.first_error = crowd.first_error();
  row.latency = crowd.latency();
  row.checks = workload_.checks.size();
  return row;
}

}  // namespace prytany::cli
