// The table prytany_ticks: which procedures run by themselves, when next, and what became of the
// last run. What is due first is kept in memory, because every batch asks.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "server/app/bundle.h"
#include "server/app/engine.h"

namespace prytany::app {

class Ticks {
 public:
  struct Due {
    AgreedTime at;
    std::string procedure;
  };

  explicit Ticks(Engine& engine) : engine_(engine) {}

  /// After the table was written, or replaced.
  void load();
  /// Of equal times, the first name.
  [[nodiscard]] const std::optional<Due>& next() const { return next_; }

  // Requires, below: a transaction is open, and pages are not limited. load() comes after its end.

  /// What is scheduled anew, or otherwise, begins now; what stays keeps its time and its past.
  void install(const std::map<std::string, ProcedureSource>& procedures, AgreedTime now);
  /// The one that was due has run: nothing, or its failure.
  void ran(const Due& due, const Schedule& schedule, AgreedTime now,
           const std::optional<std::string>& failure);

 private:
  Engine& engine_;
  std::optional<Due> next_;
};

}  // namespace prytany::app
