#include "server/pbft/words.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace prytany::pbft {
namespace {

constexpr ReplicaId first_r{0}, second_r{1}, third_r{2};

Digest request_nr(int i) { return crypto::sha256("words", as_bytes(std::to_string(i))); }

TEST(Words, are_counted_once_for_each_replica) {
  Words words({10, 10, 10});
  EXPECT_EQ(words.count(request_nr(1)), 0U);
  EXPECT_TRUE(words.said(first_r, request_nr(1)));
  EXPECT_FALSE(words.said(first_r, request_nr(1)));
  EXPECT_TRUE(words.said(third_r, request_nr(1)));
  EXPECT_EQ(words.count(request_nr(1)), 2U);
  EXPECT_TRUE(words.has(first_r, request_nr(1)));
  EXPECT_FALSE(words.has(second_r, request_nr(1)));
  EXPECT_EQ(words.count(request_nr(2)), 0U);
}

TEST(Words, of_one_that_started_anew_are_forgotten_and_told) {
  Words words({2, 10});
  for (int i = 1; i <= 3; ++i) words.said(first_r, request_nr(i));
  words.said(second_r, request_nr(3));
  EXPECT_EQ(words.forget(first_r), (std::vector{request_nr(1), request_nr(2), request_nr(3)}));
  EXPECT_EQ(words.remembered(), 1U);
  EXPECT_EQ(words.count(request_nr(3)), 1U);
  EXPECT_EQ(words.forget(first_r), std::vector<Digest>{});
}

/// What each replica's words would be by themselves, in two sets.
struct OfOneAlone {
  std::size_t max;
  std::set<int> young, old;

  void said(int request) {
    if (young.size() >= max && !young.contains(request)) {
      old = std::move(young);
      young.clear();
    }
    young.insert(request);
  }
  [[nodiscard]] bool has(int request) const {
    return young.contains(request) || old.contains(request);
  }
};

TEST(Words, of_one_replica_are_remembered_as_if_it_were_alone) {
  const std::vector<std::size_t> max = {40, 7, 1};
  Words words(max);
  std::vector<OfOneAlone> models = {{40, {}, {}}, {7, {}, {}}, {1, {}, {}}};
  unsigned dice = 1;
  for (int step = 0; step < 3000; ++step) {
    dice = dice * 1664525 + 1013904223;
    const auto by = static_cast<std::uint16_t>((dice >> 16) % 3);
    const int request = static_cast<int>((dice >> 20) % 120);
    words.said(ReplicaId{by}, request_nr(request));
    models[by].said(request);
    for (int i = 0; i < 120; i += 7) {
      unsigned count = 0;
      for (std::uint16_t id = 0; id < 3; ++id) {
        ASSERT_EQ(words.has(ReplicaId{id}, request_nr(i)), models[id].has(i)) << "step " << step;
        count += models[id].has(i) ? 1U : 0U;
      }
      ASSERT_EQ(words.count(request_nr(i)), count);
    }
  }
}

TEST(Words, of_a_replica_that_vouches_for_everything_take_no_more_than_its_room) {
  Words words({10, 10, 10});
  words.said(first_r, request_nr(0));
  words.said(third_r, request_nr(0));
  for (int i = 1; i < 1000; ++i) {
    words.said(second_r, request_nr(i));
    ASSERT_LE(words.remembered(), 21U);
  }
  EXPECT_EQ(words.count(request_nr(0)), 2U);
  EXPECT_EQ(words.count(request_nr(500)), 0U);
}

}  // namespace
}  // namespace prytany::pbft
