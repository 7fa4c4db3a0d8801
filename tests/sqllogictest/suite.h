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

/// Which engine's records are run.
inline constexpr const char* engine = "sqlite";

enum class SuiteResult { good, failed, no_records };
/// Prints a line for each script and a last one for all. A script may have no records, or none for
/// this engine; if that is true of all of them, nothing was tested.
SuiteResult run_suite(const SuiteOptions& options, const std::vector<std::string>& scripts);

}  // namespace prytany::slt
