// Sessions that ask nothing for long: where the application gives them an end, and where the table
// is full (design.md section 7; Practicality section 3.1). In agreed time.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "tests/unit/app/bench_of_one.h"

namespace prytany::app {
namespace {

constexpr std::int64_t second = 1'000'000;

wire::Install office(const std::string& limits) {
  const auto file = [](const std::string& path, const std::string& content) {
    return wire::ApplicationFile{{path}, {to_bytes(as_bytes(content))}};
  };
  wire::Install install;
  install.files.items = {
      file("procedures/here.sql", "-- @roles any\n-- @read-only\nSELECT 'here';"),
      file("prytany.json", R"({"name": "office", "version": "1", "limits": {)" + limits +
                               R"(}, "roles": {"member": {"authorize": "anyone"}}})"),
  };
  return install;
}

class IdleSessions : public testing::Test {
 protected:
  Client installer() {
    Client who = replica.join(test_key(100));
    EXPECT_EQ(code_of(replica.ask(who, office(R"("session_idle_s": 60)"))), "");
    return who;
  }
  /// The endings of an empty batch this much later.
  std::size_t wait(std::int64_t us) {
    const Executed executed = replica.execute(wire::Batch{}, us);
    for (const SessionEnding& ending : executed.endings) EXPECT_EQ(ending.reason, "expired");
    return executed.endings.size();
  }
  std::string here(Client& who) { return rows_of(replica.call(who, "here")); }

