// Tables that a topic of prytany.json names: whatever changes them tells the topic, once for each
// request (docs/reference/subscriptions.md).
//
// By triggers, because SQLite's update hook says nothing of rows that REPLACE removes, of tables
// emptied whole, and of WITHOUT ROWID; and no row is told of, because a trigger is not called for
// those that REPLACE removes either. That the table has changed, one of these always tells.
#pragma once

#include <optional>

#include "server/app/engine.h"
#include "server/app/topic.h"

namespace prytany::app {

/// Drops the triggers that there are, so that migrations may do as they like with the tables.
/// Requires: a transaction is open.
void unwatch_tables(Engine& engine);

/// Makes those of these topics, and tells each that its table may have changed. A failure is the
/// application's. Requires: a transaction is open, and unwatch_tables() was called in it.
std::optional<Failure> watch_tables(Engine& engine, const Topics& topics);

}  // namespace prytany::app
