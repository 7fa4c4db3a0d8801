// prytany test: an application's own tests, without a cluster.
#include <cstdio>

#include "server/cli/client_commands.h"
#include "server/cli/test_faults.h"
#include "server/cli/test_runner.h"
#include "server/cli/trial.h"

namespace prytany::cli {
namespace {

struct TestOptions {
  std::string folder;
  std::vector<std::string> filters;
  bool faults = false;
  bool trace = false;
  std::string seeds = "1..20";
};

void print_tally(const TestTally& tally, bool json) {
  if (json) {
    std::printf("{\"passed\":%zu,\"failed\":%zu,\"left_out\":%zu}\n", tally.passed, tally.failed,
                tally.left_out);
    return;
  }
  std::printf("%zu passed, %zu failed", tally.passed, tally.failed);
  if (tally.left_out > 0) std::printf(", %zu left out", tally.left_out);
  std::printf("\n");
}

Status run_tests(const TestOptions& options, bool json) {
  // Before anything runs: not after a minute of tests.
  if (options.faults)
    if (auto simulator = simulator_path(); !simulator) return simulator.error();
  if (Status room = room_for_trial(); !room) return room;
  const auto tally =
      test_application(options.folder, options.filters, [json](const TestVerdict& verdict) {
        std::printf("%s\n", (json ? json_of(verdict) : text_of(verdict)).c_str());
        std::fflush(stdout);
      });
  if (!tally) return tally.error();
  print_tally(*tally, json);
  if (tally->failed == 0 && options.faults)
    return test_with_faults({options.folder, options.filters, options.seeds, options.trace, json});
  if (tally->failed == 0) return {};
  const std::string all = std::to_string(tally->passed + tally->failed);
  const std::string what = std::to_string(tally->failed) + " of " + all + " tests failed";
  // For people everything was said.
  return Failure{ExitCode::failed, "tests_failed", json ? what : ""};
}

}  // namespace

void add_test(arguments::Command app, Chosen& chosen) {
  auto options = std::make_shared<TestOptions>();
  arguments::Command command = app.add_command(
      "test", "Run an application's tests/*.sql, each on a fresh database, without a cluster");
  command.add_option("APPDIR", options->folder, "Folder with prytany.json and tests/").required();
  command
      .add_option("--filter", options->filters,
                  "Run only tests in whose FILE.sql:LINE NAME this text occurs; repeatable")
      .one_value();
  auto faults = command.add_flag(
      "--faults", options->faults,
      "If all pass, run them on simulated replicas that crash, lose messages and lie");
  command.add_option("--seeds", options->seeds, "Seeds for --faults: A..B, both included")
      .shows_default()
      .needs(faults);
  command.add_flag("--trace", options->trace, "What happens in one seed of --faults, line by line")
      .needs(faults);
  add_json_flag(command, chosen);
  command.when_chosen([&chosen, options] {
    chosen.run = [options, &chosen] { return run_tests(*options, chosen.json); };
  });
}

}  // namespace prytany::cli
