// Who lies in a run, and how.
#pragma once

#include "tests/sim/parameters.h"

namespace prytany::sim {

/// What the liars of a run are after.
enum class Theme : std::uint8_t {
  any,        // one of the others, or whatever lies are drawn
  views,      // that views change, towards them, and that later views forget
  primaries,  // what only a primary can do
  states,     // those who fetch the state
  backups,    // whatever; but none of them leads, and nothing else goes wrong
  reads,      // those who read without ordering
};
/// One to f liars, in the place of as many others that have a fate of their own.
void cast_liars(Rng& dice, Parameters& parameters, Theme theme);
/// Hostile clients and liars in league: what some of the one give to the others, those propose.
/// Where nobody lies, one to f do nothing else.
void conspire_with_clients(Rng& dice, Parameters& parameters);
/// One to f that are two processes each, likewise.
void cast_twins(Rng& dice, Parameters& parameters);
/// The negative control: f+1 that equivocate together, the first primary among them.
void conspire(Parameters& parameters);

}  // namespace prytany::sim
