#include "server/wire/two_generations.h"

#include <gtest/gtest.h>

#include <string>

namespace prytany::wire {
namespace {

crypto::Digest remembered_digest(int i) {
  return crypto::sha256("generations", as_bytes(std::to_string(i)));
}

TEST(TwoGenerations, remembers_the_latest_and_never_more_than_twice_its_bound) {
  TwoGenerations<int> memory(10);
  for (int i = 0; i < 1000; ++i) {
    memory.remember(remembered_digest(i), 7 * i);
    EXPECT_LE(memory.size(), 20U);
    for (int back = 0; back < 10 && back <= i; ++back) {
      ASSERT_NE(memory.find(remembered_digest(i - back)), nullptr);
      EXPECT_EQ(*memory.find(remembered_digest(i - back)), 7 * (i - back));
    }
  }
  EXPECT_EQ(memory.find(remembered_digest(500)), nullptr);
}

TEST(TwoGenerations, finds_what_was_remembered_last_for_a_digest) {
  TwoGenerations<int> memory(2);
  memory.remember(remembered_digest(1), 10);
  memory.remember(remembered_digest(2), 20);
  memory.remember(remembered_digest(3), 30);  // 1 and 2 are the older generation now
  memory.remember(remembered_digest(1), 11);
  EXPECT_EQ(*memory.find(remembered_digest(1)), 11);
  EXPECT_EQ(*memory.find(remembered_digest(2)), 20);
}

TEST(TwoGenerations, of_one_digest_again_and_again_forgets_nothing) {
  TwoGenerations<int> memory(2);
  memory.remember(remembered_digest(1), 1);
  memory.remember(remembered_digest(2), 2);
  for (int i = 0; i < 100; ++i) memory.remember(remembered_digest(2), i);
  EXPECT_NE(memory.find(remembered_digest(1)), nullptr);
  EXPECT_EQ(memory.size(), 2U);
}

}  // namespace
}  // namespace prytany::wire
