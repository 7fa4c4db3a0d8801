#include "server/app/watched_tables.h"

#include <string>
#include <vector>

#include "server/app/bundle.h"
#include "server/app/fault.h"
#include "server/app/sandbox.h"

namespace prytany::app {
namespace {

/// DDL of our own, made for the moment.
void run_once(Engine& engine, const std::string& sql) {
  const AccessScope scope(engine.state(), Access::ours);
  char* said = nullptr;
  if (sqlite3_exec(engine.handle(), sql.c_str(), nullptr, nullptr, &said) != SQLITE_OK)
    stop_on_fault(std::string(said == nullptr ? "no memory" : said) + " in: " + sql);
  engine.state().schema_touched = true;
}

/// A name between quotes.
std::string quoted_name(std::string_view name) {
  std::string quoted = "\"";
  for (const char c : name) quoted += c == '"' ? "\"\"" : std::string(1, c);
  return quoted + '"';
}

bool is_table(Engine& engine, const std::string& name) {
  Statement& found =
      engine.ours("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?1 COLLATE NOCASE");
  const Rewind rewind(found);
  found.bind(1, std::string_view(name));
  return engine.step_ours(found);
}

}  // namespace

void unwatch_tables(Engine& engine) {
  std::vector<std::string> names;
  {
    Statement& triggers = engine.ours(
        "SELECT name FROM sqlite_schema WHERE type = 'trigger' AND "
        "substr(name, 1, 14) = 'prytany_watch_' ORDER BY name");
    const Rewind rewind(triggers);
    while (engine.step_ours(triggers)) names.emplace_back(triggers.text(0));
  }
  for (const std::string& name : names) run_once(engine, "DROP TRIGGER " + quoted_name(name));
}

std::optional<Failure> watch_tables(Engine& engine, const Topics& topics) {
  for (const auto& [name, topic] : topics) {
    if (topic.table.empty()) continue;
    if (is_reserved(topic.table) || !is_table(engine, topic.table))
      return bad_application("prytany.json", "topic '" + name + "': there is no table '" +
                                                 clipped(topic.table, 100) +
                                                 "' of the application");
    for (const std::string action : {"insert", "update", "delete"})
      run_once(engine, "CREATE TRIGGER prytany_watch_" + name + "_" + action + " AFTER " + action +
                           " ON " + quoted_name(topic.table) + " BEGIN SELECT notify('" + name +
                           "'); END");
    engine.state().notices.push_back({name, {}});
  }
  return std::nullopt;
}

}  // namespace prytany::app
