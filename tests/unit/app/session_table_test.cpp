// Sessions in SQL: seen alike by replicas of different histories, and ended by procedures
// (design.md sections 5 and 7).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "tests/unit/app/bench_of_one.h"

namespace prytany::app {
namespace {

using testing::ElementsAre;

wire::Install club() {
  const auto file = [](const std::string& path, const std::string& content) {
    return wire::ApplicationFile{{path}, {to_bytes(as_bytes(content))}};
  };
  wire::Install install;
  install.files.items = {
      file("procedures/authorize.sql",
           "-- @param kind text\n-- @param name text\n-- @param credential blob\n-- @read-only\n"
           "SELECT :name, CASE WHEN :name LIKE 'clerk%' THEN 'clerk' ELSE 'member' END;"),
      file("procedures/end_sessions.sql",
           "-- @param who text\n-- @param fails integer\n-- @roles clerk\n"
           "DELETE FROM prytany_sessions WHERE principal LIKE :who;\n"
           "SELECT ensure(NOT :fails, 'failed', 'as was asked');\n"
           "SELECT group_concat(principal) AS left_over FROM (SELECT principal FROM "
           "prytany_sessions WHERE role = 'member' ORDER BY session);"),
      file("procedures/kick.sql",
           "-- @roles member\n-- @read-only\nSELECT prytany_end_session(2), active_us FROM "
           "prytany_sessions WHERE session = 2;"),
      file("procedures/who.sql",
           "-- @roles any\n-- @read-only\nSELECT session, principal, role, joined_us, active_us "
           "FROM prytany_sessions ORDER BY session;"),
      file("prytany.json",
           R"({"name": "club", "version": "1", "roles": {"member": {}, "clerk": {}}})"),
  };
  return install;
}

class SessionTable : public testing::Test {
 protected:
  Client installer() {
    Client who = replica.join(test_key(100));
    EXPECT_EQ(code_of(replica.ask(who, club())), "");
    return who;
  }
  wire::Call end_sessions(const std::string& who, bool fails = false) {
    return {{"end_sessions"},
            {{argument("who", text(who)), argument("fails", integer(fails ? 1 : 0))}}};
  }
  /// The request as a batch of its own, so that endings can be seen.
  Executed run(Client& who, const wire::Operation& operation) {
    return replica.execute(wire::Batch{{{request_of(who, who.next_number++, operation)}}});
  }
  std::string who() { return rows_of(replica.call(clerk, "who")); }
  static std::vector<std::uint64_t> numbers(const Executed& executed) {
    std::vector<std::uint64_t> all;
    for (const SessionEnding& ending : executed.endings) {
      EXPECT_EQ(ending.reason, "ended");
      all.push_back(ending.session.value);
    }
    return all;
  }
  void next_checkpoint(Replica& of) {
    do of.execute(wire::Batch{});
    while (of.executor().executed().value % Replica::checkpoint_interval != 0);
  }

