// prytany explain: what a call of a procedure costs, and why, without a cluster and without
// changing anything.
#include <filesystem>
#include <memory>

#include "clientlib/convert.h"
#include "server/app/bundle.h"
#include "server/app/folder.h"
#include "server/cli/call.h"
#include "server/cli/client_commands.h"
#include "server/cli/explanation.h"
#include "server/cli/explanation_report.h"
#include "server/cli/files.h"
#include "server/cli/sql.h"
#include "server/cli/trial.h"

namespace prytany::cli {
namespace {

struct ExplainOptions {
  std::string where;
  std::string procedure;
  std::vector<std::string> arguments;
  std::string role;
  std::string before;
};

/// A fresh database with the application, and with what the statements of `before` make of it.
Result<std::unique_ptr<Trial>, Failure> fresh_state(const wire::Install& application,
                                                    const std::string& before) {
  if (Status room = room_for_trial(); !room) return room.error();
  auto trial = std::make_unique<Trial>();
  const wire::Outcome installed = trial->install(application);
  if (const auto* error = std::get_if<wire::ErrorReply>(&installed))
    return failure_of_explained(*error);
  if (before.empty()) return trial;
  const auto text = read_file(before);
  if (!text) return usage_failure(text.error().message);
  std::size_t number = 0;
  for (std::string& sql : split_statements(*text)) {
    ++number;
    wire::Execute execute;
    execute.statements.items.push_back({{std::move(sql)}, {}, {}});
    const wire::Outcome outcome = trial->ask(std::string(trial_admin), execute);
    if (const auto* error = std::get_if<wire::ErrorReply>(&outcome))
      return usage_failure(before + ", statement " + std::to_string(number) + ": " +
                           error->message.text + " (" + error->code.text + ")");
  }
  return trial;
}

/// The role that is asked for, or one that may call the procedure.
std::string role_for(const wire::Install& application, const ExplainOptions& options) {
  if (!options.role.empty()) return options.role;
  const auto bundle = app::read_bundle(application);
  if (!bundle) return std::string(trial_admin);
  const auto found = bundle->procedures.find(options.procedure);
  if (found == bundle->procedures.end() || found->second.roles.empty())
    return std::string(trial_admin);
  return *found->second.roles.begin();
}

Status run_explain(const ExplainOptions& options, bool json) {
  wire::Call call{{options.procedure}, {}};
  for (const std::string& text : options.arguments) {
    const auto argument = parse_argument(text);
    if (!argument) return usage_failure(argument.error().message);
    call.arguments.items.push_back({{argument->name}, client::to_wire(argument->value)});
  }
  std::error_code ignored;
  if (!std::filesystem::is_directory(options.where, ignored)) {
    if (!options.before.empty())
      return usage_failure("--before is for the fresh database of a folder");
    auto state = read_state(options.where);
    if (!state) return usage_failure(state.error().message);
    if (state->application.files.empty())
      return usage_failure("no application is installed in " + options.where);
    const std::string role = role_for(state->application, options);
    return report_explanation(explain_call(*state->store, call, role, state->agreed + 1), role,
                              json);
  }
  const auto application = app::load_application_folder(options.where);
  if (!application) return usage_failure(application.error().message);
  const auto trial = fresh_state(*application, options.before);
  if (!trial) return trial.error();
  const std::string role = role_for(*application, options);
  return report_explanation(explain_call((*trial)->store(), call, role, (*trial)->now() + 1), role,
                            json);
}

}  // namespace

void add_explain(arguments::Command app, Chosen& chosen) {
  auto options = std::make_shared<ExplainOptions>();
  arguments::Command command = app.add_command(
      "explain", "Show the query plans and the cost of a procedure's statements, changing nothing");
  command.add_option("STATE", options->where, "An application's folder, or a replica's state.db")
      .required();
  command.add_option("PROCEDURE", options->procedure, "Its name").required();
  command.add_option("ARGUMENTS", options->arguments, "As prytany call takes them");
  command.add_option("--role", options->role,
                     "Who calls it; default: a role that the procedure names");
  command
      .add_option("--before", options->before,
                  "A file of SQL that fills the fresh database of a folder")
      .existing_file();
  add_json_flag(command, chosen);
  command.when_chosen([&chosen, options] {
    chosen.run = [options, &chosen] { return run_explain(*options, chosen.json); };
  });
}

}  // namespace prytany::cli
