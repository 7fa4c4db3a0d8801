#include "server/net/slice.h"

#include <gtest/gtest.h>

namespace prytany::net {
namespace {

/// Of a second, how much somebody gets who always has more, in pieces of `piece_us`.
std::uint64_t had_of_a_second(Slice slice, std::uint64_t piece_us) {
  std::uint64_t had = 0;
  for (Time now{5'000'000}; now < Time{6'000'000};) {
    slice.renew();
    now = std::max(now, slice.again());
    while (slice.left(now)) {
      now = now + piece_us;
      had += piece_us;
      slice.spend(now, piece_us);
    }
  }
  return had;
}

TEST(Slice, is_so_much_of_a_turn_and_as_much_of_the_next) {
  Slice slice({.turn_us = 1'000, .burst_us = 50'000, .percent = 50});
  const Time now{1'000'000};
  for (int turn = 0; turn < 6; ++turn) {
    slice.spend(now, 3'600);
    EXPECT_TRUE(slice.left(now));
    slice.spend(now, 400);
    EXPECT_FALSE(slice.left(now));
    EXPECT_FALSE(slice.rests(now));
    slice.renew();
    EXPECT_TRUE(slice.left(now)) << "though no time has passed";
  }
}

TEST(Slice, is_as_if_new_when_the_clock_has_paid_for_what_was_spent) {
  Slice slice({.turn_us = 1'000, .burst_us = 50'000, .percent = 50});
  const Time now{1'000'000};
  EXPECT_TRUE(slice.fresh(now));
  slice.spend(now, 1'000);
  EXPECT_FALSE(slice.fresh(now + 1'999));
  EXPECT_TRUE(slice.fresh(now + 2'000));
}

TEST(Slice, is_a_quarter_for_who_has_used_half_of_its_burst) {
  Slice slice({.turn_us = 1'000, .burst_us = 50'000, .percent = 50});
  const Time now{1'000'000};
  slice.spend(now, 26'000);
  slice.renew();
  slice.spend(now, 900);
  EXPECT_TRUE(slice.left(now));
  slice.spend(now, 100);
  EXPECT_FALSE(slice.left(now));
}

TEST(Slice, is_a_share_of_the_clock_beyond_a_burst_however_turns_follow_each_other) {
  for (const unsigned percent : {25U, 50U, 67U}) {
    const Slice slice({.turn_us = 1'000, .burst_us = 50'000, .percent = percent});
    const std::uint64_t share = 10'000 * percent;
    for (const std::uint64_t piece : {10U, 700U, 30'000U}) {
      EXPECT_GE(had_of_a_second(slice, piece), share + 40'000) << percent << " " << piece;
      EXPECT_LE(had_of_a_second(slice, piece), share + 54'000 + piece) << percent << " " << piece;
    }
  }
}

TEST(Slice, makes_who_took_long_rest_long) {
  Slice slice({.turn_us = 1'000, .burst_us = 50'000, .percent = 50});
  const Time now{1'000'000};
  slice.spend(now, 150'000);
  slice.renew();
  EXPECT_TRUE(slice.rests(now + 200'000));
  EXPECT_FALSE(slice.left(Time{slice.again().value - 1}));
  EXPECT_TRUE(slice.left(slice.again()));
  EXPECT_EQ(slice.again(), now + 202'000) << "what is above the burst, and a turn's worth";
}

TEST(Slice, is_whole_again_for_who_was_away) {
  Slice slice({.turn_us = 1'000, .burst_us = 50'000, .percent = 50});
  slice.spend(Time{1'000'000}, 40'000);
  slice.renew();
  slice.spend(Time{9'000'000}, 40'000);
  EXPECT_FALSE(slice.rests(Time{9'000'000}));
}

}  // namespace
}  // namespace prytany::net
