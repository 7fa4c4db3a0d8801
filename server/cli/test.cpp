// prytany test: an application's own tests, without a cluster.
#include <cstdio>

#include "server/cli/client_commands.h"
#include "server/cli/test_runner.h"

namespace prytany::cli {
namespace {

Status run_tests(const std::string& app_folder) {
  const auto tally = test_application(app_folder, [](const std::string& line) {
    std::printf("%s\n", line.c_str());
    std::fflush(stdout);
  });
  if (!tally) return tally.error();
  std::printf("%zu passed, %zu failed\n", tally->passed, tally->failed);
  if (tally->failed == 0) return {};
  return Failure{ExitCode::failed, "tests_failed", ""};  // everything was said
}

}  // namespace

void add_test(CLI::App& app, Chosen& chosen) {
  auto folder = std::make_shared<std::string>();
  CLI::App* command = app.add_subcommand(
      "test", "Run an application's tests/*.sql, each on a fresh database, without a cluster");
  command->add_option("APPDIR", *folder, "Folder with prytany.json and tests/")->required();
  command->callback([&chosen, folder] { chosen.run = [folder] { return run_tests(*folder); }; });
}

}  // namespace prytany::cli
