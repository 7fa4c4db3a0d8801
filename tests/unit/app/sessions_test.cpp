// Joining, leaving and exactly-once (design.md section 7).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "server/app/join.h"
#include "server/app/sessions.h"
#include "server/wire/codec.h"
#include "tests/unit/app/bench_of_one.h"

namespace prytany::app {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

/// Decodes the join in a request, lets `change` spoil it, and encodes it again.
template <class Change>
wire::ClientRequest changed(wire::ClientRequest request, Change change) {
  auto operation = wire::decode<wire::Operation>(request.body.operation.view()).value();
  change(std::get<wire::Join>(operation));
  request.body.operation.bytes = wire::encode(operation);
  return request;
}

/// A C++ application that gives everybody the name they ask for.
class Namer final : public Application {
 public:
  void opened(sqlite3*) override {}
  Result<Authorized, wire::ErrorReply> authorize(sqlite3*, const wire::Identification& who,
                                                 const Context&) override {
    if (who.name.text == "nobody") return wire::ErrorReply{{"go_away"}, {"not you"}, {}, 0};
    return Authorized{who.name.text, role};
  }
  wire::Outcome execute(sqlite3*, const wire::Call&, const Context& context) override {
    return wire::ErrorReply{{"who"}, {context.principal + "/" + context.role}, {}, 0};
  }
  std::string role = "guest";
};

class Joining : public testing::Test {
 protected:
  wire::ClientRequest request(std::uint8_t key, const std::string& name, std::int64_t life_us) {
    return join_request(replica.config(), test_key(key), test_key(key), name, replica.now(),
                        life_us);
  }
  std::string code(const wire::ClientRequest& join) {
    return code_of(replica.execute(join).outcome);
  }
  static constexpr std::int64_t minute = 60'000'000;
  Namer namer;
  Replica replica{&namer};
};

TEST_F(Joining, takes_weak_quorum_tokens_and_a_good_credential) {
  const wire::Reply reply = replica.execute(request(1, "Anna", minute));
  const auto joined = std::get<wire::JoinedReply>(reply.outcome);
  EXPECT_EQ(joined.session, SessionId{1});
  EXPECT_EQ(joined.principal.text, "Anna");
  EXPECT_EQ(joined.role.text, "guest");
  EXPECT_EQ(joined.replaced, SessionId{0});
  EXPECT_EQ(replica.executor().session(SessionId{1})->principal, "Anna");
}

TEST_F(Joining, refuses_tokens_that_are_few_false_doubled_or_out_of_time) {
  const auto join = request(1, "Anna", minute);
  const auto tokens = [](wire::Join& j) -> auto& { return j.tokens.items; };
  EXPECT_EQ(code(changed(join, [&](wire::Join& j) { tokens(j).pop_back(); })), "bad_token");
  EXPECT_EQ(code(changed(join, [&](wire::Join& j) { tokens(j)[1] = tokens(j)[0]; })),
            "malformed_request");
  EXPECT_EQ(code(changed(join, [&](wire::Join& j) { std::swap(tokens(j)[0], tokens(j)[1]); })),
            "malformed_request");
  EXPECT_EQ(code(changed(join, [&](wire::Join& j) { tokens(j)[0].signature.bytes[5] ^= 1; })),
            "bad_token");
  EXPECT_EQ(code(changed(join, [&](wire::Join& j) { tokens(j)[0].address.text = "10.0.0.1"; })),
            "bad_token");
  EXPECT_EQ(code(changed(join, [&](wire::Join& j) { tokens(j)[1].replica = ReplicaId{9}; })),
            "bad_token");
  EXPECT_EQ(code(request(1, "Anna", 0)), "token_expired");
  EXPECT_EQ(code(request(1, "Anna", join_token_life_us_max + minute)), "token_expired");
  EXPECT_EQ(code(request(1, "Anna", 1)), "token_expired") << "expiry is in agreed time";
}

TEST_F(Joining, needs_only_weak_quorum_good_tokens_among_those_shown) {
  auto join = changed(request(1, "Anna", minute), [&](wire::Join& j) {
    wire::JoinToken third{ReplicaId{2}, {"127.0.0.1"}, replica.now() + minute, {}};
    third.signature = test_key(2).sign(wire::join_token_signed_bytes(
        replica.config().cluster, wire::join_digest(j.begin), third.address, third.expires));
    j.tokens.items.push_back(third);
    j.tokens.items[0].signature.bytes[0] ^= 1;
  });
  EXPECT_EQ(code(join), "");
}

TEST_F(Joining, is_as_old_as_correct_replicas_say_whatever_one_of_wrong_time_adds) {
  // Replica 0's clock is wrong; 1 and 2 are right.
  const auto with = [&](std::uint8_t key, std::int64_t wrong, std::int64_t right) {
    return changed(request(key, "Anna", minute), [&](wire::Join& j) {
      j.tokens.items.clear();
      for (std::uint16_t id = 0; id < 3; ++id) {
        wire::JoinToken token{
            ReplicaId{id}, {"127.0.0.1"}, replica.now() + (id == 0 ? wrong : right), {}};
        token.signature = test_key(static_cast<std::uint8_t>(id))
                              .sign(wire::join_token_signed_bytes(replica.config().cluster,
                                                                  wire::join_digest(j.begin),
                                                                  token.address, token.expires));
        j.tokens.items.push_back(token);
      }
    });
  };
  EXPECT_EQ(code(with(1, -60 * minute, minute)), "");
  EXPECT_EQ(code(with(2, 1, 2 * minute)), "") << "its token expires at once: the others' count";
  const auto ahead = with(3, 60 * minute, 3 * minute);
  EXPECT_EQ(code(ahead), "");
  EXPECT_EQ(code(with(4, 60 * minute, 4 * minute)), "") << "no later than the others' says";
  EXPECT_EQ(code(ahead), "stale_join");
}

TEST_F(Joining, refuses_credentials_that_are_not_proven) {
  const auto join = request(1, "Anna", minute);
  auto identification = [](wire::Join& j) -> auto& { return j.begin.identification; };
  const auto retokened = [&](auto change) {
    return changed(join, [&](wire::Join& j) {
      change(j);
      for (wire::JoinToken& token : j.tokens.items)
        token.signature = test_key(static_cast<std::uint8_t>(token.replica.value))
                              .sign(wire::join_token_signed_bytes(replica.config().cluster,
                                                                  wire::join_digest(j.begin),
                                                                  token.address, token.expires));
    });
  };
  EXPECT_EQ(code(retokened([&](wire::Join& j) { identification(j).name.text = "Zoe"; })),
            "bad_credential");
  EXPECT_EQ(code(retokened(
                [&](wire::Join& j) { identification(j).credential = test_key(9).public_key(); })),
            "bad_credential");
  EXPECT_EQ(code(retokened([&](wire::Join& j) { identification(j).kind.text = "password"; })),
            "unknown_credential");
  EXPECT_EQ(code(retokened([&](wire::Join& j) { identification(j).credential = {}; })), "weak_key");
  EXPECT_EQ(code(retokened([&](wire::Join& j) { identification(j).name.text = "\xff"; })),
            "malformed_request");
  auto other_key = join;
  other_key.body.signer = test_key(8).public_key();
  EXPECT_EQ(code(other_key), "wrong_key");
  auto inside = join;
  inside.body.session = SessionId{5};
  EXPECT_EQ(code(inside), "unknown_session");
  auto nonsense = join;
  nonsense.body.operation.bytes = {1, 2, 3};
  EXPECT_EQ(code(nonsense), "unknown_session");
}

TEST_F(Joining, asks_the_application_who_it_is) {
  EXPECT_EQ(code(request(1, "nobody", minute)), "go_away");
  namer.role = "admin";
  EXPECT_EQ(code(request(1, "Anna", minute)), "bad_authorization");
  namer.role = "";
  EXPECT_EQ(code(request(1, "Anna", minute)), "bad_authorization");
  namer.role = "guest";
  EXPECT_EQ(code(request(1, "", minute)), "bad_authorization");
  EXPECT_EQ(code(request(1, "admin:x", minute)), "bad_authorization");
  Client anna = replica.join(test_key(1), "Anna");
  EXPECT_EQ(message_of(replica.call(anna, "anything")), "Anna/guest");
}

TEST_F(Joining, makes_administrators_of_the_keys_in_genesis) {
  Client root = replica.join(test_key(100));
  EXPECT_THAT(replica.executor().session(root.session)->principal, StartsWith("admin:"));
  EXPECT_EQ(replica.executor().session(root.session)->role, "admin");
  // Each under a name of its own: a shell does not end the session of another tool.
  Client shell = replica.join(test_key(100), "shell", 50);
  EXPECT_EQ(rows_of(replica.sql(root, "SELECT session_principal() <> '' AND session_id() = 1")),
            "1");
  EXPECT_THAT(rows_of(replica.sql(shell, "SELECT session_principal()")), HasSubstr("/shell"));
  EXPECT_EQ(code_of(replica
                        .execute(join_request(replica.config(), test_key(100), test_key(100),
                                              std::string(65, 'x'), replica.now()))
                        .outcome),
            "malformed_request");
}

TEST_F(Joining, ends_the_older_session_of_a_principal_and_says_so) {
  Client first = replica.join(test_key(1), "Anna");
  const Executed executed = replica.execute(wire::Batch{{{request(2, "Anna", 11 * minute)}}});
  const auto joined = std::get<wire::JoinedReply>(executed.replies[0].outcome);
  EXPECT_EQ(joined.replaced, first.session);
  ASSERT_EQ(executed.endings.size(), 1U);
  EXPECT_EQ(executed.endings[0].session, first.session);
  EXPECT_EQ(executed.endings[0].reason, "replaced");
  EXPECT_EQ(code_of(replica.call(first, "x")), "unknown_session");
}

TEST_F(Joining, answers_the_same_join_again_with_the_same_reply) {
  const auto join = request(1, "Anna", minute);
  const wire::Reply first = replica.execute(join);
  EXPECT_EQ(replica.execute(join), first);
  EXPECT_EQ(replica.executor().stored_reply(SessionId{}, join.body.number,
                                            wire::request_digest(join.body)),
            first);
}

TEST_F(Joining, does_not_revive_a_session_by_an_old_join) {
  const auto old_join = request(1, "Anna", 2 * minute);
  Client anna{test_key(1), std::get<wire::JoinedReply>(replica.execute(old_join).outcome).session,
              1};
  EXPECT_TRUE(std::holds_alternative<wire::DoneReply>(replica.ask(anna, wire::Leave{})));
  EXPECT_EQ(code(old_join), "stale_join");
  // Also across checkpoints and restarts, until the tokens have expired.
  while (replica.executor().executed().value % Replica::checkpoint_interval != 0)
    replica.execute(wire::Batch{});
  Replica twin(&namer, replica.image());
  EXPECT_EQ(code_of(twin.execute(old_join).outcome), "stale_join");
  twin.execute(wire::Batch{}, 3 * minute);
  EXPECT_EQ(code_of(twin.execute(old_join).outcome), "token_expired");
}

TEST_F(Joining, does_not_let_an_old_join_evict_a_newer_session) {
  const auto old_join = request(1, "Anna", minute);
  const auto new_join = request(2, "Anna", 2 * minute);
  EXPECT_EQ(code(new_join), "");
  EXPECT_EQ(code(old_join), "stale_join");
  EXPECT_EQ(replica.executor().session(SessionId{1})->key, test_key(2).public_key());
}

TEST_F(Joining, refuses_a_session_key_that_another_principal_uses) {
  EXPECT_EQ(code(request(1, "Anna", minute)), "");
  EXPECT_EQ(code(request(1, "Zoe", minute)), "session_key_in_use");
  EXPECT_EQ(code(request(1, "Anna", 2 * minute)), "") << "the same principal, with newer tokens";
}

TEST_F(Joining, drops_idle_sessions_only_when_the_table_is_full) {
  Replica small(&namer, {}, [](ExecutorConfig& c) {
    c.sessions_max = 3;
    c.session_idle_us = 10 * minute;
  });
  const auto join = [&](std::uint8_t key, const std::string& name) {
    return small.execute(wire::Batch{
        {{join_request(small.config(), test_key(key), test_key(key), name, small.now(), minute)}}});
  };
  EXPECT_EQ(code_of(join(1, "a").replies[0].outcome), "");
  EXPECT_EQ(code_of(join(2, "b").replies[0].outcome), "");
  EXPECT_EQ(code_of(join(3, "c").replies[0].outcome), "");
  EXPECT_EQ(code_of(join(4, "d").replies[0].outcome), "session_table_full");
  small.execute(wire::Batch{}, 11 * minute);
  Client b{test_key(2), SessionId{2}, 1};
  EXPECT_EQ(code_of(small.call(b, "x")), "who");
  const Executed executed = join(4, "d");
  EXPECT_EQ(code_of(executed.replies[0].outcome), "");
  ASSERT_EQ(executed.endings.size(), 2U);
  EXPECT_EQ(executed.endings[0].reason, "expired");
  EXPECT_FALSE(small.executor().session(SessionId{1}));
  EXPECT_TRUE(small.executor().session(SessionId{2}));
}

TEST_F(Joining, lets_administrators_into_a_full_table_in_place_of_the_quietest) {
  Replica small(&namer, {}, [](ExecutorConfig& c) {
    c.sessions_max = 3;
    c.session_idle_us = 10 * minute;
  });
  const auto join = [&](std::uint8_t credential, const std::string& name, std::uint8_t key) {
    return small.execute(wire::Batch{{{join_request(
        small.config(), test_key(key), test_key(credential), name, small.now(), minute)}}});
  };
  for (std::uint8_t key = 1; key <= 3; ++key)
    EXPECT_EQ(code_of(join(key, std::string(1, 'a' + key), key).replies[0].outcome), "");
  EXPECT_EQ(code_of(join(4, "zoe", 4).replies[0].outcome), "session_table_full");
  const Executed executed = join(100, "", 10);
  EXPECT_EQ(code_of(executed.replies[0].outcome), "");
  ASSERT_EQ(executed.endings.size(), 1U);
  EXPECT_EQ(executed.endings[0].session, SessionId{1});
  EXPECT_EQ(executed.endings[0].reason, "expired");
  EXPECT_EQ(code_of(join(100, "x", 11).replies[0].outcome), "");
  EXPECT_EQ(code_of(join(100, "y", 12).replies[0].outcome), "");
  EXPECT_EQ(code_of(join(100, "z", 13).replies[0].outcome), "session_table_full")
      << "they do not push out each other";
}

TEST_F(Joining, finds_room_when_the_tokens_of_those_who_left_have_expired) {
  Replica small(&namer, {}, [](ExecutorConfig& c) { c.sessions_max = 2; });
  const auto join = [&](std::uint8_t key) {
    const Executed executed = small.execute(
        wire::Batch{{{join_request(small.config(), test_key(key), test_key(key),
                                   std::string(1, 'a' + key), small.now(), minute)}}});
    return code_of(executed.replies[0].outcome);
  };
  for (std::uint8_t key = 1; key <= 4; ++key) {
    EXPECT_EQ(join(key), "");
    Client client{test_key(key), SessionId{key}, 1};
    small.ask(client, wire::Leave{});
  }
  EXPECT_EQ(join(5), "session_table_full") << "four watermarks";
  small.execute(wire::Batch{}, 2 * minute);
  EXPECT_EQ(join(5), "") << "and no checkpoint in between";
  // The table knows it as memory does.
  while (small.executor().executed().value % Replica::checkpoint_interval != 0)
    small.execute(wire::Batch{});
  Replica again(&namer, small.image(), [](ExecutorConfig& c) { c.sessions_max = 2; });
  EXPECT_TRUE(again.executor().session(SessionId{5}));
  EXPECT_FALSE(again.executor().session(SessionId{4}));
}

// ---- exactly-once -------------------------------------------------------------------------------

class ExactlyOnce : public testing::Test {
 protected:
  ExactlyOnce() : admin(replica.join(test_key(100))) { replica.sql(admin, "CREATE TABLE t(a)"); }
  wire::ClientRequest insert(std::uint64_t number) {
    return request_of(admin, number, execute_of("INSERT INTO t VALUES(1) RETURNING rowid"));
  }
  std::string count() { return rows_of(replica.sql(admin, "SELECT count(*) FROM t")); }
  Replica replica;
  Client admin;
};

TEST_F(ExactlyOnce, answers_a_retry_from_the_stored_reply) {
  const wire::ClientRequest request = insert(admin.next_number++);
  const wire::Reply first = replica.execute(request);
  EXPECT_EQ(rows_of(first.outcome), "1");
  EXPECT_EQ(replica.execute(request), first);
  EXPECT_EQ(replica.execute(wire::Batch{{{request, request}}}).replies[1], first);
  EXPECT_EQ(count(), "1");
  EXPECT_EQ(replica.executor().stored_reply(admin.session, request.body.number, first.request),
            first);
  EXPECT_FALSE(replica.executor().stored_reply(admin.session, request.body.number, Digest{}));
  EXPECT_FALSE(replica.executor().stored_reply(SessionId{9}, request.body.number, first.request));
}

TEST_F(ExactlyOnce, stores_failures_too) {
  const auto request =
      request_of(admin, admin.next_number++, execute_of("INSERT INTO nowhere VALUES(1)"));
  const wire::Reply first = replica.execute(request);
  EXPECT_EQ(code_of(first.outcome), "SQLITE_ERROR");
  replica.sql(admin, "CREATE TABLE nowhere(a)");
  EXPECT_EQ(replica.execute(request), first);
}

TEST_F(ExactlyOnce, remembers_across_a_restart) {
  const wire::ClientRequest request = insert(admin.next_number++);
  const wire::Reply first = replica.execute(request);
  while (replica.executor().executed().value % Replica::checkpoint_interval != 0)
    replica.execute(wire::Batch{});
  Replica twin(nullptr, replica.image());
  EXPECT_EQ(twin.execute(request), first);
  EXPECT_EQ(twin.executor().stored_reply(admin.session, request.body.number, first.request), first);
}

TEST_F(ExactlyOnce, takes_numbers_within_the_window_in_any_order) {
  const std::uint64_t base = admin.next_number;
  const auto code = [&](std::uint64_t number) {
    return code_of(replica.execute(insert(number)).outcome);
  };
  EXPECT_EQ(code(base + 10), "");
  EXPECT_EQ(code(base), "");
  EXPECT_EQ(code(base + 5), "");
  EXPECT_EQ(code(base + 10 + 65), "number_too_new");
  EXPECT_EQ(code(base + 10 + 64), "");
  EXPECT_EQ(code(base + 9), "number_too_old");
  EXPECT_EQ(code(base + 11), "");
  EXPECT_EQ(code(0), "number_too_old");
  EXPECT_EQ(code(~std::uint64_t{0}), "number_too_new");
  const auto refuse = [&](std::uint64_t number) {
    return replica.executor().refuse(insert(number).body).value_or("");
  };
  EXPECT_EQ(refuse(base + 10), "number_too_old");
  EXPECT_EQ(refuse(base + 1000), "number_too_new");
  EXPECT_EQ(refuse(base + 12), "");
}

TEST_F(ExactlyOnce, refuses_another_request_under_a_number_that_was_used) {
  const std::uint64_t number = admin.next_number++;
  replica.execute(insert(number));
  const auto other = request_of(admin, number, execute_of("DELETE FROM t"));
  EXPECT_EQ(code_of(replica.execute(other).outcome), "number_reused");
  EXPECT_EQ(count(), "1");
}

TEST_F(ExactlyOnce, refuses_strangers_and_other_keys) {
  auto stranger = insert(admin.next_number);
  stranger.body.session = SessionId{77};
  EXPECT_EQ(code_of(replica.execute(stranger).outcome), "unknown_session");
  EXPECT_EQ(replica.executor().refuse(stranger.body), "unknown_session");
  auto thief = insert(admin.next_number);
  thief.body.signer = test_key(5).public_key();
  EXPECT_EQ(code_of(replica.execute(thief).outcome), "wrong_key");
  EXPECT_EQ(replica.executor().refuse(thief.body), "wrong_key");
  EXPECT_EQ(count(), "0");
}

TEST_F(ExactlyOnce, refuses_operations_it_cannot_read) {
  auto request = insert(admin.next_number++);
  request.body.operation.bytes.resize(3);
  EXPECT_EQ(code_of(replica.execute(request).outcome), "malformed_request");
  const auto join = join_request(replica.config(), test_key(1), test_key(1), "x", replica.now());
  auto inside = insert(admin.next_number++);
  inside.body.operation = join.body.operation;
  EXPECT_EQ(code_of(replica.execute(inside).outcome), "malformed_request");
}

TEST_F(ExactlyOnce, forgets_large_replies_before_it_grows_without_bound) {
  const std::uint64_t first = admin.next_number;
  for (int i = 0; i < 8; ++i) EXPECT_EQ(code_of(replica.sql(admin, "SELECT zeroblob(300000)")), "");
  const auto again = request_of(admin, first, execute_of("SELECT zeroblob(300000)"));
  EXPECT_EQ(code_of(replica.execute(again).outcome), "reply_forgotten");
  const auto last = request_of(admin, admin.next_number - 1, execute_of("SELECT zeroblob(300000)"));
  EXPECT_EQ(code_of(replica.execute(last).outcome), "");
}

TEST(StoredReplies, are_forgotten_alike_by_one_who_restarted) {
  const auto many = [](ExecutorConfig& c) { c.application_pages_max = 1'000'000; };
  Replica a(nullptr, {}, many);
  std::vector<Client> clients;
  for (std::uint8_t i = 0; i < 72; ++i)
    clients.push_back(
        a.join(test_key(100), "tool" + std::to_string(i), static_cast<std::uint8_t>(i + 1)));
  const auto large = execute_of("SELECT zeroblob(1000000)");
  for (std::size_t i = 0; i < 60; ++i) EXPECT_EQ(code_of(a.ask(clients[i], large)), "");
  while (a.executor().executed().value % Replica::checkpoint_interval != 0)
    a.execute(wire::Batch{});
  Replica b(nullptr, a.image(), many);
  std::vector<Client> twins = clients;
  for (std::size_t i = 60; i < 72; ++i) EXPECT_EQ(a.ask(clients[i], large), b.ask(twins[i], large));
  int forgotten = 0;
  for (const Client& client : clients) {
    const wire::ClientRequest again = request_of(client, 1, large);
    const wire::Reply one = a.execute(again);
    EXPECT_EQ(one, b.execute(again));
    if (code_of(one.outcome) == "reply_forgotten") ++forgotten;
  }
  EXPECT_GT(forgotten, 2);
  EXPECT_LT(forgotten, 20);
  while (a.executor().executed().value % Replica::checkpoint_interval != 0) {
    a.execute(wire::Batch{});
    b.execute(wire::Batch{});
  }
  EXPECT_EQ(a.last_root(), b.last_root());
}

TEST(Endings, leave_frees_the_place_but_never_the_number) {
  Namer namer;
  Replica replica(&namer);
  Client anna = replica.join(test_key(1), "Anna");
  Client zoe = replica.join(test_key(2), "Zoe");
  const Executed executed = replica.execute(
      wire::Batch{{{request_of(anna, 1, wire::Leave{}), request_of(anna, 2, wire::Null{})}}});
  EXPECT_TRUE(std::holds_alternative<wire::DoneReply>(executed.replies[0].outcome));
  EXPECT_EQ(code_of(executed.replies[1].outcome), "unknown_session");
  ASSERT_EQ(executed.endings.size(), 1U);
  EXPECT_EQ(executed.endings[0].reason, "left");
  Client mina = replica.join(test_key(3), "Mina");
  EXPECT_EQ(mina.session, SessionId{3});
  EXPECT_EQ(zoe.session, SessionId{2});
}

}  // namespace
}  // namespace prytany::app
