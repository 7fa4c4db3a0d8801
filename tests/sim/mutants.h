// Mutants: bugs that an engineer could make, planted in real lines of the server, one at a time.
// They are in tests/mutants/mutants.txt and in prytany-sim-mutants only: its build makes copies of
// the sources concerned, in which each planted line is a choice at run time. Nothing of it is in
// the server's own sources, nor in prytany-sim.
#pragma once

#include <span>
#include <string_view>

namespace prytany::sim {

struct Mutant {
  unsigned number;
  std::string_view name;
  std::string_view file;
  std::string_view profiles;  // where it is looked for, with blanks between; "any": in all of them
};

/// Empty where none are built in.
std::span<const Mutant> mutants();
/// For the rest of this process's life.
void plant(const Mutant& mutant);
/// Asked by the planted lines.
bool mutant(unsigned number);

}  // namespace prytany::sim
