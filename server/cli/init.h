// A whole cluster in one folder, for development: every key in one place, which defeats the purpose
// elsewhere.
#pragma once

#include <string>
#include <vector>

#include "server/base/result.h"
#include "server/wire/genesis.h"

namespace prytany::cli {

struct InitOptions {
  std::string folder;
  unsigned replicas = 4;
  unsigned faults = 1;
  std::uint16_t base_port = 7000;  // clients of replica i at base + i, peers at base + 100 + i
  std::uint64_t checkpoint_interval = 0;   // 0: the default
  std::vector<std::string> settings = {};  // of genesis: "requests=signed"
  /// If there are any, nobody joins: these, and the administrator, have sessions from the
  /// beginning.
  std::vector<wire::StaticClient> static_clients = {};
};

/// DIR/genesis.json, DIR/admin.key, DIR/replica-I/replica.key. Refuses a folder that has a
/// genesis.json.
Result<void> init_cluster(const InitOptions& options);

/// "DIR/replica-2"
std::string replica_folder(const std::string& cluster_folder, unsigned id);

}  // namespace prytany::cli
