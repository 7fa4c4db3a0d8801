// What sessions are in their tables: few pages for a request however many sessions there are, and
// the same bytes whenever a replica was started (docs/decisions/0026).
#include <gtest/gtest.h>

#include <memory>
#include <random>
#include <string>
#include <vector>

#include "server/app/sessions.h"
#include "server/wire/codec.h"
#include "tests/unit/app/bench_of_one.h"

namespace prytany::app {
namespace {

void pages_for_all(ExecutorConfig& config) { config.application_pages_max = 1'000'000; }
/// The table is sometimes full: who joins then ends those that were idle.
void seats_for_few(ExecutorConfig& config) {
  pages_for_all(config);
  config.sessions_max = 36;
  config.session_idle_us = 40'000;
}
std::vector<SessionId> ended_by(const Executed& executed) {
  std::vector<SessionId> ended;
  for (const SessionEnding& ending : executed.endings) ended.push_back(ending.session);
  return ended;
}

/// Looks into a copy of a replica's image, as of now.
class ImageLook {
 public:
  explicit ImageLook(const Replica& of)
      : disk_(of.image()),
        store_(vfs::PageStore::open(disk_).value()),
        engine_(*store_, 0, nullptr) {
    engine_.open();
  }
  std::int64_t integer(const char* sql) {
    Statement& statement = engine_.ours(sql);
    const Rewind rewind(statement);
    EXPECT_TRUE(engine_.step_ours(statement));
    return statement.integer(0);
  }
  /// With one statement more executed, though nobody ordered it.
  Bytes changed_by(const char* sql) {
    Statement& statement = engine_.ours(sql);
    {
      const Rewind rewind(statement);
      EXPECT_FALSE(engine_.step_ours(statement));
    }
    return {store_->data(), store_->data() + store_->size()};
  }
  std::int64_t replies() { return integer("SELECT count(*) FROM prytany_session_replies"); }

 private:
  ImageDisk disk_;
  std::unique_ptr<vfs::PageStore> store_;
  Engine engine_;
};

class StoredSessions : public testing::Test {
 protected:
  Client tool(std::uint8_t number) {
    return replica.join(test_key(100), "tool" + std::to_string(number), number);
  }
  void next_checkpoint() {
    do replica.execute(wire::Batch{});
    while (replica.executor().executed().value % Replica::checkpoint_interval != 0);
  }
  /// One more request of this client, which is remembered.
  wire::ClientRequest null_of(Client& who) {
    sent.push_back(request_of(who, who.next_number++, wire::Null{}));
    return sent.back();
  }
  /// Of all that was sent, how many replies are stored.
  std::int64_t stored() {
    return std::ranges::count_if(sent, [&](const wire::ClientRequest& request) {
      return replica.executor()
          .stored_reply(request.body.session, request.body.number,
                        wire::request_digest(request.body))
          .has_value();
    });
  }

