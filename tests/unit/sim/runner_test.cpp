#include "tests/sim/runner.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <unistd.h>
#include <cstdlib>

#include "server/base/ensure.h"
#include "tests/sim/report.h"

namespace prytany::sim {
namespace {

using testing::HasSubstr;

std::vector<Outcome> run(std::uint64_t first, std::uint64_t last, RunnerOptions options,
                         const std::function<std::string(std::uint64_t)>& work) {
  std::vector<Outcome> outcomes;
  run_seeds(first, last, options, work, [&](const Outcome& o) {
    outcomes.push_back(o);
    return true;
  });
  return outcomes;
}

TEST(Runner, hands_over_what_each_seed_said_in_the_order_of_seeds) {
  const auto outcomes = run(3, 9, {3, 60}, [](std::uint64_t seed) {
    return std::string(200'000, static_cast<char>('a' + seed));
  });
  ASSERT_EQ(outcomes.size(), 7U);
  for (std::size_t i = 0; i < outcomes.size(); ++i) {
    EXPECT_EQ(outcomes[i].seed, i + 3);
    EXPECT_EQ(outcomes[i].output, std::string(200'000, static_cast<char>('d' + i)));
    EXPECT_EQ(outcomes[i].death, "");
  }
}

TEST(Runner, tells_of_a_seed_that_aborts_and_runs_the_others) {
  const auto outcomes = run(1, 3, {2, 60}, [](std::uint64_t seed) {
    if (seed == 2) std::_Exit(7);
    return std::string("fine");
  });
  ASSERT_EQ(outcomes.size(), 3U);
  EXPECT_EQ(outcomes[0].output, "fine");
  EXPECT_THAT(outcomes[1].death, HasSubstr("status 7"));
  EXPECT_EQ(outcomes[2].output, "fine");
  EXPECT_FALSE(line_of(outcomes[1], {}).ok);
}

TEST(Runner, ends_what_still_runs_as_soon_as_nobody_wants_more) {
  std::vector<std::uint64_t> seen;
  run_seeds(
      1, ~std::uint64_t{0}, {2, 60},
      [](std::uint64_t seed) {
        while (seed > 3) pause();
        return std::string("fine");
      },
      [&](const Outcome& outcome) {
        seen.push_back(outcome.seed);
        return outcome.seed < 3;
      });
  EXPECT_THAT(seen, testing::ElementsAre(1, 2, 3));
}

TEST(Runner, ends_a_seed_that_hangs) {
  const auto outcomes = run(1, 2, {2, 1}, [](std::uint64_t seed) {
    static volatile bool forever = true;  // read each time, or the loop could be taken for none
    while (forever)
      if (seed == 2) pause();
    return std::string();
  });
  ASSERT_EQ(outcomes.size(), 2U);
  EXPECT_THAT(outcomes[0].death, HasSubstr("longer than 1 s of a processor"));
  EXPECT_TRUE(outcomes[0].hung);
  EXPECT_THAT(outcomes[1].death, HasSubstr("longer than 10 s")) << "it waits, and for nothing";
  EXPECT_TRUE(outcomes[1].hung);
}

TEST(Report, has_the_fields_that_scripts_read_and_says_how_to_replay_a_failure) {
  RunResult result;
  result.options.seed = 42;
  result.simulated_us = 1'234'567;
  Outcome outcome;
  outcome.seed = 42;
  outcome.output = to_message(result);
  outcome.wall_ms = 17;
  const Line good = line_of(outcome, result.options);
  EXPECT_TRUE(good.ok);
  EXPECT_THAT(good.json, HasSubstr(R"("seed":42,"ok":true,"trace_hash":"00)"));
  EXPECT_THAT(good.json, HasSubstr(R"("simulated_ms":1234,)"));
  EXPECT_THAT(good.json, HasSubstr(R"("wall_ms":17)"));

  result.violations = {"agreement: something"};
  outcome.output = to_message(result);
  const Line bad = line_of(outcome, result.options);
  EXPECT_FALSE(bad.ok);
  EXPECT_THAT(bad.json, HasSubstr(R"("ok":false)"));
  EXPECT_THAT(bad.text, HasSubstr("agreement: something"));
  EXPECT_THAT(bad.text, HasSubstr("replay: prytany-sim --seed 42 --replicas 4 --faults 1 --trace"));

  result.violations.clear();
  result.excused = true;
  outcome.output = to_message(result);
  const Line excused = line_of(outcome, result.options);
  Summary summary;
  for (int i = 0; i < 2; ++i) summary.add(excused, 20);
  for (int i = 0; i < 100; ++i) summary.add(good, 20);
  EXPECT_TRUE(summary.ok());
  EXPECT_THAT(summary.json(), HasSubstr(R"({"seeds":102,"failed":0,"excused":2,"speed":61,)"));
  summary.add(excused, 20);
  EXPECT_FALSE(summary.ok()) << "2 % are too many";
  summary.add(bad, 20);
  EXPECT_THAT(summary.json(), HasSubstr(R"("failed":1)"));
}

}  // namespace
}  // namespace prytany::sim
