#include "server/app/foreign_keys.h"

#include <algorithm>
#include <vector>

#include "server/app/sandbox.h"
#include "server/base/ensure.h"

namespace prytany::app {
namespace {

constexpr std::string_view at_end = "at-end";
constexpr std::string_view blanks = " \t\r";

std::string_view without_blanks(std::string_view text) {
  const std::size_t first = text.find_first_not_of(blanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(blanks) + 1 - first);
}

std::vector<std::string> tables(Engine& engine) {
  std::vector<std::string> names;
  Statement& statement =
      engine.ours("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name");
  const Rewind rewind(statement);
  while (engine.step_ours(statement))
    if (!is_reserved(statement.text(0))) names.emplace_back(statement.text(0));
  return names;
}

bool has_rows(Engine& engine, const std::string& table) {
  std::string quoted = "\"";
  for (const char c : table) quoted += c == '"' ? std::string("\"\"") : std::string(1, c);
  Statement statement = engine.prepare_ours(("SELECT 1 FROM " + quoted + "\" LIMIT 1").c_str());
  return engine.step_ours(statement);
}

}  // namespace

Result<bool, Failure> wants_foreign_keys_at_end(std::string_view script) {
  while (!script.empty()) {
    const std::size_t end = script.find('\n');
    const std::string_view line = without_blanks(script.substr(0, end));
    if (!line.empty() && !line.starts_with("--")) return false;
    if (line.starts_with(foreign_keys_head)) {
      if (without_blanks(line.substr(foreign_keys_head.size())) == at_end) return true;
      return Failure{"bad_migration", "'" + clipped(line, 100) + "': it can only be '" +
                                          std::string(foreign_keys_head) + " " +
                                          std::string(at_end) + "'"};
    }
    script = end == std::string_view::npos ? std::string_view{} : script.substr(end + 1);
  }
  return false;
}

/// Unlike PRAGMA foreign_keys, this works inside a transaction.
void ForeignKeysOff::enforce(bool yes) {
  int now = -1;
  const int rc =
      sqlite3_db_config(engine_.handle(), SQLITE_DBCONFIG_ENABLE_FKEY, yes ? 1 : 0, &now);
  ENSURE(rc == SQLITE_OK && now == (yes ? 1 : 0));
}

bool owes_foreign_keys(Engine& engine) {
  int owed = 0;
  int unused = 0;
  const int rc =
      sqlite3_db_status(engine.handle(), SQLITE_DBSTATUS_DEFERRED_FKS, &owed, &unused, 0);
  ENSURE(rc == SQLITE_OK);
  return owed != 0;
}

/// Table by table: the PRAGMA alone goes by hash order, which remembers the handle's history.
std::optional<Failure> check_foreign_keys(Engine& engine) {
  // Prepared as ours and run as the application's. One that is kept would be prepared again then.
  Statement check = engine.prepare_ours("SELECT * FROM pragma_foreign_key_check(?1) LIMIT 1");
  for (const std::string& table : tables(engine)) {
    const AccessScope scope(engine.state(), Access::application);
    const Rewind rewind(check);
    check.bind(1, std::string_view(table));
    const int rc = check.step();
    if (rc == SQLITE_DONE) continue;
    if (rc != SQLITE_ROW) return engine.failure(rc);
    const std::string row =
        check.is_null(1) ? "a row" : "the row with rowid " + std::to_string(check.integer(1));
    return Failure{"SQLITE_CONSTRAINT_FOREIGNKEY", row + " of " + table + " refers to a row of " +
                                                       std::string(check.text(2)) +
                                                       " that is not there"};
  }
  return std::nullopt;
}

std::optional<Failure> refuse_drop(Engine& engine, const std::string& table) {
  Statement& statement = engine.ours(
      "SELECT m.name FROM sqlite_schema m, pragma_foreign_key_list(m.name) k WHERE m.type = "
      "'table' AND k.\"table\" = ?1 COLLATE NOCASE AND m.name <> ?1 COLLATE NOCASE "
      "ORDER BY m.name");
  std::vector<std::string> children;
  {
    const Rewind rewind(statement);
    statement.bind(1, std::string_view(table));
    while (engine.step_ours(statement)) children.emplace_back(statement.text(0));
  }
  const auto child = std::ranges::find_if(
      children, [&](const std::string& name) { return has_rows(engine, name); });
  if (child == children.end() || !has_rows(engine, table)) return std::nullopt;
  return Failure{"SQLITE_CONSTRAINT_FOREIGNKEY",
                 "dropping " + table + " would first delete its rows, to which those of " + *child +
                     " refer, and do to these what ON DELETE says; to build a table anew, begin "
                     "the file with the line '" +
                     std::string(foreign_keys_head) + " " + std::string(at_end) +
                     "', and to be rid of the rows, delete them first"};
}

}  // namespace prytany::app
