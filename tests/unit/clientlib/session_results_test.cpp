// When a result is taken, and when not (design.md section 7; Castro & Liskov TOCS 2002
// section 4.1).
#include <gmock/gmock.h>

#include "tests/unit/clientlib/fake_group.h"

namespace prytany::client {
namespace {

using testing::ElementsAre;

TEST(SessionResults, one_replica_is_not_believed_and_two_that_agree_are) {
  Host host;
  host.join();
  const Ticket ticket = host.call("tally");
  const auto submit = host.group[0].last_request();
  const wire::Reply reply = host.reply_to(submit, "truth");
  host.say(2, reply);
  EXPECT_FALSE(host.completed.contains(ticket));
  host.say(3, host.digest_of(reply));
  ASSERT_TRUE(host.completed.contains(ticket));
  const Completion& done = host.completed.at(ticket);
  EXPECT_EQ(done.verdict, Verdict::answered);
  EXPECT_EQ(Host::text_of(done), "truth");
  EXPECT_EQ(done.seq, Seq{9});
  EXPECT_EQ(done.agreed, AgreedTime{42});
  EXPECT_EQ(done.agreement.agreed, replicas({2, 3}));
  EXPECT_EQ(done.agreement.silent, replicas({0, 1}));
}

TEST(SessionResults, a_liar_that_answers_first_changes_nothing_and_is_named) {
  Host host;
  host.join();
  const Ticket ticket = host.call("tally");
  const auto submit = host.group[0].last_request();
  const unsigned liar = submit.designated->value;  // even when it is to send the rows
  host.say(liar, host.reply_to(submit, "lie"));
  const wire::Reply truth = host.reply_to(submit, "truth");
  for (unsigned i = 0; i < 4; ++i) {
    if (i != liar) host.say(i, host.digest_of(truth));
  }
  EXPECT_FALSE(host.completed.contains(ticket)) << "nobody has sent the true rows yet";
  host.advance_to(host.now + 60'000);
  const unsigned other = (liar + 1) % 4;
  EXPECT_EQ(host.group[other].last_request().designated, std::nullopt) << "asks all for the rows";
  host.say(other, truth);
  ASSERT_TRUE(host.completed.contains(ticket));
  EXPECT_EQ(Host::text_of(host.completed.at(ticket)), "truth");
  EXPECT_EQ(host.completed.at(ticket).agreement.differed, replicas({static_cast<int>(liar)}));
  EXPECT_EQ(host.session->standing(ReplicaId{static_cast<std::uint16_t>(liar)}).differed, 1U);
  EXPECT_TRUE(host.noted("replica " + std::to_string(liar) + " differs"));
}

TEST(SessionResults, who_keeps_the_rows_is_not_asked_for_them_for_a_while) {
  Host host;
  host.join();
  std::optional<unsigned> idle;
  unsigned waited = 0;
  for (unsigned request = 0; request < 40; ++request) {
    const Ticket ticket = host.call("tally");
    const auto submit = host.group[0].last_request();
    const unsigned sender = submit.designated->value;
    if (!idle) idle = sender;
    const wire::Reply truth = host.reply_to(submit, "truth");
    for (unsigned i = 0; i < 4; ++i)
      if (i != sender) host.say(i, host.digest_of(truth));
    if (sender == *idle) {
      ++waited;
      host.advance_to(host.now + 60'000);
      host.say((sender + 1) % 4, truth);
    } else {
      host.say(sender, truth);
    }
    ASSERT_TRUE(host.completed.contains(ticket));
    host.advance_to(host.now + 100'000);
  }
  // In 4 s: at first, after one second, and after two more.
  EXPECT_EQ(waited, 3U);
}

TEST(SessionResults, rows_from_far_away_are_waited_for_as_long_again_as_the_digests_took) {
  Host host;
  host.join();
  const Ticket ticket = host.call("tally");
  const auto submit = host.group[0].last_request();
  const unsigned sender = submit.designated->value;
  const wire::Reply truth = host.reply_to(submit, "truth");
  host.advance_to(host.now + 200'000);
  for (unsigned i = 0; i < 4; ++i)
    if (i != sender) host.say(i, host.digest_of(truth));
  const unsigned other = (sender + 1) % 4;
  host.advance_to(host.now + 150'000);
  EXPECT_NE(host.group[other].last_request().designated, std::nullopt) << "asked nobody again";
  host.advance_to(host.now + 60'000);
  EXPECT_EQ(host.group[other].last_request().designated, std::nullopt) << "asks all for the rows";
  host.say(sender, truth);
  EXPECT_TRUE(host.completed.contains(ticket));
}

TEST(SessionResults, a_liar_that_repeats_itself_has_still_one_voice) {
  Host host;
  host.join();
  const Ticket ticket = host.call("tally");
  const auto submit = host.group[1].last_request();
  const wire::Reply lie = host.reply_to(submit, "lie");
  for (int i = 0; i < 5; ++i) host.say(1, lie);
  host.say(1, host.digest_of(lie));
  EXPECT_FALSE(host.completed.contains(ticket));
}

TEST(SessionResults, each_field_of_a_reply_counts) {
  Host host;
  host.join();
  const Ticket ticket = host.call("tally");
  const auto submit = host.group[0].last_request();
  const wire::Reply truth = host.reply_to(submit, "truth");
  wire::Reply other_seq = truth;
  other_seq.seq = Seq{10};
  wire::Reply other_time = truth;
  other_time.agreed = AgreedTime{43};
  wire::Reply other_request = truth;
  other_request.request.bytes[0] ^= 1;
  host.say(0, truth);
  host.say(1, other_seq);
  host.say(2, other_time);
  host.say(3, other_request);
  EXPECT_FALSE(host.completed.contains(ticket));
  wire::ReplyDigest for_another = host.digest_of(truth);
  for_another.request.bytes[5] ^= 1;
  host.say(3, for_another);
  EXPECT_FALSE(host.completed.contains(ticket)) << "the right digest for another request";
  host.say(3, host.digest_of(truth));
  EXPECT_TRUE(host.completed.contains(ticket));
}

TEST(SessionResults, a_reply_for_another_session_is_no_voice) {
  Host host;
  host.join();
  const Ticket ticket = host.call("tally");
  wire::Reply foreign = host.reply_to(host.group[0].last_request(), "truth");
  foreign.session = SessionId{78};
  for (unsigned i = 0; i < 4; ++i) host.say(i, foreign);
  EXPECT_FALSE(host.completed.contains(ticket));
}

TEST(SessionResults, a_voice_that_comes_late_is_still_judged) {
  Host host;
  host.join();
  (void)host.call("tally");
  const auto submit = host.group[0].last_request();
  const wire::Reply truth = host.reply_to(submit, "truth");
  host.say(0, truth);
  host.say(1, truth);
  host.say(2, truth);
  host.say(3, host.reply_to(submit, "lie"));
  EXPECT_EQ(host.session->standing(ReplicaId{2}).differed, 0U);
  EXPECT_EQ(host.session->standing(ReplicaId{3}).differed, 1U);
  EXPECT_TRUE(host.noted("replica 3 differs, late"));
}

TEST(SessionResults, waits_a_moment_for_the_others_when_told_to_linger) {
  SessionOptions options;
  options.linger_us = 10'000;
  Host host(options);
  host.join();
  host.now = host.now + 1;
  const Ticket ticket = host.call("tally");
  const wire::Reply truth = host.reply_to(host.group[0].last_request(), "truth");
  host.say(0, truth);
  host.say(1, truth);
  EXPECT_FALSE(host.completed.contains(ticket));
  host.say(2, truth);
  host.advance_to(host.now + 10'000);
  ASSERT_TRUE(host.completed.contains(ticket));
  EXPECT_EQ(host.completed.at(ticket).agreement.agreed, replicas({0, 1, 2}));

  const Ticket next = host.call("tally");
  const wire::Reply again = host.reply_to(host.group[0].last_request(), "truth");
  for (unsigned i = 0; i < 4; ++i) host.say(i, again);
  EXPECT_TRUE(host.completed.contains(next)) << "nobody is left to wait for";
}

TEST(SessionResults, a_public_read_lingers_too_and_a_mute_replica_costs_no_more_than_that) {
  SessionOptions options;
  options.linger_us = 10'000;
  Host host(options);
  host.start();
  const Ticket ticket = host.read("turnout", host.now + 5'000'000);
  const auto asked = std::get<wire::PublicRead>(host.group[0].heard.back());
  const wire::PublicReadReply reply{asked.id, wire::read_digest(asked), Seq{4}, AgreedTime{4},
                                    wire::DoneReply{}};
  for (unsigned i = 0; i < 3; ++i) host.say(i, reply);
  EXPECT_FALSE(host.completed.contains(ticket));
  host.advance_to(host.now + 10'000);
  ASSERT_TRUE(host.completed.contains(ticket));
  EXPECT_EQ(host.completed.at(ticket).agreement.agreed, replicas({0, 1, 2}));
  const Ticket unanswered = host.read("turnout", host.now + 5'000'000);
  host.advance_to(host.now + 5'000'000);
  EXPECT_EQ(host.completed.at(unanswered).verdict, Verdict::no_quorum);
}

TEST(SessionResults, lingers_for_a_replica_that_is_still_connecting_but_not_for_one_that_is_down) {
  for (const bool down : {false, true}) {
    SessionOptions options;
    options.linger_us = 10'000;
    Host host(options);
    host.up[3] = !down;
    if (!down) host.slow = {ReplicaId{3}};
    host.start();
    const Ticket ticket = host.read("turnout", host.now + 5'000'000);
    const auto asked = std::get<wire::PublicRead>(host.group[0].heard.back());
    const wire::PublicReadReply reply{asked.id, wire::read_digest(asked), Seq{4}, AgreedTime{4},
                                      wire::DoneReply{}};
    for (unsigned i = 0; i < 3; ++i) host.say(i, reply);
    EXPECT_EQ(host.completed.contains(ticket), down);
    host.advance_to(host.now + 10'000);
    EXPECT_TRUE(host.completed.contains(ticket));
  }
}

TEST(SessionResults, replicas_that_never_agree_leave_the_outcome_unknown_at_the_deadline) {
  Host host;
  host.join();
  const Ticket ticket = host.call("tally", host.now + 3'000'000);
  const auto submit = host.group[0].last_request();
  for (unsigned i = 0; i < 4; ++i) host.say(i, host.reply_to(submit, "lie " + std::to_string(i)));
  host.advance_to(host.now + 2'999'999);
  EXPECT_FALSE(host.completed.contains(ticket));
  host.advance_to(host.now + 1);
  ASSERT_TRUE(host.completed.contains(ticket));
  EXPECT_EQ(host.completed.at(ticket).verdict, Verdict::outcome_unknown);
  EXPECT_TRUE(host.completed.at(ticket).sent);
  EXPECT_EQ(host.completed.at(ticket).agreement.differed.size(), 4U);
}

TEST(SessionResults, a_connection_that_hangs_is_given_up_and_made_again) {
  Host host;
  host.slow = {ReplicaId{0}, ReplicaId{1}, ReplicaId{2}, ReplicaId{3}};
  host.start();
  const Ticket ticket = host.read("tally", host.now + 30'000'000);
  host.advance_to(host.now + 4'999'000);
  EXPECT_EQ(host.session->failures(ReplicaId{0}), 0U);
  host.slow.clear();
  host.advance_to(host.now + 1'000'000);
  EXPECT_EQ(host.session->ready().size(), 4U);
  EXPECT_EQ(host.session->standing(ReplicaId{0}).untrusted, 0U);
  EXPECT_EQ(host.group[0].count<wire::PublicRead>(), 1U);
  EXPECT_FALSE(host.completed.contains(ticket));
}

TEST(SessionResults, a_question_that_nobody_answers_tells_each_reason_once) {
  Host host;
  host.up = {false, false, false, false};
  host.why = {"the certificate is not believed", "the certificate is not believed", "no route", ""};
  host.start();
  const Ticket ticket = host.read("tally", host.now + 3'000'000);
  host.advance_to(host.now + 3'000'000);
  const std::string& message = host.completed.at(ticket).message;
  EXPECT_THAT(message, testing::HasSubstr("; replica 0: the certificate is not believed; replica "
                                          "2: no route"));
  EXPECT_THAT(message, testing::Not(testing::HasSubstr("replica 1")));
}

TEST(SessionResults, an_error_of_the_application_is_an_answer) {
  Host host;
  host.join();
  const Ticket ticket = host.call("vote");
  const auto submit = host.group[0].last_request();
  const wire::ErrorReply error{{"ALREADY_VOTED"}, {"once only"}, {"vote"}, 2};
  host.say(0, host.reply_to(submit, error));
  host.say(2, host.reply_to(submit, error));
  ASSERT_EQ(host.completed.at(ticket).verdict, Verdict::answered);
  EXPECT_EQ(std::get<wire::ErrorReply>(host.completed.at(ticket).outcome), error);
  EXPECT_EQ(host.session->ended(), std::nullopt);
}

TEST(SessionResults, a_public_read_needs_two_equal_outcomes_and_asks_again_while_replicas_lag) {
  Host host;
  host.start();
  const Ticket ticket = host.read("turnout");
  const auto outcome = [](const std::string& text) {
    wire::ResultSet set;
    set.rows.items.push_back({{wire::Value{wire::TextValue{text}}}});
    return wire::Outcome{wire::ResultSets{{set}}};
  };
  const auto asked = std::get<wire::PublicRead>(host.group[0].heard.back());
  const auto said = [&](unsigned i) {
    return wire::PublicReadReply{asked.id, wire::read_digest(asked), Seq{i}, AgreedTime{i},
                                 outcome(std::to_string(i))};
  };
  for (unsigned i = 0; i < 4; ++i) host.say(i, said(i));
  EXPECT_FALSE(host.completed.contains(ticket));
  host.advance_to(host.now + 30'000);
  EXPECT_EQ(host.group[0].count<wire::PublicRead>(), 2U);
  host.say(0, said(3));
  ASSERT_TRUE(host.completed.contains(ticket));
  EXPECT_EQ(Host::text_of(host.completed.at(ticket)), "3");
  EXPECT_EQ(host.completed.at(ticket).seq, Seq{3});
  EXPECT_EQ(host.completed.at(ticket).agreement.agreed, replicas({0, 3}));
}

TEST(SessionResults, a_liar_beside_a_replica_that_is_behind_does_not_beat_two_that_are_not) {
  SessionOptions options;
  options.linger_us = 10'000;
  for (const bool first : {true, false}) {
    Host host(options);
    host.start();
    const Ticket ticket = host.read("turnout", host.now + 5'000'000);
    const auto asked = std::get<wire::PublicRead>(host.group[0].heard.back());
    const auto say = [&](unsigned i, std::uint64_t executed, const std::string& text) {
      wire::ResultSet set;
      set.rows.items.push_back({{wire::Value{wire::TextValue{text}}}});
      host.say(i, wire::PublicReadReply{asked.id, wire::read_digest(asked), Seq{executed},
                                        AgreedTime{1}, wire::Outcome{wire::ResultSets{{set}}}});
    };
    say(first ? 0 : 2, 99, "old");
    say(first ? 1 : 3, 3, "old");
    say(first ? 2 : 0, 7, "new");
    say(first ? 3 : 1, 8, "new");
    ASSERT_TRUE(host.completed.contains(ticket));
    EXPECT_EQ(Host::text_of(host.completed.at(ticket)), "new");
    EXPECT_EQ(host.completed.at(ticket).seq, Seq{7});
  }
}

TEST(SessionResults, a_liar_with_the_right_rows_cannot_make_a_public_read_look_newer_than_it_is) {
  Host host;
  host.start();
  const Ticket ticket = host.read("turnout");
  const auto asked = std::get<wire::PublicRead>(host.group[0].heard.back());
  const auto say = [&](unsigned i, std::uint64_t executed, std::int64_t agreed) {
    host.say(i, wire::PublicReadReply{asked.id, wire::read_digest(asked), Seq{executed},
                                      AgreedTime{agreed}, wire::DoneReply{}});
  };
  say(0, 9999, 4'000'000'000'000'000);
  say(1, 7, 70);
  ASSERT_TRUE(host.completed.contains(ticket));
  EXPECT_EQ(host.completed.at(ticket).seq, Seq{7});
  EXPECT_EQ(host.completed.at(ticket).agreed, AgreedTime{70});
}

TEST(SessionResults, an_answer_to_another_public_read_under_our_id_is_no_voice) {
  Host host;
  host.start();
  const Ticket ticket = host.read("tally");
  const auto asked = std::get<wire::PublicRead>(host.group[0].heard.back());
  auto another = asked;
  another.call.procedure = {"tally_of_last_year"};
  // As if somebody on the way to each replica had put it in place of ours: all answer it alike.
  const wire::PublicReadReply wrong{asked.id, wire::read_digest(another), Seq{4}, AgreedTime{4},
                                    wire::DoneReply{}};
  for (unsigned i = 0; i < 4; ++i) host.say(i, wrong);
  EXPECT_FALSE(host.completed.contains(ticket));
  EXPECT_TRUE(host.noted("replica 3 answers another public read"));
  auto right = wrong;
  right.question = wire::read_digest(asked);
  host.say(1, right);
  host.say(2, right);
  ASSERT_TRUE(host.completed.contains(ticket));
  EXPECT_EQ(host.completed.at(ticket).agreement.agreed, replicas({1, 2}));
  EXPECT_EQ(host.completed.at(ticket).agreement.silent, replicas({0, 3}));
}

TEST(SessionResults, a_public_read_that_the_group_refuses_says_so) {
  Host host;
  host.start();
  const Ticket ticket = host.read("tally", host.now + 20'000'000);
  const auto asked = std::get<wire::PublicRead>(host.group[0].heard.back());
  for (int round = 0; round < 3; ++round) {
    EXPECT_FALSE(host.completed.contains(ticket));
    for (unsigned i = 0; i < 3; ++i)
      host.say(i, wire::Refused{wire::read_digest(asked), {"closed_for_today"}, {"no"}});
    host.advance_to(host.now + 1'500'000);
  }
  ASSERT_TRUE(host.completed.contains(ticket));
  EXPECT_EQ(host.completed.at(ticket).verdict, Verdict::refused);
  EXPECT_EQ(host.completed.at(ticket).code, "closed_for_today");
}

}  // namespace
}  // namespace prytany::client
