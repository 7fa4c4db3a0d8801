// What an SQLite program that wrote to state.db, and died, may have left beside it.
#pragma once

#include <string>

#include "server/base/result.h"

namespace prytany::vfs {

/// Lets SQLite roll back a hot `state.db-journal` in `folder`, if there is one. Left alone it
/// would, whenever somebody next opened the file, put old pages over newer ones. Nobody is supposed
/// to write to state.db, and what such a program committed before it died stays: the node sees it
/// by the root and fetches the right state. Requires: this process holds no lock on state.db, and
/// no other thread uses SQLite.
Result<void> roll_back_foreign_journal(const std::string& folder);

}  // namespace prytany::vfs
