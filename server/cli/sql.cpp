// prytany sql: one request of SQL, or a shell.
#include "server/cli/sql.h"

#include <sqlite3.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cstdio>
#include <iostream>

#include "clientlib/convert.h"
#include "server/cli/client_access.h"
#include "server/cli/client_commands.h"
#include "server/cli/explanation_report.h"

namespace prytany::cli {
namespace {

struct SqlOptions {
  ClientOptions client;
  std::string statement;
  bool explain = false;
};

constexpr const char* help_text =
    ".help     this\n"
    ".tables   tables and views\n"
    ".schema   how they were made\n"
    ".status   what every replica says about itself\n"
    ".quit     leave (or Ctrl-D)\n"
    "Anything else is SQL, up to a semicolon; what is sent together is one transaction.\n";
constexpr const char* tables_sql =
    "SELECT name, type FROM sqlite_schema WHERE type IN ('table', 'view') "
    "AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' AND name NOT LIKE 'prytany\\_%' ESCAPE '\\' "
    "ORDER BY name";
constexpr const char* schema_sql =
    "SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL "
    "AND tbl_name NOT LIKE 'sqlite\\_%' ESCAPE '\\' AND tbl_name NOT LIKE 'prytany\\_%' "
    "ESCAPE '\\' ORDER BY tbl_name, type DESC, name";

std::vector<Statement> statements_in(const std::string& text) {
  std::vector<Statement> statements;
  for (std::string& sql : split_statements(text)) statements.push_back({std::move(sql), {}, {}});
  return statements;
}

bool all_look_read_only(const std::vector<Statement>& statements) {
  return std::ranges::all_of(statements, [](const Statement& s) { return looks_read_only(s.sql); });
}

/// All statements of `text` in one transaction; the last one's answer.
Result<Answer, Failure> execute(const Client& client, const std::string& text) {
  const std::vector<Statement> statements = statements_in(text);
  if (statements.empty()) return usage_failure("there is no statement");
  const bool reads = all_look_read_only(statements);
  auto answers = ask(client, client::to_wire(statements, reads));
  // WITH may begin a statement that writes. Being refused, it changed nothing: ask again.
  if (!answers && reads && answers.error().code == "not_read_only")
    answers = ask(client, client::to_wire(statements, false));
  if (!answers) return answers.error();
  return std::move(answers->back());
}

void complain(const Failure& failure) {
  std::fprintf(stderr, "error: %s (%s)\n", failure.message.c_str(), failure.code.c_str());
}

void print_schema(const Answer& answer) {
  for (const auto& [sql] : answer.as<std::string>()) std::printf("%s;\n", sql.c_str());
}

/// False to leave.
bool dot_command(Client& client, const std::string& line) {
  if (line == ".quit" || line == ".exit") return false;
  if (line == ".tables" || line == ".schema") {
    const auto answer = execute(client, line == ".tables" ? tables_sql : schema_sql);
    if (!answer) {
      complain(answer.error());
    } else if (line == ".tables") {
      print_answer(*answer, false);
    } else {
      print_schema(*answer);
    }
  } else if (line == ".status") {
    std::vector<std::vector<std::string>> rows;
    for (const ReplicaStatus& r : client.status())
      rows.push_back({std::to_string(r.id), r.reachable ? "reachable" : "unreachable",
                      std::to_string(r.last_executed), std::to_string(r.stable_checkpoint)});
    print_table({"replica", "", "executed", "checkpoint"}, rows);
  } else {
    std::printf("%s", help_text);
  }
  return true;
}

Status shell(Client& client, bool json) {
  const bool person = ::isatty(STDIN_FILENO) != 0 && !json;
  if (person)
    std::printf("Prytany: joined as %s (%s). .help for help.\n", client.principal().c_str(),
                client.role().c_str());
  std::string text;
  std::string line;
  std::optional<Failure> last;
  while (true) {
    if (person) {
      std::printf("%s", text.empty() ? "sql> " : "...> ");
      std::fflush(stdout);
    }
    if (!std::getline(std::cin, line)) break;
    if (text.empty() && line.starts_with('.')) {
      if (!dot_command(client, line)) break;
      continue;
    }
    text += line + "\n";
    if (sqlite3_complete(text.c_str()) == 0) continue;
    const std::string whole = std::exchange(text, "");
    if (split_statements(whole).empty()) continue;
    const auto answer = execute(client, whole);
    if (answer) {
      print_answer(*answer, json);
      continue;
    }
    // A script stops at its first error; a person goes on.
    if (!person) return answer.error();
    complain(answer.error());
    if (answer.error().exit == ExitCode::outcome_unknown) return answer.error();
  }
  if (split_statements(text).empty()) return {};
  return usage_failure("the last statement does not end with a semicolon");
}

Status explain_statements(Client& client, const std::string& text, bool json) {
  const std::vector<Statement> statements = statements_in(text);
  if (statements.empty()) return usage_failure("there is no statement");
  const bool reads = all_look_read_only(statements);
  const auto explained = [&](bool read_only) {
    return attempt([&] { return client.explain_sql(statements, read_only); });
  };
  auto told = explained(reads);
  // As in execute().
  if (told && reads && told->error && told->error->code == "not_read_only") told = explained(false);
  if (!told) return told.error();
  return report_explanation(explanation_from(*told), client.role(), json);
}

Status run_sql(const SqlOptions& options, bool json) {
  if (options.explain && options.statement.empty())
    return usage_failure("--explain needs a STATEMENT");
  auto client = join(options.client);
  if (!client) return client.error();
  if (options.explain) return explain_statements(*client, options.statement, json);
  if (options.statement.empty()) return shell(*client, json);
  const auto answer = execute(*client, options.statement);
  if (!answer) return answer.error();
  print_answer(*answer, json);
  return {};
}

/// Past blanks and comments.
std::string_view skip_blank(std::string_view text) {
  while (!text.empty()) {
    if (std::isspace(static_cast<unsigned char>(text.front())) != 0) {
      text.remove_prefix(1);
    } else if (text.starts_with("--")) {
      text.remove_prefix(std::min(text.find('\n'), text.size()));
    } else if (text.starts_with("/*")) {
      const std::size_t end = text.find("*/", 2);
      text.remove_prefix(end == std::string_view::npos ? text.size() : end + 2);
    } else {
      break;
    }
  }
  return text;
}

}  // namespace

std::vector<std::string> split_statements(std::string_view text) {
  std::vector<std::string> statements;
  std::size_t begin = 0;
  const auto add = [&](std::size_t end) {
    const std::string_view statement = skip_blank(text.substr(begin, end - begin));
    if (!statement.empty()) statements.emplace_back(statement);
    begin = std::min(end + 1, text.size());
  };
  for (std::size_t at = text.find(';'); at != std::string_view::npos; at = text.find(';', at + 1)) {
    const std::string so_far(text.substr(begin, at + 1 - begin));
    if (sqlite3_complete(so_far.c_str()) != 0) add(at);
  }
  add(text.size());
  return statements;
}

bool looks_read_only(std::string_view statement) {
  statement = skip_blank(statement);
  std::string word;
  for (const char c : statement.substr(0, 8)) {
    if (std::isalpha(static_cast<unsigned char>(c)) == 0) break;
    word += static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  }
  return word == "SELECT" || word == "VALUES" || word == "WITH";
}

void add_sql(arguments::Command app, Chosen& chosen) {
  auto options = std::make_shared<SqlOptions>();
  arguments::Command command = app.add_command(
      "sql", "Run SQL in one transaction; without STATEMENT, a shell (.help there)");
  command.add_option("STATEMENT", options->statement, "One or more statements");
  command.add_flag("--explain", options->explain,
                   "Show the plan and the cost of each statement, and change nothing");
  add_client_options(command, options->client);
  add_json_flag(command, chosen);
  command.when_chosen([&chosen, options] {
    chosen.run = [options, &chosen] { return run_sql(*options, chosen.json); };
  });
}

}  // namespace prytany::cli
