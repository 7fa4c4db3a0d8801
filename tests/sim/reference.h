// The reference: what the committed log means, computed apart from the replicas. Twice: by a second
// executor from scratch, whose every reply and checkpoint must be the same, and by plain SQLite,
// which shares no line of ours, applying the clients' own statements in committed order.
#pragma once

#include <map>
#include <vector>

#include "server/app/executor.h"
#include "tests/sim/checks.h"
#include "tests/sim/disk.h"

namespace prytany::sim {

/// What a request was answered when it was ordered at that number.
using Replies = std::map<std::pair<Digest, Seq>, wire::Reply>;

/// Executes the log again on an empty store, and compares replies and checkpoint digests with what
/// the replicas gave. `application` may be null. Returns every reply.
Replies replay_by_executor(const app::ExecutorConfig& config, app::Application* application,
                           Checks& checks);

/// Who was let in by a proof of identity, in all of the log.
void compare_identities(const app::ExecutorConfig& config, Checks& checks, const Replies& replies);

/// Executes the log on plain SQLite, and compares its results with `replies`, and its tables with
/// those of every image (by replica).
void replay_by_sqlite(const app::ExecutorConfig& config, Checks& checks, const Replies& replies,
                      const std::map<ReplicaId, Image>& images);

}  // namespace prytany::sim