  Replica replica;
  std::vector<wire::ClientRequest> sent;
};

TEST_F(StoredSessions, hold_the_replies_that_are_kept_and_no_others) {
  Client quiet = tool(1);
  Client busy = tool(2);
  replica.execute(null_of(quiet));
  for (int batches = 0; batches < 20; ++batches) {
    wire::Batch batch;
    for (int i = 0; i < 30; ++i) batch.requests.items.push_back(null_of(busy));
    replica.execute(batch);
    if (batches % 4 != 0) continue;
    next_checkpoint();
    ImageLook look(replica);
    EXPECT_EQ(look.replies(), stored());
    EXPECT_LE(look.replies(), 1 + 80) << "those that were forgotten are gone";
    EXPECT_EQ(look.integer("SELECT max(highest) FROM prytany_session_activity"),
              (batches + 1) * 30);
  }
  EXPECT_GE(stored(), 1 + 64);
  ImageLook look(replica);
  EXPECT_EQ(look.integer("SELECT count(*) FROM prytany_session_replies WHERE position = "
                         "(SELECT min(position) FROM prytany_session_replies) AND "
                         "substr(reply, 1, 8) = x'0000000000000001'"),
            1)
      << "the quiet one's, which is the oldest";
}

TEST_F(StoredSessions, forget_replies_at_the_checkpoint_after_their_session_has_ended) {
  Client anna = tool(1);
  Client zoe = tool(2);
  for (int i = 0; i < 5; ++i) replica.execute(null_of(anna));
  replica.execute(null_of(zoe));
  next_checkpoint();
  EXPECT_EQ(ImageLook(replica).replies(), 6);
  replica.ask(anna, wire::Leave{});
  EXPECT_EQ(ImageLook(replica).integer("SELECT session FROM prytany_session_activity"), 2);
  EXPECT_EQ(ImageLook(replica).integer("SELECT count(*) FROM prytany_session_activity"), 1);
  next_checkpoint();
  EXPECT_EQ(ImageLook(replica).replies(), 1);
  // With the last session the last replies.
  EXPECT_EQ(code_of(replica.ask(zoe, wire::Leave{})), "");
  next_checkpoint();
  EXPECT_EQ(ImageLook(replica).replies(), 0);
  Client mina = tool(3);
  replica.execute(null_of(mina));
  next_checkpoint();
  EXPECT_EQ(ImageLook(replica).replies(), 1);
}

TEST_F(StoredSessions, of_another_format_are_refused_and_the_operator_is_told_what_to_do) {
  const Bytes older = ImageLook(replica).changed_by("UPDATE prytany_state SET format = 5");
  EXPECT_EXIT(Replica(nullptr, older), testing::ExitedWithCode(70),
              "of format 5 .* of format 6: run the program that wrote it, or make a new cluster");
}

TEST_F(StoredSessions, change_in_few_pages_though_every_session_asks) {
  std::vector<Client> clients;
  for (std::uint8_t i = 1; i <= 240; ++i) clients.push_back(tool(i));
  const auto ask_all = [&] {
    wire::Batch batch;
    for (Client& client : clients) batch.requests.items.push_back(null_of(client));
    replica.execute(batch);
    next_checkpoint();
    return replica.image();
  };
  Bytes before = ask_all();
  for (int round = 0; round < 3; ++round) {
    const Bytes after = ask_all();
    int changed = 0;
    for (std::size_t at = 0; at < after.size(); at += vfs::page_bytes) {
      const bool is_new = at >= before.size();
      if (is_new || !std::equal(&after[at], &after[at] + vfs::page_bytes, &before[at])) ++changed;
    }
    // The sessions' rows fill twenty, which stay; their replies five, their activity two or three.
    EXPECT_LE(changed, 16);
    before = after;
  }
}

/// A replica that never stops, and one that is started anew now and then, or misses an interval of
/// requests and fetches what came of it.
class SessionTwins {
 public:
  SessionTwins(unsigned seed, std::uint8_t clients, unsigned large_percent, bool few_seats)
      : random_(seed), large_percent_(large_percent), few_seats_(few_seats) {
    for (std::uint8_t i = 1; i <= clients; ++i) clients_.push_back({test_key(i), {}, 1});
  }

  void interval() {
    const unsigned fate = below(4);
    do {
      const wire::Batch batch = next_batch();
      const Executed here = one_->execute(batch);
      learn(batch, here);
      if (fate == 0) continue;
      const Executed there = two_->execute(batch);
      EXPECT_TRUE(here.replies == there.replies) << one_->executor().executed().value;
      EXPECT_EQ(ended_by(here), ended_by(there));
      for (const SessionEnding& ending : here.endings) expired_ += ending.reason == "expired";
    } while (one_->executor().executed().value % Replica::checkpoint_interval != 0);
    if (fate == 0) two_->recover(*one_);
    EXPECT_EQ(one_->last_root(), two_->last_root()) << one_->executor().executed().value;
    if (fate == 1) two_ = std::make_unique<Replica>(nullptr, two_->image(), change_);
    if (fate == 2) {
      two_->executor().release();
      two_->executor().reload();
    }
    if (fate != 3) ++restarts_;
  }

  /// Both answer all that was ever sent alike; how many of it from a stored reply.
  int compare_stored() {
    int stored = 0;
    for (const wire::ClientRequest& request : sent_) {
      const auto of = [&](Replica& replica) {
        return replica.executor().stored_reply(request.body.session, request.body.number,
                                               wire::request_digest(request.body));
      };
      const auto here = of(*one_);
      EXPECT_TRUE(here == of(*two_));
      EXPECT_EQ(one_->executor().refuse(request.body), two_->executor().refuse(request.body));
      if (here) ++stored;
    }
    return stored;
  }
  [[nodiscard]] const Replica& one() const { return *one_; }
  [[nodiscard]] int restarts() const { return restarts_; }
  [[nodiscard]] int expired() const { return expired_; }

