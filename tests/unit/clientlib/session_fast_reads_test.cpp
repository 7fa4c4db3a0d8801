// Reads of a session that are not ordered, and when they are ordered after all.
#include <gmock/gmock.h>

#include "tests/unit/clientlib/fake_group.h"

namespace prytany::client {
namespace {

struct FastReads : testing::Test {
  FastReads() { host.join(); }

  const wire::FastRead& asked(unsigned replica) {
    return std::get<wire::FastRead>(host.group[replica].heard.back());
  }
  wire::FastReadReply answer(const std::string& text, std::uint64_t executed = 9) {
    const wire::FastRead& read = asked(0);
    wire::ResultSet set;
    set.columns.items.push_back({"it"});
    set.rows.items.push_back({{wire::Value{wire::TextValue{text}}}});
    return {read.body.id, wire::fast_read_digest(read.body), Seq{executed},
            AgreedTime{1'000 + static_cast<std::int64_t>(executed)}, wire::ResultSets{{set}}};
  }
  static wire::FastReadDigest digest(const wire::FastReadReply& reply) {
    return {reply.id, reply.question, reply.executed, reply.agreed,
            wire::fast_outcome_digest(reply.outcome)};
  }
  [[nodiscard]] bool ordered() const { return host.group[0].count<wire::SubmitRequest>() > 0; }

  Host host{{}, 4, 1, true};
};

TEST_F(FastReads, are_answered_when_a_quorum_says_the_same) {
  const Ticket ticket = host.fast_read("tally");
  EXPECT_FALSE(ordered());
  host.say(0, answer("truth", 12));
  host.say(1, digest(answer("truth", 10)));
  EXPECT_FALSE(host.completed.contains(ticket)) << "f+1 may be a liar and one that is behind";
  host.say(3, digest(answer("truth", 11)));
  ASSERT_TRUE(host.completed.contains(ticket));
  EXPECT_EQ(Host::text_of(host.completed.at(ticket)), "truth");
  EXPECT_EQ(host.completed.at(ticket).seq, Seq{11}) << "two of the three had come so far";
  EXPECT_EQ(host.completed.at(ticket).agreed, AgreedTime{1'011}) << "and to that time";
  EXPECT_EQ(host.completed.at(ticket).agreement.agreed, replicas({0, 1, 3}));
  EXPECT_FALSE(ordered());
}

TEST_F(FastReads, carry_each_replicas_own_tag_and_name_one_that_sends_the_rows) {
  (void)host.fast_read("tally");
  std::set<crypto::Tag16> tags;
  for (unsigned i = 0; i < 4; ++i) {
    tags.insert(asked(i).tag);
    EXPECT_EQ(asked(i).body, asked(0).body);
    EXPECT_EQ(asked(i).designated, asked(0).designated);
    EXPECT_TRUE(asked(i).designated);
  }
  EXPECT_EQ(tags.size(), 4U);
}

TEST_F(FastReads, are_ordered_when_a_quorum_cannot_agree_any_more) {
  const Ticket ticket = host.fast_read("tally");
  host.say(0, answer("old"));
  host.say(1, answer("old"));
  host.say(2, answer("new"));
  EXPECT_FALSE(ordered());
  host.say(3, answer("newer"));
  ASSERT_TRUE(ordered());
  EXPECT_EQ(host.session->fast_reads_ordered(), 1U);
  const wire::Reply reply = host.reply_to(host.group[0].last_request(), "ordered");
  for (unsigned i = 0; i < 2; ++i) host.say(i, reply);
  EXPECT_EQ(Host::text_of(host.completed.at(ticket)), "ordered");
}

TEST_F(FastReads, are_ordered_when_they_are_not_answered_in_time_or_nobody_sends_the_rows) {
  (void)host.fast_read("tally");
  for (unsigned i = 0; i < 4; ++i) host.say(i, digest(answer("truth")));
  EXPECT_FALSE(ordered());
  host.advance_to(host.now + 50'000);
  EXPECT_TRUE(ordered());
}

TEST_F(FastReads, are_ordered_after_a_second_however_slow_the_group_has_been) {
  for (int slow = 0; slow < 20; ++slow) {
    const Ticket ticket = host.call("tally");
    host.advance_to(host.now + 9'000'000);
    const wire::Reply reply = host.reply_to(host.group[0].last_request(), "at last");
    for (unsigned i = 0; i < 2; ++i) host.say(i, reply);
    ASSERT_TRUE(host.completed.contains(ticket));
  }
  (void)host.fast_read("tally");
  const std::size_t before = host.group[0].count<wire::SubmitRequest>();
  host.advance_to(host.now + 999'999);
  EXPECT_EQ(host.group[0].count<wire::SubmitRequest>(), before);
  host.advance_to(host.now + 1);
  EXPECT_EQ(host.group[0].count<wire::SubmitRequest>(), before + 1);
}

TEST_F(FastReads, are_ordered_when_those_who_are_left_are_too_few) {
  (void)host.fast_read("tally");
  const Digest question = wire::fast_read_digest(asked(0).body);
  host.say(1, wire::Refused{question, {"overloaded"}, {"later"}});
  EXPECT_FALSE(ordered());
  host.say(2, wire::Refused{question, {"overloaded"}, {"later"}});
  EXPECT_TRUE(ordered());
}

TEST_F(FastReads, hear_nobody_who_answers_another_question) {
  const Ticket ticket = host.fast_read("tally");
  wire::FastReadReply other = answer("truth");
  other.question.bytes[0] ^= 1;
  for (unsigned i = 0; i < 4; ++i) host.say(i, other);
  EXPECT_FALSE(host.completed.contains(ticket));
}

TEST_F(FastReads, are_ordered_at_once_where_a_quorum_is_not_connected) {
  host.drop(2);
  host.drop(3);
  (void)host.fast_read("tally");
  EXPECT_TRUE(ordered());
}

TEST(FastReadsInASignedCluster, are_ordered) {
  Host host;
  host.join();
  (void)host.fast_read("tally");
  EXPECT_EQ(host.group[0].count<wire::SubmitRequest>(), 1U);
}

}  // namespace
}  // namespace prytany::client
