// The gate through which every statement of an application goes on a replica, asked about
// statements: an executor of this process, with the real sandbox.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "server/cli/trial.h"

namespace prytany::cli {

/// Why a statement does not pass.
struct GateRefusal {
  std::string code;
  std::string message;
  std::string instead;  // what to write; empty: the message says it
  /// SQLite as it is elsewhere may take the statement: it is not one that is only looked at in
  /// part.
  bool taken_elsewhere = false;
};

class SqlGate {
 public:
  SqlGate();

  /// Runs a statement for good: one that makes a table or an index, which later ones look for.
  std::optional<GateRefusal> make(const std::string& sql);
  /// Runs a statement and undoes it. Parameters without values are no reason to refuse it.
  std::optional<GateRefusal> pass(const std::string& sql);

 private:
  Trial trial_;
};

/// Whether the gate itself speaks, or SQLite of a function or a collation that is not there: true
/// of the statement wherever it stands, as against an error that may come of looking at a part.
bool is_certain(const GateRefusal& refusal);

}  // namespace prytany::cli
