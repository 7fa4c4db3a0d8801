// Runs an application's tests, each on a database of its own, and judges what came out.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "server/cli/command.h"
#include "server/cli/test_file.h"

namespace prytany::cli {

/// What came of one test.
struct TestVerdict {
  std::string file;
  std::size_t line = 0;  // of its @test
  std::string name;
  std::size_t wrong_line = 0;  // of what went wrong first; 0: it passed
  std::string wrong = {};

  [[nodiscard]] bool passed() const { return wrong_line == 0; }
};
/// One line, and a second one if it failed, which may go on below; without the last line's end.
std::string text_of(const TestVerdict& verdict);
/// The same as one line of JSON.
std::string json_of(const TestVerdict& verdict);

struct TestTally {
  std::size_t passed = 0;
  std::size_t failed = 0;
  std::size_t left_out = 0;  // by the filter
};

/// Runs tests/*.sql of the application in `app_folder`, in order of their names, and of those only
/// the tests in whose "FILE.sql:LINE NAME" one of `filters` occurs, if there are any. `tell` is
/// given verdicts as they are reached. Refused when a file cannot be used or no test is left,
/// before anything runs, or when the application cannot be installed.
Result<TestTally, Failure> test_application(const std::string& app_folder,
                                            const std::vector<std::string>& filters,
                                            const std::function<void(const TestVerdict&)>& tell);

}  // namespace prytany::cli
