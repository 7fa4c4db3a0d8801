// What is counted in groups without faults is what the papers' normal case sends.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include <algorithm>

#include "tests/sim/scaling/scaling_report.h"

namespace prytany::sim {
namespace {

ScalingOptions few_requests(unsigned replicas) {
  ScalingOptions options;
  options.replicas = replicas;
  options.clients = 6;
  options.requests = 10;
  return options;
}

TEST(Scaling, a_batch_takes_the_messages_of_the_normal_case_and_no_others) {
  for (const unsigned n : {4U, 7U}) {
    for (const char* name : {"lan", "wan"}) {
      const Geography& network = *geography_named(name);
      const auto run = MeteredGroup(few_requests(n), network).run();
      ASSERT_TRUE(run.ok()) << run.error().message;
      const Traffic& traffic = run->traffic;
      EXPECT_EQ(run->requests, 60U);
      EXPECT_GT(run->batches, 0U);
      EXPECT_LE(run->batches, 60U);
      // The primary to all others, then everybody to all others, twice.
      EXPECT_EQ(traffic.messages("pre-prepare"), run->batches * (n - 1)) << network.name << n;
      EXPECT_EQ(traffic.messages("prepare"), run->batches * n * (n - 1)) << network.name;
      EXPECT_EQ(traffic.messages("commit"), run->batches * n * (n - 1)) << network.name;
      EXPECT_EQ(traffic.agreement_messages(), run->batches * agreement_messages_expected(n));
      for (const char* late : {"status", "fetch-batch", "batch-body", "view-change"})
        EXPECT_EQ(traffic.messages(late), 0U) << network.name << " " << late;
    }
  }
}

TEST(Scaling, each_replica_is_asked_once_and_answers) {
  const auto run = MeteredGroup(few_requests(7), *geography_named("lan")).run();
  ASSERT_TRUE(run.ok()) << run.error().message;
  EXPECT_EQ(run->traffic.client_texts(), run->requests * 2 * 7);
  EXPECT_EQ(run->traffic.messages("forward"), 0U);
}

TEST(Scaling, what_is_said_twice_is_counted_twice) {
  Geography hasty = *geography_named("wan");
  hasty.retransmit_us = 20'000;
  const auto run = MeteredGroup(few_requests(4), hasty).run();
  ASSERT_TRUE(run.ok()) << run.error().message;
  EXPECT_GT(run->traffic.messages("status"), 0U);
  EXPECT_GT(run->traffic.all_messages(),
            MeteredGroup(few_requests(4), *geography_named("wan")).run()->traffic.all_messages());
}

TEST(Scaling, tags_are_one_for_each_frame_request_and_reply) {
  const auto run = MeteredGroup(few_requests(4), *geography_named("lan")).run();
  ASSERT_TRUE(run.ok()) << run.error().message;
  EXPECT_EQ(run->replicas.tags_made, run->traffic.frames() + 4 * run->requests);
  EXPECT_EQ(run->replicas.tags_checked, run->traffic.frames() + 4 * run->requests);
  EXPECT_EQ(run->replicas.signatures_made, 0U);
  EXPECT_EQ(run->replicas.signatures_checked, 0U);
  EXPECT_EQ(run->clients.tags_made, 4 * run->requests);

  ScalingOptions options = few_requests(4);
  options.mac_requests = false;
  const auto with_signatures = MeteredGroup(options, *geography_named("lan")).run();
  ASSERT_TRUE(with_signatures.ok()) << with_signatures.error().message;
  EXPECT_EQ(with_signatures->clients.signatures_made, run->requests);
  EXPECT_GE(with_signatures->replicas.signatures_checked, 4 * run->requests);
}

TEST(Scaling, an_answer_takes_five_ways_and_is_the_same_in_every_run) {
  const Geography& lan = *geography_named("lan");
  const auto once = MeteredGroup(few_requests(4), lan).run();
  const auto again = MeteredGroup(few_requests(4), lan).run();
  ASSERT_TRUE(once.ok() && again.ok());
  // Request, PRE-PREPARE, PREPARE, COMMIT, reply.
  EXPECT_GE(once->latency_us.front(), 500U);
  EXPECT_LE(once->latency(0.99), 20'000U);
  EXPECT_EQ(to_json(*once), to_json(*again));
  const auto far = MeteredGroup(few_requests(4), *geography_named("wan")).run();
  ASSERT_TRUE(far.ok()) << far.error().message;
  EXPECT_GE(far->latency(0.5), 3 * 40'000U) << "three regions, of which no quorum is in one";
}

TEST(Scaling, reports_are_json_and_lines_of_one_table) {
  const auto run = MeteredGroup(few_requests(4), *geography_named("lan")).run();
  ASSERT_TRUE(run.ok());
  const auto parsed = nlohmann::json::parse(to_json(*run));
  EXPECT_EQ(parsed["expected_agreement_messages"], 27);
  EXPECT_EQ(parsed["agreement_messages_per_batch"], 27.0);
  EXPECT_EQ(parsed["messages_per_batch"]["prepare"], 12.0);
  EXPECT_GT(parsed["per_request"]["busiest_replica_bytes"],
            parsed["per_request"]["busiest_link_bytes"]);
  const std::string heading = scaling_heading();
  const std::string line = scaling_line(*run);
  EXPECT_EQ(std::ranges::count(line, '|'),
            std::ranges::count(heading.substr(0, heading.find('\n')), '|'));
}

}  // namespace
}  // namespace prytany::sim