  static constexpr auto never_a_checkpoint = [](ExecutorConfig& config) {
    config.checkpoint_interval = 1'000'000;
  };
  Replica replica{nullptr, {}, never_a_checkpoint};
  Client admin = installer();
};

TEST_F(IdleSessions, end_and_are_told) {
  Client anna = replica.join(test_key(1));
  Client zoe = replica.join(test_key(2));
  EXPECT_EQ(wait(59 * second), 0U);
  EXPECT_EQ(here(anna), "here");
  EXPECT_EQ(wait(2 * second), 2U) << "zoe's and the administrator's";
  EXPECT_FALSE(replica.executor().session(zoe.session));
  EXPECT_EQ(here(anna), "here");
  EXPECT_EQ(wait(60 * second), 0U) << "not longer than that";
  EXPECT_EQ(wait(1), 1U);
}

TEST_F(IdleSessions, do_not_come_back_by_asking) {
  std::vector<Client> many;
  for (std::uint8_t i = 1; i <= 40; ++i) many.push_back(replica.join(test_key(i)));
  const wire::ClientRequest retry = request_of(many[39], 1, wire::Null{});
  EXPECT_EQ(code_of(replica.execute(retry).outcome), "");
  replica.execute(wire::Batch{}, 50 * second);
  const Seq before = replica.executor().executed();
  EXPECT_EQ(replica.execute(retry).seq + 1, before) << "answered again";
  // A few end with each batch; whoever asks is told at once, although others wait longer.
  const Executed executed = replica.execute(wire::Batch{{{retry}}}, 11 * second);
  EXPECT_EQ(code_of(executed.replies[0].outcome), "unknown_session");
  EXPECT_EQ(executed.endings.size(), 17U);
  EXPECT_EQ(executed.endings.back().session, many[39].session);
  EXPECT_EQ(wait(1), 16U);
  EXPECT_EQ(wait(1), 8U) << "41 in all, the administrator's among them";
  EXPECT_EQ(wait(1), 0U);
}

TEST_F(IdleSessions, stay_where_the_application_says_nothing) {
  EXPECT_EQ(code_of(replica.ask(admin, office(R"("steps": 1000)"))), "");
  Client anna = replica.join(test_key(1));
  EXPECT_EQ(wait(1'000'000 * second), 0U);
  EXPECT_EQ(here(anna), "here");
}

TEST_F(IdleSessions, are_read_from_no_replica_alone) {
  Client anna = replica.join(test_key(1));
  const wire::Operation call = wire::Call{{"here"}, {}};
  const auto read = [&] {
    return replica.executor()
        .session_read(anna.session, anna.key.public_key(), wire::encode(call))
        .has_value();
  };
  EXPECT_TRUE(read());
  EXPECT_EQ(wait(60 * second), 1U) << "the administrator's";
  EXPECT_TRUE(read());
  // More sessions than end with one batch, and anna's the last of them.
  for (std::uint8_t i = 2; i <= 20; ++i) replica.join(test_key(i));
  anna = replica.join(test_key(21));
  EXPECT_TRUE(read());
  EXPECT_EQ(wait(61 * second), 16U);
  ASSERT_TRUE(replica.executor().session(anna.session));
  EXPECT_FALSE(read());
}

TEST(IdleSessionsOfTwins, end_alike_whenever_a_replica_was_started) {
  Replica one;
  Client admin = one.join(test_key(100));
  ASSERT_EQ(code_of(one.ask(admin, office(R"("session_idle_s": 60)"))), "");
  std::vector<Client> clients;
  for (std::uint8_t i = 1; i <= 60; ++i) clients.push_back(one.join(test_key(i)));
  const auto align = [](Replica& replica) {
    while (replica.executor().executed().value % Replica::checkpoint_interval != 0)
      replica.execute(wire::Batch{});
  };
  // Some have asked since their rows were written, in another order than they joined.
  for (std::size_t i = 60; i-- > 30;) EXPECT_EQ(code_of(one.ask(clients[i], wire::Null{})), "");
  align(one);
  Replica two(nullptr, one.image());
  std::vector<Client> twins = clients;
  const auto both = [&](std::size_t i) {
    EXPECT_EQ(one.ask(clients[i], wire::Null{}), two.ask(twins[i], wire::Null{}));
  };
  for (const std::size_t i : {5U, 1U, 45U, 44U}) both(i);
  for (int i = 0; i < 12; ++i) {
    const std::int64_t step = i == 0 ? 60 * second - 20'000 : 1000;
    const Executed a = one.execute(wire::Batch{}, step);
    const Executed b = two.execute(wire::Batch{}, step);
    ASSERT_EQ(a.endings.size(), b.endings.size());
    for (std::size_t e = 0; e < a.endings.size(); ++e)
      EXPECT_EQ(a.endings[e].session, b.endings[e].session);
  }
  EXPECT_TRUE(one.executor().session(clients[44].session));
  EXPECT_FALSE(one.executor().session(clients[43].session));
  align(one);
  align(two);
  EXPECT_EQ(one.last_root(), two.last_root());
}

TEST(FullTable, drops_a_bounded_number_of_the_longest_idle_for_each_join) {
  Replica replica(nullptr, {}, [](ExecutorConfig& c) {
    c.sessions_max = 100;
    c.session_idle_us = 60 * second;
    c.checkpoint_interval = 1'000'000;
  });
  std::vector<Client> tools;
  for (std::uint8_t i = 1; i <= 100; ++i)
    tools.push_back(replica.join(test_key(100), "tool" + std::to_string(i), i));
  replica.execute(wire::Batch{}, 61 * second);
  // The first ten have asked since; their rows are old.
  for (std::size_t i = 0; i < 10; ++i) EXPECT_EQ(code_of(replica.ask(tools[i], wire::Null{})), "");
  const auto join = [&](std::uint8_t key) {
    return replica.execute(
        wire::Batch{{{join_request(replica.config(), test_key(key), test_key(100),
                                   "more" + std::to_string(key), replica.now())}}});
  };
  const Executed first = join(150);
  EXPECT_EQ(code_of(first.replies[0].outcome), "");
  ASSERT_EQ(first.endings.size(), 64U);
  EXPECT_EQ(first.endings.front().session, tools[10].session);
  EXPECT_EQ(first.endings.back().session, tools[73].session);
  for (std::uint8_t i = 0; i < 63; ++i)
    EXPECT_TRUE(join(static_cast<std::uint8_t>(151 + i)).endings.empty());
  EXPECT_EQ(join(230).endings.size(), 26U) << "what was left";
  for (std::uint8_t i = 0; i < 25; ++i) join(static_cast<std::uint8_t>(101 + i));
  EXPECT_EQ(code_of(join(140).replies[0].outcome), "session_table_full");
  EXPECT_EQ(code_of(replica.ask(tools[3], wire::Null{})), "");
}

}  // namespace
}  // namespace prytany::app
