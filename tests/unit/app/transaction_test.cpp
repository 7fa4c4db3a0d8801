// Conditional batches: one ordered request, of which some steps run only if others did, or did not.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/app/bench_of_one.h"

namespace prytany::app {
namespace {

using Kind = wire::Condition::Kind;
using testing::HasSubstr;

wire::Step step(const std::string& sql, std::vector<wire::Condition> when = {},
                bool may_fail = false) {
  return {{{sql}, {}, {}}, {std::move(when)}, may_fail};
}

class Transactions : public testing::Test {
 protected:
  Transactions() : admin(replica.join(test_key(100))) {
    EXPECT_EQ(code_of(replica.sql(admin,
                                  "CREATE TABLE account(id INTEGER PRIMARY KEY, balance "
                                  "INTEGER NOT NULL CHECK(balance >= 0))")),
              "");
    EXPECT_EQ(code_of(replica.sql(admin, "INSERT INTO account VALUES(1, 100), (2, 0)")), "");
  }
  /// What became of each step: "3" rows changed, "[rows]", "-" skipped, or the code of its failure;
  /// or the code of all of it, after an exclamation mark.
  std::string ask(std::vector<wire::Step> steps, bool read_only = false) {
    last = replica.ask(admin, wire::Transaction{{std::move(steps)}, read_only});
    const auto* results = std::get_if<wire::StepResults>(&last);
    if (results == nullptr) return "!" + code_of(last);
    std::string out;
    for (const wire::StepResult& result : *results) {
      if (!out.empty()) out += ' ';
      if (const auto* set = std::get_if<wire::ResultSet>(&result))
        out += set->columns.empty() ? std::to_string(set->changes)
                                    : "[" + rows_of(wire::ResultSets{{*set}}) + "]";
      else if (const auto* error = std::get_if<wire::ErrorReply>(&result))
        out += error->code.text;
      else
        out += '-';
    }
    return out;
  }
  std::string balances() {
    return rows_of(replica.sql(admin, "SELECT group_concat(balance) FROM account"));
  }

