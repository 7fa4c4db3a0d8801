#include "bench/open_loop.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "bench/row.h"

namespace prytany::bench {
namespace {

TEST(Schedule, fixes_when_operations_are_due_whatever_becomes_of_them) {
  Schedule fixed(4000, Schedule::Arrivals::fixed, 1);
  for (std::uint64_t i = 0; i < 1000; ++i) EXPECT_EQ(fixed.next_us(), i * 250);
  Schedule odd(3, Schedule::Arrivals::fixed, 1);
  for (int i = 0; i < 300'000; ++i) (void)odd.next_us();
  EXPECT_NEAR(static_cast<double>(odd.next_us()), 1e11, 100) << "pauses are not rounded";
}

TEST(Schedule, of_poisson_arrivals_has_the_rate_and_exponential_pauses) {
  Schedule poisson(1000, Schedule::Arrivals::poisson, 7);
  Schedule again(1000, Schedule::Arrivals::poisson, 7);
  constexpr int count = 100'000;
  std::vector<double> pauses;
  std::uint64_t last = poisson.next_us();
  EXPECT_EQ(last, again.next_us());
  for (int i = 0; i < count; ++i) {
    const std::uint64_t due = poisson.next_us();
    EXPECT_EQ(due, again.next_us());
    ASSERT_GE(due, last);
    pauses.push_back(static_cast<double>(due - last));
    last = due;
  }
  double sum = 0;
  double squares = 0;
  for (const double pause : pauses) {
    sum += pause;
    squares += pause * pause;
  }
  const double mean = sum / count;
  EXPECT_NEAR(mean, 1000, 15);
  EXPECT_NEAR(std::sqrt(squares / count - mean * mean), mean, 0.02 * mean);
}

Row good_row() {
  Row row;
  row.rate = 1000;
  row.seconds = 1;
  row.due = 1000;
  row.operations = 1000;
  for (int i = 0; i < 1000; ++i) row.lag.record(20);
  row.client_cpu_us = 300'000;
  return row;
}

TEST(OpenLoopRow, is_saturated_when_less_was_answered_or_the_generator_was_late_or_busy) {
  EXPECT_FALSE(good_row().saturated());
  Row fewer = good_row();
  fewer.operations = 980;
  EXPECT_TRUE(fewer.saturated());
  Row late = good_row();
  for (int i = 0; i < 20; ++i) late.lag.record(500);
  EXPECT_TRUE(late.saturated());
  Row busy = good_row();
  busy.client_cpu_us = 800'000;
  EXPECT_TRUE(busy.saturated());
  busy.rate = 0;
  EXPECT_FALSE(busy.saturated()) << "a closed loop is no open one";
}

}  // namespace
}  // namespace prytany::bench
