// Who lies in a run, and how.
#pragma once

#include "tests/sim/parameters.h"

namespace prytany::sim {

/// One to f liars, in the place of as many others that have a fate of their own.
void cast_liars(Rng& dice, Parameters& parameters);
/// One to f that are two processes each, likewise.
void cast_twins(Rng& dice, Parameters& parameters);
/// The negative control: f+1 that equivocate together, the first primary among them.
void conspire(Parameters& parameters);

}  // namespace prytany::sim
