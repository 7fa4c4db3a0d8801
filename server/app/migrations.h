// From the schema that was reached to the one that an application wants: what runs, what is undone,
// what may not change.
#pragma once

#include <string>
#include <vector>

#include "server/app/bundle.h"
#include "server/app/engine.h"
#include "server/wire/values.h"

namespace prytany::app {

struct MigrationRun {
  std::string path;
  bool undone = false;
  std::size_t statements = 0;
  std::int64_t changes = 0;  // rows
  std::uint64_t steps = 0;   // of the request's budget
};

/// Runs the migrations of `next` that were not applied yet. With `back`, first undoes those that
/// were and that it does not have, newest first, by the scripts that `installed` has for them; what
/// cannot be undone is refused with "rollback_impossible" before anything has run. A statement that
/// fails is told with "migration_failed", the file and the statement's number. Requires: a
/// transaction is open.
Result<std::vector<MigrationRun>, wire::ErrorReply> migrate(Engine& engine, const Bundle& next,
                                                            const Bundle& installed, bool back,
                                                            AgreedTime agreed);

}  // namespace prytany::app
