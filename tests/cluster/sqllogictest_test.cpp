// prytany-sqllogictest against real replicas: what it counts, and that it notices what is wrong.
#include <gmock/gmock.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>

#include "server/cli/demo_checks.h"
#include "tests/cluster/test_cluster.h"
#include "tests/sqllogictest/expectation.h"

namespace prytany::cluster_tests {
namespace {

using testing::AllOf;
using testing::HasSubstr;

const std::string scripts = std::string(PRYTANY_SOURCE_DIR) + "/tests/sqllogictest/scripts/";

/// The whole output; `good` is whether it ended with exit code 0.
std::string sqllogictest(std::vector<std::string> arguments, bool& good) {
  const std::filesystem::path folder = std::filesystem::path(program()).parent_path();
  arguments.insert(arguments.begin(), (folder / "prytany-sqllogictest").string());
  const auto output = cli::output_of(arguments);
  good = output.ok();
  return output ? *output : output.error().message;
}

TEST(SqlLogicTest, runs_scripts_on_fresh_replicas_and_compares_their_digests) {
  bool good = false;
  const std::string output = sqllogictest({"--durability", "none", scripts}, good);
  EXPECT_TRUE(good) << output;
  EXPECT_THAT(output, HasSubstr("joins.test: 107 passed, 0 failed, 0 refused; "
                                "4 replicas have one digest, "));
  EXPECT_THAT(output, HasSubstr("types.test: 12 passed"));
  EXPECT_THAT(output, HasSubstr("refusals.test:24: refused: because refusals.test:21 was refused "
                                "(refused_temporary)"));
  EXPECT_THAT(output, HasSubstr("records/s\n"));
  EXPECT_THAT(output, HasSubstr("\n124 passed, 0 failed, 11 refused\n")) << output;
}

TEST(SqlLogicTest, runs_on_other_groups_with_every_vote_on_disk) {
  bool good = false;
  const std::string output =
      sqllogictest({"--replicas", "7", "--faults", "2", scripts + "types.test"}, good);
  EXPECT_TRUE(good) << output;
  EXPECT_THAT(output, HasSubstr("7 replicas have one digest"));
  EXPECT_THAT(output, HasSubstr("durability log"));
}

/// 10,000 records that each insert a row, and queries whose results are a third of a megabyte.
std::string large_script() {
  constexpr int rows = 10'000;
  constexpr int prime = 10'007;
  std::string text = "statement ok\nCREATE TABLE t(a INTEGER PRIMARY KEY, b INTEGER, c TEXT)\n\n";
  std::vector<std::array<int, 2>> table;
  for (int a = 0; a < rows; ++a) {
    table.push_back({a, a * 7919 % prime});
    text += "statement ok\nINSERT INTO t VALUES(" + std::to_string(a) + ", " +
            std::to_string(table.back()[1]) + ", 'row " + std::to_string(a) + "')\n\n";
  }
  std::ranges::sort(table, {}, [](const auto& row) { return row[1]; });
  std::vector<std::string> values;
  for (const auto& [a, b] : table) {
    values.push_back(std::to_string(a));
    values.push_back(std::to_string(b));
    values.push_back("row " + std::to_string(a));
  }
  const std::string expected = "\n----\n" + slt::hashed(values) + "\n\n";
  for (const char* order : {"b", "b + 0, c", "-b DESC"})
    text += "query IIT\nSELECT a, b, c FROM t ORDER BY " + std::string(order) + expected;
  return text;
}

TEST(SqlLogicTest, runs_large_scripts_without_losing_an_answer) {
  const TestFolder folder;
  const std::string large = folder.path() + "/large.test";
  std::ofstream(large) << large_script();
  bool good = false;
  const std::string output = sqllogictest({"--durability", "none", "--strict", large}, good);
  EXPECT_TRUE(good) << output;
  EXPECT_THAT(output, HasSubstr("large.test: 10004 passed, 0 failed, 0 refused"));
}

TEST(SqlLogicTest, fails_when_a_result_is_not_as_expected_or_a_script_cannot_be_read) {
  const TestFolder folder;
  const std::string wrong = folder.path() + "/wrong.test";
  std::ofstream(wrong) << "query I\nSELECT 41 + 1\n----\n43\n\nquery I\nSELECT 1\n----\n1\n";
  const std::string unreadable = folder.path() + "/unreadable.test";
  std::ofstream(unreadable) << "enquiry I\nSELECT 1\n";
  bool good = true;
  const std::string output =
      sqllogictest({"--durability", "none", "--strict", wrong, unreadable}, good);
  EXPECT_FALSE(good);
  EXPECT_THAT(output, HasSubstr("wrong.test:1: failed: expected:\n    43\n  got:\n    42"));
  EXPECT_THAT(output, HasSubstr("unreadable.test:1: 'enquiry' begins no record"));
  EXPECT_THAT(output, HasSubstr("\n1 passed, 2 failed, 0 refused\n"));
}

TEST(SqlLogicTest, says_which_statement_is_too_long_and_which_script_has_no_records) {
  const TestFolder folder;
  const std::string large = folder.path() + "/large.test";
  std::ofstream(large) << "query I\nSELECT 1 -- " << std::string(300'000, 'x')
                       << "\n----\n1\n\nquery I\nSELECT 2\n----\n2\n";
  const std::string others = folder.path() + "/others.test";
  std::ofstream(others) << "onlyif mssql\nstatement ok\nSELECT 1\n";
  bool good = true;
  const std::string output = sqllogictest({"--durability", "none", large, others}, good);
  EXPECT_FALSE(good);
  EXPECT_THAT(output, HasSubstr("large.test:1: failed: too_large: a statement has at most 262144 "
                                "bytes, this one 300012"));
  EXPECT_THAT(output, HasSubstr("others.test: it has no record for engine sqlite\n"));
  EXPECT_THAT(output, HasSubstr("\n1 passed, 1 failed, 0 refused\n"));
  EXPECT_THAT(sqllogictest({"--durability", "none", others}, good),
              HasSubstr("nothing was run: there is no record for engine sqlite"));
  EXPECT_FALSE(good);
  EXPECT_THAT(sqllogictest({"--durability", "none", "--replicas", "5", "--faults", "2",
                            scripts + "types.test"},
                           good),
              AllOf(HasSubstr("not always live"), HasSubstr("12 passed, 0 failed")));
  EXPECT_TRUE(good);
  EXPECT_THAT(sqllogictest({"--replicas", "3", "--faults", "3", large}, good),
              HasSubstr("--faults must be less than --replicas"));
  EXPECT_FALSE(good);
}

/// In the place of `prytany`: replica 2 runs behind the program that lies to clients.
TEST(SqlLogicTest, fails_when_a_replica_gives_another_result_than_the_others) {
  const TestFolder folder;
  const std::string bin = std::filesystem::path(program()).parent_path().string();
  const std::string wrapper = folder.path() + "/wrapper";
  std::ofstream(wrapper) << "#!/bin/sh\ncase $2 in\n*replica-2) exec " << bin << "/prytany-liar $2 "
                         << "--program=" << bin << "/prytany --lie tally --lie receipt ;;\nesac\n"
                         << "exec " << bin << "/prytany \"$@\"\n";
  std::filesystem::permissions(wrapper, std::filesystem::perms::owner_all);
  bool good = true;
  const std::string output =
      sqllogictest({"--durability", "none", "--program", wrapper, scripts + "joins.test"}, good);
  EXPECT_FALSE(good);
  EXPECT_THAT(output, HasSubstr("another result than the others"));
}

}  // namespace
}  // namespace prytany::cluster_tests
