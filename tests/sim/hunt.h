// The hunt for mutants: each is planted, and seeds are run until one reports a violation. That seed
// must hold without it, too. What survives is a hole in the faults or in the checkers.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "tests/sim/mutants.h"
#include "tests/sim/parameters.h"
#include "tests/sim/runner.h"

namespace prytany::sim {

/// One way to try a mutant.
struct Try {
  const Profile* profile = nullptr;
  std::uint64_t seed = 1;
};

/// The profiles that a mutant is looked for in: those that the table names, or all of a default
/// choice. An unknown name gives an empty list.
std::vector<const Profile*> profiles_for(const Mutant& mutant);
/// The `number`th of a hunt through these profiles: each profile's first seed, then each one's
/// second.
Try nth_try(const std::vector<const Profile*>& profiles, std::uint64_t number);

struct Catch {
  bool caught = false;
  bool clean = false;  // the same seed holds without it
  Try at;              // the last, if it was not caught
  std::string by;      // the first violation
  std::uint64_t tries = 0;
  std::uint64_t wall_ms = 0;  // until it was caught
};

struct HuntOptions {
  Options group;  // replicas and faults of every run
  RunnerOptions runner;
  std::uint64_t budget_ms = 120'000;  // of wall time for each mutant
};

/// Whether a run that ended so has noticed something: a violation, or a stop by ENSURE or of the
/// memory. One that took too long has not: only what the checkers say about liveness counts.
bool noticed(const Outcome& outcome, std::string& by);

/// One mutant.
Catch hunt(const Mutant& mutant, const HuntOptions& options);
/// All of these; a line for each as soon as it is done. Whether all were caught, by seeds that hold
/// without.
bool hunt_all(std::span<const Mutant> which, const HuntOptions& options, bool json,
              const std::function<void(const std::string&)>& print);

}  // namespace prytany::sim
