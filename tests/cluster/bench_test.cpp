// `prytany bench` with real processes: one short run of each family of workloads, whose checks of
// the database are its own.
#include <gmock/gmock.h>

#include <nlohmann/json.hpp>
#include <set>

#include "tests/cluster/background.h"
#include "tests/cluster/test_cluster.h"

namespace prytany::cluster_tests {
namespace {

std::vector<nlohmann::json> rows_printed(const Ran& ran) {
  std::vector<nlohmann::json> rows;
  std::istringstream lines(ran.output);
  for (std::string line; std::getline(lines, line);) rows.push_back(nlohmann::json::parse(line));
  return rows;
}

/// So many whose command line has `word`.
std::size_t processes_about(const std::string& word) {
  std::error_code gone;
  std::size_t found = 0;
  for (const auto& each : std::filesystem::directory_iterator("/proc", gone))
    if (text_of(each.path() / "cmdline").find(word) != std::string::npos) ++found;
  return found;
}

TEST(Bench, runs_each_family_of_workloads_and_finds_its_database_right) {
  const Ran ran = run({"bench", "--local", "--workload",
                       "null-4k/0,kv256,ycsb-f,tpcb,smallbank,readmix-50,bigresult-4k", "--records",
                       "300", "--clients", "4", "--depth", "2", "--seconds", "1", "--warmup", "0.1",
                       "--durability", "none", "--no-floor", "--json"});
  ASSERT_EQ(ran.exit_code, 0) << ran.output << ran.errors;
  const auto rows = rows_printed(ran);
  ASSERT_EQ(rows.size(), 7U);
  for (const auto& row : rows) {
    EXPECT_GT(row["operations"], 0) << row;
    EXPECT_EQ(row["errors"], 0) << row;
    EXPECT_EQ(row["guarantee"], "byzantine") << row;
    EXPECT_EQ(row["checks"] == 0, row["workload"] == "null-4k/0") << row;
    // A gateway brings no fast reads.
    const bool writes =
        std::set<std::string>{"null-4k/0", "kv256", "tpcb"}.contains(row["workload"]);
    EXPECT_EQ(row["connections"], writes ? "one" : "all") << row;
  }
}

TEST(Bench, keeps_as_many_connections_as_it_is_told_and_by_itself_as_many_as_pay) {
  const Ran ran = run({"bench", "--local", "--workload", "null", "--clients", "2", "--depth",
                       "1,16", "--connections", "auto,all,one", "--seconds", "0.5", "--warmup",
                       "0.1", "--durability", "none", "--no-floor", "--json"});
  ASSERT_EQ(ran.exit_code, 0) << ran.output << ran.errors;
  std::vector<std::string> kept;
  for (const auto& row : rows_printed(ran)) {
    kept.push_back(row["connections"]);
    EXPECT_GT(row["operations"], 0) << row;
  }
  EXPECT_EQ(kept, (std::vector<std::string>{"one", "all", "one", "all", "all", "one"}));
}

TEST(Bench, measures_an_open_loop_and_what_an_operation_costs_with_floors_beside_it) {
  const Ran ran = run({"bench", "--local", "--workload", "insert1", "--rate", "200", "--clients",
                       "8", "--seconds", "1", "--warmup", "0.2", "--json"});
  ASSERT_EQ(ran.exit_code, 0) << ran.output << ran.errors;
  const auto rows = rows_printed(ran);
  ASSERT_EQ(rows.size(), 9U) << "four replicas, one, five of SQLite, disk, TCP";
  EXPECT_EQ(rows[0]["rate_per_s"], 200.0);
  EXPECT_TRUE(rows[0].contains("saturated"));
  EXPECT_EQ(rows[0]["replica_cpu_us_per_op"].size(), 4U);
  // One replica gets each request from its client, and each syncs before it votes.
  EXPECT_EQ(rows[0]["connections"], "one");
  EXPECT_GT(rows[0]["per_op"]["client_bytes"], 4 * 100.0) << "with a tag for each";
  EXPECT_GT(rows[0]["per_op"]["replica_bytes"], 0.0);
  EXPECT_GT(rows[0]["per_op"]["syncs"], 0.0);
  EXPECT_GT(rows[0]["per_op"]["disk_bytes"], 100.0);
  // Each replica checks what it is sent, and tags what it answers.
  EXPECT_GT(rows[0]["per_op"]["tags_checked"], 4.0);
  EXPECT_GT(rows[0]["per_op"]["tags_made"], 4.0);
  EXPECT_EQ(rows[0]["per_op"]["syscalls"], nullptr);
  EXPECT_EQ(rows[0]["per_op"]["allocations"], nullptr) << "nobody asked";
  EXPECT_EQ(rows[1]["workload"], "floor: n=1, insert1");
  EXPECT_EQ(rows[1]["guarantee"], "none");
  EXPECT_EQ(rows[1]["replica_cpu_us_per_op"].size(), 1U);
  EXPECT_EQ(rows[2]["client_cpu_us_per_op"], nullptr) << "plain SQLite has no client apart";
}

TEST(LongBench, loses_nothing_when_a_replica_is_killed_and_says_how_long_nobody_was_answered) {
  for (const char* fault : {"kill-primary", "restart-backup"}) {
    const Ran ran =
        run({"bench", "--local", "--workload", "tpcb", "--records", "100", "--clients", "4",
             "--seconds", "9", "--warmup", "0.3", "--fault", fault, "--no-floor", "--json"});
    ASSERT_EQ(ran.exit_code, 0) << ran.output << ran.errors;
    const auto rows = rows_printed(ran);
    ASSERT_EQ(rows.size(), 1U);
    EXPECT_EQ(rows[0]["fault"], fault);
    EXPECT_EQ(rows[0]["errors"], 0) << rows[0];
    EXPECT_EQ(rows[0]["server_cpu_us_per_op"], nullptr) << "a replica was not there to tell";
    EXPECT_EQ(rows[0]["replica_cpu_us_per_op"], nullptr);
    EXPECT_GT(rows[0]["client_cpu_us_per_op"], 0.0);
    EXPECT_GE(rows[0]["bins_100ms"].size(), 90U);
    EXPECT_LE(rows[0]["gap_ms"], 9000.0 * 2 / 3) << "answers came again after it was struck";
    EXPECT_EQ(rows[0]["caught_up_ms"].is_number(), fault == std::string("restart-backup"))
        << rows[0];
  }
}

TEST(Bench, counts_allocations_where_it_is_asked_to) {
  const Ran ran = run({"bench", "--local", "--allocations", "--clients", "4", "--seconds", "1",
                       "--warmup", "0.2", "--durability", "none", "--no-floor", "--json"});
  if (!std::filesystem::exists(program("prytany-count-allocations.so"))) {
    // Sanitizers bring a malloc of their own.
    EXPECT_NE(ran.exit_code, 0) << ran.output;
    EXPECT_THAT(ran.errors, testing::HasSubstr("builds without sanitizers have it"));
    return;
  }
  ASSERT_EQ(ran.exit_code, 0) << ran.output << ran.errors;
  const auto rows = rows_printed(ran);
  ASSERT_EQ(rows.size(), 1U);
  // Of four replicas: each reads a request, orders, executes and answers it.
  EXPECT_GT(rows[0]["per_op"]["allocations"], 4 * 5.0);
  EXPECT_LT(rows[0]["per_op"]["allocations"], 4 * 2000.0);
}

TEST(Bench, puts_replicas_far_apart_when_asked_to) {
  const Ran ran = run({"bench", "--local", "--delay-ms", "20", "--clients", "4", "--seconds", "2",
                       "--warmup", "0.5", "--durability", "none", "--no-floor", "--json"});
  ASSERT_EQ(ran.exit_code, 0) << ran.output << ran.errors;
  const auto rows = rows_printed(ran);
  ASSERT_EQ(rows.size(), 1U);
  EXPECT_EQ(rows[0]["delay_ms"], 20);
  EXPECT_EQ(rows[0]["errors"], 0) << rows[0];
  // PRE-PREPARE, PREPARE, COMMIT at the least, for who is where the primary is.
  EXPECT_GE(rows[0]["latency_us"]["p50"], 60'000);
  EXPECT_EQ(rows[0]["per_op"]["replica_bytes"], nullptr) << "the proxy carries them once more";
  EXPECT_GT(rows[0]["per_op"]["batches"], 0.0);
}

TEST(Bench, measures_clients_that_genesis_lists) {
  const Ran ran = run({"bench", "--local", "--workload", "insert1", "--static-clients", "--clients",
                       "3,5", "--seconds", "1", "--warmup", "0.1", "--no-floor", "--json", "--set",
                       "in_flight_max=2", "--set", "requests=signed"});
  ASSERT_EQ(ran.exit_code, 0) << ran.output << ran.errors;
  const auto rows = rows_printed(ran);
  ASSERT_EQ(rows.size(), 2U) << "the same sessions go on in the second row";
  for (const auto& row : rows) {
    EXPECT_EQ(row["static_clients"], true);
    EXPECT_EQ(row["errors"], 0) << row;
  }
}

TEST(Bench, refuses_what_does_not_go_together) {
  const std::vector<std::vector<std::string>> refused = {
      {"bench"},
      {"bench", "--local", "--replicas", "1", "--faults", "0", "--fault", "kill-primary"},
      {"bench", "--local", "--fault", "kill-backup", "--durability", "log,none"},
      {"bench", "--local", "--static-clients", "--clients", "5000"},
      {"bench", "--local", "--fault", "earthquake"},
      {"bench", "--local", "--workload", "null,insert2"},
      {"bench", "--local", "--records", "1"},
      {"bench", "--local", "--set", "in_flight_max=0"},
      {"bench", "--local", "--set", "requests=often"},
      {"bench", "--local", "--set", "colour=red"},
      {"bench", "--local", "--set", "durability=none"}};
  for (const auto& words : refused) {
    const Ran ran = run(words);
    EXPECT_EQ(ran.exit_code, 2) << words.back();
    EXPECT_EQ(std::ranges::count(ran.errors, '\n'), 1) << "said once, not by each replica";
  }
}

TEST(Bench, takes_its_folder_and_its_replicas_with_it_when_it_is_told_to_stop) {
  for (const int signal : {SIGTERM, SIGINT, SIGHUP}) {
    const TestFolder folder;
    Background bench({"bench", "--local", "--clients", "4,5", "--seconds", "1", "--warmup", "0.1",
                      "--dir", folder.path(), "--no-floor", "--json"});
    ASSERT_NE(bench.line_with("insert1"), "") << "the first row: replicas run";
    EXPECT_EQ(bench.end(signal), 128 + signal);
    EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
    for (int tries = 0; tries < 500 && processes_about(folder.path()) > 0; ++tries)
      ::usleep(10'000);  // they end when it has ended
    EXPECT_EQ(processes_about(folder.path()), 0U) << "replicas are left";
  }
}

}  // namespace
}  // namespace prytany::cluster_tests
