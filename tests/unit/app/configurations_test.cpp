// RECONFIGURE as an ordered operation: who may, when, and what it leaves (docs/decisions/0014).
#include "server/app/configurations.h"

#include <gtest/gtest.h>

#include "tests/unit/app/bench_of_one.h"

namespace prytany::app {
namespace {

constexpr std::uint64_t window = 16;

void with_window(ExecutorConfig& config) { config.window = window; }
void in_production(ExecutorConfig& config) {
  config.window = window;
  config.development = false;
  config.approvals = 3;
}

wire::Reconfigure change_of(std::uint64_t number, std::uint16_t member, std::uint8_t key) {
  return {ConfigNumber{number}, ReplicaId{member}, test_key(key).public_key(), {}};
}
void approve(const Replica& replica, wire::Reconfigure& change, std::uint16_t member,
             std::uint8_t key) {
  change.approvals.items.push_back(
      {ReplicaId{member},
       test_key(key).sign(wire::reconfigure_signed_bytes(replica.config().cluster, change))});
}

TEST(Configurations, change_one_key_from_the_first_checkpoint_at_or_above_n_and_a_window) {
  Replica replica(nullptr, {}, with_window);
  Client admin = replica.join(test_key(100));
  EXPECT_EQ(code_of(replica.ask(admin, change_of(0, 2, 50))), "");
  ASSERT_EQ(replica.executor().executed(), Seq{2});
  const auto* made = replica.executor().configuration(ConfigNumber{1});
  ASSERT_NE(made, nullptr);
  EXPECT_EQ(made->since, Seq{24});  // 2 + 16 = 18, K is 8
  EXPECT_EQ(made->keys.items[2], test_key(50).public_key());
  EXPECT_EQ(made->keys.items[1], test_key(1).public_key());
  EXPECT_EQ(replica.executor().configuration_after(Seq{23}).number, ConfigNumber{0});
  EXPECT_EQ(replica.executor().configuration_after(Seq{24}).number, ConfigNumber{1});
}

TEST(Configurations, end_at_a_checkpoint_also_where_n_and_a_window_is_one) {
  EXPECT_EQ(end_of_configuration(Seq{8}, 16, 8), Seq{24});
  EXPECT_EQ(end_of_configuration(Seq{9}, 16, 8), Seq{32});
}

TEST(Configurations, are_refused_that_are_not_of_the_newest_or_while_one_is_pending) {
  Replica replica(nullptr, {}, with_window);
  Client admin = replica.join(test_key(100));
  EXPECT_EQ(code_of(replica.ask(admin, change_of(1, 2, 50))), "another_configuration");
  EXPECT_EQ(code_of(replica.ask(admin, change_of(0, 4, 50))), "no_such_member");
  EXPECT_EQ(code_of(replica.ask(admin, change_of(0, 2, 50))), "");
  EXPECT_EQ(code_of(replica.ask(admin, change_of(0, 2, 51))), "another_configuration");
  while (replica.executor().executed() < Seq{23})
    EXPECT_EQ(code_of(replica.ask(admin, change_of(1, 3, 51))), "configuration_pending");
  EXPECT_EQ(code_of(replica.ask(admin, change_of(1, 3, 51))), "configuration_pending");
  EXPECT_EQ(code_of(replica.ask(admin, change_of(1, 3, 51))), "");
}

TEST(Configurations, know_no_key_twice_and_no_weak_one) {
  Replica replica(nullptr, {}, with_window);
  Client admin = replica.join(test_key(100));
  wire::Reconfigure weak = change_of(0, 2, 50);
  weak.key.bytes.fill(0);
  EXPECT_EQ(code_of(replica.ask(admin, weak)), "weak_key");
  EXPECT_EQ(code_of(replica.ask(admin, change_of(0, 2, 3))), "weak_key");
  EXPECT_EQ(code_of(replica.ask(admin, change_of(0, 2, 50))), "");
  while (replica.executor().executed() < Seq{24}) replica.execute(wire::Batch{});
  // Of an incarnation that is no more.
  EXPECT_EQ(code_of(replica.ask(admin, change_of(1, 1, 2))), "weak_key");
}

TEST(Configurations, are_for_administrators) {
  Replica replica(nullptr, {}, with_window);
  Client admin = replica.join(test_key(100));
  Client another = admin;
  another.key = test_key(7);
  EXPECT_EQ(code_of(replica.ask(another, change_of(0, 2, 50))), "wrong_key");
}

TEST(Configurations, need_the_approval_of_so_many_members_in_production) {
  Replica replica(nullptr, {}, in_production);
  Client admin = replica.join(test_key(100));
  wire::Reconfigure change = change_of(0, 2, 50);
  approve(replica, change, 0, 0);
  approve(replica, change, 1, 1);
  EXPECT_EQ(code_of(replica.ask(admin, change)), "needs_threshold_approval");
  wire::Reconfigure twice = change;
  twice.approvals.items.push_back(twice.approvals.items.back());
  EXPECT_EQ(code_of(replica.ask(admin, twice)), "malformed_request");
  wire::Reconfigure forged = change;
  approve(replica, forged, 3, 9);
  EXPECT_EQ(code_of(replica.ask(admin, forged)), "needs_threshold_approval");
  wire::Reconfigure other_key = change;
  approve(replica, other_key, 3, 3);
  other_key.key = test_key(51).public_key();
  EXPECT_EQ(code_of(replica.ask(admin, other_key)), "needs_threshold_approval");
  approve(replica, change, 3, 3);
  EXPECT_EQ(code_of(replica.ask(admin, change)), "");
}

TEST(Configurations, are_in_the_image_and_in_its_digest) {
  Replica changed(nullptr, {}, with_window);
  Replica same(nullptr, {}, with_window);
  Client admin = changed.join(test_key(100));
  Client other = same.join(test_key(100));
  changed.ask(admin, change_of(0, 2, 50));
  same.ask(other, wire::Null{0, {}});
  while (changed.executor().executed() < Seq{8}) {
    changed.execute(wire::Batch{});
    same.execute(wire::Batch{});
  }
  EXPECT_NE(changed.last_root(), same.last_root());
  Replica again(nullptr, changed.image(), with_window);
  const auto* made = again.executor().configuration(ConfigNumber{1});
  ASSERT_NE(made, nullptr);
  EXPECT_EQ(*made, *changed.executor().configuration(ConfigNumber{1}));
}

TEST(Configurations, decide_whose_join_tokens_count) {
  Replica replica(nullptr, {}, with_window);
  Client admin = replica.join(test_key(100));
  EXPECT_EQ(code_of(replica.ask(admin, change_of(0, 0, 50))), "");
  while (replica.executor().executed() < Seq{24}) replica.execute(wire::Batch{});
  // join_request() has tokens of 0 and 1, under their older keys.
  const wire::Reply refused = replica.execute(
      join_request(replica.config(), test_key(101), test_key(101), "", replica.now(), 600'000'000));
  EXPECT_EQ(code_of(refused.outcome), "bad_token");
}

}  // namespace
}  // namespace prytany::app
