// What a call or SQL would do and cost, as f+1 replicas say alike: Client::explain_call(),
// explain_sql(), explain_transaction().
//
//   const prytany::Explanation told = client.explain_call("cast_vote", {{"choice", 3}});
//   for (const auto& statement : told.statements)
//     std::cout << statement.steps << " steps: " << statement.sql << '\n';
//
// It is ordered like the call itself and runs on the same state, with the same budget, seed and
// time; then all of it is undone. It costs the cluster what the call costs.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <prytany/errors.h>
#include <prytany/value.h>

namespace prytany {

/// One run of one statement. A trigger's work is its statement's.
struct ExplainedStatement {
  std::string sql;                // at most 4 KiB of it
  std::vector<std::string> plan;  // EXPLAIN QUERY PLAN, indented by two spaces for each level
  std::uint64_t steps = 0;        // of SQLite's virtual machine
  std::uint64_t scanned = 0;      // rows gone through without an index
  std::uint64_t sorts = 0;
  std::uint64_t pages = 0;  // of 4 KiB, asked for
  std::uint64_t bytes = 0;  // allocated
  bool operator==(const ExplainedStatement&) const = default;
};

struct Explanation {
  /// In the order in which they ran; at most 256. A step that was skipped did not run.
  std::vector<ExplainedStatement> statements;
  std::uint64_t left_out = 0;  // statements that ran and are not among those
  std::uint64_t charged = 0;   // of the budget, in steps: pages, bytes and large values count, too
  std::uint64_t budget = 0;    // what a call may use, in steps
  /// What the call would have failed with: ErrorKind::application. Nothing: it would have
  /// succeeded.
  std::optional<ErrorInfo> error;
  std::uint64_t seq = 0;       // when it was, as Answer::seq
  std::int64_t agreed_us = 0;  // as Answer::agreed_us
  Agreement agreement;
};

}  // namespace prytany
