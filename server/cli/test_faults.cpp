#include "server/cli/test_faults.h"

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <map>

#include <nlohmann/json.hpp>

#include "server/cli/files.h"
#include "server/cli/shell_word.h"
#include "server/cli/trial.h"
#include "server/wire/codec.h"

namespace prytany::cli {
namespace {

namespace fs = std::filesystem;
using FaultsJson = nlohmann::ordered_json;

/// Starts `program` and waits for its end: its exit code, or -1.
int run_and_wait(const std::string& program, std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), program);
  std::vector<char*> words;
  for (std::string& argument : arguments) words.push_back(argument.data());
  words.push_back(nullptr);
  std::fflush(stdout);  // what was said comes first
  const pid_t child = ::fork();
  if (child == 0) {
    ::execv(program.c_str(), words.data());
    ::_exit(127);
  }
  int status = 0;
  while (child > 0 && ::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return child > 0 && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/// Clients by their numbers, which they get in the order in which they are named.
class FaultsCast {
 public:
  FaultsCast() { (void)number_of(std::string(trial_admin)); }
  std::size_t number_of(const std::string& name) {
    const auto [known, fresh] = numbers_.try_emplace(name, numbers_.size());
    if (fresh) json_.push_back({{"name", name}, {"key", to_hex(trial_key(name).seed())}});
    return known->second;
  }
  [[nodiscard]] const FaultsJson& json() const { return json_; }

 private:
  std::map<std::string, std::size_t> numbers_;
  FaultsJson json_ = FaultsJson::array();
};

FaultsJson step_json(const std::string& file, const AskedStep& step, FaultsCast& cast) {
  FaultsJson json;
  json["place"] = file + ":" + std::to_string(step.line);
  switch (step.kind) {
    case AskedStep::Kind::clock:
      json["do"] = "clock";
      if (step.forward_us > 0) {
        json["forward_us"] = step.forward_us;
      } else {
        json["time_us"] = step.time.value;
      }
      return json;
    case AskedStep::Kind::join: json["do"] = "join"; break;
    case AskedStep::Kind::ask: json["do"] = "ask"; break;
    case AskedStep::Kind::read: json["do"] = "read"; break;
  }
  if (step.kind != AskedStep::Kind::read) json["actor"] = cast.number_of(step.client);
  if (step.kind != AskedStep::Kind::join) json["operation"] = to_hex(wire::encode(step.operation));
  if (step.identity) json["identity"] = to_hex(wire::encode(*step.identity));
  if (step.outcome) json["expected"] = to_hex(wire::encode(*step.outcome));
  return json;
}

std::string replaying(const FaultOptions& options) {
  std::string command = "prytany test " + shell_word(options.app_folder) + " --faults";
  for (const std::string& filter : options.filters) command += " --filter " + shell_word(filter);
  return command;
}

/// A file that is gone when this is.
class ScriptFile {
 public:
  explicit ScriptFile(std::string path) : path_(std::move(path)) {}
  ~ScriptFile() {
    std::error_code ignored;
    fs::remove(path_, ignored);
  }
  ScriptFile(const ScriptFile&) = delete;
  ScriptFile& operator=(const ScriptFile&) = delete;
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace

std::string script_of(const AskedTest& test) {
  FaultsCast cast;
  FaultsJson steps = FaultsJson::array();
  for (const AskedStep& step : test.steps) steps.push_back(step_json(test.file, step, cast));
  FaultsJson json;
  json["test"] = test.file + ":" + std::to_string(test.line) + " " + test.name;
  json["begin_us"] = trial_begin_us;
  json["application"] = to_hex(wire::encode(wire::Operation(test.application)));
  json["actors"] = cast.json();
  json["steps"] = std::move(steps);
  return json.dump(-1, ' ', false, FaultsJson::error_handler_t::replace) + "\n";
}

Result<std::string, Failure> simulator_path() {
  std::error_code unknown;
  const fs::path here = fs::read_symlink("/proc/self/exe", unknown).parent_path();
  const fs::path simulator = here / "prytany-sim";
  if (!unknown && ::access(simulator.c_str(), X_OK) == 0) return simulator.string();
  return Failure{ExitCode::usage, "no_simulator",
                 "--faults needs the program prytany-sim beside prytany, in " + here.string() +
                     ": build it in Prytany's source tree by `scripts/build.sh release "
                     "prytany-sim`, and copy build/release/bin/prytany-sim there"};
}

Status test_with_faults(const FaultOptions& options) {
  const auto simulator = simulator_path();
  if (!simulator) return simulator.error();
  const auto tests = what_tests_ask(options.app_folder, options.filters);
  if (!tests) return tests.error();
  if (tests->tests.empty())
    return usage_failure(
        "--faults has no test to run: those that ask whom the application believes are not "
        "simulated");
  if (tests->left_out > 0)
    std::fprintf(stderr,
                 "%zu tests are left out: whom the application believes is not simulated, nor "
                 "a client with two identities in turn\n",
                 tests->left_out);
  std::string text;
  for (const AskedTest& test : tests->tests) text += script_of(test);
  std::string path = (fs::temp_directory_path() / "prytany-script-XXXXXX").string();
  const int made = ::mkstemp(path.data());
  if (made < 0) return failure("system", Error{"cannot make a file like " + path});
  ::close(made);
  const ScriptFile script(path);
  if (auto written = replace_file(script.path(), text); !written)
    return failure("system", written.error());
  std::vector<std::string> words = {"--script",         script.path(), "--called-by",
                                    replaying(options), "--seeds",     options.seeds};
  if (options.json) words.emplace_back("--json");
  if (options.trace) words.emplace_back("--trace");
  const int code = run_and_wait(*simulator, words);
  if (code == 0) return {};
  // For people everything was said.
  if (code == 1)
    return Failure{ExitCode::failed, "faults_found",
                   options.json ? "the application's tests failed with some seeds" : ""};
  if (code == 2) return usage_failure("prytany-sim refused what it was asked");
  return failure("system", Error{*simulator + " could not be run to its end"});
}

}  // namespace prytany::cli
