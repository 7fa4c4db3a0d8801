#include "server/pbft/backlog.h"

#include <gtest/gtest.h>

#include "tests/play/group.h"

namespace prytany::pbft {
namespace {

struct Backlogs : testing::Test {
  Backlogs() { config.group = {4, 1}; }

  std::optional<Refusal> add(std::uint64_t session, std::uint64_t number,
                             const std::string& operation = "op", Time now = Time{0}) {
    const auto request = play::request_of(session, number, operation);
    return backlog.add(now, wire::request_digest(request.body), request);
  }
  std::vector<std::pair<std::uint64_t, std::uint64_t>> take(std::size_t max,
                                                            std::size_t bytes = 1 << 20) {
    std::vector<std::pair<std::uint64_t, std::uint64_t>> names;
    for (const auto& request : backlog.take(Time{0}, max, bytes).requests)
      names.emplace_back(request.body.session.value, request.body.number.value);
    return names;
  }
  using Names = std::vector<std::pair<std::uint64_t, std::uint64_t>>;

  std::optional<Refusal> join(std::uint64_t number, const Origin& origin) {
    const auto request = play::request_of(0, number);
    return backlog.add(Time{0}, wire::request_digest(request.body), request, origin);
  }

  void propose(std::uint64_t session, std::uint64_t number, Time now = Time{0},
               const std::optional<crypto::PublicKey>& signer = std::nullopt, bool proven = true) {
    wire::ClientRequest request = play::request_of(session, number);
    if (signer) request.body.signer = *signer;
    wire::Batch batch;
    batch.requests.items = {std::move(request)};
    backlog.in_flight(now, {wire::request_digest(batch.requests.items[0].body)}, batch);
    if (proven) backlog.accepted(batch);
  }

