// The core's configuration, out of the state.
#pragma once

#include <optional>

#include "server/app/executor.h"
#include "server/pbft/config.h"

namespace prytany::node {

/// `config` in the configuration of who holds the state of `stable`, and this key.
pbft::Config in_configuration(pbft::Config config, const app::Executor& executor, Seq stable,
                              const crypto::PublicKey& key);
/// Its last number, if the next one is ordered.
std::optional<Seq> end_of(const app::Executor& executor, ConfigNumber number);

}  // namespace prytany::node
