#include "server/cli/install.h"

#include <algorithm>
#include <cstdio>

#include "server/app/folder.h"
#include "server/cli/client_access.h"
#include "server/cli/client_commands.h"
#include "server/cli/client_module.h"

namespace prytany::cli {
namespace {

struct InstallOptions {
  ClientOptions client;
  std::string folder;
};

/// Pages find the client module beside them, whatever replica serves them, and under the same
/// digest as they. An application that brings a file of this name keeps its own.
void add_client_module(wire::Install& install) {
  auto& files = install.files.items;
  const std::string path = "web/prytany-client.js";
  const auto before = [](const auto& file, const std::string& name) {
    return file.path.text < name;
  };
  const auto place = std::lower_bound(files.begin(), files.end(), path, before);
  const bool pages = std::any_of(files.begin(), files.end(), [](const auto& file) {
    return file.path.text.starts_with("web/");
  });
  if (!pages || (place != files.end() && place->path.text == path)) return;
  const std::string_view text = client_module();
  files.insert(place, {{path}, {Bytes(text.begin(), text.end())}});
}

Result<Answer, Failure> install(const std::string& folder, const ClientOptions& options) {
  auto bundle = app::load_application_folder(folder);
  if (!bundle) return usage_failure(bundle.error().message);
  add_client_module(*bundle);
  auto client = join(options);
  if (!client) return client.error();
  auto answers = ask(*client, wire::Operation{std::move(*bundle)});
  if (!answers) {
    Failure why = answers.error();
    if (!why.place.empty()) why.message = why.place + ": " + why.message;
    return why;
  }
  return std::move(answers->back());
}

Status run_install(const InstallOptions& options, bool json) {
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
                           const std::string& key_file, unsigned timeout_s) {
  ClientOptions options;
  options.cluster = genesis_file;
  options.key = key_file;
  options.timeout_s = timeout_s;
  auto answer = install(app_folder, options);
  if (!answer) return answer.error();
  return {};
}

void add_install(CLI::App& app, Chosen& chosen) {
  auto options = std::make_shared<InstallOptions>();
  CLI::App* command = app.add_subcommand(
      "install", "Install an application, or a newer version of it, by one ordered operation");
  command->add_option("APPDIR", options->folder, "Folder with prytany.json, schema/, procedures/")
      ->required();
  add_client_options(*command, options->client);
  add_json_flag(*command, chosen);
  command->callback([&chosen, options] {
    chosen.run = [options, &chosen] { return run_install(*options, chosen.json); };
  });
}

}  // namespace prytany::cli
