// prytany call: one procedure, from the command line.
#include "server/cli/call.h"

#include "clientlib/convert.h"
#include "server/cli/client_access.h"
#include "server/cli/client_commands.h"
#include "server/cli/explanation_report.h"
#include "server/wire/json_reader.h"
#include "server/wire/plain_json.h"

namespace prytany::cli {
namespace {

struct CallOptions {
  ClientOptions client;
  std::string procedure;
  std::vector<std::string> arguments;
  bool explain = false;
};

bool is_json_tree(std::string_view text) {
  wire::JsonDocument document;
  const auto json = document.parse(text, limits::json_bytes_max);
  if (!json) return false;
  return json->is_array() ||
         (json->is_object() && !wire::JsonPicker().optional_field(*json, "base64"));
}

/// What the call would do and cost, as f+1 replicas say alike.
Status explain_on_cluster(const CallOptions& options, const Arguments& arguments, bool json) {
  if (options.client.key.empty() && options.client.code.empty())
    return usage_failure(
        "--explain needs --key or --code: replicas explain a call to who may "
        "make it, and has a session");
  auto client = join(options.client);
  if (!client) return client.error();
  const auto told = attempt([&] { return client->explain_call(options.procedure, arguments); });
  if (!told) return told.error();
  return report_explanation(explanation_from(*told), client->role(), json);
}

Status run_call(const CallOptions& options, bool json) {
  Arguments arguments;
  for (const std::string& text : options.arguments) {
    auto argument = parse_argument(text);
    if (!argument) return usage_failure(argument.error().message);
    arguments.push_back(std::move(*argument));
  }
  if (options.explain) return explain_on_cluster(options, arguments, json);
  const auto timeout = std::chrono::seconds(options.client.timeout_s);
  const bool anonymous = options.client.key.empty() && options.client.code.empty();
  const auto called = [&]() -> Result<Answer, Failure> {
    if (anonymous) {
      auto cluster = open_cluster(options.client);
      if (!cluster) return cluster.error();
      return attempt([&] { return cluster->read(options.procedure, arguments, timeout); });
    }
    auto client = join(options.client);
    if (!client) return client.error();
    return attempt([&] { return client->call(options.procedure, arguments); });
  }();
  if (!called) return called.error();
  print_answer(*called, json);
  return {};
}

}  // namespace

Result<Named> parse_argument(std::string_view text) {
  const std::size_t equals = text.find('=');
  if (equals == std::string_view::npos || equals == 0)
    return Error{"an argument is name=value or name:=JSON, not \"" + std::string(text) + "\""};
  std::string_view name = text.substr(0, equals);
  const std::string_view value = text.substr(equals + 1);
  const bool strict = name.ends_with(':');
  if (strict) name.remove_suffix(1);
  if (name.starts_with(':')) name.remove_prefix(1);  // as in SQL
  if (name.empty()) return Error{"an argument without a name: \"" + std::string(text) + "\""};
  if (strict && !wire::JsonDocument().parse(value, limits::json_bytes_max))
    return Error{std::string(name) + ":= takes JSON, and this is not: " + std::string(value)};
  if (!strict && is_json_tree(value)) return Named{std::string(name), Value(std::string(value))};
  const auto parsed = wire::value_from_plain(value);
  if (!parsed) return Error{std::string(name) + ": " + parsed.error().reason};
  return Named{std::string(name), client::from_wire(*parsed)};
}

void add_call(arguments::Command app, Chosen& chosen) {
  auto options = std::make_shared<CallOptions>();
  arguments::Command command = app.add_command(
      "call", "Call a procedure of the installed application; without --key, a public one");
  command.add_option("PROCEDURE", options->procedure, "Its name").required();
  command.add_option("ARGUMENTS", options->arguments,
                     "name=value (numbers and null as such, the rest as text) or name:=JSON");
  command.add_flag("--explain", options->explain,
                   "Show the plan and the cost of each statement, and change nothing");
  add_client_options(command, options->client);
  add_json_flag(command, chosen);
  command.when_chosen([&chosen, options] {
    chosen.run = [options, &chosen] { return run_call(*options, chosen.json); };
  });
}

}  // namespace prytany::cli
