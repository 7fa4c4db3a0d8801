// What a replica tells the sessions that watch topics: what has changed here, when they are ready.
#include <gmock/gmock.h>

#include "tests/unit/node/door.h"

namespace prytany::node {
namespace {

wire::ApplicationFile watched_file(const std::string& path, const std::string& content) {
  return {{path}, {to_bytes(as_bytes(content))}};
}

wire::Install watched_application(const std::string& version, const std::string& topics) {
  wire::Install install;
  install.files.items = {watched_file(
      "prytany.json", R"({"name": "a", "version": ")" + version +
                          R"(", "roles": {"member": {"authorize": "anyone"}}, "topics": )" +
                          topics + R"(, "limits": {"changes": 32}})")};
  return install;
}

struct WatchersDoor : Door {
  WatchersDoor() {
    EXPECT_EQ(
        app::code_of(replica.ask(
            desk, watched_application("1", R"({"bids": {"roles": ["member"]}, "rare": {}})"))),
        "");
    member.emplace(replica.join(app::test_key(5), "kim"));
    hello(one);
    clients.executed({});
    forget();
  }
  void forget() { transport.messages.clear(); }

  wire::Subscribe subscribe(const app::Client& who, std::optional<std::uint64_t> after,
                            const std::vector<std::string>& topics = {"bids"}) {
    wire::Subscribe asked{{7, who.session, who.key.public_key(), {}}, after, {}};
    for (const std::string& topic : topics) asked.body.topics.items.push_back({topic});
    question = wire::subscription_digest(asked.body);
    asked.signature = who.key.sign(wire::subscribe_signed_bytes(said, question, after));
    return asked;
  }
  void say(ConnectionId id, const wire::FromClient& message) {
    (void)clients.text(id, wire::to_json(message), verifier);
    serve();
  }
  void serve() {
    while (clients.has_reads()) clients.serve_read();
  }
  /// A batch of one request that tells the topic so many changes.
  void change(const std::string& topic, int many = 1) {
    const std::string sql =
        "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c LIMIT " +
        std::to_string(many) + ") SELECT min(notify('" + topic + "', x)) FROM c";
    clients.executed(replica.execute(
        wire::Batch{{{app::request_of(desk, desk.next_number++, app::execute_of(sql))}}}));
    serve();
  }
  /// "from-upto: positions" of each message told.
  std::string told() {
    std::string text;
    for (const auto& [to, message] : transport.messages) {
      const auto* changes = std::get_if<wire::Changes>(&message.message);
      if (const auto* refused = std::get_if<wire::Refused>(&message.message))
        text += "[" + refused->code.text + "]";
      if (changes == nullptr) continue;
      EXPECT_EQ(changes->question, question);
      text += "[" + std::to_string(changes->from) + "-" + std::to_string(changes->upto) + ":";
      for (const wire::Change& change : changes->items)
        text += " " + std::to_string(change.position);
      text += "]";
    }
    forget();
    return text;
  }

  app::Client desk = replica.join(app::test_key(100), "desk", 1);
  std::optional<app::Client> member;
  Digest question;
};

TEST_F(WatchersDoor, tells_at_once_where_it_is_and_then_what_changes) {
  change("bids", 2);
  say(one, subscribe(*member, std::nullopt));
  EXPECT_EQ(told(), "[2-2:]");
  change("bids");
  EXPECT_EQ(told(), "") << "it is not ready";
  say(one, wire::More{question});
  EXPECT_EQ(told(), "[2-3: 3]");
  say(one, wire::More{question});
  change("rare");
  EXPECT_EQ(told(), "");
  change("bids", 2);
  EXPECT_EQ(told(), "[3-6: 5 6]");
}

TEST_F(WatchersDoor, tells_from_a_position_what_is_kept_and_says_where_that_begins) {
  change("bids", 3);
  say(one, subscribe(*member, 1));
  EXPECT_EQ(told(), "[1-3: 2 3]");
  change("rare", 40);
  say(one, subscribe(*member, 1));
  EXPECT_EQ(told(), "[11-43:]") << "32 are kept";
  say(one, subscribe(*member, 43));
  EXPECT_EQ(told(), "");
  change("bids");
  EXPECT_EQ(told(), "[43-44: 44]");
}

TEST_F(WatchersDoor, waits_until_it_has_come_to_where_its_client_is) {
  change("bids", 1);
  say(one, subscribe(*member, 3));
  change("bids", 2);
  EXPECT_EQ(told(), "");
  change("bids", 1);
  EXPECT_EQ(told(), "[3-4: 4]");
}

