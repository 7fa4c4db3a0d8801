// Calls that are explained: ordered, told, undone.
#include "server/app/explain.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/app/bench_of_one.h"

namespace prytany::app {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

wire::Install explained_shop(const std::string& clerk) {
  const auto file = [](const char* path, const std::string& content) {
    return wire::ApplicationFile{{path}, {to_bytes(as_bytes(content))}};
  };
  std::string ten;
  for (int i = 0; i < 10; ++i) ten += "UPDATE items SET stock = stock + 1 WHERE id = 1;\n";
  std::string many;
  for (int i = 0; i < 30; ++i) many += "CALL ten();\n";
  wire::Install install;
  install.files.items = {
      file("procedures/find.sql",
           "-- @param name text\n-- @read-only\n-- @roles clerk, guest\n"
           "-- which?\nSELECT id FROM items WHERE name = :name ORDER BY stock;\n"),
      file("procedures/late.sql", "-- @roles clerk\nINSERT INTO parts VALUES(99);\n"),
      file("procedures/many.sql", "-- @roles clerk\n" + many),
      file("procedures/order_item.sql",
           "-- @param id integer\n-- @roles clerk\n"
           "SELECT stock AS \":stock\" FROM items WHERE id = :id;\n"
           "SELECT ensure(:stock > 0, 'sold_out', 'there is none left');\n"
           "UPDATE items SET stock = stock - 1 WHERE id = :id;\n"
           "SELECT notify('orders', :id);\n"
           "DELETE FROM prytany_sessions WHERE role = 'guest';\n"),
      file("procedures/ten.sql", "-- @internal\n" + ten),
      file("procedures/work.sql",
           "-- @param n integer\n-- @roles clerk\n"
           "WITH RECURSIVE k(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM k WHERE x < :n)\n"
           "SELECT count(*) FROM k;\n"),
      file("prytany.json",
           R"({"name": "shop", "version": "1", "limits": {"steps": 100000},
               "topics": {"orders": {"roles": "any"}},
               "roles": {"clerk": {"sql": "read", "explain": true, "authorize": [")" +
               clerk + R"("]}, "guest": {"authorize": "anyone"}}})"),
      file("schema/001_items.sql",
           "CREATE TABLE items(id INTEGER PRIMARY KEY, name TEXT, stock INTEGER);\n"
           "CREATE TABLE parts(item REFERENCES items(id) DEFERRABLE INITIALLY DEFERRED);\n"
           "INSERT INTO items VALUES(1, 'pen', 5), (2, 'ink', 0), (3, 'cap', 1);\n"),
  };
  return install;
}

wire::Explain explain_call_of(const std::string& procedure,
                              std::vector<wire::Argument> arguments = {}) {
  return {wire::Call{{procedure}, {std::move(arguments)}}};
}

const wire::ResultSet& set_of(const wire::Outcome& outcome, std::size_t index) {
  return std::get<wire::ResultSets>(outcome).items.at(index);
}
std::int64_t number_at(const wire::ResultSet& set, std::size_t row, std::size_t column) {
  return std::get<std::int64_t>(set.rows.items.at(row).items.at(column));
}
std::string text_at(const wire::ResultSet& set, std::size_t row, std::size_t column) {
  return std::get<wire::TextValue>(set.rows.items.at(row).items.at(column)).text;
}
enum Column : std::uint8_t { sql_of, plan_of_it, steps_of, scanned_of, sorts_of, pages_of };
enum Summary : std::uint8_t { charged_of, budget_of, left_out_of, code_of_it };

class Explaining : public testing::Test {
 protected:
  void SetUp() override {
    const std::string key = test_key(7).public_key().hex();
    ASSERT_EQ(code_of(replica.ask(admin, explained_shop(key))), "");
    clerk = replica.join(test_key(7));
    guest = replica.join(test_key(8));
  }
  wire::Outcome order(std::int64_t id) {
    return replica.ask(clerk, explain_call_of("order_item", {argument("id", integer(id))}));
  }
  std::string stock() { return rows_of(replica.sql(admin, "SELECT stock FROM items")); }

  Replica replica;
  Client admin = replica.join(test_key(100));
  Client clerk{test_key(7), {}, 1};
  Client guest{test_key(8), {}, 1};
};

