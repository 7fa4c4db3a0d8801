// Many scripts, each on a database of its own, and what came of them.
#pragma once

#include <string>
#include <vector>

#include "tests/sqllogictest/cluster_database.h"

namespace prytany::slt {

struct SuiteOptions {
  ClusterOptions cluster;
  std::vector<std::string> paths;  // scripts, or folders of *.test
  unsigned depth = 32;             // records under way at once
  std::size_t shown = 20;          // reports shown of each script
  bool strict = false;             // as run_script()'s
};

/// The scripts that `paths` mean, in order; an Error if one is not there.
Result<std::vector<std::string>> scripts_in(const std::vector<std::string>& paths);

/// Prints a line for each script and a last one for all. True if nothing failed.
bool run_suite(const SuiteOptions& options, const std::vector<std::string>& scripts);

}  // namespace prytany::slt
