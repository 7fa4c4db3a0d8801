#include "server/wire/two_generations.h"

#include <gtest/gtest.h>

namespace prytany::wire {
namespace {

TEST(TwoGenerations, remembers_the_latest_and_never_more_than_twice_its_bound) {
  TwoGenerations<int, int> memory(10);
  for (int i = 0; i < 1000; ++i) {
    memory.remember(i, 7 * i);
    EXPECT_LE(memory.size(), 20U);
    for (int back = 0; back < 10 && back <= i; ++back) {
      ASSERT_NE(memory.find(i - back), nullptr);
      EXPECT_EQ(*memory.find(i - back), 7 * (i - back));
    }
  }
  EXPECT_EQ(memory.find(500), nullptr);
}

TEST(TwoGenerations, finds_what_was_remembered_last_for_a_key) {
  TwoGenerations<int, int> memory(2);
  memory.remember(1, 10);
  memory.remember(2, 20);
  memory.remember(3, 30);  // 1 and 2 are the older generation now
  memory.remember(1, 11);
  EXPECT_EQ(*memory.find(1), 11);
  EXPECT_EQ(*memory.find(2), 20);
}

TEST(TwoGenerations, of_one_key_again_and_again_forgets_nothing) {
  TwoGenerations<int, int> memory(2);
  memory.remember(1, 1);
  memory.remember(2, 2);
  for (int i = 0; i < 100; ++i) memory.remember(2, i);
  EXPECT_NE(memory.find(1), nullptr);
  EXPECT_EQ(memory.size(), 2U);
}

}  // namespace
}  // namespace prytany::wire
