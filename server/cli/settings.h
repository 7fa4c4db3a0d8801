// --set key=value: what an operator may tune on one replica without asking the others. What
// replicas must agree on is in genesis.json and not here.
#pragma once

#include <string>
#include <vector>

#include "server/base/result.h"
#include "server/node/node.h"

namespace prytany::cli {

enum class Durability { log, none };

struct Settings {
  Durability durability = Durability::log;
};

/// Applies "batch_requests_max=1" and the like. The Error names the key, or lists the keys there
/// are.
Result<Settings> apply_settings(const std::vector<std::string>& assignments,
                                node::NodeConfig& config);

/// One line for --help.
std::string describe_settings();

}  // namespace prytany::cli
