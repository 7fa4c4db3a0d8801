// Which hostile clients a run has.
#pragma once

#include "tests/sim/parameters.h"

namespace prytany::sim {

/// One to four, each of a few kinds, and a group with little room: small backlogs, so that they
/// are filled.
void cast_hostiles(Rng& dice, Parameters& parameters);

}  // namespace prytany::sim
