// prytany explain: plans and costs of a call, and that nothing is changed.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "server/cli/explanation.h"
#include "server/cli/trial.h"

namespace prytany::cli {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::SizeIs;

class Explain : public testing::Test {
 protected:
  Explain() {
    add("prytany.json", R"({"name":"shop","version":"1","roles":{"clerk":{}}})");
    add("procedures/find.sql",
        "-- @param name text\n-- @roles clerk\nSELECT id FROM items WHERE name = :name;\n");
    add("procedures/order_item.sql",
        "-- @param id integer\n-- @roles clerk\n"
        "SELECT stock AS \":stock\" FROM items WHERE id = :id;\n"
        "SELECT ensure(:stock > 0, 'sold_out', 'there is none left');\n"
        "UPDATE items SET stock = stock - 1 WHERE id = :id;\n"
        "SELECT session_principal(), session_role();\n");
    add("schema/001_items.sql",
        "CREATE TABLE items(id INTEGER PRIMARY KEY, name TEXT, stock INTEGER);\n"
        "CREATE TABLE log(id INTEGER PRIMARY KEY, item INTEGER);\n"
        "CREATE TRIGGER items_log AFTER UPDATE ON items BEGIN "
        "INSERT INTO log(item) VALUES(new.id); END;\n"
        "INSERT INTO items VALUES(1, 'pen', 5), (2, 'ink', 0), (3, 'cap', 1);\n");
    std::ranges::sort(application_.files.items, {}, [](const auto& f) { return f.path.text; });
    const wire::Outcome installed = trial_.install(application_);
    const auto* error = std::get_if<wire::ErrorReply>(&installed);
    EXPECT_EQ(error, nullptr) << error->message.text;
  }
  void add(const std::string& path, const std::string& text) {
    application_.files.items.push_back({{path}, {to_bytes(as_bytes(text))}});
  }
  app::Explanation explain(const std::string& procedure, wire::Argument argument,
                           const std::string& role = "clerk") {
    return explain_call(trial_.store(), {{procedure}, {{std::move(argument)}}}, role,
                        trial_.now() + 1);
  }

  wire::Install application_;
  Trial trial_;
};

TEST_F(Explain, shows_each_statements_plan_and_cost_in_order) {
  const app::Explanation order = explain("order_item", {{"id"}, std::int64_t{1}});
  ASSERT_THAT(order.statements, SizeIs(4)) << "and none for the trigger";
  EXPECT_THAT(order.statements[0].sql, HasSubstr("SELECT stock"));
  EXPECT_THAT(order.statements[0].plan,
              ElementsAre("SEARCH items USING INTEGER PRIMARY KEY (rowid=?)"));
  EXPECT_EQ(order.statements[0].scanned, 0U);
  EXPECT_GT(order.statements[0].steps, 0U);
  EXPECT_GT(order.statements[0].pages, 0U);
  EXPECT_GT(order.statements[2].steps, order.statements[0].steps) << "with its trigger";
  EXPECT_GT(order.charged, 0U);
  EXPECT_LT(order.charged, order.budget);
  const auto& sets = std::get<wire::ResultSets>(order.outcome);
  EXPECT_EQ(sets.items.at(0).rows.items.at(0).items.at(1), wire::Value(wire::TextValue{"clerk"}));

  const app::Explanation find = explain("find", {{"name"}, wire::TextValue{"cap"}});
  ASSERT_THAT(find.statements, SizeIs(1));
  EXPECT_THAT(find.statements[0].plan, ElementsAre("SCAN items"));
  EXPECT_EQ(find.statements[0].scanned, 2U) << "steps from row to row of three";
}

TEST_F(Explain, changes_nothing_and_says_the_same_again) {
  const Digest before = trial_.store().checkpoint(vfs::Label{1'000});
  const app::Explanation first = explain("order_item", {{"id"}, std::int64_t{1}});
  const app::Explanation second = explain("order_item", {{"id"}, std::int64_t{1}});
  EXPECT_EQ(first.charged, second.charged);
  EXPECT_EQ(trial_.store().checkpoint(vfs::Label{1'001}), before);
}

TEST_F(Explain, ends_with_the_statement_that_fails) {
  const app::Explanation sold_out = explain("order_item", {{"id"}, std::int64_t{2}});
  const auto& error = std::get<wire::ErrorReply>(sold_out.outcome);
  EXPECT_EQ(error.code.text, "sold_out");
  EXPECT_EQ(error.statement, 2U);
  ASSERT_THAT(sold_out.statements, SizeIs(2));
  EXPECT_THAT(sold_out.statements[1].sql, HasSubstr("ensure"));
  const app::Explanation wrong = explain("order_item", {{"id"}, wire::TextValue{"x"}});
  EXPECT_EQ(std::get<wire::ErrorReply>(wrong.outcome).code.text, "wrong_type");
  EXPECT_THAT(wrong.statements, SizeIs(0));
  const app::Explanation stranger = explain("order_item", {{"id"}, std::int64_t{1}}, "guest");
  EXPECT_EQ(std::get<wire::ErrorReply>(stranger.outcome).code.text, "not_allowed");
}

TEST(ExplainState, is_read_only_from_a_replicas_file) {
  EXPECT_FALSE(read_state("/nonexistent").ok());
  const auto other = read_state(PRYTANY_SOURCE_DIR "/README.md");
  ASSERT_FALSE(other.ok());
  EXPECT_THAT(other.error().message, HasSubstr("is no state.db of a replica"));
}

}  // namespace
}  // namespace prytany::cli
