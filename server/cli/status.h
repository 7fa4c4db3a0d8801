// What every replica says about itself, for people and programs.
#pragma once

#include <string>
#include <vector>

#include <prytany/client.h>

namespace prytany::cli {

/// How far each replica is behind. The measure is the highest number that weak_quorum() replicas
/// claim to have executed: one that boasts makes nobody look late.
std::vector<std::uint64_t> lags(const std::vector<ReplicaStatus>& replicas, unsigned faults);

/// {"replicas":[{"id","reachable","view","primary","last_executed","stable_checkpoint",
/// "state_digest","lag"}]}; null for what an unreachable replica did not say.
std::string status_json(const std::vector<ReplicaStatus>& replicas, unsigned faults);

}  // namespace prytany::cli
