// Proofs: what a correct replica shows others convinces them. Everything with a signature or a
// certificate in it that leaves one goes through the door that every replica has (wire::Verifier):
// who is refused there is not heard, however right it is, and frames are refused whole.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "server/wire/configuration.h"
#include "server/wire/verify.h"
#include "tests/sim/violations.h"

namespace prytany::sim {

class ProofChecker {
 public:
  explicit ProofChecker(Violations& violations) : violations_(violations) {}

  /// Configuration 0, before anything is said.
  void begins(const wire::Membership& genesis) { chain_.emplace(genesis); }
  /// Some replica knows these, and says things that only who knows them, too, can check.
  void knows(const std::vector<wire::ConfigurationLink>& links);
  /// These leave it in one frame, as said in that configuration.
  void left(ReplicaId from, ConfigNumber config, const std::vector<wire::PeerMessage>& messages);

  /// Messages that were looked at.
  [[nodiscard]] std::uint64_t judged() const { return judged_; }

 private:
  wire::Verifier& verifier(ConfigNumber config);

  Violations& violations_;
  std::optional<wire::Chain> chain_;
  std::map<ConfigNumber, wire::Verifier> verifiers_;
  std::uint64_t judged_ = 0;
};

}  // namespace prytany::sim
