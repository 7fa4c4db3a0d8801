// Subscriptions: what of the replicas' words about changes is believed, in order and without gaps.
#include <gmock/gmock.h>

#include "tests/unit/clientlib/fake_group.h"

namespace prytany::client {
namespace {

using Positions = std::vector<std::uint64_t>;

struct Watching : testing::Test {
  Watching() { host.join(); }

  Ticket subscribe(std::optional<std::uint64_t> after,
                   const std::vector<std::string>& topics = {"bids"}) {
    ticket = host.subscribe(topics, after);
    return ticket;
  }
  const wire::Subscribe& asked(unsigned replica) {
    for (auto it = host.group[replica].heard.rbegin(); it != host.group[replica].heard.rend(); ++it)
      if (const auto* said = std::get_if<wire::Subscribe>(&*it)) return *said;
    throw std::runtime_error("no subscription was heard");
  }
  wire::Change change(std::uint64_t position, std::int64_t value = 0) {
    return {position, Seq{position}, AgreedTime{42}, {"bids"}, value};
  }
  /// Changes at these positions.
  wire::Changes changes(unsigned from, std::uint64_t begin, std::uint64_t end,
                        const Positions& positions) {
    wire::Changes said{wire::subscription_digest(asked(from).body), begin, end, {}};
    for (const std::uint64_t position : positions) said.items.items.push_back(change(position));
    return said;
  }
  void say(unsigned from, std::uint64_t begin, std::uint64_t end, const Positions& positions = {}) {
    host.say(from, changes(from, begin, end, positions));
  }
  /// What was told, and how far: "missed 3 4 @4".
  std::string heard() {
    std::string text;
    for (const ChangesHeard& news : host.changes) {
      EXPECT_EQ(news.ticket, ticket);
      if (news.missed) text += "missed ";
      for (const wire::Change& item : news.items) text += std::to_string(item.position) + " ";
      text += "@" + std::to_string(news.position) + " ";
    }
    host.changes.clear();
    return text.empty() ? text : text.substr(0, text.size() - 1);
  }
  std::size_t mores(unsigned replica) { return host.group[replica].count<wire::More>(); }

