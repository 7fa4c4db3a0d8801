#include "server/app/ticks.h"

#include <vector>

#include "server/base/ensure.h"

namespace prytany::app {

void Ticks::load() {
  next_.reset();
  Statement& first = engine_.ours(
      "SELECT next_us, procedure FROM prytany_ticks ORDER BY next_us, procedure LIMIT 1");
  const Rewind rewind(first);
  if (engine_.step_ours(first))
    next_ = Due{AgreedTime{first.integer(0)}, std::string(first.text(1))};
}

void Ticks::install(const std::map<std::string, ProcedureSource>& procedures, AgreedTime now) {
  std::vector<std::string> gone;
  {
    Statement& all = engine_.ours("SELECT procedure FROM prytany_ticks ORDER BY procedure");
    const Rewind rewind(all);
    while (engine_.step_ours(all)) {
      const auto found = procedures.find(std::string(all.text(0)));
      if (found == procedures.end() || !found->second.schedule) gone.emplace_back(all.text(0));
    }
  }
  for (const std::string& name : gone) {
    Statement& drop = engine_.ours("DELETE FROM prytany_ticks WHERE procedure = ?1");
    const Rewind rewind(drop);
    drop.bind(1, std::string_view(name));
    ENSURE(!engine_.step_ours(drop));
  }
  for (const auto& [name, procedure] : procedures) {
    if (!procedure.schedule) continue;
    Statement& put = engine_.ours(
        "INSERT INTO prytany_ticks(procedure, schedule, next_us, runs, failures) "
        "VALUES(?1, ?2, ?3, 0, 0) ON CONFLICT(procedure) DO UPDATE SET schedule = "
        "excluded.schedule, next_us = excluded.next_us WHERE schedule <> excluded.schedule");
    const Rewind rewind(put);
    put.bind(1, std::string_view(name));
    put.bind(2, std::string_view(procedure.schedule->text));
    put.bind(3, first_after(*procedure.schedule, now).value);
    ENSURE(!engine_.step_ours(put));
  }
}

void Ticks::ran(const Due& due, const Schedule& schedule, AgreedTime now,
                const std::optional<std::string>& failure) {
  Statement& update = engine_.ours(
      "UPDATE prytany_ticks SET next_us = ?2, last_us = ?3, runs = runs + 1, failures = failures + "
      "(?4 IS NOT NULL), failed_us = iif(?4 IS NULL, failed_us, ?3), last_error = coalesce(?4, "
      "last_error) WHERE procedure = ?1");
  const Rewind rewind(update);
  update.bind(1, std::string_view(due.procedure));
  update.bind(2, next_after(schedule, due.at, now).value);
  update.bind(3, now.value);
  if (failure) {
    update.bind(4, std::string_view(*failure));
  } else {
    update.bind_null(4);
  }
  ENSURE(!engine_.step_ours(update));
}

}  // namespace prytany::app
