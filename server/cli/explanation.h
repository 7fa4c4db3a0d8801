// What a call of a procedure does and costs, on a state in memory: without a cluster.
#pragma once

#include <memory>
#include <string>

#include "server/app/explain.h"
#include "server/base/result.h"
#include "server/wire/operations.h"
#include "vfs/page_store.h"

namespace prytany::cli {

/// A state to try calls on, in memory.
struct TrialState {
  std::unique_ptr<vfs::StateDisk> disk;
  std::unique_ptr<vfs::PageStore> store;
  wire::Install application;  // that is installed in it
  AgreedTime agreed;
};

/// The state in a replica's state.db, or a copy of it: as of its last checkpoint. It is read as any
/// SQLite program may read it, and the replica does not notice.
Result<TrialState> read_state(const std::string& path);

/// Calls as somebody of this role, at `agreed`. Requires: an application is installed in `store`,
/// no other SQL handle writes to it. A state that explained a call can explain another.
app::Explanation explain_call(vfs::PageStore& store, const wire::Call& call,
                              const std::string& role, AgreedTime agreed);

}  // namespace prytany::cli
