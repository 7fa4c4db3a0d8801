#include "bench/zipf.h"

#include <gtest/gtest.h>

#include <cmath>
#include <set>
#include <vector>

namespace prytany::bench {
namespace {

TEST(Dice, give_each_operation_of_each_client_its_own_chance_and_the_same_again) {
  std::set<std::uint64_t> seen;
  for (std::uint64_t client = 0; client < 50; ++client)
    for (std::uint64_t n = 0; n < 50; ++n) seen.insert(Dice(1, client, n).next());
  EXPECT_EQ(seen.size(), 2500U);
  EXPECT_EQ(Dice(1, 3, 4).next(), Dice(1, 3, 4).next());
  EXPECT_NE(Dice(1, 3, 4).next(), Dice(2, 3, 4).next());
  EXPECT_NE(Dice(1, 3, 4).next(), Dice(1, 4, 3).next());
}

TEST(Dice, are_fair_and_stay_between_their_bounds) {
  Dice dice(7);
  std::vector<unsigned> faces(6);
  for (int i = 0; i < 60'000; ++i) ++faces[static_cast<std::size_t>(dice.between(-2, 3) + 2)];
  for (const unsigned count : faces) EXPECT_NEAR(count, 10'000, 500);
  double sum = 0;
  for (int i = 0; i < 10'000; ++i) {
    const double share = dice.share();
    ASSERT_TRUE(share >= 0 && share < 1);
    sum += share;
  }
  EXPECT_NEAR(sum / 10'000, 0.5, 0.02);
}

TEST(Zipf, draws_ranks_as_often_as_the_law_says) {
  constexpr std::uint64_t items = 1000;
  constexpr int draws = 200'000;
  double zeta = 0;
  for (std::uint64_t i = 1; i <= items; ++i)
    zeta += 1 / std::pow(static_cast<double>(i), Zipf::ycsb_theta);
  const Zipf zipf(items);
  Dice dice(1);
  std::vector<unsigned> seen(items);
  for (int i = 0; i < draws; ++i) ++seen.at(zipf.draw(dice));
  // The first two are exact; the others by Gray's approximation.
  for (const std::uint64_t rank : {0U, 1U}) {
    const double expected = draws / std::pow(static_cast<double>(rank + 1), 0.99) / zeta;
    EXPECT_NEAR(seen[rank], expected, 0.03 * expected) << rank;
  }
  double first_ten = 0;
  double expected_ten = 0;
  for (std::uint64_t rank = 0; rank < 10; ++rank) {
    first_ten += seen[rank];
    expected_ten += draws / std::pow(static_cast<double>(rank + 1), 0.99) / zeta;
  }
  EXPECT_NEAR(first_ten, expected_ten, 0.05 * expected_ten);
}

TEST(Zipf, knows_the_sum_for_ycsbs_ranks) {
  // The integral's bounds for 10^10 terms at theta 0.99, from the sum of the first million.
  double sum = 0;
  constexpr std::uint64_t exact = 1'000'000;
  for (std::uint64_t i = 1; i <= exact; ++i) sum += 1 / std::pow(static_cast<double>(i), 0.99);
  const auto integral = [](double from, double to) {
    return (std::pow(to, 0.01) - std::pow(from, 0.01)) / 0.01;
  };
  EXPECT_NEAR(sum + integral(exact + 0.5, 1e10 + 0.5), 26.46902820178302, 1e-5);
}

TEST(ScrambledZipf, scatters_few_popular_records_over_all) {
  constexpr std::uint64_t records = 1000;
  const ScrambledZipf keys(records);
  Dice dice(1);
  std::vector<unsigned> seen(records);
  for (int i = 0; i < 100'000; ++i) ++seen.at(keys.draw(dice));
  const std::uint64_t hottest = fnv1a(0) % records;
  EXPECT_NEAR(seen[hottest], 100'000 / 26.469, 250) << "rank 0 is one of 26.5 draws";
  unsigned touched = 0;
  for (const unsigned count : seen) touched += count > 0;
  EXPECT_GT(touched, 990U);
}

TEST(Fnv1a, is_the_published_one) {
  // Of eight zero bytes, and of "user0001", computed elsewhere from the definition.
  EXPECT_EQ(fnv1a(0), 0xa8c7f832281a39c5U);
  EXPECT_EQ(fnv1a(0x3130303072657375U), 0x816f44f0826ead85U);
}

}  // namespace
}  // namespace prytany::bench
