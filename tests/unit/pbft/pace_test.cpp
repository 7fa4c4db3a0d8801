#include "server/pbft/pace.h"

#include <gtest/gtest.h>

namespace prytany::pbft {
namespace {

constexpr std::uint64_t ms = 1000;
constexpr std::uint64_t patience_us = 500 * ms;

class PaceTest : public testing::Test {
 protected:
  explicit PaceTest(Group group = {4, 1}) { config.group = group; }

  static Digest request(std::uint64_t i) {
    Digest digest;
    digest.bytes[0] = static_cast<std::uint8_t>(i);
    digest.bytes[1] = static_cast<std::uint8_t>(i >> 8);
    return digest;
  }
  static ReplicaId peer(unsigned id) { return ReplicaId{static_cast<std::uint16_t>(id)}; }
  void pass(std::uint64_t us) { now = now + us; }
  /// One request on trial, which the primary serves after so long; each of the others answers after
  /// `others_us`, where that is given.
  void trial(std::uint64_t took_us, const std::vector<std::optional<std::uint64_t>>& others_us) {
    pace.watch(now, true);
    const Digest tried = request(++count);
    const std::uint64_t ask = pace.begin(now, peer(0), tried, {}, 1);
    const Time began = now;
    for (std::size_t i = 0; i < others_us.size(); ++i)
      if (others_us[i])
        pace.answered(began + *others_us[i], peer(2 + static_cast<unsigned>(i)), ask);
    now = began + took_us;
    EXPECT_TRUE(pace.proposed(now, {request(0), tried}));
  }
  /// Ends when it is too slow, or after a minute; in milliseconds.
  std::uint64_t until_too_slow(std::uint64_t took_us,
                               const std::vector<std::optional<std::uint64_t>>& others_us) {
    const Time began = now;
    while (!pace.too_slow(now, patience_us) && now - began < 60'000 * ms) trial(took_us, others_us);
    return (now - began) / ms;
  }

  Config config;  // self is 0 unless set
  Time now{1'000'000};
  Pace pace{config};
  std::uint64_t count = 0;
};

class PaceOfFour : public PaceTest {
 protected:
  PaceOfFour() { config.self = peer(1); }
};

TEST_F(PaceOfFour, who_serves_just_before_patience_ends_is_found_within_seconds) {
  EXPECT_LE(until_too_slow(490 * ms, {2 * ms, 2 * ms}), 1'500U);
  pace.begin_view();
  EXPECT_LE(until_too_slow(100 * ms, {2 * ms, 2 * ms}), 2'000U);
}

TEST_F(PaceOfFour, who_is_as_fast_as_others_could_be_never_is) {
  EXPECT_GE(until_too_slow(5 * ms, {2 * ms, 2 * ms}), 60'000U);
  EXPECT_GE(until_too_slow(350 * ms, {50 * ms, 60 * ms}), 60'000U) << "continents apart";
}

TEST_F(PaceOfFour, one_who_answers_late_or_not_at_all_is_the_only_fault_there_may_be) {
  EXPECT_GE(until_too_slow(450 * ms, {2 * ms, 80 * ms}), 60'000U);
  EXPECT_GE(until_too_slow(450 * ms, {2 * ms, std::nullopt}), 60'000U);
}

TEST_F(PaceOfFour, a_hiccup_now_and_then_runs_off) {
  for (int i = 0; i < 20; ++i) {
    trial(400 * ms, {2 * ms, 2 * ms});
    EXPECT_FALSE(pace.too_slow(now, patience_us)) << i;
    pass(8'000 * ms);
  }
}

TEST_F(PaceOfFour, time_counts_only_while_the_primary_could_propose) {
  for (int i = 0; i < 100; ++i) {
    pace.watch(now, true);
    const std::uint64_t ask = pace.begin(now, peer(0), request(1), {}, 1);
    pace.answered(now + ms, peer(2), ask);
    pace.answered(now + ms, peer(3), ask);
    pass(2 * ms);
    pace.watch(now, false);
    pass(400 * ms);
    pace.watch(now, true);
    EXPECT_TRUE(pace.proposed(now, {request(1)}));
  }
  EXPECT_EQ(pace.last().took_us, 2 * ms);
  EXPECT_FALSE(pace.too_slow(now, 0));
}

TEST_F(PaceOfFour, what_takes_long_to_execute_here_takes_long_there) {
  pace.executed(50 * ms);
  trial(300 * ms, {2 * ms, 2 * ms});
  EXPECT_FALSE(pace.too_slow(now, 0));
  for (int i = 0; i < 100; ++i) pace.executed(ms);
  trial(300 * ms, {2 * ms, 2 * ms});
  EXPECT_TRUE(pace.too_slow(now, 200 * ms)) << "that is over";
}

TEST_F(PaceOfFour, those_who_waited_together_waited_once) {
  pace.watch(now, true);
  for (std::uint64_t i = 1; i <= 10; ++i) {
    const std::uint64_t ask = pace.begin(now, peer(0), request(i), {}, 1);
    pace.answered(now + ms, peer(2), ask);
    pace.answered(now + ms, peer(3), ask);
  }
  pass(200 * ms);
  std::vector<Digest> all;
  for (std::uint64_t i = 1; i <= 10; ++i) all.push_back(request(i));
  EXPECT_TRUE(pace.proposed(now, all));
  EXPECT_TRUE(pace.too_slow(now, 150 * ms));
  EXPECT_FALSE(pace.too_slow(now, 200 * ms));
}

// A primary that delays each of its proposals by as much, many of them under way.
TEST_F(PaceOfFour, proposals_that_are_late_one_after_the_other_are_late_all_the_time) {
  constexpr std::uint64_t late_ms = 300;
  for (std::uint64_t t = 0; t < 2'000; t += 50) {
    pace.watch(now, true);
    const std::uint64_t ask = pace.begin(now, peer(0), request(t), {}, 1);
    pace.answered(now + ms, peer(2), ask);
    pace.answered(now + ms, peer(3), ask);
    if (t >= late_ms) {
      EXPECT_TRUE(pace.proposed(now, {request(t - late_ms)}));
    }
    pass(50 * ms);
  }
  EXPECT_TRUE(pace.too_slow(now, patience_us));
}

TEST_F(PaceOfFour, many_sessions_may_need_several_rounds) {
  pace.watch(now, true);
  const std::uint64_t ask = pace.begin(now, peer(0), request(1), {}, 20);
  pace.answered(now + 5 * ms, peer(2), ask);
  pace.answered(now + 5 * ms, peer(3), ask);
  pass(450 * ms);
  EXPECT_TRUE(pace.proposed(now, {request(1)}));
  EXPECT_FALSE(pace.too_slow(now, 0));
}

TEST_F(PaceOfFour, a_group_in_which_all_are_slow_comes_to_rest) {
  unsigned left = 0;
  for (int i = 0; i < 1'000; ++i) {
    trial(200 * ms, {2 * ms, 2 * ms});
    if (!pace.too_slow(now, patience_us)) continue;
    ++left;
    pace.left(now);
    pace.begin_view();
  }
  EXPECT_GE(left, 3U);
  EXPECT_LE(left, 20U) << "in 200 seconds";
}

TEST_F(PaceOfFour, a_trial_begins_when_something_has_waited_and_could_be_proposed) {
  const Time since = now;
  EXPECT_EQ(pace.trial_at(since), never) << "it could not";
  pass(ms);
  pace.watch(now, true);
  EXPECT_EQ(pace.trial_at(since), now + config.slow_after_us);
  EXPECT_EQ(pace.trial_at(never), never) << "nothing waits";
  for (std::uint64_t i = 0; i < Pace::trials_max; ++i) pace.begin(now, peer(0), request(i), {}, 1);
  EXPECT_EQ(pace.trial_at(since), never) << "enough";
  pace.drop_if([](const Digest& each) { return each == request(1); });
  EXPECT_FALSE(pace.contains(request(1)));
  EXPECT_TRUE(pace.contains(request(2)));
  EXPECT_NE(pace.trial_at(since), never);
}

TEST_F(PaceOfFour, where_others_need_long_trials_are_few) {
  trial(60 * ms, {40 * ms, 40 * ms});
  pass(1'000 * ms);
  EXPECT_EQ(pace.trial_at(now), now + config.request_timeout_us / 8);
  trial(60 * ms, {10 * ms, 12 * ms});
  pass(1'000 * ms);
  EXPECT_EQ(pace.trial_at(now), now + 24 * ms);
}

TEST_F(PaceOfFour, what_lacks_others_word_counts_from_when_there_is_enough) {
  pace.watch(now, true);
  const std::uint64_t ask = pace.begin(now, peer(0), request(1), {}, 1, false);
  pace.answered(now + ms, peer(2), ask);
  pace.answered(now + ms, peer(3), ask);
  pass(400 * ms);
  pace.believed(now, [](const Digest& each) { return each != request(1); });
  pass(10 * ms);
  pace.believed(now, [](const Digest& each) { return each == request(1); });
  pass(30 * ms);
  pace.believed(now, [](const Digest& each) { return each == request(1); });
  pass(30 * ms);
  EXPECT_TRUE(pace.proposed(now, {request(1)}));
  EXPECT_EQ(pace.last().took_us, 60 * ms);
}

TEST_F(PaceOfFour, nothing_is_learned_of_what_never_has_others_word) {
  pace.watch(now, true);
  const std::uint64_t ask = pace.begin(now, peer(0), request(1), {}, 1, false);
  pace.answered(now + ms, peer(2), ask);
  pace.answered(now + ms, peer(3), ask);
  pass(10'000 * ms);
  EXPECT_TRUE(pace.proposed(now, {request(1)}));
  EXPECT_EQ(pace.last().allowed_us, 0U);
  EXPECT_FALSE(pace.too_slow(now, 0));
}

TEST_F(PaceOfFour, those_that_lack_others_word_leave_room_for_others) {
  pace.watch(now, true);
  for (std::uint64_t i = 1; i <= 50; ++i) pace.begin(now, peer(0), request(i), {}, 1, false);
  EXPECT_TRUE(pace.may_try());
  EXPECT_FALSE(pace.contains(request(42)));
  EXPECT_TRUE(pace.contains(request(43)));
}

class PaceOfSeven : public PaceTest {
 protected:
  PaceOfSeven() : PaceTest({7, 2}) { config.self = peer(1); }
};

// With a faulty primary one other backup may lie.
TEST_F(PaceOfSeven, one_more_liar_cannot_make_the_others_look_slow) {
  EXPECT_LE(until_too_slow(450 * ms, {2 * ms, 2 * ms, 2 * ms, 2 * ms, 400 * ms}), 1'500U);
  pace.begin_view();
  EXPECT_LE(until_too_slow(450 * ms, {2 * ms, 2 * ms, 2 * ms, 2 * ms, std::nullopt}), 1'500U);
}

class PaceOfTwo : public PaceTest {
 protected:
  PaceOfTwo() : PaceTest({2, 0}) { config.self = peer(1); }
};

TEST_F(PaceOfTwo, there_is_nobody_to_compare_with) {
  pace.watch(now, true);
  EXPECT_EQ(pace.trial_at(now), never);
}

TEST_F(PaceOfFour, what_comes_before_a_request_in_its_session_is_no_time_of_its_own) {
  const Pace::Place last{SessionId{7}, RequestNumber{64}};
  const std::uint64_t ask = pace.begin(now, peer(0), request(1), last, 1);
  pace.watch(now, true);
  for (const unsigned other : {2U, 3U}) pace.answered(now + 2 * ms, peer(other), ask);
  pass(900 * ms);
  pace.served({SessionId{8}, RequestNumber{1}});
  pace.served({SessionId{7}, RequestNumber{65}});
  const crypto::PublicKey another = crypto::Signer(crypto::Signer::Seed{}).public_key();
  pace.served({SessionId{7}, RequestNumber{63}, another});
  EXPECT_TRUE(pace.contains(request(1))) << "of others, in its name, and of what comes later";
  pace.served({SessionId{7}, RequestNumber{63}});
  EXPECT_FALSE(pace.contains(request(1)));
  EXPECT_FALSE(pace.proposed(now, {request(1)}));
  EXPECT_FALSE(pace.too_slow(now, patience_us));
}

TEST_F(PaceOfFour, trials_are_dropped_sixteen_times_and_then_once_in_a_while) {
  const auto dropped = [&](std::uint64_t i) {
    pace.watch(now, true);
    (void)pace.begin(now, peer(0), request(i), {}, 1);
    pace.drop(now);
    return !pace.trying();
  };
  for (std::uint64_t i = 0; i < 16; ++i) EXPECT_TRUE(dropped(i)) << i;
  EXPECT_FALSE(dropped(16));
  EXPECT_FALSE(dropped(16));
  pass(8 * config.request_timeout_us);
  EXPECT_TRUE(dropped(16));
  EXPECT_FALSE(dropped(17));
}

TEST_F(PaceOfFour, what_hangs_for_the_primarys_clock_adds_up) {
  for (int i = 0; i < 3; ++i) {
    EXPECT_FALSE(pace.too_slow(now, patience_us)) << i;
    pass(200 * ms);
    pace.held(now, 200 * ms);
  }
  EXPECT_TRUE(pace.too_slow(now, patience_us));
}

}  // namespace
}  // namespace prytany::pbft
