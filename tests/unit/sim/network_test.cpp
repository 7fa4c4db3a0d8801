#include "tests/sim/network.h"

#include <gtest/gtest.h>

namespace prytany::sim {
namespace {

LinkParameters quiet() {
  LinkParameters link;
  link.delay_min_us = 100;
  link.delay_mean_us = 1'000;
  return link;
}

TEST(Path, delays_but_loses_nothing_when_it_has_no_faults) {
  Rng rng(1);
  Path path(quiet(), rng);
  for (int i = 0; i < 1'000; ++i) {
    const auto times = path.arrivals(Time{5'000}, rng).times;
    ASSERT_EQ(times.size(), 1U);
    EXPECT_GE(times[0], Time{5'050});
  }
}

TEST(Path, lets_later_frames_overtake_earlier_ones_unless_it_is_in_order) {
  for (const bool in_order : {false, true}) {
    Rng rng(2);
    LinkParameters link = quiet();
    link.in_order = in_order;
    Path path(link, rng);
    int overtaken = 0;
    Time last;
    for (std::uint64_t i = 0; i < 1'000; ++i) {
      const Time when = path.arrivals(Time{i * 10}, rng).times.at(0);
      overtaken += when < last ? 1 : 0;
      last = when;
    }
    EXPECT_EQ(overtaken == 0, in_order);
  }
}

TEST(Path, loses_and_duplicates_at_about_its_rates_until_it_is_calmed) {
  Rng rng(3);
  LinkParameters link = quiet();
  link.loss_rate = 100'000;
  link.duplicate_rate = 100'000;
  Path path(link, rng);
  int lost = 0;
  int twice = 0;
  for (int i = 0; i < 10'000; ++i) {
    const std::size_t copies = path.arrivals(Time{0}, rng).times.size();
    lost += copies == 0 ? 1 : 0;
    twice += copies == 2 ? 1 : 0;
  }
  EXPECT_GT(lost, 400);
  EXPECT_LT(lost, 2'200);
  EXPECT_GT(twice, 400);
  EXPECT_LT(twice, 2'200);
  path.calm();
  for (int i = 0; i < 1'000; ++i) EXPECT_EQ(path.arrivals(Time{0}, rng).times.size(), 1U);
}

}  // namespace
}  // namespace prytany::sim
