// What a call of a procedure does: its statements as they ran, with SQLite's query plan and what
// each of them cost. On a state in memory, in a transaction that is always rolled back.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "server/base/result.h"
#include "server/wire/operations.h"
#include "vfs/page_store.h"

namespace prytany::cli {

/// One run of one statement.
struct ExplainedStatement {
  std::string sql;
  std::vector<std::string> plan;  // SQLite's EXPLAIN QUERY PLAN, indented by two for each level
  std::uint64_t steps = 0;        // of SQLite's virtual machine
  std::uint64_t scanned = 0;      // rows gone through without an index
  std::uint64_t sorts = 0;
  std::uint64_t pages = 0;  // asked for
  std::uint64_t bytes = 0;  // allocated
};

struct Explanation {
  std::vector<ExplainedStatement> statements;  // in the order in which they ended
  wire::Outcome outcome;                       // what the caller would have got
  std::uint64_t charged = 0;                   // of the budget, in steps: all of the above counts
  std::uint64_t budget = 0;
};

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
Explanation explain_call(vfs::PageStore& store, const wire::Call& call, const std::string& role,
                         AgreedTime agreed);

}  // namespace prytany::cli
