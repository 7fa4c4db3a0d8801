// Who joined with a proof of who they are: correct replicas find in it what it says and nothing
// else, none of them vouches for what is another's, and what is ordered is what f+1 replicas put
// their names to (decision 0028). The proofs' truth is known here, and no line of how replicas find
// it is shared.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "server/app/executor.h"
#include "server/wire/client_messages.h"
#include "tests/sim/violations.h"

namespace prytany::sim {

class IdentityChecker {
 public:
  explicit IdentityChecker(Violations& violations) : violations_(violations) {}

  /// A client shows a proof with this join, which says this of it; nothing: it is another's.
  void shown(const Digest& join, std::optional<wire::Identity> truth);
  /// A correct replica vouches for what it found.
  void found(const std::string& by, const wire::IdentityTokenReply& said);

  /// Of a request that was committed: who it let in, if it is such a join. `keys`: of each member,
  /// all that it ever had.
  void ordered(const app::ExecutorConfig& config,
               const std::map<ReplicaId, std::vector<crypto::PublicKey>>& keys,
               const wire::RequestBody& body, const wire::Outcome& outcome);

  [[nodiscard]] std::uint64_t vouched() const { return vouched_; }
  [[nodiscard]] std::uint64_t let_in() const { return let_in_; }

 private:
  Violations& violations_;
  std::map<Digest, std::optional<wire::Identity>> shown_;
  std::uint64_t vouched_ = 0;
  std::uint64_t let_in_ = 0;
};

}  // namespace prytany::sim
