// genesis.json in the hands of commands: read, checked, turned into what the rooms want.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "server/app/executor.h"
#include "server/base/result.h"
#include "server/pbft/config.h"
#include "server/wire/genesis.h"
#include "server/wire/signing.h"

namespace prytany::cli {

/// Reads `path`, refuses what is damaged or not signed by all.
Result<wire::GenesisFile> read_genesis(const std::string& path);

/// The file of `--static-clients`.
Result<std::vector<wire::StaticClient>> read_static_clients(const std::string& path);

pbft::Group group_of(const wire::Genesis& genesis);
wire::Membership membership_of(const wire::Genesis& genesis);
pbft::Config config_of(const wire::Genesis& genesis, ReplicaId self);
app::ExecutorConfig executor_config_of(const wire::Genesis& genesis);

/// Pages of which origins ("http://host:port") may open a WebSocket to a replica: those that the
/// members themselves serve, and `more`.
std::set<std::string> origins_of(const wire::Genesis& genesis,
                                 const std::vector<std::string>& more);

/// What this program's SQLite calls itself; equal on all replicas of a cluster.
std::string engine();

/// "4 replicas, f = 1: ..." and, with n < 3f+1, the warning that the group is not always live.
std::string describe(const pbft::Group& group);

/// A genesis with `members`, and everything else by default.
wire::Genesis new_genesis(const std::string& name, unsigned faults,
                          std::vector<wire::Member> members);

}  // namespace prytany::cli
