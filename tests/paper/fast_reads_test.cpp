// docs/design.md section 7, reads that are not ordered: what a replica executes before it answers
// one. It must not forget what it helped to commit, in whatever view and life that was.
#include <gtest/gtest.h>

#include "tests/play/group.h"

namespace prytany::play {
namespace {

std::optional<Seq> barrier(Group& group, unsigned id) {
  return group.host(id).replica().read_barrier();
}

/// Everybody prepares n1, and no COMMIT arrives.
void prepare_only(Group& group) {
  group.drop({std::nullopt, std::nullopt, "commit", std::nullopt});
  group.submit(0, request_of(1, 1));
  group.advance(60);
}

TEST(ReadBarrier, is_what_was_executed_where_nothing_else_is_under_way) {
  Group group(small_config(4, 1));
  EXPECT_EQ(barrier(group, 2), Seq{0});
  group.submit(0, request_of(1, 1));
  group.advance(60);
  EXPECT_EQ(group.host(2).executed(), Seq{1});
  EXPECT_EQ(barrier(group, 2), Seq{1});
}

TEST(ReadBarrier, names_what_i_sent_commit_for_before_anybody_executed_it) {
  Group group(small_config(4, 1));
  prepare_only(group);
  for (unsigned id = 0; id < 4; ++id) {
    EXPECT_EQ(group.host(id).executed(), Seq{0});
    EXPECT_EQ(barrier(group, id), Seq{1});
  }
}

TEST(ReadBarrier, is_kept_across_restarts) {
  Group group(small_config(4, 1));
  prepare_only(group);
  group.kill(2);
  group.restart(2);
  group.advance(60);
  EXPECT_EQ(group.host(2).executed(), Seq{0});
  EXPECT_EQ(barrier(group, 2), Seq{1});
}

TEST(ReadBarrier, is_kept_when_the_view_is_left) {
  Group group(small_config(4, 1));
  prepare_only(group);
  group.kill(0);
  group.drop({std::nullopt, std::nullopt, "new-view", std::nullopt});
  group.submit(1, request_of(2, 1));
  group.submit(2, request_of(2, 1));
  group.submit(3, request_of(2, 1));
  group.advance(5'000);
  EXPECT_GT(group.host(3).status().view, View{0});
  EXPECT_EQ(group.host(3).executed(), Seq{0});
  EXPECT_EQ(barrier(group, 3), Seq{1});
}

/// n4 and n5 are prepared at r1 alone, and the others go to a view where one batch holds both
/// requests. It ends at a checkpoint: nothing may ever be asked again that would use n5.
TEST(ReadBarrier, falls_to_what_the_next_view_chose) {
  pbft::Config config = small_config(4, 1);
  config.in_flight_max = 2;
  Group group(config);
  run(group, 3);
  for (const unsigned other : {0u, 2u, 3u})
    group.drop({std::nullopt, other, "prepare", std::nullopt});
  group.submit(0, request_of(2, 1));
  group.submit(0, request_of(3, 1));
  group.advance(60);
  EXPECT_EQ(barrier(group, 1), Seq{5});
  for (const unsigned other : {0u, 2u, 3u}) group.cut(1, other);
  while (group.host(2).status().view < View{2}) group.advance(5);
  group.clear_rules();
  group.heal();
  group.advance(5'000);
  EXPECT_EQ(group.host(1).status().view, View{2});
  EXPECT_EQ(group.host(1).executed(), Seq{4});
  EXPECT_EQ(barrier(group, 1), Seq{4});
}

}  // namespace
}  // namespace prytany::play
