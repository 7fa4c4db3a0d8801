// Installing, upgrading and going back.
#pragma once

#include "server/app/engine.h"
#include "server/wire/operations.h"

namespace prytany::app {

/// The files of what is installed, in order of their paths; none if nothing is.
wire::Install installed_files(Engine& engine);

/// The order of work is in docs/reference/procedures.md. What it did: a row for each migration,
/// procedure and page, with the columns what, name, change, detail. `back`: migrations that were
/// applied and are not in `install` are undone. Requires: a transaction is open, which is rolled
/// back on failure; the running application's procedures are forgotten.
Result<wire::ResultSet, wire::ErrorReply> install_application(Engine& engine,
                                                              const wire::Install& install,
                                                              bool back, Seq seq,
                                                              AgreedTime agreed);

}  // namespace prytany::app
