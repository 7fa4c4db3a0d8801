// Runs an application's tests, each on a database of its own, and judges what came out.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "server/cli/command.h"
#include "server/cli/test_file.h"

namespace prytany::cli {

struct TestTally {
  std::size_t passed = 0;
  std::size_t failed = 0;
};

/// Runs tests/*.sql of the application in `app_folder`, in order of their names. `say` is given
/// lines as they become true: one for each test, and what was wrong below it. Refused when a file
/// cannot be used, before anything runs, or when the application cannot be installed.
Result<TestTally, Failure> test_application(const std::string& app_folder,
                                            const std::function<void(const std::string&)>& say);

}  // namespace prytany::cli
