// Whole runs: that one seed is one run, and that every planted fault is found.
#include "tests/sim/world.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

namespace prytany::sim {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

Options seed(std::uint64_t number) {
  Options options;
  options.seed = number;
  return options;
}

TEST(World, is_the_same_run_for_the_same_seed_whether_or_not_somebody_reads_along) {
  std::ostringstream lines;
  const RunResult first = simulate(seed(3));
  const RunResult second = simulate(seed(3), &lines);
  EXPECT_THAT(first.violations, IsEmpty());
  EXPECT_EQ(first.trace_hash, second.trace_hash);
  EXPECT_EQ(first.simulated_us, second.simulated_us);
  EXPECT_THAT(lines.str(), HasSubstr("r0 > frame from r"));
}

TEST(World, is_another_run_for_another_seed_and_does_enough_in_each) {
  const RunResult first = simulate(seed(1));
  const RunResult second = simulate(seed(2));
  EXPECT_NE(first.trace_hash, second.trace_hash);
  for (const RunResult& result : {first, second}) {
    EXPECT_THAT(result.violations, IsEmpty()) << result.parameters;
    EXPECT_GE(result.counters.requests, 200U);
    EXPECT_GE(result.counters.checkpoints, 2U);
    EXPECT_GE(result.counters.judged, 200U);
  }
}

TEST(World, holds_with_seven_replicas_of_which_two_may_fail) {
  Options options = seed(4);
  options.replicas = 7;
  options.faults = 2;
  const RunResult result = simulate(options);
  EXPECT_THAT(result.violations, IsEmpty()) << result.parameters;
  EXPECT_GE(result.counters.requests, 200U);
}

class Planted : public testing::TestWithParam<PlantName> {};

TEST_P(Planted, fault_is_found_by_the_checker_that_is_there_for_it) {
  // A fault that needs a restart of its replica at the right moment may hide from a seed.
  constexpr std::uint64_t seeds_max = 24;
  std::string found;
  for (std::uint64_t number = 1; number <= seeds_max; ++number) {
    Options options = seed(number);
    options.plant = GetParam().plant;
    const RunResult result = simulate(options);
    for (const std::string& violation : result.violations) {
      if (violation.starts_with(GetParam().caught_by)) return;
      found += "seed " + std::to_string(number) + ": " + violation + "\n";
    }
  }
  FAIL() << "not found by \"" << GetParam().caught_by << "\"; others said:\n" << found;
}

INSTANTIATE_TEST_SUITE_P(Every, Planted, testing::ValuesIn(plants), [](const auto& each) {
  std::string name(each.param.name);
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
});

TEST(Planted, fault_is_told_with_what_replicas_heard_and_decided_last) {
  Options options = seed(1);
  options.plant = Plant::wrong_answer;
  const RunResult result = simulate(options);
  ASSERT_FALSE(result.ok());
  EXPECT_THAT(result.last_lines, testing::Not(Contains(HasSubstr(" > hears "))));
  const std::vector<std::string> told = last_notes(options);
  EXPECT_THAT(told, Contains(HasSubstr(" > hears ")));
  EXPECT_THAT(told, Contains(HasSubstr(" -> ")));
  EXPECT_THAT(told, testing::Not(Contains(HasSubstr("world > state of n"))));
}

TEST(Planted, faults_that_all_executors_share_are_found_by_plain_sqlite_alone) {
  for (const Plant plant : {Plant::execute_twice, Plant::wrong_answer}) {
    Options options = seed(1);
    options.plant = plant;
    const std::vector<std::string> violations = simulate(options).violations;
    EXPECT_THAT(violations, Contains(HasSubstr("plain SQLite gives")));
    EXPECT_THAT(violations, testing::Not(Contains(HasSubstr("from scratch"))));
  }
}

}  // namespace
}  // namespace prytany::sim
