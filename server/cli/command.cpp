#include "server/cli/command.h"

#include <cstdio>
#include <string_view>

#include <nlohmann/json.hpp>

namespace prytany::cli {
namespace {

constexpr const char* footer =
    "Exit codes: 0 ok; 1 the application refused or a check failed; 2 usage; 3 no quorum of "
    "replicas "
    "answered alike; 4 outcome unknown; 70 this machine failed (disk, memory); 71 a replica may "
    "have "
    "forgotten its votes, and must not be started again.";

void print(const Failure& failure, bool json) {
  if (json) {
    nlohmann::json error = {{"error", {{"code", failure.code}, {"message", failure.message}}}};
    if (failure.of_application) {
      error["error"]["procedure"] = failure.procedure;
      error["error"]["statement"] = failure.statement;
    }
    const std::string text = error.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
    std::fprintf(stderr, "%s\n", text.c_str());
  } else if (!failure.message.empty()) {
    std::fprintf(stderr, "prytany: %s\n", failure.message.c_str());
  }
}

/// Before parsing succeeded, the flag itself is all that tells.
bool asks_for_json(int argc, char** argv) {
  for (int i = 1; i < argc; ++i) {
    if (std::string_view(argv[i]) == "--json") return true;
  }
  return false;
}

/// What is wrong with a command line may span lines; our messages are one.
std::string one_line(std::string text) {
  while (!text.empty() && text.back() == '\n') text.pop_back();
  for (char& c : text) {
    if (c == '\n') c = ' ';
  }
  return text;
}

/// The first word, if it is meant as a command and is none: parsing says only that one is missing.
std::string unknown_command(arguments::Command app, int argc, char** argv) {
  if (argc < 2 || argv[1][0] == '-') return {};
  if (app.has_command(argv[1])) return {};
  return std::string("there is no command '") + argv[1] + "'";
}

}  // namespace

void add_json_flag(arguments::Command command, Chosen& chosen) {
  command.add_flag("--json", chosen.json, "Print results and errors as JSON");
}

int run_command_line(int argc, char** argv, app::Application* built_in) {
  Chosen chosen;
  chosen.built_in = built_in;
  arguments::Program app("SQLite, replicated so that f of 3f+1 servers may lie, crash or be slow.",
                         "prytany");
  app.set_version("prytany 0.1.0");
  app.set_footer(footer);
  app.requires_command();
  add_operator_commands(app, chosen);
  add_client_commands(app, chosen);
  if (const auto ended = app.parse(argc, argv)) {
    if (ended->exit_code == 0) return print(*ended);
    const std::string unknown = unknown_command(app, argc, argv);
    print(usage_failure((unknown.empty() ? one_line(ended->reason) : unknown) +
                        " (see prytany --help)"),
          asks_for_json(argc, argv));
    return static_cast<int>(ExitCode::usage);
  }
  const Status status = chosen.run ? chosen.run() : Status(usage_failure("nothing to do"));
  if (status.ok()) return static_cast<int>(ExitCode::ok);
  print(status.error(), chosen.json);
  return static_cast<int>(status.error().exit);
}

}  // namespace prytany::cli
