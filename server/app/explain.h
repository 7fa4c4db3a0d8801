// What a call or SQL does: its statements as they ran, with SQLite's query plan and what each of
// them cost, in a transaction that is always rolled back.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "server/app/engine.h"
#include "server/wire/values.h"

namespace prytany::app {

/// How many runs of statements are told one by one; those that come after them are only counted.
inline constexpr std::size_t explained_statements_max = 256;

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
  std::vector<ExplainedStatement> statements;  // in the order in which they ran
  std::uint64_t left_out = 0;                  // statements that ran after those
  wire::Outcome outcome;                       // what the caller would have got
  std::uint64_t charged = 0;                   // of the budget, in steps: all of the above counts
  std::uint64_t budget = 0;
};

/// Runs `run` in a transaction of its own, looks on, and undoes it. What would have failed only
/// when it commits, fails. Equal wherever the same handle would have run the same request.
/// Requires: a request was begun, and no transaction is open.
Explanation explain(Engine& engine, const std::function<wire::Outcome()>& run);

/// As it travels (docs/wire.md): a row for each statement, and one for all of it.
wire::ResultSets explanation_results(const Explanation& explanation);

}  // namespace prytany::app
