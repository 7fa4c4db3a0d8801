// What the demo checks from outside, with tools that know nothing of Prytany.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include <prytany/client.h>

#include "server/base/result.h"

namespace prytany::cli {

/// The output of a program, run without a shell. An Error if it cannot be run or does not exit 0.
Result<std::string> output_of(const std::vector<std::string>& command);

using Tally = std::map<std::int64_t, std::int64_t>;  // candidate (0: blank) -> votes

/// Counts the ballots of `question` in a replica's state.db with the sqlite3 tool, while the
/// replica runs.
Result<Tally> count_with_sqlite3(const std::string& state_db, std::int64_t question);

/// Waits until every replica has the same stable checkpoint, at or above `seq`, and the same digest
/// of it. The last status, or what was still missing after `timeout`.
Result<std::vector<ReplicaStatus>> wait_for_common_checkpoint(Cluster& cluster, std::uint64_t seq,
                                                              std::chrono::seconds timeout);

/// Waits until `replica` has executed `seq`.
Result<ReplicaStatus> wait_until_executed(Cluster& cluster, unsigned replica, std::uint64_t seq,
                                          std::chrono::seconds timeout);

/// The first multiple of 200 from `start` at which `replicas` client ports (P+i) and peer ports
/// (P+100+i) are free on 127.0.0.1. 0 if there is none. No other process of this machine is given
/// them while this one lives, though nobody listens there yet, or any more.
std::uint16_t free_base_port(std::uint16_t start, unsigned replicas);

}  // namespace prytany::cli
