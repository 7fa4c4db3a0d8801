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
  bool dry_run = false;
  bool rollback = false;
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

/// Plainly, if nothing is said besides: older replicas understand that, too.
wire::Operation operation_of(wire::Install bundle, bool dry_run, bool rollback) {
  if (!dry_run && !rollback) return bundle;
  return wire::Upgrade{std::move(bundle), dry_run, rollback};
}

Result<Answer, Failure> install(const InstallOptions& options) {
  auto bundle = app::load_application_folder(options.folder);
  if (!bundle) return usage_failure(bundle.error().message);
  add_client_module(*bundle);
  auto client = join(options.client);
  if (!client) return client.error();
  auto answers = ask(*client, operation_of(std::move(*bundle), options.dry_run, options.rollback));
  if (!answers) {
    Failure why = answers.error();
    if (!why.place.empty()) why.message = why.place + ": " + why.message;
    return why;
  }
  return std::move(answers->back());
}

/// What was done, or would be.
void print_report(const Answer& answer) {
  std::vector<std::vector<std::string>> rows;
  for (const Row& row : answer.rows) {
    std::vector<std::string>& cells = rows.emplace_back();
    for (const Value& value : row) cells.push_back(display(value));
  }
  print_table(answer.columns, rows);
  std::printf("\n");
}

Status run_install(const InstallOptions& options, bool json) {
  auto answer = install(options);
  if (!answer) return answer.error();
  if (json) {
    print_answer(*answer, true);
    return {};
  }
  if (!answer->columns.empty()) print_report(*answer);
  const std::string agreed = describe(answer->agreement);
  if (options.dry_run) {
    std::printf("%s would be installed; nothing was changed; %s\n", options.folder.c_str(),
                agreed.c_str());
  } else {
    std::printf("installed %s at seq %llu; %s\n", options.folder.c_str(),
                static_cast<unsigned long long>(answer->seq), agreed.c_str());
  }
  return {};
}

}  // namespace

Status install_application(const std::string& app_folder, const std::string& genesis_file,
                           const std::string& key_file, unsigned timeout_s) {
  InstallOptions options;
  options.folder = app_folder;
  options.client.cluster = genesis_file;
  options.client.key = key_file;
  options.client.timeout_s = timeout_s;
  auto answer = install(options);
  if (!answer) return answer.error();
  return {};
}

void add_install(arguments::Command app, Chosen& chosen) {
  auto options = std::make_shared<InstallOptions>();
  arguments::Command command = app.add_command(
      "install", "Install an application, or a newer version of it, by one ordered operation");
  command.add_option("APPDIR", options->folder, "Folder with prytany.json, schema/, procedures/")
      .required();
  command.add_flag("--dry-run", options->dry_run,
                   "Do everything in one ordered operation, undo it, and show what was done");
  command.add_flag("--rollback", options->rollback,
                   "Go back: undo migrations that APPDIR does not have, by their .down.sql files");
  add_client_options(command, options->client);
  add_json_flag(command, chosen);
  command.when_chosen([&chosen, options] {
    chosen.run = [options, &chosen] { return run_install(*options, chosen.json); };
  });
}

}  // namespace prytany::cli
