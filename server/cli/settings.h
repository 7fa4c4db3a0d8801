// --set key=value: what an operator may tune on one replica without asking the others. What
// replicas must agree on is in genesis.json and not here.
#pragma once

#include <string>
#include <vector>

#include "server/base/result.h"
#include "server/node/node.h"
#include "server/wire/genesis.h"

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

/// What all replicas and clients of a cluster must agree on, which is in genesis.json:
/// "requests=mac" and the like, for those who make one.
[[nodiscard]] bool is_genesis_setting(const std::string& assignment);
/// Requires, of each: is_genesis_setting(), or the Error says what there is. Whether the whole fits
/// together is for wire::genesis_from_json to say.
Result<void> apply_genesis_settings(const std::vector<std::string>& assignments,
                                    wire::Genesis& genesis);
std::string describe_genesis_settings();

}  // namespace prytany::cli
