#include "tests/sim/event_queue.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace prytany::sim {
namespace {

TEST(EventQueue, runs_events_in_order_of_time_and_equal_times_in_order_of_scheduling) {
  EventQueue queue;
  std::string order;
  const Time start = queue.now();
  queue.at(start + 20, [&] { order += "c"; });
  queue.at(start + 10, [&] { order += "a"; });
  queue.at(start + 20, [&] { order += "d"; });
  queue.at(start + 10, [&] {
    order += "b";
    queue.after(10, [&] { order += "e"; });
  });
  while (!queue.empty()) queue.run_one();
  EXPECT_EQ(order, "abcde");
  EXPECT_EQ(queue.now(), start + 20);
  EXPECT_EQ(queue.handled(), 5U);
}

TEST(EventQueue, never_goes_back_in_time) {
  EventQueue queue;
  queue.after(100, [&] { queue.at(Time{0}, [] {}); });
  queue.run_one();
  const Time now = queue.now();
  queue.run_one();
  EXPECT_EQ(queue.now(), now);
}

}  // namespace
}  // namespace prytany::sim
