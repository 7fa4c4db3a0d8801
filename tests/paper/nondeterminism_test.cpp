// Castro & Liskov, TOCS 2002, section 4.6 (non-determinism), and what papers/004 section 2.5 found
// wrong with it: values that are validated again on replay stop recovery. Here validation gates
// voting, never execution (docs/design.md section 6).
#include <gtest/gtest.h>

#include "tests/play/group.h"

namespace prytany::play {
namespace {

// "the primary selects the non-deterministic value ... concatenates it with the associated request"
TEST(Nondeterminism, all_execute_with_the_primarys_value_4_6) {
  Group group(small_config(4, 1));
  std::map<unsigned, AgreedTime> times;
  for (unsigned id = 0; id < 4; ++id) {
    group.clock(id).offset_us = 10'000 * static_cast<std::int64_t>(id);
    group.host(id).on_execute = [&times, id](const pbft::Execute& e) { times[id] = e.agreed.time; };
  }
  group.submit(0, request_of(1, 1));
  group.deliver();
  ASSERT_EQ(times.size(), 4U);
  for (unsigned id = 0; id < 4; ++id) EXPECT_EQ(times[id], times[0]);
}

TEST(Nondeterminism, proposed_times_increase_even_if_the_primarys_clock_goes_back) {
  Group group(small_config(4, 1));
  std::vector<std::int64_t> times;
  group.host(1).on_execute = [&](const pbft::Execute& e) { times.push_back(e.agreed.time.value); };
  group.submit(0, request_of(1, 1));
  group.deliver();
  group.clock(0).offset_us = -500'000;
  group.submit(0, request_of(1, 2));
  group.deliver();
  ASSERT_EQ(times.size(), 2U);
  EXPECT_EQ(times[1], times[0] + 1);
}

// "backups ... decide whether to accept": early ones are held until due.
TEST(Nondeterminism, a_time_ahead_of_the_backups_is_held_until_it_is_due) {
  Group group(small_config(4, 1));
  group.clock(0).offset_us = 300'000;
  group.submit(0, request_of(1, 1));
  group.advance(190);
  EXPECT_EQ(group.status(1).executed, Seq{0});
  group.advance(60);
  EXPECT_EQ(group.status(1).executed, Seq{1});
}

TEST(Nondeterminism, a_backup_with_a_slow_clock_goes_along_with_weak_quorum_others) {
  Group group(small_config(4, 1));
  group.kill(3);  // so that its vote is needed
  group.clock(2).offset_us = -3'600'000'000;
  group.submit(0, request_of(1, 1));
  group.deliver();
  EXPECT_EQ(group.status(2).executed, Seq{1});
}

TEST(Nondeterminism, what_the_upcall_calls_nonsense_needs_others_word_however_long_it_waits) {
  auto config = small_config(4, 1);
  config.self = ReplicaId{1};
  PlayClock clock;
  Disk disk;
  Host host(config, clock, disk);
  std::size_t prepares = 0;
  host.on_send = [&](const pbft::Send& send) {
    prepares += std::holds_alternative<wire::Prepare>(send.message) ? 1U : 0U;
  };
  const wire::PrePrepare m{View{0}, Seq{1}, {}, {AgreedTime{epoch_us}, {{'x'}}}};
  const wire::Prepare vote{View{0}, Seq{1}, wire::batch_digest(m.batch, m.agreed)};
  host.handle(Time{0}, received(0, m));
  host.handle(at_ms(100'000), pbft::Tick{});
  EXPECT_EQ(prepares, 0U);
  host.handle(at_ms(100'000), received(0, vote));
  EXPECT_EQ(prepares, 0U) << "one may be a liar";
  host.handle(at_ms(100'000), received(3, vote));
  EXPECT_EQ(prepares, 1U);
}

TEST(Nondeterminism, a_late_time_is_accepted_at_last_since_a_group_that_stands_still_is_worse) {
  auto config = small_config(4, 1);
  config.request_timeout_us = 10'000'000;  // else its primary is replaced before
  Group group(config);
  for (unsigned id = 1; id < 4; ++id) group.clock(id).offset_us = 3'600'000'000;
  group.submit(0, request_of(1, 1));
  group.advance(900);
  EXPECT_EQ(group.status(1).executed, Seq{0});
  group.advance(300);
  EXPECT_EQ(group.status(1).executed, Seq{1});
}

// Practicality section 2.5: "when a request is replayed from the log during recovery, the time
// drift can be quite large and validating using a time delta will fail and impede the recovery
// process".
TEST(Nondeterminism, a_restart_a_year_later_judges_nothing_that_it_accepted) {
  Group group(small_config(4, 1));
  group.submit(0, request_of(1, 1));
  group.deliver();
  for (unsigned id = 0; id < 4; ++id) group.kill(id);
  for (unsigned id = 0; id < 4; ++id) {
    group.clock(id).offset_us = 31'536'000'000'000;
    group.clock(id).judged = 0;
  }
  for (unsigned id = 0; id < 4; ++id) group.restart(id);
  group.deliver();
  for (unsigned id = 0; id < 4; ++id) {
    EXPECT_EQ(group.status(id).executed, Seq{1});
    EXPECT_EQ(group.clock(id).judged, 0U);
  }
}

TEST(Nondeterminism, catching_up_judges_nothing_that_is_committed) {
  Group group(small_config(4, 1, 64, 128));
  group.kill(3);
  for (std::uint64_t number = 1; number <= 10; ++number) {
    group.submit(0, request_of(1, number));
    group.deliver();
  }
  group.clock(3).offset_us = 3'600'000'000;
  group.drop({0U, 3U, "pre-prepare", {}});
  group.restart(3);
  group.advance(300);
  EXPECT_EQ(group.status(3).executed, Seq{10});
  EXPECT_EQ(group.clock(3).judged, 0U);
}

}  // namespace
}  // namespace prytany::play