  Replica replica;
  Client admin;
  wire::Outcome last;
};

const wire::Step take =
    step("UPDATE account SET balance = balance - 70 WHERE id = 1 AND balance >= 70");
const wire::Step give =
    step("UPDATE account SET balance = balance + 70 WHERE id = 2", {{Kind::changed, 0}});

TEST_F(Transactions, move_money_only_where_there_is_enough) {
  EXPECT_EQ(ask({take, give}), "1 1");
  EXPECT_EQ(balances(), "30,70");
  EXPECT_EQ(ask({take, give}), "0 -");
  EXPECT_EQ(balances(), "30,70");
}

TEST_F(Transactions, are_undone_as_a_whole_when_a_step_fails_that_may_not) {
  const std::string before = balances();
  EXPECT_EQ(ask({step("UPDATE account SET balance = 5 WHERE id = 1"),
                 step("UPDATE account SET balance = -1 WHERE id = 2")}),
            "!SQLITE_CONSTRAINT_CHECK");
  EXPECT_EQ(std::get<wire::ErrorReply>(last).statement, 2U);
  EXPECT_EQ(balances(), before);
}

TEST_F(Transactions, a_step_that_may_fail_is_undone_alone_and_others_can_ask_about_it) {
  EXPECT_EQ(ask({step("UPDATE account SET balance = balance - 50", {}, true),
                 step("UPDATE account SET balance = 1 WHERE id = 1", {{Kind::error, 0}}),
                 step("UPDATE account SET balance = 2 WHERE id = 1", {{Kind::ok, 0}})}),
            "SQLITE_CONSTRAINT_CHECK 1 -");
  EXPECT_EQ(balances(), "1,0") << "row 1 was below by 50 before row 2 failed";
}

TEST_F(Transactions, ensure_is_a_failure_that_may_be_allowed) {
  EXPECT_EQ(ask({step("SELECT ensure(0, 'POOR', 'no')", {}, true),
                 step("SELECT ensure(0, 'POORER', 'no')", {{Kind::error, 0}}, true),
                 step("SELECT 7", {{Kind::error, 1}})}),
            "POOR POORER [7]");
  EXPECT_EQ(ask({step("UPDATE account SET balance = 9"),
                 step("SELECT ensure(changes() = 1, 'TOO_MANY', 'changed two')")}),
            "!TOO_MANY");
  EXPECT_EQ(balances(), "100,0");
}

TEST_F(Transactions, conditions_are_joined_in_postfix_order) {
  const wire::Step none = step("SELECT 1 WHERE 0");
  const wire::Step some = step("SELECT 1");
  const auto when = [](std::vector<wire::Condition> parts) {
    return step("SELECT 'ran'", std::move(parts));
  };
  const wire::Condition no{Kind::rows, 0};
  const wire::Condition yes{Kind::rows, 1};
  const wire::Condition negate{Kind::negate, 0};
  const auto ran = [&](std::vector<wire::Condition> parts) {
    return ask({none, some, when(std::move(parts))}) == "[] [1] [ran]";
  };
  EXPECT_TRUE(ran({yes}));
  EXPECT_FALSE(ran({no}));
  EXPECT_TRUE(ran({no, negate}));
  EXPECT_FALSE(ran({yes, no, {Kind::all, 2}}));
  EXPECT_TRUE(ran({yes, no, {Kind::any, 2}}));
  EXPECT_TRUE(ran({yes, no, negate, yes, {Kind::all, 3}}));
  EXPECT_FALSE(ran({no, no, {Kind::any, 2}, yes, {Kind::all, 2}}));
}

TEST_F(Transactions, a_step_that_was_skipped_neither_ran_nor_failed) {
  EXPECT_EQ(ask({step("SELECT 1 WHERE 0"), step("SELECT 2", {{Kind::rows, 0}}),
                 step("SELECT 'ok'", {{Kind::ok, 1}}), step("SELECT 'error'", {{Kind::error, 1}}),
                 step("SELECT 'neither'",
                      {{Kind::ok, 1}, {Kind::error, 1}, {Kind::any, 2}, {Kind::negate, 0}})}),
            "[] - - - [neither]");
}

TEST_F(Transactions, what_is_no_condition_is_refused_before_anything_runs) {
  const auto refused = [&](std::vector<wire::Condition> when) {
    return ask({step("UPDATE account SET balance = 1"), step("SELECT 1", std::move(when))}) ==
           "!bad_condition";
  };
  EXPECT_TRUE(refused({{Kind::ok, 1}})) << "itself";
  EXPECT_TRUE(refused({{Kind::changed, 7}})) << "a later one";
  EXPECT_TRUE(refused({{Kind::negate, 0}})) << "of nothing";
  EXPECT_TRUE(refused({{Kind::ok, 0}, {Kind::negate, 1}})) << "of more than one";
  EXPECT_TRUE(refused({{Kind::ok, 0}, {Kind::all, 2}})) << "of more than there are";
  EXPECT_TRUE(refused({{Kind::ok, 0}, {Kind::any, 0}})) << "of none";
  EXPECT_TRUE(refused({{Kind::ok, 0}, {Kind::ok, 0}})) << "two that are not joined";
  EXPECT_EQ(std::get<wire::ErrorReply>(last).statement, 2U);
  EXPECT_EQ(balances(), "100,0");
}

TEST_F(Transactions, no_step_may_fail_by_a_mistake_or_a_budget_or_by_ending_the_transaction) {
  EXPECT_EQ(ask({step("SELECT nothing FROM nowhere", {}, true)}), "!SQLITE_ERROR");
  EXPECT_EQ(ask({step("BEGIN", {}, true)}), "!refused_transaction");
  EXPECT_EQ(ask({step("WITH RECURSIVE n(i) AS (VALUES(1) UNION ALL SELECT i + 1 FROM n) "
                      "SELECT count(*) FROM n",
                      {}, true)}),
            "!budget_exceeded");
  EXPECT_EQ(ask({step("UPDATE account SET balance = 50 WHERE id = 2"),
                 step("INSERT OR ROLLBACK INTO account VALUES(1, 1)", {}, true)}),
            "!SQLITE_CONSTRAINT_PRIMARYKEY");
  EXPECT_EQ(balances(), "100,0");
}

TEST_F(Transactions, that_only_read_may_not_write) {
  EXPECT_EQ(
      ask({step("SELECT 1"), step("UPDATE account SET balance = 1", {{Kind::rows, 0}})}, true),
      "!not_read_only");
  EXPECT_EQ(ask({step("SELECT 1"), step("SELECT 2", {{Kind::rows, 0}})}, true), "[1] [2]");
}

TEST_F(Transactions, are_what_the_refusal_of_begin_names) {
  EXPECT_THAT(message_of(replica.sql(admin, "BEGIN")),
              HasSubstr("as a transaction with conditions"));
}

TEST_F(Transactions, leave_the_same_bytes_whatever_the_handle_had_seen) {
  const auto work = [](Replica& r, Client& client) {
    for (int i = 0; i < 12; ++i)
      (void)r.ask(
          client,
          wire::Transaction{
              {{step("INSERT INTO account SELECT max(id) + 1, 3 FROM account"),
                step("UPDATE account SET balance = balance - " + std::to_string(i), {}, true),
                step("DELETE FROM account WHERE id = (SELECT max(id) FROM account)",
                     {{Kind::error, 1}})}},
              false});
  };
  work(replica, admin);
  // One that starts from the other's image, as after a state transfer, and one that never stopped.
  while (replica.executor().executed().value % Replica::checkpoint_interval != 0)
    (void)replica.sql(admin, "SELECT 1");
  Replica restarted(nullptr, replica.image());
  Client same = admin;
  work(replica, admin);
  work(restarted, same);
  EXPECT_EQ(replica.image(), restarted.image());
}

}  // namespace
}  // namespace prytany::app