TEST_F(Explaining, tells_the_plan_and_the_cost_of_each_statement_and_of_all) {
  const wire::Outcome outcome = order(1);
  ASSERT_EQ(code_of(outcome), "") << message_of(outcome);
  const wire::ResultSet& ran = set_of(outcome, 0);
  ASSERT_EQ(ran.rows.size(), 5U);
  EXPECT_THAT(text_at(ran, 0, sql_of), HasSubstr("SELECT stock"));
  EXPECT_EQ(text_at(ran, 0, plan_of_it), "SEARCH items USING INTEGER PRIMARY KEY (rowid=?)");
  for (std::size_t i = 0; i < ran.rows.size(); ++i) EXPECT_GT(number_at(ran, i, steps_of), 0);
  EXPECT_GT(number_at(ran, 0, pages_of), 0);
  const wire::ResultSet& all = set_of(outcome, 1);
  EXPECT_GT(number_at(all, 0, charged_of), 0);
  EXPECT_EQ(number_at(all, 0, budget_of), 100'000) << "the application's";
  EXPECT_EQ(number_at(all, 0, left_out_of), 0);
  EXPECT_EQ(all.rows.items[0].items[code_of_it], wire::Value());
  EXPECT_EQ(stock(), "5\n0\n1");
}

TEST_F(Explaining, counts_anew_what_a_kept_statement_counts_through_all_its_runs) {
  const auto find = [&](const char* name) {
    return explain_call_of("find", {argument("name", text(name))});
  };
  for (int i = 0; i < 3; ++i)
    ASSERT_EQ(code_of(replica.call(clerk, "find", {argument("name", text("cap"))})), "");
  const wire::Outcome outcome = replica.ask(clerk, find("cap"));
  const wire::ResultSet& ran = set_of(outcome, 0);
  ASSERT_EQ(ran.rows.size(), 1U) << "though its text begins with a comment";
  EXPECT_EQ(text_at(ran, 0, plan_of_it), "SCAN items\nUSE TEMP B-TREE FOR ORDER BY");
  EXPECT_EQ(number_at(ran, 0, scanned_of), 2) << "steps from row to row of three";
  EXPECT_EQ(number_at(ran, 0, sorts_of), 1);
  const wire::Outcome again = replica.ask(clerk, find("cap"));
  EXPECT_EQ(rows_of(again), rows_of(outcome));
}

TEST_F(Explaining, ends_where_the_call_would_end) {
  const wire::Outcome sold_out = order(2);
  EXPECT_EQ(set_of(sold_out, 0).rows.size(), 2U);
  EXPECT_EQ(text_at(set_of(sold_out, 1), 0, code_of_it), "sold_out");
  EXPECT_THAT(rows_of(sold_out), HasSubstr("|sold_out|there is none left|order_item|2"));
  const wire::Outcome late = replica.ask(clerk, explain_call_of("late"));
  EXPECT_THAT(rows_of(late), HasSubstr("|SQLITE_CONSTRAINT_FOREIGNKEY|"))
      << "only its commit would have failed";
  const wire::Outcome wrong =
      replica.ask(clerk, explain_call_of("order_item", {argument("id", text("x"))}));
  EXPECT_TRUE(set_of(wrong, 0).rows.empty());
  EXPECT_EQ(text_at(set_of(wrong, 1), 0, code_of_it), "wrong_type");
  // The same budget, to the step.
  for (const std::int64_t n : {100, 3'000, 5'000, 50'000}) {
    const std::vector<wire::Argument> arguments = {argument("n", integer(n))};
    const std::string real = code_of(replica.call(clerk, "work", arguments));
    const wire::Outcome told = replica.ask(clerk, explain_call_of("work", arguments));
    const std::string said =
        std::holds_alternative<std::monostate>(set_of(told, 1).rows.items[0].items[code_of_it])
            ? ""
            : text_at(set_of(told, 1), 0, code_of_it);
    EXPECT_EQ(said, real) << n;
    if (n == 100) EXPECT_EQ(real, "");
    if (n == 50'000) {
      EXPECT_EQ(real, "budget_exceeded");
      EXPECT_EQ(set_of(told, 0).rows.size(), 1U) << "what used it up is shown";
    }
  }
}

TEST_F(Explaining, tells_of_256_statements_and_counts_the_others) {
  const wire::Outcome outcome = replica.ask(clerk, explain_call_of("many"));
  ASSERT_EQ(code_of(outcome), "");
  EXPECT_EQ(set_of(outcome, 0).rows.size(), explained_statements_max);
  EXPECT_EQ(number_at(set_of(outcome, 1), 0, left_out_of), 300 - 256);
  EXPECT_EQ(stock(), "5\n0\n1");
}

TEST_F(Explaining, is_for_callers_whom_the_application_lets_look) {
  const auto find = explain_call_of("find", {argument("name", text("pen"))});
  EXPECT_EQ(code_of(replica.ask(guest, find)), "") << "development";
  EXPECT_EQ(code_of(replica.ask(guest, explain_call_of("late"))), "not_allowed");
  EXPECT_EQ(code_of(replica.ask(admin, explain_call_of("late"))), "not_allowed")
      << "not even administrators call it";
  EXPECT_EQ(code_of(replica.ask(clerk, explain_call_of("ten"))), "not_allowed") << "internal";
  EXPECT_EQ(code_of(replica.ask(clerk, explain_call_of("nothing"))), "unknown_procedure");
  while (replica.executor().executed().value % Replica::checkpoint_interval != 0)
    replica.execute(wire::Batch{});
  Replica production(nullptr, replica.image(),
                     [](ExecutorConfig& config) { config.development = false; });
  Client same_guest = guest;
  Client same_clerk = clerk;
  EXPECT_EQ(code_of(production.call(same_guest, "find", {argument("name", text("pen"))})), "");
  const wire::Outcome refused = production.ask(same_guest, find);
  EXPECT_EQ(code_of(refused), "not_allowed");
  EXPECT_THAT(message_of(refused), HasSubstr("\"explain\": true"));
  EXPECT_EQ(code_of(production.ask(same_clerk, find)), "");
}

TEST_F(Explaining, explains_sql_to_those_who_may_send_it) {
  wire::Execute read = execute_of("SELECT * FROM items WHERE name = 'pen'");
  EXPECT_EQ(code_of(replica.ask(guest, wire::Explain{read})), "not_allowed");
  EXPECT_EQ(code_of(replica.ask(clerk, wire::Explain{read})), "not_allowed") << "says not: reads";
  read.read_only = true;
  EXPECT_THAT(rows_of(replica.ask(clerk, wire::Explain{read})),
              StartsWith("SELECT * FROM items WHERE name = 'pen'|SCAN items|"));
  wire::Execute change = execute_of("CREATE TABLE new(a)");
  change.statements.items.push_back({{"INSERT INTO new VALUES(1)"}, {}, {}});
  change.statements.items.push_back({{"SELECT a FROM new"}, {}, {}});
  const wire::Outcome outcome = replica.ask(admin, wire::Explain{change});
  ASSERT_EQ(code_of(outcome), "") << message_of(outcome);
  EXPECT_EQ(set_of(outcome, 0).rows.size(), 3U);
  EXPECT_EQ(text_at(set_of(outcome, 0), 2, plan_of_it), "SCAN new");
  EXPECT_EQ(code_of(replica.sql(admin, "SELECT a FROM new")), "SQLITE_ERROR") << "undone";
  EXPECT_EQ(code_of(replica.call(clerk, "find", {argument("name", text("pen"))})), "");
  const wire::Outcome explained = replica.ask(admin, wire::Explain{execute_of("EXPLAIN SELECT 1")});
  EXPECT_THAT(rows_of(explained), HasSubstr("refused_explain"));
}

TEST_F(Explaining, explains_the_steps_of_a_transaction_that_would_run) {
  const auto step = [](const char* sql, std::vector<wire::Condition> when, bool may_fail = false) {
    return wire::Step{{{sql}, {}, {}}, {std::move(when)}, may_fail};
  };
  using Kind = wire::Condition::Kind;
  wire::Transaction steps;
  steps.steps.items = {
      step("SELECT ensure(0, 'NO', 'not so')", {}, true),
      step("UPDATE items SET stock = 0", {{Kind::error, 0}}),
      step("DELETE FROM items", {{Kind::ok, 0}}),
      step("SELECT stock FROM items WHERE stock = 5", {{Kind::changed, 1}}),
  };
  EXPECT_EQ(code_of(replica.ask(clerk, wire::Explain{steps})), "not_allowed") << "says not: reads";
  const wire::Outcome outcome = replica.ask(admin, wire::Explain{steps});
  ASSERT_EQ(code_of(outcome), "") << message_of(outcome);
  const wire::ResultSet& ran = set_of(outcome, 0);
  ASSERT_EQ(ran.rows.size(), 3U) << "one was skipped";
  EXPECT_THAT(text_at(ran, 0, sql_of), HasSubstr("ensure"));
  EXPECT_THAT(text_at(ran, 1, sql_of), HasSubstr("UPDATE"));
  EXPECT_EQ(text_at(ran, 2, plan_of_it), "SCAN items");
  EXPECT_EQ(set_of(outcome, 1).rows.items[0].items[code_of_it], wire::Value())
      << "what may fail is no failure";
  EXPECT_EQ(stock(), "5\n0\n1");
  // What fails, and may not, is told where it would have been.
  steps.steps.items[0].may_fail = false;
  EXPECT_THAT(rows_of(replica.ask(admin, wire::Explain{steps})), HasSubstr("|NO|not so||1"));
  steps.steps.items[0].when.items = {{Kind::ok, 3}};
  const wire::Outcome wrong = replica.ask(admin, wire::Explain{steps});
  EXPECT_TRUE(set_of(wrong, 0).rows.empty());
  EXPECT_EQ(text_at(set_of(wrong, 1), 0, code_of_it), "bad_condition");
  wire::Transaction reads;
  reads.read_only = true;
  reads.steps.items = {step("SELECT id FROM items", {})};
  EXPECT_THAT(rows_of(replica.ask(clerk, wire::Explain{reads})), HasSubstr("SCAN items"));
  EXPECT_EQ(code_of(replica.ask(guest, wire::Explain{reads})), "not_allowed");
}

TEST_F(Explaining, leaves_not_a_byte_and_tells_nobody) {
  while (replica.executor().executed().value % Replica::checkpoint_interval != 0)
    replica.execute(wire::Batch{});
  const auto image_after = [&](const wire::Operation& asked) {
    Replica other(nullptr, replica.image());
    Client asking = clerk;
    Client bystander = guest;
    wire::Batch batch;
    batch.requests.items.push_back(request_of(asking, asking.next_number++, asked));
    const Executed executed = other.execute(batch);
    EXPECT_EQ(code_of(executed.replies[0].outcome), "");
    EXPECT_TRUE(executed.changes.empty() && executed.endings.empty());
    EXPECT_EQ(code_of(other.ask(asking, wire::Leave{})), "");
    EXPECT_EQ(rows_of(other.call(bystander, "find", {argument("name", text("pen"))})), "1");
    while (other.executor().executed().value % Replica::checkpoint_interval != 0)
      other.execute(wire::Batch{});
    return other.image();
  };
  wire::Execute nothing = execute_of("SELECT 1");
  nothing.read_only = true;
  const Bytes asked = image_after(nothing);
  EXPECT_TRUE(image_after(explain_call_of("order_item", {argument("id", integer(1))})) == asked);
  EXPECT_TRUE(image_after(explain_call_of("many")) == asked);
  wire::Transaction looks;
  looks.read_only = true;
  looks.steps.items = {{{{"SELECT count(*) FROM items"}, {}, {}}, {}, false}};
  EXPECT_TRUE(image_after(wire::Explain{looks}) == asked);
}

TEST_F(Explaining, says_the_same_on_replicas_of_another_history) {
  while (replica.executor().executed().value % Replica::checkpoint_interval != 0)
    replica.execute(wire::Batch{});
  Replica restarted(nullptr, replica.image());
  Client same = clerk;
  EXPECT_EQ(code_of(replica.executor().public_read({{"find"}, {}})), "unknown_procedure");
  for (int i = 0; i < 3; ++i) {
    const auto question = explain_call_of("order_item", {argument("id", integer(i % 2 + 1))});
    const std::string here = rows_of(replica.ask(clerk, question));
    EXPECT_EQ(rows_of(restarted.ask(same, question)), here);
  }
}

TEST(ExplainingElsewhere, is_refused_where_there_is_no_sql_application) {
  Replica empty;
  Client someone = empty.join(test_key(100));
  EXPECT_EQ(code_of(empty.ask(someone, explain_call_of("find"))), "no_application");
}

}  // namespace
}  // namespace prytany::app
