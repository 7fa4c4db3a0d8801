// Runs an application's tests, each on a database of its own, and judges what came out.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "server/cli/command.h"
#include "server/cli/test_file.h"
#include "server/wire/operations.h"

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

/// What a test does, for who wants to do it elsewhere.
struct AskedStep {
  enum class Kind { join, ask, read, clock };
  Kind kind = Kind::ask;
  std::size_t line = 0;
  std::string client;  // read: nobody's
  wire::Operation operation;
  AgreedTime time;              // clock: what it shows from now on,
  std::int64_t forward_us = 0;  // or, if this is not 0, by how much it is set forward
  /// The answer that the test is right with, a join's without its session. None: it depends on how
  /// much time passes, on chance, or on how often somebody joined.
  std::optional<wire::Outcome> outcome;
  std::optional<wire::Identity> identity = {};  // join: what was proven beyond the client's key
};
struct AskedTest {
  std::string file;  // without folders
  std::size_t line = 0;
  std::string name;
  wire::Install application;  // whose roles list the keys that this test gives them
  std::vector<AskedStep> steps;
  /// Somebody's proof is judged, or replaced while its session lives: only this process knows how.
  bool of_here_alone = false;
};
struct AskedTests {
  std::vector<AskedTest> tests;
  /// Those that ask whom the application believes, or give a client two identities in turn.
  std::size_t left_out = 0;
};
/// Runs the tests that `filters` leaves, and notes what they do. Fails if one does not pass.
Result<AskedTests, Failure> what_tests_ask(const std::string& app_folder,
                                           const std::vector<std::string>& filters);

}  // namespace prytany::cli
