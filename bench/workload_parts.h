// What the families of workloads are put together of, and how each is made.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "bench/dice.h"
#include "bench/workload.h"

namespace prytany::bench {

using Files = std::vector<std::pair<std::string, std::string>>;  // path, content
/// Whoever joins has the role "client".
wire::Install application_of(const Files& files);

wire::Argument integer_argument(const std::string& name, std::int64_t value);
wire::Argument text_argument(const std::string& name, std::string value);
wire::Operation call_of(const std::string& procedure, std::vector<wire::Argument> arguments);
/// Setup: `sql` for each stretch of `step` numbers below `records`, as :first and :last.
std::vector<wire::Operation> in_stretches(const std::string& sql, std::uint64_t records,
                                          std::uint64_t step);
/// The rows n(i) of :first..:last, for the statements of in_stretches().
inline constexpr const char* with_numbers =
    "WITH RECURSIVE n(i) AS (SELECT :first UNION ALL SELECT i + 1 FROM n WHERE i < :last) ";

/// The one result of a call; nullptr if it is none.
const wire::ResultSet* result_of(const wire::Outcome& outcome);
/// Words for what is not as it should be.
std::string described(const wire::Outcome& outcome);
/// That so many rows were changed: an effect of 1.
Judged judge_change(const wire::Outcome& outcome, std::int64_t rows = 1);
Check constant_check(std::string what, std::string sql, std::int64_t value);
/// sql == base + the sum of effects
Check effect_check(std::string what, std::string sql, std::int64_t base = 0);

Result<Workload> null_workload(const std::string& name, std::size_t request, std::size_t reply);
Result<Workload> insert1_workload(const WorkloadOptions& options);
Result<Workload> kv_workload(const std::string& name, const WorkloadOptions& options);
Result<Workload> readmix_workload(const std::string& name, unsigned reads_percent,
                                  const WorkloadOptions& options);
Result<Workload> bigresult_workload(const std::string& name, std::size_t bytes,
                                    const WorkloadOptions& options);
Result<Workload> ycsb_workload(char letter, const WorkloadOptions& options);
Result<Workload> tpcb_workload(const std::string& name, std::uint64_t scale,
                               const WorkloadOptions& options);
Result<Workload> smallbank_workload(const WorkloadOptions& options);

}  // namespace prytany::bench
