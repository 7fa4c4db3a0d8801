#include "tests/sim/rng.h"

#include <gtest/gtest.h>

#include <set>

namespace prytany::sim {
namespace {

TEST(Rng, gives_the_same_numbers_for_the_same_seed_on_every_build) {
  // The first outputs of xoshiro256** whose state is four outputs of SplitMix64 from 1, computed
  // apart.
  Rng rng(1);
  EXPECT_EQ(rng.next(), 0xB3F2AF6D0FC710C5U);
  EXPECT_EQ(rng.next(), 0x853B559647364CEAU);
}

TEST(Rng, gives_other_numbers_for_another_seed_or_purpose) {
  std::set<std::uint64_t> first;
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    for (std::uint64_t purpose = 1; purpose < 6; ++purpose) first.insert(Rng(seed, purpose).next());
  }
  EXPECT_EQ(first.size(), 500U);
}

TEST(Rng, draws_below_a_bound_without_favour) {
  Rng rng(7);
  std::array<unsigned, 5> seen{};
  for (int i = 0; i < 50'000; ++i) ++seen[rng.below(5)];
  for (const unsigned count : seen) {
    EXPECT_GT(count, 9'500U);
    EXPECT_LT(count, 10'500U);
  }
}

TEST(Rng, chance_happens_as_often_as_its_rate_says) {
  Rng rng(8);
  unsigned happened = 0;
  for (int i = 0; i < 100'000; ++i) happened += rng.chance(30'000) ? 1U : 0U;
  EXPECT_GT(happened, 2'700U);
  EXPECT_LT(happened, 3'300U);
  EXPECT_FALSE(rng.chance(0));
  EXPECT_TRUE(rng.chance(1'000'000));
}

TEST(Rng, exponential_has_its_mean_and_a_tail) {
  Rng rng(9);
  std::uint64_t sum = 0;
  std::uint64_t beyond_three_means = 0;
  for (int i = 0; i < 100'000; ++i) {
    const std::uint64_t drawn = rng.exponential(1'000);
    sum += drawn;
    beyond_three_means += drawn > 3'000 ? 1U : 0U;
  }
  EXPECT_NEAR(static_cast<double>(sum) / 100'000, 1'000, 60);
  EXPECT_NEAR(static_cast<double>(beyond_three_means) / 100'000, 0.0498, 0.01);
  EXPECT_EQ(rng.exponential(0), 0U);
}

}  // namespace
}  // namespace prytany::sim
