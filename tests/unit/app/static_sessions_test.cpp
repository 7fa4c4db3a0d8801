// Clients that genesis lists: their sessions are there from the beginning, and nobody joins.
#include <gtest/gtest.h>

#include "tests/unit/app/bench_of_one.h"

namespace prytany::app {
namespace {

constexpr std::int64_t hour_us = 3'600'000'000;

void with_two(ExecutorConfig& config) {
  config.static_sessions = {{test_key(100).public_key(), "boss", "admin"},
                            {test_key(41).public_key(), "anna", "member"}};
}

class StaticSessions : public testing::Test {
 protected:
  std::string code(const Client& client, std::uint64_t number, const std::string& statement) {
    return code_of(replica.execute(request_of(client, number, execute_of(statement))).outcome);
  }
  Replica replica{nullptr, {}, with_two};
  Client boss{test_key(100), SessionId{1}, 1};
  Client anna{test_key(41), SessionId{2}, 1};
};

TEST_F(StaticSessions, are_there_from_the_beginning_with_numbers_by_their_place) {
  EXPECT_EQ(replica.executor().session(SessionId{1})->principal, "boss");
  EXPECT_EQ(replica.executor().session(SessionId{2})->principal, "anna");
  EXPECT_EQ(replica.executor().session(SessionId{2})->role, "member");
  EXPECT_FALSE(replica.executor().session(SessionId{3}));
  EXPECT_EQ(rows_of(replica.sql(boss, "SELECT session, principal, role FROM prytany_sessions")),
            "1|boss|admin\n2|anna|member");
  EXPECT_TRUE(replica.executor().is_static());
  EXPECT_FALSE(Replica().executor().is_static());
}

TEST_F(StaticSessions, are_part_of_the_state_from_which_replicas_start) {
  EXPECT_EQ(code(boss, 1, "CREATE TABLE t(a)"), "");
  while (replica.executor().executed().value % Replica::checkpoint_interval != 0)
    (void)replica.execute(wire::Batch{});
  Replica other(nullptr, replica.image(), with_two);
  const auto again = request_of(boss, 1, execute_of("CREATE TABLE t(a)"));
  EXPECT_EQ(other.execute(again), replica.execute(again)) << "stored replies, too";
  EXPECT_EQ(code_of(other.sql(anna, "SELECT 1")), "not_allowed") << "a role without SQL";
}

TEST_F(StaticSessions, admit_nobody_else_and_do_not_leave) {
  const auto join =
      join_request(replica.config(), test_key(7), test_key(7), "zoe", replica.now(), 60'000'000);
  EXPECT_EQ(code_of(replica.execute(join).outcome), "static_clients");
  EXPECT_EQ(code_of(replica.ask(anna, wire::Leave{})), "static_clients");
  EXPECT_EQ(code_of(replica.ask(anna, wire::Null{})), "");
  EXPECT_EQ(code(Client{test_key(8), SessionId{2}, 1}, 9, "SELECT 1"), "wrong_key");
}

TEST_F(StaticSessions, do_not_end_by_idling) {
  EXPECT_EQ(code_of(replica.ask(anna, wire::Null{})), "");
  (void)replica.execute(wire::Batch{}, 10'000 * hour_us);
  EXPECT_EQ(code_of(replica.ask(anna, wire::Null{})), "");
}

TEST_F(StaticSessions, begin_anew_at_the_time_they_have_and_run_each_request_once) {
  EXPECT_EQ(code(boss, 1'700'000'000'000'000, "CREATE TABLE t(a)"), "");
  EXPECT_EQ(code(boss, 1'700'000'000'000'001, "INSERT INTO t VALUES(1)"), "");
  EXPECT_EQ(code(boss, 1'700'000'000'000'001, "INSERT INTO t VALUES(1)"), "") << "a retry";
  EXPECT_EQ(code(boss, 1'700'000'000'000'001, "INSERT INTO t VALUES(2)"), "number_reused");
  EXPECT_EQ(code(boss, 1'700'000'090'000'000, "SELECT 1"), "");
  EXPECT_EQ(code(boss, 1'700'000'000'000'002, "INSERT INTO t VALUES(3)"), "number_too_old")
      << "what was on its way when the client was started anew";
  EXPECT_EQ(code(boss, 1'700'000'089'999'999, "INSERT INTO t VALUES(4)"), "")
      << "within the window nothing has to come in order";
  EXPECT_EQ(rows_of(replica
                        .execute(request_of(boss, 1'700'000'090'000'001,
                                            execute_of("SELECT group_concat(a) FROM t")))
                        .outcome),
            "1,4");
  EXPECT_EQ(replica.executor().refuse(
                request_of(boss, 1'800'000'000'000'000, execute_of("SELECT 1")).body),
            std::nullopt);
  // Where people join, numbers have no gaps.
  Replica dynamic;
  Client joined = dynamic.join(test_key(100));
  EXPECT_EQ(
      code_of(dynamic.execute(request_of(joined, 1'700'000'000'000'000, wire::Null{})).outcome),
      "number_too_new");
}

}  // namespace
}  // namespace prytany::app
