// A database of its own for one script: replica processes in a temporary folder, gone afterwards.
#pragma once

#include <future>
#include <memory>
#include <string>
#include <vector>

#include <prytany/client.h>

#include "server/base/result.h"
#include "server/cli/local_cluster.h"
#include "tests/sqllogictest/outcome.h"

namespace prytany::slt {

struct ClusterOptions {
  unsigned replicas = 4;
  unsigned faults = 1;
  std::string durability = "log";          // or "none"
  std::vector<std::string> settings = {};  // of genesis.json, or of every replica
  std::string program = {};                // `prytany`; empty: beside this one
};

/// Whether replicas can be started so: an Error says what to choose otherwise.
Result<void> check(const ClusterOptions& options);

/// What a client was told. What it did not even send, because it may not be sent, was refused, and
/// the database is there.
Outcome outcome_of(Expected<Answer> answer);

class ClusterDatabase {
 public:
  /// Starts the processes, at free ports from `first_port`, and does not wait for them. To be
  /// called on a thread that outlives them.
  static Result<std::unique_ptr<ClusterDatabase>> start(const ClusterOptions& options,
                                                        std::uint16_t first_port);
  ~ClusterDatabase();
  ClusterDatabase(const ClusterDatabase&) = delete;
  ClusterDatabase& operator=(const ClusterDatabase&) = delete;

  /// Waits until they serve, and joins.
  Result<void> open();
  /// One ordered request; of a statement longer than one may be, code `too_large`.
  std::future<Outcome> ask(const std::string& sql);
  /// Waits for a stable checkpoint of all that was asked, compares every replica's digest of it,
  /// and stops the processes. What was found, in words; an Error if a replica is missing, differs,
  /// or ever differed. May be called on another thread than the others.
  Result<std::string> close();

 private:
  ClusterDatabase();
  [[nodiscard]] Result<void> nobody_diverged() const;

  std::string folder_;
  std::unique_ptr<cli::LocalCluster> servers_;
  std::unique_ptr<Client> client_;
};

}  // namespace prytany::slt
