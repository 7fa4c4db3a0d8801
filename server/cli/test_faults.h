// `prytany test --faults`: what an application's tests ask, asked of a simulated group of replicas
// that crash, lose messages and lie.
#pragma once

#include <string>
#include <vector>

#include "server/cli/command.h"
#include "server/cli/test_runner.h"

namespace prytany::cli {

/// A test as a line of JSON for prytany-sim (docs/testing.md): its first actor is the
/// administrator.
std::string script_of(const AskedTest& test);

struct FaultOptions {
  std::string app_folder;
  std::vector<std::string> filters;
  std::string seeds;   // "A..B", both included
  bool trace = false;  // of one seed, what happens, line by line
  bool json = false;
};
/// prytany-sim, beside this program. Refused, with how to get it, where it is not.
Result<std::string, Failure> simulator_path();
/// Runs it on the tests; it prints a line for each seed and how a failed one is replayed.
/// Requires: the tests pass without faults.
Status test_with_faults(const FaultOptions& options);

}  // namespace prytany::cli
