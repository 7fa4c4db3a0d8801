// prytany-sim: the whole of Prytany in virtual time, from one seed.
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <optional>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "server/arguments/arguments.h"
#include "tests/sim/hunt.h"
#include "tests/sim/report.h"
#include "tests/sim/script.h"

namespace {

using namespace prytany::sim;

std::string description() {
  std::string text =
      "Runs replicas, clients, network, disks and clocks of one group in virtual time, and checks "
      "what must hold.\nOne seed decides everything: the same seed gives the same trace hash. "
      "docs/testing.md says what is injected and asked.\n\nProfiles (--profile):\n";
  for (const Profile& profile : profiles()) {
    std::string name(profile.name);
    name.resize(17, ' ');
    text += "  " + name + std::string(profile.text) + "\n";
  }
  return text;
}

struct SeedRange {
  std::uint64_t first = 1;
  std::uint64_t last = 1;
};

std::optional<std::uint64_t> number_of(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

/// "A..B", both included.
std::optional<SeedRange> range_of(std::string_view text) {
  const std::size_t dots = text.find("..");
  if (dots == std::string_view::npos) return std::nullopt;
  const auto first = number_of(text.substr(0, dots));
  const auto last = number_of(text.substr(dots + 2));
  if (!first || !last || *first > *last) return std::nullopt;
  return SeedRange{*first, *last};
}

struct Print {
  bool json = false;
  bool trace = false;
  bool coverage = false;
  const Mutant* mutant = nullptr;  // planted in every seed
};

/// Runs `cmake --build FOLDER --target TARGET`; what it says is not what this program says.
bool build(const std::string& folder, const std::string& target) {
  const pid_t child = fork();
  if (child == 0) {
    dup2(STDERR_FILENO, STDOUT_FILENO);
    execlp("cmake", "cmake", "--build", folder.c_str(), "--target", target.c_str(), nullptr);
    _exit(127);
  }
  int status = 0;
  while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return child > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/// Those who have mutants are another program, beside this one. Where this one was built, it is
/// built (again, if anything changed) when it is asked for: few who build Prytany want it.
int exec_mutants(char** argv) {
  const std::filesystem::path self = std::filesystem::read_symlink("/proc/self/exe");
  const std::string other = self.string() + "-mutants";
  const std::filesystem::path folder = self.parent_path().parent_path();
  if (std::filesystem::exists(folder / "CMakeCache.txt") &&
      !build(folder.string(), "prytany-sim-mutants")) {
    std::cerr << "prytany-sim: building prytany-sim-mutants failed (above)\n";
    return 2;
  }
  execv(other.c_str(), argv);
  std::cerr << "prytany-sim: cannot start " << other << ": " << std::strerror(errno) << "\n";
  return 2;
}

const Mutant* mutant_named(std::string_view name) {
  const auto found = std::ranges::find(mutants(), name, &Mutant::name);
  return found == mutants().end() ? nullptr : &*found;
}

/// The tests of a script one after the other, as there are seeds.
Options with_seed(Options options, const std::vector<Script>& scripts, std::uint64_t seed) {
  options.seed = seed;
  if (!scripts.empty())
    options.script = &scripts[(std::max<std::uint64_t>(seed, 1) - 1) % scripts.size()];
  return options;
}

/// How much of a script's tests the seeds tried.
std::string tried(const std::vector<Script>& scripts, const SeedRange& range, bool json) {
  std::set<const Script*> tests;
  for (std::uint64_t seed = range.first; seed - range.first < scripts.size(); ++seed) {
    tests.insert(with_seed({}, scripts, seed).script);
    if (seed == range.last) break;
  }
  std::size_t answers = 0;
  std::size_t compared = 0;
  for (const Script* test : tests) {
    for (const ScriptStep& step : test->steps) {
      answers += step.kind == ScriptStep::Kind::clock ? 0U : 1U;
      compared += step.expected ? 1U : 0U;
    }
  }
  const auto number = [](std::size_t value) { return std::to_string(value); };
  if (json)
    return R"({"tests":)" + number(tests.size()) + R"(,"of_tests":)" + number(scripts.size()) +
           R"(,"compared":)" + number(compared) + R"(,"of_answers":)" + number(answers) + "}";
  return number(tests.size()) + " of " + number(scripts.size()) + " tests; " + number(compared) +
         " of their " + number(answers) +
         " answers are compared, the others depend on time or chance";
}

/// Whether all held.
bool run(const SeedRange& range, const Options& options, const std::vector<Script>& scripts,
         const RunnerOptions& runner, const Print& print) {
  Summary summary;
  const auto work = [&](std::uint64_t number) {
    if (print.mutant != nullptr) plant(*print.mutant);
    const Options mine = with_seed(options, scripts, number);
    RunResult result = simulate(mine, print.trace ? &std::cout : nullptr);
    if (!result.ok() && !print.trace && !print.json) result.last_lines = last_notes(mine);
    std::cout.flush();
    return to_message(result);
  };
  run_seeds(range.first, range.last, runner, work, [&](const Outcome& outcome) {
    const Line line = line_of(outcome, with_seed(options, scripts, outcome.seed));
    summary.add(line, outcome.processor_ms);
    std::cout << (print.json ? line.json : line.text) << std::endl;
    return true;
  });
  if (print.coverage) std::cout << summary.coverage().table() << std::endl;
  if (!scripts.empty()) std::cout << tried(scripts, range, print.json) << std::endl;
  std::cout << (print.json ? summary.json() : summary.text()) << std::endl;
  return summary.ok();
}

struct CommandLine {
  std::uint64_t seed = 1;
  std::string seeds;
  std::string plant;
  std::string profile;
  std::string mutant;
  std::string script_path;
  std::string called_by;
  std::vector<Script> scripts;
  bool all_mutants = false;
  std::uint64_t budget_s = 300;
  Options options;
  RunnerOptions runner{.jobs = 2};
  Print print;
  SeedRange range;

  void describe(prytany::arguments::Command app);
  /// What is wrong with it, if something is.
  std::optional<std::string> resolve();
  int act() const;
};

void CommandLine::describe(prytany::arguments::Command app) {
  auto one = app.add_option("--seed", seed, "run this seed");
  app.add_option("--seeds", seeds, "run these seeds: A..B, both included").excludes(one);
  app.add_option("--replicas", options.replicas, "n, the size of the group")
      .shows_default()
      .between(4, 31);
  app.add_option("--faults", options.faults, "f; n must be at least 3f+1").shows_default();
  app.add_option("--jobs", runner.jobs, "seeds at a time, each in its own process")
      .shows_default()
      .between(1, 256);
  app.add_option("--time-limit", runner.processor_seconds_max,
                 "seconds of a processor before a seed counts as hanging")
      .shows_default();
  app.add_flag("--json", print.json, "a line of JSON for each seed, then {\"seeds\", ...}");
  app.add_option("--profile", profile, "which faults: one of the above");
  app.add_flag("--coverage", print.coverage, "afterwards, a table of which fault met which phase");
  app.add_flag("--trace", print.trace, "print what happens in one seed, line by line");
  app.add_option("--script", script_path,
                 "somebody's own application and its tests, as prytany test --faults writes them; "
                 "each seed runs one of them, and asks the same of all replicas at once afterwards")
      .existing_file();
  app.add_option("--called-by", called_by,
                 "the command that says --script, for who replays a seed");
  app.add_option("--plant", plant, "plant a fault that the checkers must find (docs/testing.md)");
  app.add_option("--mutant", mutant, "plant this bug of tests/mutants/mutants.txt");
  app.add_flag("--mutants", all_mutants,
               "plant each of them (or --mutant), and run seeds until one reports it; exit code 0: "
               "all were found, by seeds that hold without them");
  app.add_option("--budget-s", budget_s, "seconds for each of --mutants").shows_default();
}

std::optional<std::string> CommandLine::resolve() {
  range = {seed, seed};
  if (!seeds.empty()) {
    const auto asked = range_of(seeds);
    if (!asked) return "--seeds takes A..B with A <= B, for instance 1..200";
    range = *asked;
  }
  if (options.replicas < 3 * options.faults + 1)
    return "--replicas must be at least 3 * faults + 1";
  if (print.trace && range.first != range.last) return "--trace shows one seed: --seeds 7..7";
  if (!profile.empty()) {
    options.profile = profile_named(profile);
    if (options.profile == nullptr) return "there is no profile \"" + profile + "\"";
  }
  if (!script_path.empty()) {
    std::ifstream in(script_path, std::ios::binary);
    std::ostringstream text;
    text << in.rdbuf();
    auto read = read_scripts(text.str());
    if (!read) return script_path + ": " + read.error().message;
    scripts = std::move(*read);
    options.called_by = called_by;
  }
  if (!plant.empty()) {
    const auto found = plant_named(plant);
    if (!found) return "there is no fault \"" + plant + "\" to plant";
    options.plant = *found;
  }
  if (!mutant.empty() && !mutants().empty()) {
    print.mutant = mutant_named(mutant);
    if (print.mutant == nullptr) return "there is no mutant \"" + mutant + "\"";
    options.mutant = mutant;
  }
  return std::nullopt;
}

int CommandLine::act() const {
  if (!all_mutants) return run(range, options, scripts, runner, print) ? 0 : 1;
  RunnerOptions quiet = runner;
  quiet.keeps_errors = true;
  quiet.processor_seconds_max = static_cast<unsigned>(std::min<std::uint64_t>(budget_s, 60));
  const auto say = [](const std::string& line) { std::cout << line << std::endl; };
  const auto which = print.mutant == nullptr ? mutants() : std::span(print.mutant, 1);
  return hunt_all(which, {options, quiet, budget_s * 1'000}, print.json, say) ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  prytany::arguments::Program app(description(), "prytany-sim");
  CommandLine line;
  line.describe(app);
  if (const auto ended = app.parse(argc, argv)) return print(*ended) == 0 ? 0 : 2;
  if (const auto wrong = line.resolve()) {
    std::cerr << "prytany-sim: " << *wrong << "\n";
    return 2;
  }
  if ((line.all_mutants || !line.mutant.empty()) && mutants().empty()) return exec_mutants(argv);
  return line.act();
}
