#include "server/pbft/vouching.h"

#include <gtest/gtest.h>

#include <random>
#include <set>

#include "tests/play/group.h"

namespace prytany::pbft {
namespace {

struct WordsOf : testing::Test {
  Digest add(std::uint64_t session, std::uint64_t number, Time now) {
    const auto request = play::tagged_request_of(session, number);
    const Digest digest = wire::request_digest(request.body);
    vouching.vouch(digest);
    EXPECT_EQ(vouching.add(now, digest, request), std::nullopt);
    return digest;
  }
  std::optional<Digest> untried() {
    const auto oldest = vouching.untried();
    return oldest ? std::optional(oldest->digest) : std::nullopt;
  }

  static Config of_four() {
    Config made;
    made.group = {4, 1};
    return made;
  }

  Config config = of_four();
  Vouching vouching{config};
};

TEST_F(WordsOf, requests_are_tried_the_oldest_first_and_one_of_a_session_at_a_time) {
  EXPECT_EQ(untried(), std::nullopt);
  const Digest first = add(1, 1, Time{10});
  const Digest second = add(1, 2, Time{20});
  const Digest other = add(2, 1, Time{30});
  EXPECT_EQ(untried(), first);
  vouching.tried(first);
  EXPECT_EQ(untried(), other);
  vouching.tried(other);
  vouching.tried(other);
  EXPECT_EQ(untried(), std::nullopt);
  vouching.remove({first});
  EXPECT_EQ(untried(), second);
  vouching.remove({second, other});
  EXPECT_EQ(untried(), std::nullopt);
}

TEST_F(WordsOf, what_a_peer_passed_on_is_not_tried) {
  const auto request = play::tagged_request_of(1, 1);
  const Digest digest = wire::request_digest(request.body);
  EXPECT_EQ(vouching.bring(Time{10}, ReplicaId{2}, digest, request), std::nullopt);
  EXPECT_EQ(untried(), std::nullopt);
  vouching.tried(digest);
}

TEST_F(WordsOf, a_request_is_hurried_once_until_its_word_was_given_to_all) {
  const Digest digest = add(1, 1, Time{10});
  EXPECT_FALSE(vouching.hurry(Time{11}, play::digest_of("another")));
  EXPECT_GT(vouching.due(), Time{11});
  EXPECT_TRUE(vouching.hurry(Time{11}, digest));
  EXPECT_EQ(vouching.due(), Time{11});
  EXPECT_FALSE(vouching.hurry(Time{11}, digest));
  EXPECT_EQ(vouching.overdue(Time{11}, 10).size(), 1U);
  EXPECT_FALSE(vouching.hurry(Time{12}, digest)) << "all were told";
  EXPECT_EQ(untried(), std::nullopt);
}

/// Beside a list that is looked through each time.
TEST_F(WordsOf, what_waits_is_due_after_its_own_interval_whatever_was_taken_from_between) {
  struct Known {
    Digest digest;
    Time due;
    std::uint64_t interval_us;
  };
  std::vector<Known> known;
  std::mt19937 dice(7);
  std::uint64_t sessions = 0;
  for (Time now{1}; now < Time{4'000'000}; now = now + 1 + dice() % 30'000) {
    const auto chance = dice() % 8;
    if (chance < 4) {
      known.push_back({add(++sessions, 1, now), now + config.retransmit_us, config.retransmit_us});
    } else if (chance == 4 && !known.empty()) {
      const auto gone = known.begin() + static_cast<std::ptrdiff_t>(dice() % known.size());
      vouching.remove({gone->digest});
      known.erase(gone);
    } else if (chance == 5 && !known.empty()) {
      Known& one = known[dice() % known.size()];
      const bool may = one.interval_us == config.retransmit_us && one.due > now;
      EXPECT_EQ(vouching.hurry(now, one.digest), may);
      if (may) one.due = now;
    } else if (chance == 6) {
      std::multiset<Digest> due;
      for (Known& one : known) {
        if (one.due > now) continue;
        due.insert(one.digest);
        one.interval_us = std::min(2 * one.interval_us, config.retransmit_max_us);
        one.due = now + one.interval_us;
      }
      std::multiset<Digest> found;
      for (const auto& each : vouching.overdue(now, 1000)) found.insert(each.digest);
      EXPECT_EQ(found, due);
    }
    Time first = never;
    for (const Known& one : known) first = std::min(first, one.due);
    ASSERT_EQ(vouching.due(), first);
    ASSERT_EQ(vouching.waiting(), known.size());
  }
  EXPECT_GT(sessions, 100U);
  vouching.forget_waiting();
  EXPECT_EQ(vouching.due(), never);
}

}  // namespace
}  // namespace prytany::pbft
