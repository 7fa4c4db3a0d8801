#include "server/cli/install.h"

#include <cstdio>

#include "server/app/folder.h"
#include "server/cli/client_access.h"
#include "server/cli/client_commands.h"

namespace prytany::cli {
namespace {

struct Options {
  ClientOptions client;
  std::string folder;
};

Result<Answer, Failure> install(const std::string& folder, const ClientOptions& options) {
  auto bundle = app::load_application_folder(folder);
  if (!bundle) return usage_failure(bundle.error().message);
  auto client = join(options);
  if (!client) return client.error();
  auto answers = ask(*client, wire::Operation{std::move(*bundle)});
  if (!answers) return answers.error();
  return std::move(answers->back());
}

Status run(const Options& options, bool json) {
  auto answer = install(options.folder, options.client);
  if (!answer) return answer.error();
  if (json) {
    print_answer(*answer, true);
  } else {
    std::printf("installed %s at seq %llu; %s\n", options.folder.c_str(),
                static_cast<unsigned long long>(answer->seq), describe(answer->agreement).c_str());
  }
  return {};
}

}  // namespace

Status install_application(const std::string& app_folder, const std::string& genesis_file,
                           const std::string& key_file) {
  ClientOptions options;
  options.cluster = genesis_file;
  options.key = key_file;
  options.timeout_s = 60;
  auto answer = install(app_folder, options);
  if (!answer) return answer.error();
  return {};
}

void add_install(CLI::App& app, Chosen& chosen) {
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand(
      "install", "Install an application, or a newer version of it, by one ordered operation");
  command->add_option("APPDIR", options->folder, "Folder with prytany.json, schema/, procedures/")
      ->required();
  add_client_options(*command, options->client);
  add_json_flag(*command, chosen);
  command->callback([&chosen, options] {
    chosen.run = [options, &chosen] { return run(*options, chosen.json); };
  });
}

}  // namespace prytany::cli
