// What replicas answer to `explain`, as programs read it.
#include <gmock/gmock.h>

#include "clientlib/convert.h"
#include "tests/unit/clientlib/fake_group.h"

namespace prytany::client {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

wire::Value text_value(const char* text) { return wire::TextValue{text}; }

wire::Row summary_row(std::int64_t charged) {
  return {{charged, std::int64_t{100'000}, std::int64_t{4}, {}, {}, {}, {}}};
}

/// As app::explanation_results() makes it.
wire::ResultSets explanation_sets(wire::Row all) {
  wire::ResultSet ran;
  ran.columns.items = {{"sql"}, {"plan"}, {"steps"}, {"scanned"}, {"sorts"}, {"pages"}, {"bytes"}};
  ran.rows.items = {
      {{text_value("SELECT 1"), text_value("QUERY PLAN\n  SCAN items"), std::int64_t{14},
        std::int64_t{3}, std::int64_t{1}, std::int64_t{6}, std::int64_t{128}}},
      {{text_value("DELETE FROM items"), text_value(""), std::int64_t{-1}, std::int64_t{0},
        std::int64_t{0}, std::int64_t{0}, std::int64_t{0}}}};
  wire::ResultSet summary;
  summary.columns.items = {{"charged"}, {"budget"},    {"left_out"}, {"code"},
                           {"message"}, {"procedure"}, {"statement"}};
  summary.rows.items = {std::move(all)};
  return {{std::move(ran), std::move(summary)}};
}

Completion explained_with(wire::Outcome outcome) {
  Completion completion;
  completion.verdict = Verdict::answered;
  completion.seq = Seq{9};
  completion.agreed = AgreedTime{42};
  completion.agreement.agreed = {ReplicaId{0}, ReplicaId{3}};
  completion.outcome = std::move(outcome);
  return completion;
}

TEST(Explanations, have_the_statements_as_they_ran_and_what_they_came_to) {
  const Explanation told =
      explanation_of(explained_with(explanation_sets(summary_row(900)))).value();
  ASSERT_THAT(told.statements, SizeIs(2));
  EXPECT_EQ(told.statements[0],
            (ExplainedStatement{"SELECT 1", {"QUERY PLAN", "  SCAN items"}, 14, 3, 1, 6, 128}));
  EXPECT_THAT(told.statements[1].plan, IsEmpty());
  EXPECT_EQ(told.statements[1].steps, 0U) << "no count is negative";
  EXPECT_EQ(told.charged, 900U);
  EXPECT_EQ(told.budget, 100'000U);
  EXPECT_EQ(told.left_out, 4U);
  EXPECT_FALSE(told.error);
  EXPECT_EQ(told.seq, 9U);
  EXPECT_EQ(told.agreed_us, 42);
  EXPECT_THAT(told.agreement.agreed, ElementsAre(0U, 3U));
}

TEST(Explanations, say_what_the_call_would_have_failed_with) {
  wire::Row failing = summary_row(900);
  failing.items[3] = text_value("sold_out");
  failing.items[4] = text_value("there is none left");
  failing.items[5] = text_value("order_item");
  failing.items[6] = std::int64_t{2};
  const Explanation told = explanation_of(explained_with(explanation_sets(failing))).value();
  ASSERT_TRUE(told.error);
  EXPECT_EQ(told.error->kind, ErrorKind::application);
  EXPECT_EQ(told.error->code, "sold_out");
  EXPECT_EQ(told.error->message, "there is none left");
  EXPECT_EQ(told.error->procedure, "order_item");
  EXPECT_EQ(told.error->statement, 2U);
}

TEST(Explanations, that_are_refused_or_are_none_are_errors) {
  const auto code_of = [](const wire::Outcome& outcome) {
    const auto told = explanation_of(explained_with(outcome));
    return told.ok() ? std::string("none") : told.error().code;
  };
  EXPECT_EQ(code_of(wire::ErrorReply{{"not_allowed"}, {"may not look"}, {"order_item"}, 0}),
            "not_allowed");
  EXPECT_EQ(code_of(wire::DoneReply{}), "unexpected_answer");
  wire::ResultSets sets = explanation_sets(summary_row(1));
  sets.items.pop_back();
  EXPECT_EQ(code_of(sets), "unexpected_answer") << "a set is missing";
  sets = explanation_sets(summary_row(1));
  sets.items[0].rows.items[1].items.pop_back();
  EXPECT_EQ(code_of(sets), "unexpected_answer") << "a short row";
  sets = explanation_sets(summary_row(1));
  sets.items[1].rows.items.clear();
  EXPECT_EQ(code_of(sets), "unexpected_answer") << "nothing of all";
  EXPECT_EQ(code_of(explanation_sets(summary_row(1))), "none");
  Completion silent;
  silent.verdict = Verdict::no_quorum;
  silent.code = "no_quorum";
  EXPECT_EQ(explanation_of(silent).error().kind, ErrorKind::no_quorum);
  EXPECT_THROW((void)explanation_of(explained_with(wire::DoneReply{})).value(), Refused);
}

TEST(Explanations, of_one_replica_alone_are_not_believed) {
  Host host;
  host.join();
  const Ticket ticket = host.call("tally");
  const auto submit = host.group[0].last_request();
  const auto said = [&](std::int64_t charged) {
    wire::Reply reply = host.reply_to(submit, "");
    reply.outcome = explanation_sets(summary_row(charged));
    return reply;
  };
  host.say(1, said(1));
  host.say(2, said(900));
  EXPECT_FALSE(host.completed.contains(ticket));
  host.say(3, said(900));
  ASSERT_TRUE(host.completed.contains(ticket));
  EXPECT_EQ(explanation_of(host.completed.at(ticket))->charged, 900U);
}

}  // namespace
}  // namespace prytany::client
