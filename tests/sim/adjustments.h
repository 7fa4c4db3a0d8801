// Draws made over, for all that want less or more than what was drawn: profiles, plants, and runs
// without a log.
#pragma once

#include "tests/sim/parameters.h"
#include "tests/sim/rng.h"

namespace prytany::sim {

/// Between the two, or 0: never.
std::uint64_t sometimes(Rng& rng, Ppm rate, std::uint64_t low, std::uint64_t high);
void without_network_faults(Parameters& p);
void without_process_faults(Parameters& p);
void without_storage_faults(Parameters& p);
void without_clock_faults(Parameters& p);
/// See Parameters::gentle.
void make_gentle(Parameters& p);
/// So many other replicas.
void plan_faults(Rng& rng, Parameters& p, unsigned count, bool must_halt);
/// Who keeps no log and stops has lost its disk, so nothing else may stop one.
void without_log(Rng& rng, Parameters& p);

}  // namespace prytany::sim
