// Which configuration a replica is in: that of the state that it holds (docs/protocol.md,
// reconfiguration).
#include "server/node/configurations.h"

#include "server/node/node.h"

namespace prytany::node {
namespace {

/// Who is another one than in the configuration before; nothing in genesis.
std::optional<ReplicaId> newcomer(const app::Executor& executor,
                                  const wire::Configuration& configuration) {
  if (configuration.number == ConfigNumber{0}) return std::nullopt;
  const auto* before = executor.configuration(ConfigNumber{configuration.number.value - 1});
  for (std::size_t i = 0; i < configuration.keys.size(); ++i)
    if (configuration.keys.items[i] != before->keys.items[i])
      return ReplicaId{static_cast<std::uint16_t>(i)};
  return std::nullopt;
}

}  // namespace

View first_view(const app::Executor& executor, Seq image, const pbft::Group& group) {
  const wire::Configuration& configuration = executor.configuration_after(image);
  return pbft::first_view_of(group, configuration.number, newcomer(executor, configuration));
}

Result<bool> complete_chain(wire::Chain& chain, const app::Executor& executor,
                            const pbft::Recovered& recovered) {
  const wire::Configuration& mine = executor.configuration_after(recovered.image);
  const ConfigNumber known = chain.newest().number;
  if (mine.number <= known) {
    if (mine == chain.at(mine.number)) return false;
    return Error{"state.db and the file of configurations are not of one cluster"};
  }
  if (recovered.stable && chain.extend({mine, *recovered.stable}) == nullptr) return true;
  return Error{"the file of configurations ends with number " + std::to_string(known.value) +
               ", and state.db is of number " + std::to_string(mine.number.value) +
               ": it was lost, or is of an older time"};
}

pbft::Config in_configuration(pbft::Config config, const app::Executor& executor, Seq stable,
                              const crypto::PublicKey& key) {
  const wire::Configuration& configuration = executor.configuration_after(stable);
  config.number = configuration.number;
  config.first_view = first_view(executor, stable, config.group);
  config.ends_at = end_of(executor, config.number);
  config.mute = configuration.keys.items[config.self.value] != key;
  return config;
}

std::optional<Seq> end_of(const app::Executor& executor, ConfigNumber number) {
  const auto* next = executor.configuration(number + 1);
  if (next == nullptr) return std::nullopt;
  return next->since;
}

}  // namespace prytany::node
