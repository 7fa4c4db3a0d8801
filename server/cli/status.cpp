// prytany status: every replica about itself.
#include "server/cli/status.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <thread>

#include "server/cli/client_access.h"
#include "server/cli/client_commands.h"

namespace prytany::cli {
namespace {

struct StatusOptions {
  ClientOptions client;
  bool watch = false;
};

void print(const Cluster& cluster, const std::vector<ReplicaStatus>& replicas, bool json) {
  if (json) {
    std::printf("%s\n", status_json(replicas, cluster.faults()).c_str());
    return;
  }
  const auto late = lags(replicas, cluster.faults());
  std::vector<std::vector<std::string>> rows;
  for (const ReplicaStatus& r : replicas) {
    if (!r.reachable) {
      rows.push_back({std::to_string(r.id), "unreachable", "", "", "", "", ""});
      continue;
    }
    rows.push_back({std::to_string(r.id), r.id == r.primary ? "primary" : "backup",
                    std::to_string(r.view), std::to_string(r.last_executed),
                    std::to_string(late[r.id]), std::to_string(r.stable_checkpoint),
                    r.state_digest.substr(0, 16)});
  }
  print_table({"replica", "role", "view", "executed", "lag", "checkpoint", "state"}, rows);
}

Status run_status(const StatusOptions& options, bool json) {
  auto cluster = open_cluster(options.client);
  if (!cluster) return cluster.error();
  const auto timeout =
      std::min(std::chrono::seconds(options.client.timeout_s), std::chrono::seconds(3));
  while (true) {
    const auto replicas = cluster->status(timeout);
    // A terminal is cleared; a pipe gets one report after the other.
    if (options.watch && !json) std::printf("\033[H\033[2J%s\n\n", cluster->fingerprint().c_str());
    print(*cluster, replicas, json);
    std::fflush(stdout);
    if (!options.watch) {
      const bool any =
          std::ranges::any_of(replicas, [](const ReplicaStatus& r) { return r.reachable; });
      if (any) return {};
      return Failure{ExitCode::no_quorum, "no_quorum",
                     "no replica of " + options.client.cluster + " can be reached"};
    }
    std::this_thread::sleep_for(std::chrono::seconds(1));
  }
}

}  // namespace

std::vector<std::uint64_t> lags(const std::vector<ReplicaStatus>& replicas, unsigned faults) {
  std::vector<std::uint64_t> executed;
  executed.reserve(replicas.size());
  for (const ReplicaStatus& r : replicas) executed.push_back(r.last_executed);
  std::ranges::sort(executed, std::greater{});
  // The weak_quorum()-th highest: at least one correct replica has it.
  const std::uint64_t group = faults < executed.size() ? executed[faults] : 0;
  std::vector<std::uint64_t> lags;
  lags.reserve(replicas.size());
  for (const ReplicaStatus& r : replicas)
    lags.push_back(group > r.last_executed ? group - r.last_executed : 0);
  return lags;
}

std::string status_json(const std::vector<ReplicaStatus>& replicas, unsigned faults) {
  const auto late = lags(replicas, faults);
  std::string out = "{\"replicas\":[";
  for (const ReplicaStatus& r : replicas) {
    out += std::string(r.id == 0 ? "" : ",") + "{\"id\":" + std::to_string(r.id);
    const auto field = [&](const char* name, const std::string& value) {
      out += ",\"" + std::string(name) + "\":" + (r.reachable ? value : "null");
    };
    out += std::string(",\"reachable\":") + (r.reachable ? "true" : "false");
    field("view", std::to_string(r.view));
    field("primary", std::to_string(r.primary));
    field("last_executed", std::to_string(r.last_executed));
    field("stable_checkpoint", std::to_string(r.stable_checkpoint));
    field("state_digest", "\"" + r.state_digest + "\"");
    field("lag", std::to_string(late[r.id]));
    out += "}";
  }
  return out + "]}";
}

void add_status(arguments::Command app, Chosen& chosen) {
  auto options = std::make_shared<StatusOptions>();
  arguments::Command command =
      app.add_command("status", "What every replica says about itself; some may be down");
  command.add_flag("--watch", options->watch, "Again every second, until Ctrl-C");
  add_client_options(command, options->client);
  add_json_flag(command, chosen);
  command.when_chosen([&chosen, options] {
    chosen.run = [options, &chosen] { return run_status(*options, chosen.json); };
  });
}

}  // namespace prytany::cli
