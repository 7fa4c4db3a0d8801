// sqlite3_vfs over PageStore: SQLite's database file is replicated memory.
//
// Only the main database can be opened; journals and temporary files live in SQLite's heap. Nothing
// here reads a clock, a random device or a file.
#pragma once

#include <memory>

#include "server/base/result.h"
#include "vfs/page_store.h"

struct sqlite3;

namespace prytany::vfs {

/// Registers the VFS "prytany" as this process's default, once. The default, because SQLite seeds
/// its generator from the default VFS whatever VFS a connection uses. open_database() calls it.
void register_vfs();

struct CloseDatabase {
  /// Every statement must be finalized: a handle that lingers would keep the store.
  void operator()(sqlite3* database) const;
};
using Database = std::unique_ptr<sqlite3, CloseDatabase>;

/// SQLite on the live image of `store`, which outlives it, with the settings that belong to the
/// file's format or to the equality of its bytes: pages of 4096, journal in memory, no auto-vacuum,
/// normal locking (the change counter must move at each transaction), no spilling, freed content
/// zeroed, temporary tables in memory. Several handles of one store take turns: one transaction at
/// a time, which is for the caller to see to. An Error is a local fault.
Result<Database> open_database(PageStore& store);

}  // namespace prytany::vfs
