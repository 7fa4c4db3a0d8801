#include "server/node/complaints.h"

#include <gtest/gtest.h>

namespace prytany::node {
namespace {

TEST(Complaints, a_flood_of_one_peers_bad_frames_is_a_line_in_ten_seconds_that_counts_them) {
  Complaints complaints;
  std::uint64_t unsaid = 0;
  unsigned lines = 0;
  std::uint64_t told = 0;
  for (std::uint64_t ms = 0; ms < 30'000; ++ms)
    if (complaints.worth_a_line(ReplicaId{2}, Time{ms * 1000}, unsaid)) {
      ++lines;
      told += 1 + unsaid;
    }
  EXPECT_EQ(lines, 3U);
  EXPECT_EQ(told, 20'001U) << "the rest with the next line";
  EXPECT_TRUE(complaints.worth_a_line(ReplicaId{1}, Time{5}, unsaid)) << "each peer by itself";
  EXPECT_EQ(unsaid, 0U);
}

}  // namespace
}  // namespace prytany::node
