// What genesis says, as every process of a run is told it.
#pragma once

#include "server/wire/genesis.h"
#include "tests/sim/process.h"

namespace prytany::sim {

/// Requires: genesis.engine is filled in. What is not genesis's is as in a server.
GroupSetting setting_from(const wire::Genesis& genesis);

}  // namespace prytany::sim
