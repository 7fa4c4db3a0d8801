// Conditional batches: ad-hoc SQL of which some steps run only if others did, or did not, in one
// ordered request and one transaction.
#pragma once

#include "server/app/engine.h"
#include "server/wire/operations.h"
#include "server/wire/values.h"

namespace prytany::app {

/// All steps, in order, in the transaction that is open; one result each. An ErrorReply instead, if
/// a step failed that may not, or in a way that is not its own: then nothing of it may stay.
wire::Outcome run_transaction(Engine& engine, const wire::Transaction& transaction);

}  // namespace prytany::app
