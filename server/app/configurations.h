// The configurations of the group, as execution knows them: genesis, and what each RECONFIGURE made
// of it (docs/decisions/0014-a-new-incarnation.md). A table, so that the state's digest covers it
// and a state transfer brings it.
#pragma once

#include <optional>
#include <vector>

#include "server/app/engine.h"
#include "server/app/executor.h"
#include "server/wire/configuration.h"

namespace prytany::app {

class Configurations {
 public:
  /// Both outlive it.
  Configurations(const ExecutorConfig& config, Engine& engine);

  /// From the table, which exists.
  void load();

  /// That of `seq`: the newest that began below it.
  [[nodiscard]] const wire::Configuration& governing(Seq seq) const;
  /// That of the numbers above `seq`.
  [[nodiscard]] const wire::Configuration& after(Seq seq) const { return governing(seq + 1); }
  [[nodiscard]] const wire::Configuration* find(ConfigNumber number) const {
    return number.value < known_.size() ? &known_[number.value] : nullptr;
  }
  [[nodiscard]] const wire::Configuration& newest() const { return known_.back(); }

  /// Executed at `seq`, for an administrator. Inside a transaction; nothing is changed if refused.
  std::optional<Failure> change(const wire::Reconfigure& wanted, Seq seq, AgreedTime agreed);

 private:
  [[nodiscard]] std::optional<Failure> refuse(const wire::Reconfigure& wanted, Seq seq) const;
  [[nodiscard]] wire::Configuration next(ReplicaId member, const crypto::PublicKey& key,
                                         Seq since) const;

  const ExecutorConfig& config_;
  Engine& engine_;
  std::vector<wire::Configuration> known_;  // by number
};

/// The first checkpoint at or above seq + window: nobody can have proposed anything beyond it who
/// has not executed `seq`.
Seq end_of_configuration(Seq seq, std::uint64_t window, std::uint64_t checkpoint_interval);

}  // namespace prytany::app
