// What honest clients have explained, and that a wrong explanation is noticed.
#include "tests/sim/explaining.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace prytany::sim {
namespace {

using testing::HasSubstr;
using testing::Optional;

wire::Execute two_selects() {
  wire::Execute execute;
  execute.statements.items = {{{"SELECT 1"}, {}, {}}, {{"SELECT 2"}, {}, {}}};
  return execute;
}

/// With so many statements; `code` of the error, if there is one.
wire::ResultSets explained_as(std::size_t statements, std::int64_t left_out,
                              const wire::Value& code = {}) {
  wire::ResultSet ran;
  ran.rows.items.resize(statements);
  wire::ResultSet all;
  all.rows.items = {{{std::int64_t{900}, std::int64_t{1'000}, left_out, code, {}, {}, {}}}};
  return {{ran, all}};
}

TEST(Explained, some_of_all_that_is_asked_and_the_rest_as_it_is) {
  Parameters parameters;
  Explaining never(parameters);
  EXPECT_EQ(never.perhaps(two_selects()), wire::Operation(two_selects()));
  parameters.explain_rate = 500'000;
  Explaining sometimes(parameters);
  int explained = 0;
  for (int i = 0; i < 100; ++i) {
    const wire::Operation asked = sometimes.perhaps(two_selects());
    const auto* explain = std::get_if<wire::Explain>(&asked);
    if (explain == nullptr) continue;
    ++explained;
    EXPECT_EQ(std::get<wire::Execute>(explain->of), two_selects());
  }
  EXPECT_GT(explained, 20);
  EXPECT_LT(explained, 80);
  for (int i = 0; i < 100; ++i)
    EXPECT_TRUE(std::holds_alternative<wire::Null>(sometimes.perhaps(wire::Null{})));
}

TEST(Explained, is_right_when_it_ends_as_the_call_would_and_tells_of_all_that_ran) {
  const wire::Explain asked{two_selects()};
  const wire::Outcome done = wire::ResultSets{};
  EXPECT_EQ(wrong_explanation(asked, explained_as(2, 0), done), std::nullopt);
  EXPECT_EQ(wrong_explanation(asked, explained_as(1, 1), done), std::nullopt);
  EXPECT_EQ(wrong_explanation(asked, explained_as(1, 0, wire::TextValue{"NO"}), std::nullopt),
            std::nullopt);
  wire::StepResults steps;
  steps.items = {wire::ResultSet{}, wire::SkippedReply{}, wire::ErrorReply{}};
  EXPECT_EQ(wrong_explanation({wire::Transaction{}}, explained_as(2, 0), steps), std::nullopt);
}

TEST(Explained, is_wrong_when_it_hides_a_failure_or_a_statement_or_is_none) {
  const wire::Explain asked{two_selects()};
  const wire::Outcome done = wire::ResultSets{};
  EXPECT_THAT(wrong_explanation(asked, explained_as(2, 0), std::nullopt),
              Optional(HasSubstr("plain SQLite fails")));
  EXPECT_THAT(wrong_explanation(asked, explained_as(2, 0, wire::TextValue{"NO"}), done),
              Optional(HasSubstr("plain SQLite does it")));
  EXPECT_THAT(wrong_explanation(asked, explained_as(1, 0), done),
              Optional(HasSubstr("tells of 1 statements, and 2 ran")));
  EXPECT_THAT(wrong_explanation(asked, wire::DoneReply{}, done), Optional(HasSubstr("is no")));
  EXPECT_THAT(wrong_explanation({wire::Call{{"p"}, {}}}, explained_as(0, 0), done),
              Optional(HasSubstr("tells of 0")));
}

}  // namespace
}  // namespace prytany::sim
