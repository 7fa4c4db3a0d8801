#include "server/cli/settings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace prytany::cli {
namespace {

using testing::HasSubstr;

node::NodeConfig config() {
  node::NodeConfig config;
  config.pbft.group = {4, 1};
  return config;
}

TEST(Settings, set_what_they_name_and_leave_the_rest) {
  node::NodeConfig changed = config();
  const auto settings = apply_settings(
      {"batch_requests_max=1", "retransmit_us=20000", "clock_ahead_max_us=1000", "durability=none"},
      changed);
  ASSERT_TRUE(settings.ok()) << settings.error().message;
  EXPECT_EQ(settings->durability, Durability::none);
  EXPECT_EQ(changed.pbft.batch_requests_max, 1U);
  EXPECT_EQ(changed.pbft.retransmit_us, 20'000U);
  EXPECT_EQ(changed.clock_ahead_max_us, 1'000);
  EXPECT_EQ(changed.pbft.in_flight_max, config().pbft.in_flight_max);
}

TEST(Settings, are_durable_unless_told_otherwise) {
  node::NodeConfig unchanged = config();
  EXPECT_EQ(apply_settings({}, unchanged)->durability, Durability::log);
}

TEST(Settings, let_the_last_of_two_win) {
  node::NodeConfig changed = config();
  ASSERT_TRUE(apply_settings({"in_flight_max=1", "in_flight_max=7"}, changed).ok());
  EXPECT_EQ(changed.pbft.in_flight_max, 7U);
}

TEST(Settings, name_what_is_wrong) {
  const std::vector<std::pair<std::string, std::string>> bad = {
      {"batch_requests_max", "not key=value"},
      {"batch_requests_max=", "whole number from 1 to 512"},
      {"batch_requests_max=0", "whole number from 1 to 512"},
      {"batch_requests_max=513", "whole number from 1 to 512"},
      {"batch_requests_max=-1", "whole number"},
      {"batch_requests_max=1.5", "whole number"},
      {"batch_requests_max= 1", "whole number"},
      {"batch_requests_max=99999999999999999999", "whole number"},
      {"durability=some", "log or none"},
      {"batching=1", "on or off"},
      {"quorum=1", "no such setting"},
      {"=1", "no such setting"},
  };
  for (const auto& [assignment, complaint] : bad) {
    node::NodeConfig unchanged = config();
    const auto settings = apply_settings({assignment}, unchanged);
    ASSERT_FALSE(settings.ok()) << assignment;
    EXPECT_THAT(settings.error().message, HasSubstr(complaint)) << assignment;
  }
}

TEST(Settings, list_every_key_in_the_help) {
  for (const char* key :
       {"durability", "batch_requests_max", "retransmit_us", "join_token_life_us"})
    EXPECT_THAT(describe_settings(), HasSubstr(key));
}

TEST(Settings, without_batching_a_batch_holds_one_request) {
  node::NodeConfig changed = config();
  ASSERT_TRUE(apply_settings({"batching=off"}, changed).ok());
  EXPECT_EQ(changed.pbft.batch_requests_max, 1U);
  ASSERT_TRUE(apply_settings({"batching=on"}, changed).ok());
  EXPECT_EQ(changed.pbft.batch_requests_max, pbft::Config{}.batch_requests_max);
}

TEST(Settings, of_genesis_are_words_that_all_replicas_must_agree_on) {
  wire::Genesis genesis;
  ASSERT_TRUE(
      apply_genesis_settings({"requests=mac", "votes=signed", "dissemination=all"}, genesis).ok());
  EXPECT_TRUE(genesis.mac_requests && genesis.signed_votes && genesis.bodies_apart);
  ASSERT_TRUE(
      apply_genesis_settings({"requests=signed", "votes=mac", "dissemination=primary"}, genesis)
          .ok());
  EXPECT_FALSE(genesis.mac_requests || genesis.signed_votes || genesis.bodies_apart);
  for (const char* bad : {"requests=", "requests", "requests=MAC", "votes=none", "batching=off"})
    EXPECT_FALSE(apply_genesis_settings({bad}, genesis).ok()) << bad;
  EXPECT_TRUE(is_genesis_setting("dissemination=all"));
  EXPECT_FALSE(is_genesis_setting("durability=none"));
}

}  // namespace
}  // namespace prytany::cli
