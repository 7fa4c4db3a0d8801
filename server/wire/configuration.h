// Configurations: which key is which replica's, from which number on. Genesis is configuration 0; a
// RECONFIGURE makes the next one (docs/decisions/0014-a-new-incarnation.md). Whoever knows genesis
// can check a chain of them: each is proven by a checkpoint that a quorum of the one before signed.
#pragma once

#include <optional>
#include <vector>

#include "server/wire/messages.h"
#include "server/wire/signing.h"

namespace prytany::wire {

/// Governs the numbers above `since`, up to and including the next one's.
struct Configuration {
  ConfigNumber number;
  Seq since;
  List<crypto::PublicKey, limits::replicas_max> keys;  // by ReplicaId
  static constexpr auto fields(auto& m) { return std::tie(m.number, m.since, m.keys); }
  bool operator==(const Configuration&) const = default;
};

/// sha256("prytany configuration", cluster ‖ encode(configuration)): what a CHECKPOINT covers.
Digest configuration_digest(const Digest& cluster, const Configuration& configuration);

/// `proof`: of checkpoint configuration.since, by a quorum of the configuration before.
struct ConfigurationLink {
  Configuration configuration;
  CheckpointProof proof;
  static constexpr auto fields(auto& m) { return std::tie(m.configuration, m.proof); }
  bool operator==(const ConfigurationLink&) const = default;
};
/// Lowest first, without gaps.
using ConfigurationLinks = List<ConfigurationLink, limits::configurations_max>;

/// quorum() distinct members of `group` signed it.
[[nodiscard]] bool check_proof(const Membership& group, const CheckpointProof& proof);

class Chain {
 public:
  /// `genesis`: configuration 0.
  explicit Chain(Membership genesis);

  /// Believes `link` if the newest configuration proves it, or it is known already; else why not.
  const char* extend(const ConfigurationLink& link);

  [[nodiscard]] const Configuration& newest() const { return known_.back(); }
  /// Requires: number <= newest().number.
  [[nodiscard]] const Configuration& at(ConfigNumber number) const { return known_[number.value]; }
  /// Whose quorums vouch for `seq`: the newest known one that began below it.
  [[nodiscard]] const Configuration& governing(Seq seq) const;
  /// What `configuration`'s members sign and are checked by.
  [[nodiscard]] Membership membership(const Configuration& configuration) const;
  [[nodiscard]] const Membership& genesis() const { return genesis_; }

  /// By a quorum of the configuration that governs its number.
  [[nodiscard]] bool check(const CheckpointProof& proof) const {
    return check_proof(membership(governing(proof.checkpoint.seq)), proof);
  }

  /// All links from genesis on.
  [[nodiscard]] const std::vector<ConfigurationLink>& links() const { return links_; }
  /// Those above `number`, as many as fit `bytes_max`, at least one if there is one.
  [[nodiscard]] ConfigurationLinks links_above(ConfigNumber number, std::size_t bytes_max) const;

 private:
  Membership genesis_;
  std::vector<Configuration> known_;  // by number
  std::vector<ConfigurationLink> links_;
};

/// Whether `key` may become a member's: good, and not a member's yet. Else why not.
const char* refuse_new_key(const Configuration& configuration, const crypto::PublicKey& key);

}  // namespace prytany::wire
