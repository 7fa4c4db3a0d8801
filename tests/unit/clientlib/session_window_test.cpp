// Numbers, the window, loss and repetition, and the end of a session.
#include <gmock/gmock.h>

#include "server/crypto/counts.h"
#include "tests/unit/clientlib/fake_group.h"

namespace prytany::client {
namespace {

/// Everybody gives the same answer to request `number`.
void answer(Host& host, std::uint64_t number, const std::string& text = "done") {
  for (const auto& message : std::vector<wire::FromClient>(host.group[0].heard)) {
    const auto* submit = std::get_if<wire::SubmitRequest>(&message);
    if (submit == nullptr || submit->request.body.number.value != number) continue;
    for (unsigned i = 0; i < 2; ++i) host.say(i, host.reply_to(*submit, text));
    return;
  }
  FAIL() << "request " << number << " was not sent";
}

TEST(SessionWindow, numbers_run_from_1_without_gaps_signed_by_the_session) {
  Host host;
  host.join();
  for (int i = 0; i < 3; ++i) (void)host.call("p" + std::to_string(i));
  ASSERT_EQ(host.group[2].heard.size(), 3U);
  for (std::uint64_t i = 0; i < 3; ++i) {
    const auto& submit = std::get<wire::SubmitRequest>(host.group[2].heard[i]);
    EXPECT_EQ(submit.request.body.number, RequestNumber{i + 1});
    EXPECT_EQ(submit.request.body.session, SessionId{77});
    EXPECT_EQ(submit.request.body.signer, host.session->key());
    EXPECT_TRUE(wire::verify_request(host.cluster->cluster, submit.request));
  }
}

TEST(SessionWindow, what_goes_together_is_signed_together_sixteen_at_a_time) {
  Host host;
  host.join();
  const std::uint64_t before = crypto::counted().signatures_made;
  host.call_together(20);
  ASSERT_EQ(host.group[2].count<wire::SubmitRequest>(), 20U);
  EXPECT_EQ(crypto::counted().signatures_made, before + 2);
  for (const wire::FromClient& heard : host.group[2].heard) {
    const wire::ClientRequest& request = std::get<wire::SubmitRequest>(heard).request;
    EXPECT_TRUE(wire::verify_request(host.cluster->cluster, request));
    EXPECT_EQ(request.proof.signature->branch.size(), request.body.number.value <= 16 ? 4U : 2U);
  }
}

TEST(SessionWindow, with_macs_each_replica_gets_its_own_tag_and_a_repetition_is_signed) {
  Host host({}, 4, 1, true);
  host.join();
  (void)host.call("p");
  for (FakeReplica& replica : host.group) {
    const wire::SubmitRequest& submit = replica.last_request();
    EXPECT_FALSE(submit.request.proof.signature);
    EXPECT_TRUE(replica.right_tag(submit));
  }
  host.advance_to(host.now + 1'000'000);
  for (FakeReplica& replica : host.group) {
    const wire::SubmitRequest& again = replica.last_request();
    EXPECT_FALSE(again.tag);
    EXPECT_TRUE(wire::verify_request(host.cluster->cluster, again.request));
  }
}

TEST(SessionWindow, with_macs_and_fewer_than_all_correct_replicas_at_hand_requests_are_signed) {
  Host host({}, 4, 1, true);
  host.join();
  host.drop(2);
  (void)host.call("p");
  EXPECT_TRUE(host.group[0].right_tag(host.group[0].last_request())) << "three are a quorum";
  host.drop(3);
  (void)host.call("q");
  EXPECT_TRUE(wire::verify_request(host.cluster->cluster, host.group[0].last_request().request));
}

TEST(SessionWindow, with_macs_a_replica_that_does_not_know_the_session_key_gets_signatures) {
  Host host({}, 4, 1, true);
  host.join();
  (void)host.call("p");
  const Digest asked = wire::request_digest(host.group[1].last_request().request.body);
  host.say(1, wire::Refused{asked, {"speak_for_first"}, {""}});
  EXPECT_TRUE(wire::verify_request(host.cluster->cluster, host.group[1].last_request().request));
  EXPECT_EQ(host.group[0].count<wire::SubmitRequest>(), 1U);
  (void)host.call("q");
  EXPECT_TRUE(wire::verify_request(host.cluster->cluster, host.group[1].last_request().request));
  EXPECT_TRUE(host.group[0].right_tag(host.group[0].last_request()));
}

TEST(SessionWindow, the_replica_that_sends_the_rows_changes_from_request_to_request) {
  Host host;
  host.join();
  std::set<std::uint16_t> designated;
  for (int i = 0; i < 4; ++i) {
    (void)host.call("p");
    designated.insert(host.group[0].last_request().designated->value);
  }
  EXPECT_EQ(designated.size(), 4U);
}

TEST(SessionWindow, moves_on_only_when_its_oldest_request_is_answered) {
  Host host;
  host.join();
  for (std::uint64_t i = 0; i < limits::session_window + 10; ++i) (void)host.call("p");
  EXPECT_EQ(host.group[0].count<wire::SubmitRequest>(), limits::session_window);
  answer(host, 2);
  answer(host, 3);
  EXPECT_EQ(host.group[0].count<wire::SubmitRequest>(), limits::session_window);
  answer(host, 1);
  EXPECT_EQ(host.group[0].count<wire::SubmitRequest>(), limits::session_window + 3);
}

TEST(SessionWindow, a_lost_request_is_sent_again_to_all_with_growing_pauses_and_the_same_digest) {
  Host host;
  host.join();
  (void)host.call("p");
  std::vector<std::uint64_t> pauses;
  Time last = host.now;
  for (int i = 0; i < 6; ++i) {
    const std::size_t before = host.group[3].heard.size();
    while (host.group[3].heard.size() == before) host.advance_to(host.now + 1'000);
    pauses.push_back((host.now - last) / 1'000);
    last = host.now;
  }
  EXPECT_THAT(pauses, testing::ElementsAre(1'000, 2'000, 4'000, 8'000, 8'000, 8'000));
  const auto& first = std::get<wire::SubmitRequest>(host.group[3].heard.front());
  const auto& again = std::get<wire::SubmitRequest>(host.group[3].heard.back());
  EXPECT_EQ(first.request, again.request);
  EXPECT_EQ(again.designated, std::nullopt);
}

TEST(SessionWindow, a_slow_group_is_given_four_times_its_usual_latency) {
  Host host;
  host.join();
  for (std::uint64_t i = 1; i <= 40; ++i) {
    (void)host.call("p");
    host.advance_to(host.now + 800'000);
    answer(host, i);
  }
  const std::size_t before = host.group[0].heard.size();
  (void)host.call("p");
  host.advance_to(host.now + 3'000'000);
  EXPECT_EQ(host.group[0].heard.size(), before + 1) << "sent once, and not yet again";
  host.advance_to(host.now + 300'000);
  EXPECT_EQ(host.group[0].heard.size(), before + 2);
}

TEST(SessionWindow, a_replica_that_comes_back_is_asked_what_is_pending) {
  Host host;
  host.join();
  host.drop(1);
  (void)host.call("p");
  EXPECT_EQ(host.group[1].count<wire::SubmitRequest>(), 0U);
  host.up[1] = true;
  host.advance_to(host.now + 500'000);
  EXPECT_EQ(host.group[1].count<wire::SubmitRequest>(), 1U);
}

TEST(SessionWindow, when_the_designated_replica_goes_the_others_are_asked_for_the_rows) {
  Host host;
  host.join();
  (void)host.call("p");
  const unsigned designated = host.group[0].last_request().designated->value;
  host.drop(designated);
  host.advance_to(host.now + 60'000);
  EXPECT_EQ(host.group[(designated + 1) % 4].last_request().designated, std::nullopt);
}

TEST(SessionWindow, a_request_given_up_by_its_caller_keeps_its_number_until_it_is_answered) {
  Host host;
  host.join();
  const Ticket given_up = host.call("p", host.now + 500'000);
  host.advance_to(host.now + 500'000);
  ASSERT_TRUE(host.completed.contains(given_up));
  EXPECT_EQ(host.completed.at(given_up).verdict, Verdict::outcome_unknown);
  const std::size_t before = host.group[0].heard.size();
  host.advance_to(host.now + 5'000'000);
  EXPECT_GT(host.group[0].heard.size(), before) << "it is still sent";
  answer(host, 1);  // completes nothing twice; Host checks
  EXPECT_EQ(host.session->outstanding(), 0U);
}

TEST(SessionWindow, one_replica_cannot_end_a_session_and_two_can) {
  Host host;
  host.join();
  const Ticket in_flight = host.call("p");
  for (int i = 0; i < 3; ++i) host.say(1, wire::SessionEnded{SessionId{77}, {"replaced"}});
  host.say(2, wire::SessionEnded{SessionId{77}, {"expired"}});   // not alike
  host.say(3, wire::SessionEnded{SessionId{78}, {"replaced"}});  // not ours
  EXPECT_EQ(host.ended, std::nullopt);
  const std::size_t sent = host.sent.size();
  host.say(3, wire::SessionEnded{SessionId{77}, {"replaced"}});
  EXPECT_EQ(host.ended, "replaced");
  EXPECT_EQ(host.completed.at(in_flight).verdict, Verdict::outcome_unknown);
  const Ticket after = host.call("q");
  EXPECT_EQ(host.completed.at(after).verdict, Verdict::refused);
  EXPECT_FALSE(host.completed.at(after).sent);
  host.advance_to(host.now + 60'000'000);
  EXPECT_EQ(host.sent.size(), sent) << "nothing is repeated, under this session or a new one";
}

TEST(SessionWindow, an_agreed_unknown_session_leaves_what_was_in_flight_unknown) {
  Host host;
  host.join();
  const Ticket first = host.call("p");
  const Ticket second = host.call("q");
  const auto submit = std::get<wire::SubmitRequest>(host.group[0].heard[0]);
  const wire::ErrorReply gone{{"unknown_session"}, {"no such session"}, {}, 0};
  host.say(0, host.reply_to(submit, gone));
  EXPECT_FALSE(host.completed.contains(first));
  host.say(1, host.reply_to(submit, gone));
  EXPECT_EQ(host.completed.at(first).verdict, Verdict::outcome_unknown);
  EXPECT_EQ(host.completed.at(second).verdict, Verdict::outcome_unknown);
  EXPECT_EQ(host.ended, "unknown_session");
}

TEST(SessionWindow, one_replicas_refusal_is_noted_and_ignored) {
  Host host;
  host.join();
  const Ticket ticket = host.call("p");
  const Digest digest = wire::request_digest(host.group[0].last_request().request.body);
  for (int i = 0; i < 8; ++i) {
    host.say(2, wire::Refused{digest, {"unknown_session"}, {"no"}});
    host.advance_to(host.now + 2'000'000);
  }
  EXPECT_FALSE(host.completed.contains(ticket));
  EXPECT_TRUE(host.noted("replica 2 refuses (unknown_session"));
  answer(host, 1);
  EXPECT_EQ(host.completed.at(ticket).verdict, Verdict::answered);
}

TEST(SessionWindow, replicas_that_lag_may_refuse_once_without_harm) {
  Host host;
  host.join();
  const Ticket ticket = host.call("p");
  const Digest digest = wire::request_digest(host.group[0].last_request().request.body);
  for (unsigned i = 0; i < 3; ++i) host.say(i, wire::Refused{digest, {"unknown_session"}, {"no"}});
  EXPECT_FALSE(host.completed.contains(ticket));
  host.advance_to(host.now + 250'000);
  EXPECT_EQ(host.group[0].count<wire::SubmitRequest>(), 2U) << "asked again soon";
  answer(host, 1);
  EXPECT_EQ(host.completed.at(ticket).verdict, Verdict::answered);
}

TEST(SessionWindow, a_liar_and_a_replica_that_is_behind_cannot_end_a_good_session) {
  Host host;
  host.join();
  const Ticket ticket = host.call("p", host.now + 60'000'000);
  const Digest digest = wire::request_digest(host.group[0].last_request().request.body);
  for (int round = 0; round < 10; ++round) {
    for (unsigned i = 0; i < 2; ++i)
      host.say(i, wire::Refused{digest, {"unknown_session"}, {"no"}});
    host.advance_to(host.now + 1'500'000);
  }
  EXPECT_EQ(host.ended, std::nullopt);
  EXPECT_FALSE(host.completed.contains(ticket));
  answer(host, 1);
  EXPECT_EQ(host.completed.at(ticket).verdict, Verdict::answered);
}

TEST(SessionWindow, refusals_alike_from_a_quorum_three_times_end_the_session) {
  Host host;
  host.join();
  const Ticket ticket = host.call("p");
  const Digest digest = wire::request_digest(host.group[0].last_request().request.body);
  for (int round = 0; round < 3; ++round) {
    EXPECT_FALSE(host.completed.contains(ticket));
    for (unsigned i = 0; i < 3; ++i)
      host.say(i, wire::Refused{digest, {"unknown_session"}, {"no"}});
    host.advance_to(host.now + 1'500'000);
  }
  ASSERT_TRUE(host.completed.contains(ticket));
  EXPECT_EQ(host.completed.at(ticket).verdict, Verdict::outcome_unknown);
  EXPECT_TRUE(host.ended.has_value());
}

TEST(SessionWindow, one_that_refused_once_and_went_away_takes_nothing_from_a_quorums_word) {
  Host host;
  host.join();
  const Ticket ticket = host.call("p", host.now + 60'000'000);
  const Digest digest = wire::request_digest(host.group[0].last_request().request.body);
  host.say(3, wire::Refused{digest, {"unknown_session"}, {"no"}});
  for (int round = 0; round < 3; ++round) {
    EXPECT_FALSE(host.completed.contains(ticket));
    for (unsigned i = 0; i < 3; ++i)
      host.say(i, wire::Refused{digest, {"unknown_session"}, {"no"}});
    host.advance_to(host.now + 1'500'000);
  }
  ASSERT_TRUE(host.completed.contains(ticket));
  EXPECT_EQ(host.completed.at(ticket).verdict, Verdict::outcome_unknown);
}

TEST(SessionWindow, an_overloaded_group_is_asked_until_the_deadline) {
  Host host;
  host.join();
  const Ticket ticket = host.call("p", host.now + 30'000'000);
  const Digest digest = wire::request_digest(host.group[0].last_request().request.body);
  for (int i = 0; i < 8; ++i) {
    for (unsigned r = 0; r < 4; ++r) host.say(r, wire::Refused{digest, {"overloaded"}, {"later"}});
    host.advance_to(host.now + 2'000'000);
  }
  EXPECT_FALSE(host.completed.contains(ticket));
  EXPECT_EQ(host.ended, std::nullopt);
  host.advance_to(host.now + 30'000'000);
  EXPECT_EQ(host.completed.at(ticket).verdict, Verdict::outcome_unknown);
  EXPECT_THAT(host.completed.at(ticket).message, testing::HasSubstr("overloaded"));
}

TEST(SessionWindow, leaving_ends_it_and_fails_what_comes_after) {
  Host host;
  host.join();
  const Ticket leave = host.submit(wire::Operation{wire::Leave{}});
  // Told as news before the answer: no reason to doubt our own leave.
  for (unsigned i = 0; i < 4; ++i) host.say(i, wire::SessionEnded{SessionId{77}, {"left"}});
  EXPECT_EQ(host.ended, std::nullopt);
  const auto submit = host.group[0].last_request();
  for (unsigned i = 0; i < 2; ++i) host.say(i, host.reply_to(submit, wire::DoneReply{}));
  EXPECT_EQ(host.completed.at(leave).verdict, Verdict::answered);
  EXPECT_EQ(host.ended, "left");
  EXPECT_EQ(host.completed.at(host.call("p")).code, "session_ended");
}

TEST(SessionWindow, a_leave_waits_until_what_was_asked_before_is_answered) {
  Host host;
  host.join();
  (void)host.call("p");
  (void)host.submit(wire::Operation{wire::Leave{}});
  EXPECT_EQ(host.group[0].count<wire::SubmitRequest>(), 1U);
  answer(host, 1);
  EXPECT_EQ(host.group[0].count<wire::SubmitRequest>(), 2U);
}

TEST(SessionWindow, what_is_too_large_takes_no_number) {
  Host host;
  host.join();
  const wire::Argument big{{"x"}, wire::TextValue{std::string(limits::value_bytes_max + 1, 'x')}};
  const Ticket value = host.submit(wire::Operation{wire::Call{{"p"}, {{big}}}});
  EXPECT_EQ(host.completed.at(value).code, "too_large");
  const wire::Argument half{{"x"}, wire::TextValue{std::string(limits::value_bytes_max, 'x')}};
  const Ticket request = host.submit(wire::Operation{wire::Call{{"p"}, {{half, half}}}});
  EXPECT_EQ(host.completed.at(request).code, "too_large");
  (void)host.call("p");
  EXPECT_EQ(host.group[0].last_request().request.body.number, RequestNumber{1});
}

TEST(SessionWindow, a_request_that_waits_for_its_turn_past_its_deadline_was_never_sent) {
  SessionOptions options;
  options.depth_max = 1;
  Host host(options);
  host.join();
  (void)host.call("p");
  const Ticket waiting = host.call("q", host.now + 900'000);
  host.advance_to(host.now + 900'000);
  ASSERT_TRUE(host.completed.contains(waiting));
  EXPECT_EQ(host.completed.at(waiting).verdict, Verdict::no_quorum);
  EXPECT_FALSE(host.completed.at(waiting).sent);
  answer(host, 1);
  EXPECT_EQ(host.group[0].count<wire::SubmitRequest>(), 1U);
}

}  // namespace
}  // namespace prytany::client
