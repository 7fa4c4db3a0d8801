#include "server/cli/doctor_gate.h"

#include <array>

#include "server/app/sandbox.h"
#include "server/wire/operations.h"

namespace prytany::cli {
namespace {

struct Instead {
  std::string_view code;
  std::string_view text;
};
// Beyond what the gate itself says.
constexpr auto insteads = std::to_array<Instead>({
    {"refused_transaction",
     "put what belongs together into one procedure, or one request: client.transaction() has "
     "steps with conditions (docs/reference/sql.md)"},
    {"refused_temporary", "WITH for one statement, prytany_session_values for one client"},
    {"refused_virtual_table",
     "an ordinary table: of words for full-text search, of ranges for R-trees"},
    {"refused_attach", "put all tables into the one database"},
    {"refused_vacuum", "leave it out"},
    {"refused_analyze", "leave it out; INDEXED BY, likelihood() and CROSS JOIN choose plans"},
    {"refused_reindex", "leave it out"},
    {"refused_explain", "prytany explain"},
    {"refused_pragma",
     "leave it out: foreign keys are always enforced, and there are no journal, cache or "
     "synchronisation to set"},
    {"refused_function",
     "a function of docs/reference/sql.md, or compute it in the client and send the value"},
    {"schema_too_large", "fewer triggers and foreign keys: one trigger may do what several do"},
    {"refused_reserved", "another name: those that begin with prytany_ are the cluster's"},
});

GateRefusal refusal_from(const wire::ErrorReply& error) {
  GateRefusal refusal{error.code.text, error.message.text, {}};
  for (const Instead& instead : insteads)
    if (instead.code == refusal.code) refusal.instead = instead.text;
  return refusal;
}

/// "x" is a name here. SQLite has always taken it for a text where there is no such name.
bool is_quoted_text(const std::string& sql, const GateRefusal& refusal) {
  constexpr std::string_view unknown = "no such column: ";
  if (!refusal.message.starts_with(unknown)) return false;
  const std::string quoted = '"' + refusal.message.substr(unknown.size()) + '"';
  // Of a part of a statement the tables may be missing.
  const std::string first = app::first_word(sql);
  const bool is_whole = first != "SELECT" || sql.find("FROM") != std::string::npos ||
                        sql.find("from") != std::string::npos;
  return is_whole && sql.find(quoted) != std::string::npos;
}

/// As Debian and others build SQLite.
bool is_limited_write(const std::string& sql, const GateRefusal& refusal) {
  const std::string first = app::first_word(sql);
  return (first == "UPDATE" || first == "DELETE") &&
         (refusal.message.starts_with("near \"ORDER\"") ||
          refusal.message.starts_with("near \"LIMIT\""));
}

void look_elsewhere(const std::string& sql, GateRefusal& refusal) {
  if (is_quoted_text(sql, refusal)) {
    refusal.instead = "a text in single quotes: in double quotes it is a name";
  } else if (is_limited_write(sql, refusal)) {
    refusal.instead = "WHERE rowid IN (SELECT rowid ... ORDER BY ... LIMIT ...)";
  } else {
    return;
  }
  refusal.taken_elsewhere = true;
}

}  // namespace

SqlGate::SqlGate() { trial_.join(std::string(trial_admin)); }

std::optional<GateRefusal> SqlGate::make(const std::string& sql) {
  wire::Execute execute;
  execute.statements.items.push_back({{sql}, {}, {}});
  const wire::Outcome outcome = trial_.ask(std::string(trial_admin), execute);
  const auto* error = std::get_if<wire::ErrorReply>(&outcome);
  if (error == nullptr) return std::nullopt;
  return refusal_from(*error);
}

std::optional<GateRefusal> SqlGate::pass(const std::string& sql) {
  wire::Execute execute;
  execute.statements.items.push_back({{sql}, {}, {}});
  execute.statements.items.push_back({{"SELECT ensure(0, 'undo', '')"}, {}, {}});
  const wire::Outcome outcome = trial_.ask(std::string(trial_admin), execute);
  const auto& error = std::get<wire::ErrorReply>(outcome);
  if (error.statement == 2 || error.code.text == "wrong_parameters") return std::nullopt;
  GateRefusal refusal = refusal_from(error);
  look_elsewhere(sql, refusal);
  return refusal;
}

bool is_certain(const GateRefusal& refusal) {
  return refusal.code.starts_with("refused_") || refusal.code == "schema_too_large" ||
         refusal.taken_elsewhere || refusal.message.find("no such function") != std::string::npos ||
         refusal.message.find("no such collation") != std::string::npos ||
         refusal.message.find("no such module") != std::string::npos;
}

}  // namespace prytany::cli
