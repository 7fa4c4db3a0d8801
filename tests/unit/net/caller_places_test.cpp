// Who gives way at the peer port.
#include "server/net/caller_places.h"

#include <gtest/gtest.h>

#include <random>
#include <vector>

namespace prytany::net {
namespace {

TEST(CallerPlaces, are_taken_from_the_host_that_holds_most) {
  CallerPlaces places(4);
  places.take("member", 1);
  for (int fd = 2; fd <= 100; ++fd) {
    places.take("stranger", fd);
    if (!places.too_many()) continue;
    const int out = places.gives_way(static_cast<std::uint64_t>(fd) * 7919);
    EXPECT_NE(out, 1);
    places.leave("stranger", out);
  }
  EXPECT_EQ(places.taken(), 4U);
}

TEST(CallerPlaces, of_hosts_that_hold_as_many_any_gives_way) {
  CallerPlaces places(3);
  places.take("a", 1);
  places.take("a", 2);
  places.take("b", 3);
  places.take("c", 4);
  places.take("c", 5);
  ASSERT_TRUE(places.too_many());
  std::vector<int> out;
  for (std::uint64_t random = 0; random < 4; ++random) out.push_back(places.gives_way(random));
  EXPECT_EQ(out, (std::vector<int>{1, 2, 4, 5}));
}

TEST(CallerPlaces, are_kept_through_a_flood_from_the_same_host_as_often_as_is_written_down) {
  // 1000 callers a second, 8 ms: eight callers while one takes its step; 94 %.
  std::mt19937_64 random(1);
  int kept = 0;
  constexpr int tries = 2'000;
  for (int i = 0; i < tries; ++i) {
    CallerPlaces places(128);
    for (int fd = 1; fd <= 128; ++fd) places.take("host", fd);
    bool here = true;
    for (int fd = 1'000; fd <= 1'008; ++fd) {
      places.take("host", fd);
      const int out = places.gives_way(random());
      places.leave("host", out);
      if (out == 1'000) here = false;
    }
    if (here) ++kept;
  }
  EXPECT_NEAR(kept / double{tries}, 0.94, 0.03);
}

}  // namespace
}  // namespace prytany::net