 private:
  unsigned below(std::size_t n) {
    return std::uniform_int_distribution<unsigned>(0, static_cast<unsigned>(n) - 1)(random_);
  }
  wire::ClientRequest request(Client& who, const wire::Operation& operation) {
    return request_of(who, who.next_number++, operation);
  }
  wire::Batch next_batch() {
    wire::Batch batch;
    for (unsigned left = below(40); left > 0; --left) {
      batch.requests.items.push_back(next());
      sent_.push_back(batch.requests.items.back());
    }
    return batch;
  }
  wire::ClientRequest next() {
    // Where seats are few some ask much, and some hardly ever.
    Client& who = clients_[below(few_seats_ ? 1 + below(clients_.size()) : clients_.size())];
    const unsigned choice = below(1000);
    if (who.session == SessionId{} || choice < 5)
      return join_request(one_->config(), who.key, test_key(100),
                          "tool" + std::to_string(&who - clients_.data()), one_->now(),
                          600'000'000);
    if (choice < 8) return request(who, wire::Leave{});
    if (choice < 13)
      return request(
          who, execute_of("DELETE FROM prytany_sessions WHERE session = " +
                          std::to_string(who.session.value) + " - " + std::to_string(below(4))));
    if (choice < 100 && !sent_.empty()) return sent_[below(sent_.size())];
    if (choice < 140) who.next_number += below(8);
    const unsigned bytes = below(100) < large_percent_ ? 200'000 + below(800'000) : below(300);
    return request(who, wire::Null{bytes, {}});
  }
  /// Which sessions there are now, as clients would know.
  void learn(const wire::Batch& batch, const Executed& executed) {
    for (std::size_t i = 0; i < executed.replies.size(); ++i) {
      const wire::RequestBody& body = batch.requests.items[i].body;
      for (Client& client : clients_) {
        if (client.key.public_key() != body.signer) continue;
        const wire::Outcome& outcome = executed.replies[i].outcome;
        if (const auto* joined = std::get_if<wire::JoinedReply>(&outcome)) {
          if (joined->session != client.session) client.next_number = 1;
          client.session = joined->session;
        } else if (code_of(outcome) == "unknown_session" && body.session == client.session) {
          client.session = {};
        }
      }
    }
  }

  std::mt19937 random_;
  unsigned large_percent_;
  bool few_seats_;
  void (*change_)(ExecutorConfig&) = few_seats_ ? seats_for_few : pages_for_all;
  std::unique_ptr<Replica> one_ = std::make_unique<Replica>(nullptr, Bytes{}, change_);
  std::unique_ptr<Replica> two_ = std::make_unique<Replica>(nullptr, Bytes{}, change_);
  std::vector<Client> clients_;
  std::vector<wire::ClientRequest> sent_;
  int restarts_ = 0;
  int expired_ = 0;
};

TEST(StoredSessionsOfTwins, hold_the_same_bytes_whenever_a_replica_was_started) {
  SessionTwins twins(1, 40, 0, true);
  for (int i = 0; i < 80 && !testing::Test::HasFailure(); ++i) twins.interval();
  EXPECT_GT(twins.restarts(), 40);
  EXPECT_GT(twins.expired(), 10);
  const int stored = twins.compare_stored();
  EXPECT_GT(stored, 1000);
  EXPECT_GT(ImageLook(twins.one()).integer("SELECT max(highest) FROM prytany_session_activity"),
            100)
      << "replies fell out of the window";
}

TEST(StoredSessionsOfTwins, hold_the_same_bytes_where_replies_are_large) {
  SessionTwins twins(2, 120, 10, false);
  for (int i = 0; i < 20 && !testing::Test::HasFailure(); ++i) twins.interval();
  EXPECT_GT(twins.restarts(), 10);
  twins.compare_stored();
  const std::int64_t bytes =
      ImageLook(twins.one())
          .integer("SELECT sum(length(reply) + 128) FROM prytany_session_replies");
  EXPECT_LE(bytes, static_cast<std::int64_t>(stored_replies_bytes_max));
  EXPECT_GT(bytes, static_cast<std::int64_t>(stored_replies_bytes_max - (8 << 20)))
      << "the oldest of all sessions were forgotten";
}

}  // namespace
}  // namespace prytany::app