  Host host{{}, 4, 1, true};
  Ticket ticket;
  std::size_t count = 0;
};

TEST_F(Watching, is_asked_of_each_replica_with_a_signature_for_its_connection_alone) {
  subscribe(7);
  std::set<std::array<std::uint8_t, 64>> signatures;
  for (unsigned i = 0; i < 4; ++i) {
    EXPECT_EQ(asked(i).after, 7U);
    EXPECT_EQ(asked(i).body, asked(0).body);
    EXPECT_EQ(asked(i).body.session, SessionId{77});
    signatures.insert(asked(i).signature.bytes);
  }
  EXPECT_EQ(signatures.size(), 4U);
}

TEST_F(Watching, tells_what_f_plus_1_say_alike_in_order) {
  subscribe(0);
  say(0, 0, 3, {1, 3});
  EXPECT_EQ(heard(), "") << "one voice";
  say(2, 0, 1, {1});
  EXPECT_EQ(heard(), "1 @1");
  say(3, 0, 3, {1, 3});
  EXPECT_EQ(heard(), "3 @3");
}

TEST_F(Watching, asks_each_for_more_at_its_own_pace) {
  subscribe(0);
  EXPECT_EQ(mores(0), 0U);
  say(0, 0, 1, {1});
  EXPECT_EQ(mores(0), 1U);
  EXPECT_EQ(mores(1), 0U);
  say(0, 1, 2, {2});
  EXPECT_EQ(mores(0), 2U);
  say(1, 0, 2, {1, 2});
  EXPECT_EQ(heard(), "1 2 @2");
}

TEST_F(Watching, believes_no_change_that_one_made_up_left_out_or_reordered) {
  subscribe(0);
  say(3, 0, 5, {1, 2, 4, 5});  // 2 and 5 are made up
  say(0, 0, 4, {1, 3, 4});
  EXPECT_EQ(heard(), "1 @1");
  say(1, 0, 4, {1, 3, 4});
  EXPECT_EQ(heard(), "3 4 @4");
  EXPECT_EQ(host.session->standing(ReplicaId{3}).differed, 1U) << "about 3; it is right about 4";
  EXPECT_TRUE(host.noted("replica 3 differs about a change"));
  say(3, 5, 6, {6});
  say(2, 0, 6, {1, 3, 4, 6});
  EXPECT_EQ(heard(), "") << "its word about 5 stands before its word about 6";
  say(0, 4, 6, {6});
  EXPECT_EQ(heard(), "6 @6");
  say(3, 6, 7, {7});
  say(1, 4, 7, {6, 7});
  EXPECT_EQ(heard(), "7 @7") << "what it says later is heard again";
  EXPECT_EQ(host.session->standing(ReplicaId{0}).differed, 0U);
}

TEST_F(Watching, believes_no_value_that_one_made_up) {
  subscribe(0);
  wire::Changes false_value = changes(1, 0, 1, {1});
  false_value.items.items[0].value = std::int64_t{5};
  host.say(1, false_value);
  say(2, 0, 1, {1});
  EXPECT_EQ(heard(), "");
  say(3, 0, 1, {1});
  ASSERT_EQ(host.changes.size(), 1U);
  EXPECT_EQ(host.changes[0].items[0].value, wire::Value(std::int64_t{0}));
}

TEST_F(Watching, is_not_held_up_by_a_liar_who_omits_everything) {
  subscribe(0);
  say(3, 0, 1000);
  say(0, 0, 2, {1, 2});
  EXPECT_EQ(heard(), "");
  say(1, 0, 2, {1, 2});
  EXPECT_EQ(heard(), "1 2 @2");
  EXPECT_EQ(host.session->standing(ReplicaId{3}).differed, 2U);
}

TEST_F(Watching, drops_what_cannot_be) {
  subscribe(0);
  const auto nonsense = [&](const wire::Changes& said) {
    host.say(0, said);
    EXPECT_EQ(host.session->standing(ReplicaId{0}).differed, ++count);
    host.advance_to(host.now + 1'000'000);  // it is asked anew
    EXPECT_EQ(host.group[0].count<wire::Subscribe>(), count + 1);
  };
  nonsense(changes(0, 5, 4, {}));
  nonsense(changes(0, 0, 4, {2, 2}));
  nonsense(changes(0, 0, 4, {3, 2}));
  nonsense(changes(0, 0, 4, {5}));
  nonsense(changes(0, 3, 4, {3}));
  wire::Changes other = changes(0, 0, 4, {2});
  other.items.items[0].topic.text = "desk";
  nonsense(other);
  say(0, 0, 1, {1});
  say(0, 0, 1, {1});  // again, from the beginning
  EXPECT_EQ(host.session->standing(ReplicaId{0}).differed, ++count);
  wire::Changes unknown = changes(1, 0, 1, {1});
  unknown.question = Digest{};
  host.say(1, unknown);
  EXPECT_EQ(host.session->standing(ReplicaId{1}).differed, 0U);
  EXPECT_EQ(heard(), "");
}

TEST_F(Watching, begins_where_a_correct_replica_is_and_all_can_speak_of_what_follows) {
  subscribe(std::nullopt);
  EXPECT_FALSE(asked(0).after);
  say(0, 10, 10);
  say(3, 900, 900);  // lies
  EXPECT_EQ(heard(), "");
  say(1, 12, 12);
  EXPECT_EQ(heard(), "@12");
  EXPECT_EQ(asked(3).after, 12U) << "it began later";
  say(2, 13, 13);
  EXPECT_EQ(asked(2).after, 12U);
  say(0, 10, 13, {11, 13});
  say(1, 12, 13, {13});
  EXPECT_EQ(heard(), "13 @13") << "11 was before";
}

TEST_F(Watching, moves_on_without_changes_when_f_plus_1_say_that_there_are_none) {
  subscribe(5);
  say(0, 5, 300);
  say(1, 5, 200);
  EXPECT_EQ(heard(), "@200");
  host.drop(2);
  host.up[2] = true;
  host.advance_to(host.now + 1'000'000);
  EXPECT_EQ(asked(2).after, 200U);
}

TEST_F(Watching, resumes_on_a_new_connection_without_gap_or_repetition) {
  subscribe(0);
  say(0, 0, 2, {1, 2});
  say(1, 0, 1, {1});
  EXPECT_EQ(heard(), "1 @1");
  for (unsigned i = 0; i < 4; ++i) host.drop(i);
  for (unsigned i = 0; i < 4; ++i) host.up[i] = true;
  host.advance_to(host.now + 1'000'000);
  for (unsigned i = 0; i < 4; ++i) EXPECT_EQ(asked(i).after, 1U) << i;
  say(2, 1, 3, {2, 3});
  EXPECT_EQ(heard(), "") << "what was said on the old connection is void";
  say(3, 1, 2, {2});
  EXPECT_EQ(heard(), "2 @2");
}

TEST_F(Watching, tells_that_changes_were_missed_when_a_quorum_keeps_them_no_more) {
  subscribe(3);
  say(3, 5000, 5000);  // lies
  say(0, 100, 102, {102});
  EXPECT_EQ(heard(), "");
  say(1, 101, 102, {102});
  EXPECT_EQ(heard(), "missed 102 @102") << "from 101, of which two can speak";
  EXPECT_EQ(asked(3).after, 102U) << "its words begin later than those that are believed";
}

TEST_F(Watching, ends_when_a_quorum_refuses_for_long_and_not_before) {
  subscribe(0);
  const Digest question = wire::subscription_digest(asked(0).body);
  const auto refuse = [&](const std::vector<unsigned>& those, const std::string& code) {
    for (const unsigned i : those) host.say(i, wire::Refused{question, {code}, {""}});
    host.advance_to(host.now + 1'500'000);
  };
  for (int i = 0; i < 5; ++i) refuse({0, 1}, "not_allowed");
  for (int i = 0; i < 5; ++i) refuse({0, 1, 2, 3}, "overloaded");
  EXPECT_TRUE(host.subscriptions_ended.empty());
  for (int i = 0; i < 3; ++i) refuse({0, 1, 2}, "not_allowed");
  ASSERT_TRUE(host.subscriptions_ended.contains(ticket));
  EXPECT_EQ(host.subscriptions_ended.at(ticket), "not_allowed");
}

TEST_F(Watching, ends_with_its_session_and_not_before_while_the_leave_waits_for_its_answer) {
  subscribe(0);
  const Digest question = wire::subscription_digest(asked(0).body);
  const Ticket leave = host.submit(wire::Operation{wire::Leave{}});
  for (int round = 0; round < 4; ++round) {
    for (const unsigned i : {0U, 1U, 2U})
      host.say(i, wire::Refused{question, {"unknown_session"}, {""}});
    host.advance_to(host.now + 1'500'000);
  }
  EXPECT_TRUE(host.subscriptions_ended.empty());
  const auto submit = host.group[0].last_request();
  for (unsigned i = 0; i < 2; ++i) host.say(i, host.reply_to(submit, wire::DoneReply{}));
  EXPECT_EQ(host.completed.at(leave).verdict, Verdict::answered);
  EXPECT_EQ(host.subscriptions_ended.at(ticket), "session_ended");
}

TEST_F(Watching, asks_a_replica_again_that_knew_the_session_too_late) {
  subscribe(0);
  const Digest question = wire::subscription_digest(asked(0).body);
  host.say(0, wire::Refused{question, {"unknown_session"}, {""}});
  EXPECT_EQ(host.group[0].count<wire::Subscribe>(), 1U);
  host.advance_to(host.now + 200'000);
  EXPECT_EQ(host.group[0].count<wire::Subscribe>(), 2U);
  say(0, 0, 1, {1});
  say(1, 0, 1, {1});
  EXPECT_EQ(heard(), "1 @1");
}

TEST_F(Watching, asks_for_no_more_while_its_caller_is_behind) {
  subscribe(0);
  Positions first;
  for (std::uint64_t p = 1; p <= 1000; ++p) first.push_back(p);
  std::uint64_t from = 0;
  for (int round = 0; round < 5; ++round, from += 1000) {
    for (const unsigned i : {0U, 1U}) say(i, from, from + 1000, first);
    for (std::uint64_t& p : first) p += 1000;
  }
  EXPECT_EQ(mores(0), 5U) << "the fifth before the other said the same";
  EXPECT_EQ(mores(1), 4U);
  host.consumed(ticket, 1000);
  EXPECT_EQ(mores(1), 5U);
}

TEST_F(Watching, ends_with_the_session_or_when_it_is_not_wanted_any_more) {
  const Ticket first = subscribe(0);
  const Ticket second = subscribe(0);
  EXPECT_NE(asked(0).body.id, 0U);
  host.unsubscribe(first);
  EXPECT_EQ(host.group[3].count<wire::Unsubscribe>(), 1U);
  for (const unsigned i : {0U, 1U}) host.say(i, wire::SessionEnded{SessionId{77}, {"replaced"}});
  EXPECT_FALSE(host.subscriptions_ended.contains(first));
  EXPECT_EQ(host.subscriptions_ended.at(second), "session_ended");
  EXPECT_EQ(host.subscriptions_ended.at(host.subscribe({"bids"}, 0)), "session_ended");
}

TEST_F(Watching, is_refused_at_once_when_it_cannot_be_asked) {
  EXPECT_EQ(host.subscriptions_ended.at(host.subscribe({}, 0)), "usage");
  EXPECT_EQ(host.subscriptions_ended.at(host.subscribe({std::string(300, 'x')}, 0)), "usage");
}

}  // namespace
}  // namespace prytany::client