  Config config;
  Backlog backlog{config};
};

TEST_F(Backlogs, serves_sessions_in_turn_and_each_in_order) {
  for (std::uint64_t number = 1; number <= 3; ++number) add(1, number);
  add(2, 1);
  add(3, 1);
  EXPECT_EQ(take(10), (Names{{1, 1}, {2, 1}, {3, 1}, {1, 2}, {1, 3}}));
}

TEST_F(Backlogs, takes_a_session_by_its_numbers_whatever_came_first) {
  // So a backup, to which others came first, waits for the same request as its primary takes next.
  for (const std::uint64_t number : {4U, 2U, 3U, 1U}) add(1, number);
  add(2, 7);
  EXPECT_EQ(take(10), (Names{{1, 1}, {2, 7}, {1, 2}, {1, 3}, {1, 4}}));
  for (const std::uint64_t number : {9U, 3U, 5U}) add(0, number);  // joins: as they came
  EXPECT_EQ(take(10), (Names{{0, 9}, {0, 3}, {0, 5}}));
}

TEST_F(Backlogs, goes_on_in_the_next_batch_with_the_session_after_the_last) {
  for (std::uint64_t session = 1; session <= 3; ++session)
    for (std::uint64_t number = 1; number <= 2; ++number) add(session, number);
  EXPECT_EQ(take(2), (Names{{1, 1}, {2, 1}}));
  EXPECT_EQ(take(2), (Names{{3, 1}, {1, 2}}));
}

TEST_F(Backlogs, a_session_with_a_thousand_requests_delays_another_by_one) {
  config.backlog_per_session_max = 1000;
  for (std::uint64_t number = 1; number <= 1000; ++number) add(1, number);
  add(2, 1);
  const Names first = take(2);
  EXPECT_EQ(first, (Names{{1, 1}, {2, 1}}));
}

TEST_F(Backlogs, a_batch_is_cut_at_its_bytes_but_holds_at_least_one_request) {
  add(1, 1, std::string(5000, 'x'));
  add(1, 2, std::string(5000, 'x'));
  EXPECT_EQ(take(10, 100), (Names{{1, 1}}));
  EXPECT_EQ(take(10, 100), (Names{{1, 2}}));
}

TEST_F(Backlogs, knows_a_request_while_it_waits_and_while_it_is_in_flight) {
  EXPECT_EQ(add(1, 1), std::nullopt);
  EXPECT_EQ(add(1, 1), Refusal::request_known);
  const auto taken = backlog.take(Time{0}, 10, 1 << 20);
  EXPECT_EQ(add(1, 1), Refusal::request_known);
  backlog.release(Time{0}, taken.digests);
  EXPECT_EQ(add(1, 1), std::nullopt);
}

TEST_F(Backlogs, two_operations_under_one_number_are_two_requests) {
  EXPECT_EQ(add(1, 1, "a"), std::nullopt);
  EXPECT_EQ(add(1, 1, "b"), std::nullopt);
}

TEST_F(Backlogs, is_bounded_in_all_per_session_and_in_bytes) {
  config.backlog_requests_max = 5;
  config.backlog_per_session_max = 2;
  config.backlog_bytes_max = 10'000;
  EXPECT_EQ(add(1, 1), std::nullopt);
  EXPECT_EQ(add(1, 2), std::nullopt);
  EXPECT_EQ(add(1, 3), Refusal::session_full);
  EXPECT_EQ(add(2, 1, std::string(10'000, 'x')), Refusal::backlog_full);
  for (std::uint64_t session = 2; session <= 5; ++session) EXPECT_EQ(add(session, 1), std::nullopt);
  EXPECT_EQ(backlog.waiting(), 5U) << "one of those that held two gave way";
  EXPECT_EQ(add(9, 1), Refusal::backlog_full);
  take(10);
  EXPECT_EQ(backlog.bytes(), 0U);
  EXPECT_EQ(add(9, 1), std::nullopt);
}

TEST_F(Backlogs, counts_the_branch_of_a_request_that_is_signed_with_others) {
  add(1, 1);
  const std::size_t alone = backlog.bytes();
  auto request = play::request_of(1, 2, "op");
  request.proof.signature->branch.items.resize(4);
  backlog.add(Time{0}, wire::request_digest(request.body), request, {});
  EXPECT_EQ(backlog.bytes(), 2 * alone + 4 * Digest::size);
  take(2);
  EXPECT_EQ(backlog.bytes(), 0U);
}

TEST_F(Backlogs, those_who_join_share_a_queue_of_their_own_size) {
  config.backlog_per_session_max = 2;
  config.backlog_joins_max = 3;
  for (std::uint64_t number = 1; number <= 3; ++number) EXPECT_EQ(add(0, number), std::nullopt);
  EXPECT_EQ(add(0, 4), Refusal::session_full);
}

TEST_F(Backlogs, joins_that_a_backup_waits_for_find_room_though_strangers_hold_all_of_it) {
  config.backlog_joins_max = 3;
  for (std::uint64_t number = 1; number <= 3; ++number) EXPECT_EQ(add(0, number), std::nullopt);
  const auto waited = play::request_of(0, 9);
  const Digest digest = wire::request_digest(waited.body);
  EXPECT_EQ(backlog.add(Time{0}, digest, waited), Refusal::session_full);
  EXPECT_EQ(backlog.add(Time{0}, digest, waited, {true, 2}), std::nullopt);
}

TEST_F(Backlogs, joins_are_taken_by_turns_of_the_hosts_that_they_come_from) {
  for (std::uint64_t number = 1; number <= 5; ++number) join(number, {false, 66});
  join(11, {false, 1});
  join(12, {false, 2});
  EXPECT_EQ(take(1), (Names{{0, 1}}));
  // Whoever comes while a round lasts is in the next one, so that this one ends.
  join(13, {false, 3});
  join(21, {false, 1});
  EXPECT_EQ(take(5), (Names{{0, 11}, {0, 12}, {0, 2}, {0, 13}, {0, 21}}));
  EXPECT_EQ(take(9), (Names{{0, 3}, {0, 4}, {0, 5}}));
}

TEST_F(Backlogs, a_round_of_joins_ends_though_new_hosts_come_for_ever) {
  join(1, {false, 66});
  join(2, {false, 66});
  std::size_t before = 0;
  for (std::uint64_t host = 100; before < 1'000; ++host, ++before) {
    join(host, {false, host});
    if (take(1).front().second == 2) break;
  }
  EXPECT_LE(before, 3U);
}

TEST_F(Backlogs, a_backup_may_bring_in_a_round_as_many_joins_as_it_names_at_once) {
  for (std::uint64_t number = 1; number <= 9; ++number) join(number, {true, 3});
  join(11, {false, 1});
  EXPECT_EQ(take(9).back(), (Names::value_type{0, 11}));
  EXPECT_EQ(take(9), (Names{{0, 9}}));
}

TEST_F(Backlogs, whoever_repeats_anothers_join_does_not_put_it_off) {
  for (std::uint64_t number = 1; number <= 5; ++number) join(number, {false, 66});
  join(50, {false, 66});  // overheard, and said first
  EXPECT_EQ(join(50, {false, 1}), Refusal::request_known);
  EXPECT_EQ(take(2), (Names{{0, 1}, {0, 50}}));
  // Nor does it help to have others say it.
  join(60, {false, 1});
  for (std::uint64_t host = 70; host < 80; ++host) join(60, {false, host});
  join(5, {true, 2});
  EXPECT_EQ(take(9), (Names{{0, 2}, {0, 60}, {0, 5}, {0, 3}, {0, 4}}));
}

TEST_F(Backlogs, where_joins_find_no_room_the_latest_of_who_sent_many_give_way) {
  config.backlog_joins_max = 3;
  for (std::uint64_t number = 1; number <= 3; ++number) join(number, {false, 66});
  EXPECT_EQ(join(4, {false, 66}), Refusal::session_full);
  EXPECT_EQ(join(11, {false, 1}), std::nullopt);
  EXPECT_EQ(join(12, {false, 2}), std::nullopt);
  EXPECT_EQ(join(13, {false, 3}), Refusal::session_full) << "each has one";
  EXPECT_EQ(take(9), (Names{{0, 1}, {0, 11}, {0, 12}}));
}

TEST_F(Backlogs, a_sessions_later_numbers_give_way_to_an_earlier_one) {
  // A backup may have the earlier one alone, and would find that the primary does not serve it.
  config.backlog_per_session_max = 3;
  for (std::uint64_t number = 11; number <= 13; ++number) EXPECT_EQ(add(1, number), std::nullopt);
  EXPECT_EQ(add(1, 10), std::nullopt);
  EXPECT_EQ(add(1, 14), Refusal::session_full);
  EXPECT_EQ(take(10), (Names{{1, 10}, {1, 11}, {1, 12}}));
}

TEST_F(Backlogs, who_holds_much_gives_way_to_who_holds_little) {
  config.backlog_requests_max = 6;
  for (std::uint64_t number = 1; number <= 3; ++number) {
    EXPECT_EQ(add(1, number), std::nullopt);
    EXPECT_EQ(add(2, number), std::nullopt);
  }
  EXPECT_EQ(add(1, 4), Refusal::backlog_full);
  EXPECT_EQ(add(3, 1), std::nullopt);
  EXPECT_EQ(add(4, 1), std::nullopt);
  EXPECT_EQ(add(3, 2), Refusal::backlog_full) << "nobody holds more than it would";
  EXPECT_EQ(backlog.waiting(), 6U);
  EXPECT_EQ(take(10), (Names{{1, 1}, {2, 1}, {3, 1}, {4, 1}, {1, 2}, {2, 2}}));
}

TEST_F(Backlogs, who_holds_many_bytes_gives_way_likewise) {
  config.backlog_bytes_max = 10'000;
  for (std::uint64_t number = 1; number <= 3; ++number)
    EXPECT_EQ(add(1, number, std::string(3'000, 'x')), std::nullopt);
  EXPECT_EQ(add(2, 1, std::string(3'000, 'y')), std::nullopt);
  EXPECT_LE(backlog.bytes(), 10'000U);
  EXPECT_EQ(take(10), (Names{{1, 1}, {2, 1}, {1, 2}}));
}

TEST_F(Backlogs, a_join_is_given_time_for_those_that_the_primary_takes_before_it_and_no_more) {
  config.in_flight_max = 1;
  config.batch_requests_max = 1;
  config.request_timeout_us = 100;
  config.backlog_joins_max = 2;
  add(0, 50, "op", Time{1'000});
  propose(0, 1, Time{1'300});
  EXPECT_EQ(backlog.first_since(), Time{1'100});
  for (std::uint64_t number = 2; number <= 9; ++number) propose(0, number, Time{1'050 + number});
  EXPECT_EQ(backlog.first_since(), Time{1'100}) << "not ahead of the time";
  propose(0, 20, Time{9'000});
  EXPECT_EQ(backlog.first_since(), Time{1'100}) << "there cannot be more before it";
}

TEST_F(Backlogs, what_the_primary_proposed_waits_no_longer) {
  add(1, 1);
  add(1, 2);
  propose(1, 1, Time{0});
  EXPECT_EQ(backlog.waiting(), 1U);
  EXPECT_EQ(take(10), (Names{{1, 2}}));
}

TEST_F(Backlogs, a_request_that_comes_after_its_pre_prepare_is_known) {
  propose(1, 1, Time{0});
  EXPECT_EQ(add(1, 1), Refusal::request_known);
}

TEST_F(Backlogs, names_what_has_long_been_the_first_of_its_session_and_what_is_behind_it) {
  config.forward_us = 50;
  add(1, 1, "op", Time{100});
  add(1, 2, "op", Time{140});
  add(2, 1, "op", Time{120});
  EXPECT_EQ(backlog.overdue_at(), Time{150});
  EXPECT_EQ(backlog.overdue(Time{149}, 10).size(), 0U);
  EXPECT_EQ(backlog.overdue(Time{150}, 10).size(), 2U);
  EXPECT_EQ(backlog.overdue_at(), Time{170}) << "the other session's";
  EXPECT_EQ(backlog.overdue(Time{249}, 1).size(), 1U);
  EXPECT_EQ(backlog.overdue_at(), Time{250}) << "twice as long after";
  EXPECT_EQ(backlog.overdue(Time{250}, 1).size(), 1U) << "and never more than asked for";
  EXPECT_EQ(backlog.waiting(), 3U);
  backlog.name_anew(Time{260});
  EXPECT_EQ(backlog.overdue_at(), Time{310});
}

TEST_F(Backlogs, what_others_get_does_not_put_off_naming_what_a_session_waits_for) {
  config.forward_us = 50;
  add(1, 1, "op", Time{100});
  for (std::uint64_t number = 1; number <= 20; ++number) {
    add(2, number, "op", Time{100});
    propose(2, number, Time{100 + 2 * number});
  }
  const auto late = backlog.overdue(Time{150}, 10);
  ASSERT_EQ(late.size(), 1U);
  EXPECT_EQ(late.front().body.session, SessionId{1});
  propose(1, 1, Time{160});
  EXPECT_EQ(backlog.overdue_at(), never);
}

TEST_F(Backlogs, forgets_all_when_state_is_installed) {
  add(1, 1);
  add(1, 2);
  take(1);
  backlog.forget_all();
  EXPECT_EQ(backlog.waiting(), 0U);
  EXPECT_EQ(backlog.bytes(), 0U);
  EXPECT_EQ(backlog.overdue_at(), never);
  EXPECT_EQ(add(1, 1), std::nullopt);
}

TEST_F(Backlogs, a_session_waits_since_its_first_request_did_whatever_others_get) {
  EXPECT_EQ(backlog.first_since(), never);
  add(1, 1, "op", Time{10});
  add(2, 1, "op", Time{20});
  add(1, 2, "op", Time{30});
  EXPECT_EQ(backlog.first_since(), Time{10});
  // Another session's progress does not help the first one.
  propose(2, 1, Time{40});
  EXPECT_EQ(backlog.first_since(), Time{10});
  // Its own does: its second request is first only now.
  propose(1, 1, Time{50});
  EXPECT_EQ(backlog.first_since(), Time{50});
}

TEST_F(Backlogs, a_session_is_served_too_by_requests_that_are_missing_here) {
  add(1, 7, "op", Time{10});
  add(2, 7, "op", Time{20});
  // Forgotten when state was installed, or sent while a link was down: the primary takes it first.
  propose(1, 5, Time{30});
  EXPECT_EQ(backlog.first_since(), Time{20});
  propose(2, 6, Time{40});
  EXPECT_EQ(backlog.first_since(), Time{30});
}

TEST_F(Backlogs, a_primary_cannot_put_a_session_off_by_proposing_old_or_later_requests_of_it) {
  propose(1, 70, Time{1});
  add(1, 90, "op", Time{10});
  propose(1, 69, Time{20});  // older than what was proposed before
  propose(1, 70, Time{30});  // again
  propose(1, 91, Time{40});  // passes it by
  EXPECT_EQ(backlog.first_since(), Time{10});
  add(2, 100, "op", Time{11});
  for (std::uint64_t number = 1; number <= 36; ++number) propose(2, number, Time{50 + number});
  propose(1, 90, Time{99});
  EXPECT_EQ(backlog.first_since(), Time{11});  // they cannot be outstanding beside 100
}

// With a liar for primary somebody else's key says anything of a session, rightly signed. Later
// primaries would not seem to serve that session any more.
TEST_F(Backlogs, what_is_asked_in_a_sessions_name_with_another_key_says_nothing_of_its_numbers) {
  const crypto::PublicKey another = crypto::Signer(crypto::Signer::Seed{}).public_key();
  propose(1, ~std::uint64_t{0}, Time{1}, another);
  EXPECT_TRUE(backlog.serves_anew(play::request_of(1, 5).body));
  add(1, 7, "op", Time{10});
  propose(1, 6, Time{20}, another);  // no service to who waits here
  EXPECT_EQ(backlog.first_since(), Time{10});
  propose(1, 5, Time{30});
  EXPECT_EQ(backlog.first_since(), Time{30});
}

TEST_F(Backlogs, what_a_primary_proposes_and_nobody_else_believes_makes_no_number_old) {
  propose(1, ~std::uint64_t{0}, Time{1}, std::nullopt, false);
  EXPECT_TRUE(backlog.serves_anew(play::request_of(1, 5).body));
  add(1, 7, "op", Time{10});
  propose(1, 5, Time{30});
  EXPECT_EQ(backlog.first_since(), Time{30});
  EXPECT_FALSE(backlog.serves_anew(play::request_of(1, 5).body));
}

TEST_F(Backlogs, a_flood_of_one_session_does_not_age_in_its_queue) {
  for (std::uint64_t number = 1; number <= 64; ++number) add(1, number, "op", Time{number});
  std::uint64_t now = 100;
  for (int taken = 0; taken < 63; ++taken) (void)backlog.take(Time{++now}, 1, 1 << 20);
  EXPECT_EQ(backlog.first_since(), Time{now});
}

TEST_F(Backlogs, gives_a_primary_more_rounds_when_more_sessions_wait_than_are_in_flight_at_a_time) {
  config.in_flight_max = 2;
  config.batch_requests_max = 5;
  for (std::uint64_t session = 1; session <= 9; ++session) add(session, 1);
  EXPECT_EQ(backlog.rounds(), 1U);
  for (std::uint64_t session = 10; session <= 20; ++session) add(session, 1);
  EXPECT_EQ(backlog.rounds(), 3U);
}

// Found by the simulator: seven sessions without signatures kept a primary busy that proposes one
// request at a time. Their word was the primary's alone, so to its backups one request seemed to
// wait, and the primary was left for it.
TEST_F(Backlogs, counts_rounds_for_sessions_too_that_wait_for_word_here) {
  config.in_flight_max = 1;
  config.batch_requests_max = 1;
  add(1, 1);
  EXPECT_EQ(backlog.rounds(), 2U);
  EXPECT_EQ(backlog.rounds(7), 8U);
  EXPECT_EQ(backlog.rounds(1), 2U) << "the same ones, perhaps";
}

// Found by the simulator: what waited beside seven sessions was to be forwarded in the eighth
// round, and the primary was left for it in the second, when the seven had been served.
TEST_F(Backlogs, names_what_waits_before_the_primary_is_left_for_it_however_many_waited_at_first) {
  config.in_flight_max = 1;
  config.batch_requests_max = 1;
  for (std::uint64_t session = 1; session <= 8; ++session) add(session, 1);
  EXPECT_EQ(backlog.rounds(), 9U);
  EXPECT_EQ(backlog.overdue_at(), Time{9 * config.forward_us});
  for (std::uint64_t session = 1; session <= 7; ++session) propose(session, 1);
  EXPECT_EQ(backlog.rounds(), 2U);
  EXPECT_EQ(backlog.overdue_at(), Time{2 * config.forward_us});
}

TEST_F(Backlogs, asks_about_each_first_request_once) {
  add(1, 1, "op", Time{10});
  add(1, 2, "op", Time{10});
  add(2, 1, "op", Time{20});
  EXPECT_TRUE(backlog.doubtful(Time{9}).empty());
  ASSERT_EQ(backlog.doubtful(Time{15}).size(), 1U);
  EXPECT_EQ(backlog.doubtful_since(), Time{20});
  EXPECT_EQ(backlog.doubtful(Time{99}).size(), 1U);
  EXPECT_TRUE(backlog.doubtful(Time{99}).empty());
  EXPECT_EQ(backlog.doubtful_since(), never);
  backlog.rearm(Time{50});
  EXPECT_EQ(backlog.first_since(), Time{50});
  EXPECT_EQ(backlog.doubtful(Time{50}).size(), 2U);
}

TEST_F(Backlogs, what_a_view_change_drops_waits_again_unless_it_was_executed) {
  wire::Batch batch;
  batch.requests.items = {play::request_of(1, 1), play::request_of(2, 1)};
  std::vector<Digest> digests;
  for (const auto& request : batch.requests) digests.push_back(wire::request_digest(request.body));
  backlog.in_flight(Time{0}, digests, batch);
  backlog.release(Time{0}, {digests[0]});
  backlog.return_to_waiting(Time{7}, digests, batch);
  EXPECT_EQ(backlog.waiting(), 1U);
  EXPECT_EQ(backlog.first_since(), Time{7});
  EXPECT_EQ(take(10), (Names{{2, 1}}));
}

TEST_F(Backlogs, know_who_has_had_two_turns_since_then) {
  const auto batch_of = [](std::uint64_t session) {
    wire::Batch batch;
    batch.requests.items = {play::request_of(session, 1)};
    return batch;
  };
  for (const std::uint64_t session : {1U, 0U}) {
    propose(session, 1, Time{10});
    propose(session, 2, Time{20});
    EXPECT_TRUE(backlog.twice_since(Time{10}, batch_of(session)));
    EXPECT_FALSE(backlog.twice_since(Time{11}, batch_of(session)));
    EXPECT_FALSE(backlog.twice_since(Time{10}, batch_of(7)));
  }
  // What was proposed before is no turn.
  propose(1, 1, Time{30});
  EXPECT_FALSE(backlog.twice_since(Time{11}, batch_of(1)));
}

}  // namespace
}  // namespace prytany::pbft