  Replica replica;
  Client admin = installer();
  Client clerk = replica.join(test_key(1), "clerk");
  Client anna = replica.join(test_key(2), "anna");
  Client zoe = replica.join(test_key(3), "zoe");
};

TEST_F(SessionTable, shows_the_last_activity_of_everybody) {
  const std::int64_t before = replica.now().value;
  EXPECT_EQ(code_of(replica.ask(anna, wire::Null{})), "");
  const std::int64_t annas = replica.now().value;
  ASSERT_GT(annas, before);
  const wire::Outcome all = replica.call(clerk, "who");
  EXPECT_EQ(code_of(all), "");
  const auto& rows = std::get<wire::ResultSets>(all).items[0].rows.items;
  ASSERT_EQ(rows.size(), 4U);
  EXPECT_EQ(rows[2].items[1], text("anna"));
  EXPECT_EQ(rows[2].items[4], integer(annas));
  EXPECT_EQ(rows[3].items[4], rows[3].items[3]) << "zoe has only joined";
  // The request that asks is not counted yet.
  EXPECT_EQ(rows[1].items[4], rows[1].items[3]);
}

TEST_F(SessionTable, shows_the_same_where_it_was_fetched_or_reread) {
  EXPECT_EQ(code_of(replica.ask(anna, wire::Null{})), "");
  next_checkpoint(replica);
  Replica twin(nullptr, replica.image());
  // What came after the checkpoint is replayed there.
  for (Client* each : {&zoe, &anna}) {
    const wire::ClientRequest request = request_of(*each, each->next_number++, wire::Null{});
    EXPECT_EQ(replica.execute(request), twin.execute(request));
    replica.execute(wire::Batch{});
    twin.execute(wire::Batch{});
  }
  const wire::ClientRequest question =
      request_of(clerk, clerk.next_number++, wire::Call{{"who"}, {}});
  const wire::Reply here = replica.execute(question);
  EXPECT_EQ(code_of(here.outcome), "");
  EXPECT_EQ(here, twin.execute(question));
  const wire::Operation end = end_sessions("zoe");
  const wire::ClientRequest ending = request_of(clerk, clerk.next_number++, end);
  EXPECT_EQ(replica.execute(ending), twin.execute(ending));
  // Places that became free are taken in the same order.
  for (Replica* each : {&replica, &twin}) {
    each->join(test_key(7), "new");
    next_checkpoint(*each);
  }
  EXPECT_EQ(replica.last_root(), twin.last_root());
}

TEST_F(SessionTable, ends_sessions_with_the_commit_and_says_so) {
  const Executed executed = run(clerk, end_sessions("%nn%"));
  EXPECT_EQ(rows_of(executed.replies[0].outcome), "zoe");
  EXPECT_THAT(numbers(executed), ElementsAre(anna.session.value));
  EXPECT_EQ(code_of(replica.call(anna, "who")), "unknown_session");
  EXPECT_FALSE(replica.executor().session(anna.session));
  EXPECT_EQ(code_of(replica.call(zoe, "kick")), "") << "which deletes nothing";
  // The number is never given again.
  EXPECT_EQ(replica
                .execute(join_request(replica.config(), test_key(2), test_key(2), "anna",
                                      replica.now(), 800'000'000))
                .outcome,
            wire::Outcome(wire::JoinedReply{SessionId{5}, {"anna"}, {"member"}, {}}));
}

TEST_F(SessionTable, ends_none_when_the_request_fails) {
  const Executed executed = run(clerk, end_sessions("anna", true));
  EXPECT_EQ(code_of(executed.replies[0].outcome), "failed");
  EXPECT_TRUE(executed.endings.empty());
  EXPECT_EQ(code_of(replica.call(anna, "who")), "");
}

TEST_F(SessionTable, ends_none_that_a_step_brought_back) {
  wire::Transaction steps;
  const auto step = [](const char* sql) { return wire::Step{{{sql}, {}, {}}, {}, true}; };
  steps.steps.items = {
      step("DELETE FROM prytany_sessions WHERE ensure(session < 4, 'not_zoe', '') AND session > 2"),
      step("DELETE FROM prytany_sessions WHERE session = 2")};
  const Executed executed = run(admin, steps);
  EXPECT_EQ(code_of(executed.replies[0].outcome), "");
  EXPECT_THAT(numbers(executed), ElementsAre(clerk.session.value));
  EXPECT_EQ(code_of(replica.call(anna, "who")), "");
}

TEST_F(SessionTable, forgets_no_join_of_those_it_ended) {
  const auto old_join =
      join_request(replica.config(), test_key(2), test_key(2), "anna", replica.now(), 800'000'000);
  EXPECT_EQ(code_of(replica.execute(old_join).outcome), "");
  EXPECT_THAT(numbers(run(clerk, end_sessions("anna"))), ElementsAre(5U));
  EXPECT_EQ(code_of(replica.execute(old_join).outcome), "stale_join");
  next_checkpoint(replica);
  Replica twin(nullptr, replica.image());
  EXPECT_EQ(code_of(twin.execute(old_join).outcome), "stale_join");
}

TEST_F(SessionTable, protects_the_asking_session_and_administrators) {
  EXPECT_EQ(code_of(run(clerk, end_sessions("clerk")).replies[0].outcome), "own_session");
  EXPECT_EQ(code_of(run(clerk, end_sessions("admin%")).replies[0].outcome), "not_allowed");
  Client other = replica.join(test_key(101));
  const Executed executed = run(other, execute_of("DELETE FROM prytany_sessions WHERE session=1"));
  EXPECT_EQ(code_of(executed.replies[0].outcome), "");
  EXPECT_THAT(numbers(executed), ElementsAre(admin.session.value));
}

TEST_F(SessionTable, is_not_changed_by_reads) {
  wire::Execute execute = execute_of("DELETE FROM prytany_sessions WHERE session = 3");
  execute.read_only = true;
  EXPECT_EQ(code_of(replica.ask(admin, execute)), "not_read_only");
  const auto outcome = replica.executor().session_read(admin.session, admin.key.public_key(),
                                                       wire::encode(wire::Operation(execute)));
  ASSERT_TRUE(outcome);
  EXPECT_EQ(code_of(*outcome), "not_read_only");
  EXPECT_EQ(code_of(replica.call(anna, "who")), "");
}

TEST_F(SessionTable, lets_a_migration_end_sessions) {
  wire::Install next = club();
  const std::string sql = "DELETE FROM prytany_sessions WHERE role = 'member';";
  next.files.items.push_back({{"schema/001_again.sql"}, {to_bytes(as_bytes(sql))}});
  const Executed executed = run(admin, next);
  EXPECT_EQ(code_of(executed.replies[0].outcome), "");
  EXPECT_THAT(numbers(executed), ElementsAre(anna.session.value, zoe.session.value));
}

TEST_F(SessionTable, finds_one_of_many_by_number_or_principal) {
  // All rows would take more steps than this application allows.
  const auto few_steps = [](ExecutorConfig& c) { c.steps_per_request_max = 1500; };
  Replica many(nullptr, {}, few_steps);
  std::vector<Client> tools;
  for (std::uint8_t i = 1; i < 250; ++i)
    tools.push_back(many.join(test_key(100), "tool" + std::to_string(i), i));
  EXPECT_EQ(code_of(many.sql(tools[0],
                             "SELECT count(hex(role)), count(hex(principal)), "
                             "count(hex(joined_us)) FROM prytany_sessions")),
            "budget_exceeded");
  EXPECT_EQ(rows_of(many.sql(tools[0],
                             "SELECT principal LIKE '%/tool9' FROM prytany_sessions "
                             "WHERE session = 9")),
            "1");
  const std::string principal = many.executor().session(tools[8].session)->principal;
  EXPECT_EQ(code_of(many.sql(tools[0],
                             "DELETE FROM prytany_sessions WHERE principal = '" + principal + "'")),
            "");
  EXPECT_FALSE(many.executor().session(tools[8].session));
}

}  // namespace
}  // namespace prytany::app
