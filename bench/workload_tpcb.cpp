// TPC-B's transaction as pgbench runs it, in one request. Not an audited TPC-B.
#include "bench/workload_parts.h"

namespace prytany::bench {
namespace {

constexpr std::uint64_t accounts_per_branch = 100'000;
constexpr std::uint64_t tellers_per_branch = 10;
constexpr std::int64_t delta_max = 5000;

Files tpcb_files() {
  return {{"schema/001_bank.sql",
           "CREATE TABLE branches(bid INTEGER PRIMARY KEY, bbalance INTEGER NOT NULL, filler "
           "TEXT);\n"
           "CREATE TABLE tellers(tid INTEGER PRIMARY KEY, bid INTEGER NOT NULL, tbalance INTEGER "
           "NOT NULL, filler TEXT);\n"
           "CREATE TABLE accounts(aid INTEGER PRIMARY KEY, bid INTEGER NOT NULL, abalance INTEGER "
           "NOT NULL, filler TEXT);\n"
           "CREATE TABLE history(tid INTEGER, bid INTEGER, aid INTEGER, delta INTEGER, mtime "
           "INTEGER, filler TEXT);\n"},
          {"procedures/tpcb.sql",
           "-- @param aid integer\n-- @param tid integer\n-- @param bid integer\n"
           "-- @param delta integer\n-- @roles client\n"
           "UPDATE accounts SET abalance = abalance + :delta WHERE aid = :aid;\n"
           "SELECT abalance FROM accounts WHERE aid = :aid;\n"
           "UPDATE tellers SET tbalance = tbalance + :delta WHERE tid = :tid;\n"
           "UPDATE branches SET bbalance = bbalance + :delta WHERE bid = :bid;\n"
           "INSERT INTO history(tid, bid, aid, delta, mtime)\n"
           "VALUES(:tid, :bid, :aid, :delta, now());\n"}};
}

std::vector<wire::Operation> tpcb_setup(std::uint64_t scale, std::uint64_t accounts) {
  const std::string numbers = with_numbers;
  std::vector<wire::Operation> setup = in_stretches(
      numbers + "INSERT INTO branches SELECT i, 0, printf('%88s', '') FROM n", scale, 1000);
  const auto append = [&](const std::string& sql, std::uint64_t rows) {
    for (wire::Operation& operation : in_stretches(numbers + sql, rows, 5000))
      setup.push_back(std::move(operation));
  };
  append("INSERT INTO tellers SELECT i, i / " + std::to_string(tellers_per_branch) +
             ", 0, printf('%84s', '') FROM n",
         scale * tellers_per_branch);
  append("INSERT INTO accounts SELECT i, i / " + std::to_string(accounts) +
             ", 0, printf('%84s', '') FROM n",
         scale * accounts);
  return setup;
}

}  // namespace

Result<Workload> tpcb_workload(const std::string& name, std::uint64_t scale,
                               const WorkloadOptions& options) {
  const std::uint64_t accounts = options.records.value_or(accounts_per_branch);
  Workload workload;
  workload.name = name;
  workload.application = application_of(tpcb_files());
  workload.setup = tpcb_setup(scale, accounts);
  const std::uint64_t seed = options.seed;
  workload.next = [=](unsigned client, std::uint64_t n) {
    Dice dice(seed, client, n);
    const auto one_of = [&](const char* argument, std::uint64_t rows) {
      return integer_argument(argument, static_cast<std::int64_t>(dice.below(rows)));
    };
    std::vector<wire::Argument> arguments;
    arguments.push_back(one_of("aid", scale * accounts));
    arguments.push_back(one_of("tid", scale * tellers_per_branch));
    arguments.push_back(one_of("bid", scale));
    arguments.push_back(integer_argument("delta", dice.between(-delta_max, delta_max)));
    return Question{call_of("tpcb", std::move(arguments))};
  };
  workload.judge = [](const Question&, const wire::Outcome& outcome) {
    const wire::ResultSet* result = result_of(outcome);
    if (result != nullptr && result->rows.items.size() != 1) return Judged{described(outcome)};
    return judge_change(outcome, 4);
  };
  // TPC-B clauses 2.2.3 and 2.3: the three sums and the history agree.
  const std::string history = "(SELECT coalesce(sum(delta), 0) FROM history)";
  workload.checks = {effect_check("rows of the history", "SELECT count(*) FROM history"),
                     constant_check("accounts less history",
                                    "SELECT sum(abalance) - " + history + " FROM accounts", 0),
                     constant_check("tellers less history",
                                    "SELECT sum(tbalance) - " + history + " FROM tellers", 0),
                     constant_check("branches less history",
                                    "SELECT sum(bbalance) - " + history + " FROM branches", 0)};
  return workload;
}

}  // namespace prytany::bench
