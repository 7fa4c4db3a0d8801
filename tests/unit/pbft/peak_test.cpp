#include "server/pbft/peak.h"

#include <gtest/gtest.h>

namespace prytany::pbft {
namespace {

TEST(Peak, is_the_highest_since_a_moment) {
  Peak peak;
  peak.observe(Time{10}, 3, Time{0});
  EXPECT_EQ(peak.value(), 3U);
  peak.observe(Time{20}, 8, Time{0});
  peak.observe(Time{30}, 2, Time{0});
  EXPECT_EQ(peak.value(), 8U);
  peak.observe(Time{40}, 5, Time{30});
  EXPECT_EQ(peak.value(), 8U) << "it was 8 until 30";
  peak.observe(Time{50}, 1, Time{31});
  EXPECT_EQ(peak.value(), 5U);
  peak.observe(Time{60}, 1, Time{60});
  EXPECT_EQ(peak.value(), 1U) << "it was 5 until 50";
}

TEST(Peak, lasts_as_long_as_the_number_itself) {
  Peak peak;
  for (std::uint64_t now = 1; now <= 100; ++now) peak.observe(Time{now}, 7, Time{now});
  peak.observe(Time{101}, 2, Time{100});
  EXPECT_EQ(peak.value(), 7U);
  peak.observe(Time{102}, 2, Time{102});
  EXPECT_EQ(peak.value(), 2U);
}

}  // namespace
}  // namespace prytany::pbft
