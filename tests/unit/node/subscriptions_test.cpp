// Who watches what: bounded, served in turn, and forgotten with its connection.
#include "server/node/subscriptions.h"

#include <gtest/gtest.h>

namespace prytany::node {
namespace {

struct SubscriptionBook : testing::Test {
  static Subscriptions::Key key(std::uint64_t connection, std::uint8_t number = 1) {
    Digest digest;
    digest.bytes[0] = number;
    return {ConnectionId{connection}, digest};
  }
  bool add(const Subscriptions::Key& key, std::vector<std::string> topics,
           const std::string& host = "a") {
    Subscription subscription;
    subscription.host = host;
    subscription.topics = std::move(topics);
    return book.add(key, std::move(subscription));
  }
  /// Connections, in the order of their turns.
  std::string turns() {
    std::string text;
    while (book.has_turns()) text += std::to_string(book.take_turn().first.value);
    return text;
  }
  Held held() {
    Held held;
    book.count(held);
    return held;
  }
  Subscriptions book;
};

TEST_F(SubscriptionBook, gives_turns_to_those_who_watch_what_changed_and_are_ready) {
  ASSERT_TRUE(add(key(1), {"bids"}));
  ASSERT_TRUE(add(key(2), {"desk"}));
  ASSERT_TRUE(add(key(3), {"desk", "bids"}));
  book.changed({"bids"});
  EXPECT_EQ(turns(), "13");
  book.find(key(1))->ready = false;
  book.changed({"bids", "desk", "weather"});
  book.changed({"bids", "desk"});
  EXPECT_EQ(turns(), "23") << "once each";
  book.queue_all();
  EXPECT_EQ(turns(), "23");
}

TEST_F(SubscriptionBook, serves_hosts_in_turn_however_many_one_has) {
  for (std::uint64_t i = 1; i <= 3; ++i) ASSERT_TRUE(add(key(i), {"t"}, "greedy"));
  ASSERT_TRUE(add(key(7), {"t"}, "modest"));
  book.changed({"t"});
  EXPECT_EQ(turns(), "1723");
}

TEST_F(SubscriptionBook, serves_those_of_one_host_in_turn) {
  for (std::uint64_t i = 1; i <= 3; ++i) ASSERT_TRUE(add(key(i), {"t"}));
  book.changed({"t"});
  std::string served;
  for (int i = 0; i < 6; ++i) {
    const Subscriptions::Key next = book.take_turn();
    served += std::to_string(next.first.value);
    book.queue(next);
  }
  EXPECT_EQ(served, "123123");
}

TEST_F(SubscriptionBook, forgets_what_ends_and_its_turn) {
  ASSERT_TRUE(add(key(1, 1), {"t"}));
  ASSERT_TRUE(add(key(1, 2), {"t", "t"}));
  ASSERT_TRUE(add(key(2, 1), {"t"}));
  book.changed({"t"});
  book.remove(key(1, 1));
  book.remove(key(1, 1));
  EXPECT_EQ(held().turns, 2U);
  book.closed(ConnectionId{1});
  book.closed(ConnectionId{1});
  EXPECT_EQ(book.find(key(1, 2)), nullptr);
  EXPECT_EQ(held().turns, 1U);
  EXPECT_EQ(held().subscriptions, 1U);
  EXPECT_EQ(turns(), "2");
  book.closed(ConnectionId{2});
  EXPECT_EQ(held().subscriptions, 0U);
  book.queue(key(2));
  EXPECT_FALSE(book.has_turns());
}

TEST_F(SubscriptionBook, begins_one_anew_that_is_said_again) {
  ASSERT_TRUE(add(key(1), {"old"}));
  book.changed({"old"});
  ASSERT_TRUE(add(key(1), {"new"}));
  EXPECT_FALSE(book.has_turns());
  book.changed({"old"});
  EXPECT_FALSE(book.has_turns());
  book.changed({"new"});
  EXPECT_EQ(turns(), "1");
  EXPECT_EQ(held().subscriptions, 1U);
}

TEST_F(SubscriptionBook, is_bounded_for_a_connection_and_a_host) {
  for (std::uint8_t i = 0; i < 64; ++i) ASSERT_TRUE(add(key(1, i), {"t"}));
  EXPECT_FALSE(add(key(1, 64), {"t"}));
  EXPECT_TRUE(add(key(1, 63), {"t"})) << "in place of itself";
  EXPECT_EQ(held().subscriptions_of_one, 64U);
  const std::vector<std::string> many(64, "t");
  std::uint64_t connection = 2;
  std::size_t taken = 0;
  for (int i = 0; i < 300; ++i) taken += add(key(connection++), many) ? 1U : 0U;
  EXPECT_EQ(taken, (16'384U - 64U) / 64U);
  EXPECT_TRUE(add(key(connection), many, "another"));
  book.closed(ConnectionId{2});
  EXPECT_TRUE(add(key(connection + 1), many));
}

}  // namespace
}  // namespace prytany::node