TEST_F(WatchersDoor, says_now_and_then_how_far_the_log_has_come) {
  say(one, subscribe(*member, 0));
  change("rare");
  EXPECT_EQ(told(), "");
  change("rare");
  EXPECT_EQ(told(), "[0-2:]") << "a sixteenth of what is kept";
  say(one, wire::More{question});
  change("bids");
  EXPECT_EQ(told(), "[2-3: 3]");
}

TEST_F(WatchersDoor, refuses_to_watch_nothing) {
  say(one, subscribe(*member, std::nullopt, {}));
  EXPECT_EQ(told(), "[malformed]");
  node::Held held;
  clients.count(held);
  EXPECT_EQ(held.subscriptions, 0U);
  EXPECT_EQ(held.turns, 0U);
}

TEST_F(WatchersDoor, splits_what_is_too_much_for_one_message) {
  EXPECT_EQ(app::code_of(replica.ask(
                desk, watched_application("2", R"({"bids": {"roles": "any"}}, "x": {})"))),
            "bad_application");
  wire::Install larger = watched_application("2", R"({"bids": {"roles": "any"}})");
  const std::string text = R"({"name": "a", "version": "2", "roles": {"member": {}},
      "topics": {"bids": {"roles": "any"}}})";
  larger.files.items[0] = watched_file("prytany.json", text);
  ASSERT_EQ(app::code_of(replica.ask(desk, larger)), "");
  change("bids", 1000);
  change("bids", 1000);
  say(one, subscribe(*member, 0));
  ASSERT_EQ(transport.messages.size(), 1U);
  const auto first = std::get<wire::Changes>(transport.messages.back().second.message);
  EXPECT_EQ(first.items.size(), limits::changes_per_message_max);
  EXPECT_EQ(first.upto, first.items.items.back().position);
  say(one, wire::More{question});
  const auto second = std::get<wire::Changes>(transport.messages.back().second.message);
  EXPECT_EQ(second.from, first.upto);
  EXPECT_EQ(second.items.items.front().position, first.upto + 1);
  EXPECT_EQ(second.upto, 2000U);
}

TEST_F(WatchersDoor, refuses_who_may_not_and_who_cannot_prove_to_be_the_session) {
  say(one, subscribe(*member, 0, {"rare"}));
  EXPECT_EQ(told(), "[not_allowed]");
  say(one, subscribe(*member, 0, {"weather"}));
  EXPECT_EQ(told(), "[unknown_topic]");
  wire::Subscribe forged = subscribe(*member, 0);
  forged.after = 1;
  say(one, forged);
  EXPECT_EQ(told(), "[bad_signature]");
  forged = subscribe(*member, 0);
  hello(two);  // another connection of somebody who overheard it
  forget();
  say(two, forged);
  EXPECT_EQ(told(), "[bad_signature]");
  app::Client nobody = *member;
  nobody.session = SessionId{99};
  say(one, subscribe(nobody, 0));
  EXPECT_EQ(told(), "[unknown_session]");
  say(one, wire::More{question});
  EXPECT_EQ(told(), "[unknown_subscription]");
}

TEST_F(WatchersDoor, tells_nothing_more_to_who_may_watch_no_more) {
  say(one, subscribe(*member, 0));
  ASSERT_EQ(app::code_of(replica.ask(desk, watched_application("2", R"({"bids": {}})"))), "");
  change("bids");
  EXPECT_EQ(told(), "[not_allowed]");
  change("bids");
  EXPECT_EQ(told(), "");
}

TEST_F(WatchersDoor, tells_nothing_to_who_has_left_or_unsubscribed) {
  say(one, subscribe(*member, 0));
  say(one, wire::Unsubscribe{question});
  change("bids");
  EXPECT_EQ(told(), "");
  say(one, subscribe(*member, 0));
  EXPECT_EQ(told(), "[0-1: 1]");
  say(one, wire::More{question});
  replica.ask(*member, wire::Leave{});
  change("bids");
  EXPECT_EQ(told(), "[unknown_session]");
  say(one, subscribe(*member, 0));
  forget();
  clients.closed(one);
  change("bids");
  EXPECT_EQ(told(), "");
  Held held;
  clients.count(held);
  EXPECT_EQ(held.subscriptions, 0U);
}

TEST_F(WatchersDoor, is_silent_while_its_state_is_wrong_and_then_tells_what_is_right) {
  say(one, subscribe(*member, 0));
  clients.silence(true);
  change("bids");
  EXPECT_EQ(told(), "");
  clients.silence(false);
  serve();
  EXPECT_EQ(told(), "[0-1: 1]");
}

}  // namespace
}  // namespace prytany::node
