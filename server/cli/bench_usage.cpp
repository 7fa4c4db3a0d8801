#include "server/cli/bench_usage.h"

#include <nlohmann/json.hpp>

#include <cstdlib>

#include "bench/cpu.h"
#include "server/cli/files.h"
#include "server/cli/http_get.h"
#include "server/cli/init.h"

namespace prytany::cli {
namespace {

constexpr std::uint64_t counters_timeout_us = 5'000'000;

/// What the kernel knows of one replica's process.
Result<void> add_process(const std::string& folder, ClusterUsage& usage) {
  const auto text = read_file(folder + "/pid");
  if (!text) return text.error();
  const auto pid = static_cast<pid_t>(std::atoi(text->c_str()));
  const auto cpu = bench::cpu_us_of(pid);
  if (!cpu) return cpu.error();
  const auto disk = bench::disk_bytes_of(pid);
  if (!disk) return disk.error();
  const auto waits = bench::waits_of(pid);
  if (!waits) return waits.error();
  usage.replica_cpu_us.push_back(*cpu);
  usage.disk_bytes += *disk;
  usage.waits += *waits;
  return {};
}

/// What it counts itself.
Result<void> add_counters(const LocalCluster& cluster, unsigned id, ClusterUsage& usage) {
  const auto page = http_get(cluster.client_address(id), "/status", counters_timeout_us);
  if (!page) return page.error();
  const auto status = nlohmann::json::parse(*page, nullptr, false);
  if (!status.is_object()) return Error{"/status of " + cluster.url(id) + " is not JSON"};
  const auto count = [&](const char* name) { return status.value(name, std::uint64_t{0}); };
  usage.syncs += count("journal_syncs");
  usage.batches += count("batches_executed");
  usage.cryptography += {count("tags_made"), count("tags_checked"), count("signatures_made"),
                         count("signatures_checked")};
  return {};
}

}  // namespace

Result<ClusterUsage> usage_of(const LocalCluster& cluster) {
  ClusterUsage usage;
  std::set<std::uint16_t> peers;
  std::set<std::uint16_t> clients;
  for (unsigned id = 0; id < cluster.size(); ++id) {
    const wire::Member& member = cluster.genesis().members.items[id];
    if (auto added = add_process(replica_folder(cluster.folder(), id), usage); !added)
      return added.error();
    if (auto added = add_counters(cluster, id, usage); !added) return added.error();
    peers.insert(member.peer_port);
    clients.insert(wire::client_address_from(member.client_url.text)->port);
  }
  const auto between = bench::tcp_usage(peers);
  if (!between) return between.error();
  const auto with_clients = bench::tcp_usage(clients);
  if (!with_clients) return with_clients.error();
  usage.between_replicas = *between;
  usage.with_clients = *with_clients;
  usage.client_cpu_us = bench::own_cpu_us();
  return usage;
}

void put_usage(const ClusterUsage& before, const ClusterUsage& after, bench::Row& row) {
  row.client_cpu_us = after.client_cpu_us - before.client_cpu_us;
  double servers_cpu_us = 0;
  row.replica_cpu_us.clear();
  for (std::size_t id = 0; id < after.replica_cpu_us.size(); ++id) {
    row.replica_cpu_us.push_back(after.replica_cpu_us[id] - before.replica_cpu_us[id]);
    servers_cpu_us += row.replica_cpu_us.back();
  }
  row.server_cpu_us = servers_cpu_us;
  const auto count = [&](const char* name, std::uint64_t from, std::uint64_t to) {
    row.counts.emplace_back(name, static_cast<double>(to - from));
  };
  const auto travelled = [&](const std::string& who, const bench::TcpUsage& from,
                             const bench::TcpUsage& to) {
    const auto went = bench::since(from, to);
    const auto known = [&](std::uint64_t sum) {
      return went ? std::optional(static_cast<double>(sum)) : std::nullopt;
    };
    row.counts.emplace_back(who + "_bytes", known(went ? went->bytes : 0));
    row.counts.emplace_back(who + "_segments", known(went ? went->segments : 0));
  };
  travelled("replica", before.between_replicas, after.between_replicas);
  travelled("client", before.with_clients, after.with_clients);
  count("disk_bytes", before.disk_bytes, after.disk_bytes);
  count("syncs", before.syncs, after.syncs);
  count("batches", before.batches, after.batches);
  count("waits", before.waits, after.waits);
  const crypto::Counts& was = before.cryptography;
  const crypto::Counts& is = after.cryptography;
  count("tags_made", was.tags_made, is.tags_made);
  count("tags_checked", was.tags_checked, is.tags_checked);
  count("signatures_made", was.signatures_made, is.signatures_made);
  count("signatures_checked", was.signatures_checked, is.signatures_checked);
}

}  // namespace prytany::cli
