// What is measured: an application to install, rows to begin with, questions that are asked over
// and over, and what must be true of the answers and of the database afterwards.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "server/base/result.h"
#include "server/wire/operations.h"

namespace prytany::bench {

struct WorkloadOptions {
  std::size_t size = 100;                 // bytes that a request of null and insert1 carries
  std::optional<std::size_t> reply_size;  // null: bytes of its reply, if not as many
  std::optional<std::uint64_t> records;   // rows that are there before, if not the workload's own
  std::uint64_t seed = 1;
  bool ordered_reads = false;  // read through agreement, not on a quorum's word
};

/// Of all that was asked, also before and after what is measured.
struct Tally {
  std::uint64_t answered = 0;  // and the answer was one that the workload allows
  std::uint64_t unknown = 0;   // executed or not, nobody knows
  std::int64_t effect = 0;     // the sum of what the answers said they did
};

struct Question {
  wire::Operation operation;
  bool fast_read = false;   // a quorum's word suffices
  std::uint64_t about = 0;  // for Workload::judge
};

/// What an answer is worth.
struct Judged {
  std::string wrong;  // empty: it is one that the workload allows
  std::int64_t effect = 0;
};

/// One integer that the database must give once all questions are answered.
struct Check {
  std::string what;  // for people
  std::string sql;
  std::function<std::int64_t(const Tally&)> expected;
  bool counts = false;  // expected() follows from the tally, so nothing may be unknown
};

struct Workload {
  std::string name;
  wire::Install application;
  std::vector<wire::Operation> setup;  // an administrator's, one after the other
  /// The n-th question of a client: always the same for one seed.
  std::function<Question(unsigned client, std::uint64_t n)> next;
  std::function<Judged(const Question&, const wire::Outcome&)> judge;
  std::vector<Check> checks;
};

Result<Workload> make_workload(const std::string& name, const WorkloadOptions& options);
std::vector<std::string> workload_names();

/// Asks the cluster what a check asks. The Error says what does not agree.
using AskSql = std::function<Result<wire::Outcome>(const std::string& sql)>;
Result<void> run_checks(const Workload& workload, const Tally& tally, const AskSql& ask);

/// The statements of insert1, for those who run it without us: Practicality section 4.2 inserts a
/// time, a random number and a text.
inline constexpr const char* insert1_table =
    "CREATE TABLE entries(id INTEGER PRIMARY KEY, at_us INTEGER, dice INTEGER, text TEXT)";

}  // namespace prytany::bench
