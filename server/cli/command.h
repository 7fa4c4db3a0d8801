// How a command of `prytany` is made. Each command is a pair of files in this folder with one
// function
//
//   void add_<command>(arguments::Command app, Chosen& chosen);
//
// that adds its subcommand and options to `app`, and whose callback puts what is to be done in
// `chosen.run`:
//
//   void add_example(arguments::Command app, Chosen& chosen) {
//     auto options = std::make_shared<Options>();              // outlives this function
//     arguments::Command command = app.add_command("example", "Does something.");
//     command.add_option("FILE", options->file, "...").required();
//     add_json_flag(command, chosen);
//     command.when_chosen([&chosen, options] { chosen.run = [options] { return run(*options); };
//     });
//   }
//
// Results go to standard output, errors to standard error as one line, or with --json as
// {"error":{"code","message"}}. operator_commands.cpp and client_commands.cpp list the commands.
#pragma once

#include <functional>
#include <string>

#include "server/app/application.h"
#include "server/arguments/arguments.h"
#include "server/base/result.h"

namespace prytany::cli {

/// The process's exit code: part of the interface, documented in --help.
enum class ExitCode : int {
  ok = 0,
  failed = 1,           // the application said no, or a check failed
  usage = 2,            // the command line, or a file it names
  no_quorum = 3,        // not enough replicas answered, or not enough agreed
  outcome_unknown = 4,  // a request was sent, and nobody can tell whether it was executed
  local_fault = 70,     // this machine failed (disk, memory): mend it, then start again
  disk_loss = 71,       // a replica may have forgotten what it voted: it must not be started again
};

/// Why a command failed. `code` is stable, lower case, for programs; `message` is one line for
/// people and says what to do where it can.
struct Failure {
  ExitCode exit = ExitCode::failed;
  std::string code;
  std::string message;     // empty: the command said all that there is to say
  std::string place = {};  // of an application's error: "procedures/sign.sql, statement 2"
  // Of an application's error also, as docs/reference/errors.md says:
  bool of_application = false;
  std::string procedure = {};
  std::uint32_t statement = 0;
};
using Status = Result<void, Failure>;

/// A file or an option that cannot be used.
inline Failure usage_failure(std::string message) {
  return {ExitCode::usage, "usage", std::move(message)};
}
/// The code is `code`; the message is an Error's.
inline Failure failure(std::string code, const Error& error) {
  return {ExitCode::failed, std::move(code), error.message};
}

/// What the command line asked for.
struct Chosen {
  app::Application* built_in = nullptr;  // what its replicas run; null: what is installed
  std::function<Status()> run;
  bool json = false;
};

/// --json, for commands that print results for programs.
void add_json_flag(arguments::Command command, Chosen& chosen);

/// Parses, runs, prints a failure. The whole of main(), also of a program with an application
/// built in: it has all of prytany's commands, and its replicas run `built_in`.
int run_command_line(int argc, char** argv, app::Application* built_in = nullptr);

/// keygen, genesis, init, replica, dev (operator_commands.cpp).
void add_operator_commands(arguments::Command app, Chosen& chosen);
/// new, test, explain, doctor, install, import, call, sql, gateway, pages, status, reincarnate,
/// bench, demo (client_commands.cpp).
void add_client_commands(arguments::Command app, Chosen& chosen);

}  // namespace prytany::cli
