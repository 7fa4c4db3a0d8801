#include "server/pbft/votes.h"

#include <gtest/gtest.h>

namespace prytany::pbft {
namespace {

constexpr ReplicaId r0{0}, r1{1}, r2{2}, r3{3};

TEST(VoteSet, counts_one_vote_per_sender) {
  VoteSet<int> votes;
  EXPECT_EQ(votes.add(r0, 7), Added::counted);
  EXPECT_EQ(votes.add(r0, 7), Added::repeated);
  EXPECT_EQ(votes.count(7), 1U);
}

TEST(VoteSet, the_first_vote_stands_however_many_others_the_sender_casts) {
  VoteSet<int> votes;
  votes.add(r0, 7);
  for (int lie = 8; lie < 1000; ++lie) EXPECT_EQ(votes.add(r0, lie), Added::conflicting);
  EXPECT_EQ(votes.size(), 1U);
  EXPECT_EQ(votes.count(7), 1U);
  EXPECT_EQ(votes.count(8), 0U);
}

TEST(VoteSet, a_winner_needs_enough_equal_votes) {
  VoteSet<int> votes;
  votes.add(r0, 7);
  votes.add(r1, 8);
  votes.add(r2, 7);
  EXPECT_EQ(votes.winner(3), std::nullopt);
  EXPECT_EQ(votes.winner(2), 7);
  votes.add(r3, 7);
  EXPECT_EQ(votes.winner(3), 7);
}

TEST(VoteSet, counts_others_without_oneself) {
  VoteSet<int> votes;
  votes.add(r0, 7);
  votes.add(r1, 7);
  votes.add(r2, 8);
  EXPECT_EQ(votes.count_others(7, r0), 1U);
  EXPECT_EQ(votes.count_others(7, r2), 2U);
  EXPECT_EQ(votes.count_others(7, r3), 2U);
}

TEST(VoteSet, an_erased_sender_may_vote_anew) {
  VoteSet<int> votes;
  votes.add(r0, 7);
  votes.erase(r0);
  EXPECT_EQ(votes.of(r0), nullptr);
  EXPECT_EQ(votes.add(r0, 8), Added::counted);
}

}  // namespace
}  // namespace prytany::pbft
