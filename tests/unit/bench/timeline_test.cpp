#include "bench/timeline.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace prytany::bench {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::SizeIs;

TEST(Timeline, counts_answers_in_tenths_of_a_second) {
  Timeline times;
  times.begin(1'000'000);
  for (const std::uint64_t us : {1'000'000U, 1'099'999U, 1'100'000U, 1'350'000U})
    times.answered(us);
  times.end(1'500'000);
  EXPECT_THAT(times.bins(), ElementsAre(2, 1, 0, 1, 0));
}

TEST(Timeline, knows_the_longest_silence_wherever_it_is) {
  Timeline middle;
  middle.begin(0);
  for (const std::uint64_t us : {10'000U, 20'000U, 420'000U, 430'000U}) middle.answered(us);
  middle.end(500'000);
  EXPECT_EQ(middle.gap_us(), 400'000U);
  Timeline at_the_end;
  at_the_end.begin(0);
  at_the_end.answered(10'000);
  at_the_end.end(2'000'001);
  EXPECT_EQ(at_the_end.gap_us(), 1'990'000U);
  EXPECT_THAT(at_the_end.bins(), SizeIs(21));
  Timeline nothing;
  nothing.begin(5);
  nothing.end(1'000'005);
  EXPECT_THAT(nothing.bins(), SizeIs(10));
  EXPECT_THAT(nothing.bins(), Each(0U));
  nothing.begin(1'000'005);
  EXPECT_EQ(nothing.gap_us(), 0U) << "a new window";
}

}  // namespace
}  // namespace prytany::bench
