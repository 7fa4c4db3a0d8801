#include "server/node/turnstile.h"

#include <gtest/gtest.h>

namespace prytany::node {
namespace {

Turnstile of_proofs() { return {{50, 10}, {200, 200}}; }

int admitted(Turnstile& turnstile, const std::string& host, Time now, int asked) {
  int count = 0;
  for (int i = 0; i < asked; ++i) count += turnstile.admit(host, now) ? 1 : 0;
  return count;
}

TEST(Turnstile, lets_a_burst_of_one_host_in_and_then_ten_a_second) {
  Turnstile turnstile = of_proofs();
  EXPECT_EQ(admitted(turnstile, "a", Time{5}, 1000), 50);
  EXPECT_EQ(admitted(turnstile, "a", Time{1'000'005}, 1000), 10);
  EXPECT_EQ(admitted(turnstile, "b", Time{1'000'005}, 1000), 50) << "another's turn is its own";
  EXPECT_EQ(admitted(turnstile, "a", Time{100'000'005}, 1000), 50) << "no more is saved up";
}

TEST(Turnstile, lets_two_hundred_a_second_in_of_all_together) {
  Turnstile turnstile = of_proofs();
  int all = 0;
  for (int host = 0; host < 100; ++host)
    all += admitted(turnstile, std::to_string(host), Time{5}, 50);
  EXPECT_EQ(all, 200);
  EXPECT_EQ(admitted(turnstile, "late", Time{500'005}, 50), 50);
}

TEST(Turnstile, remembers_a_bounded_number_of_hosts_and_forgets_those_that_rest) {
  Turnstile turnstile = of_proofs();
  std::uint64_t now = 0;
  for (int host = 0; host < 4096; ++host)
    EXPECT_TRUE(turnstile.admit(std::to_string(host), Time{now += 5'000}));
  EXPECT_TRUE(turnstile.admit("one more", Time{now += 5'000}));
  // All at one moment: nobody has rested.
  Turnstile crowded = of_proofs();
  for (int host = 0; host < 4096; ++host) (void)crowded.admit(std::to_string(host), Time{1});
  EXPECT_FALSE(crowded.admit("one more", Time{1}));
  EXPECT_TRUE(crowded.admit("one more", Time{10'000'000}));
}

}  // namespace
}  // namespace prytany::node
