// The public values: read as the type they have, or refused.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "clientlib/convert.h"
#include "clientlib/fits.h"

namespace prytany {
namespace {

TEST(Value, keeps_each_storage_class_exactly) {
  EXPECT_EQ(Value(std::int64_t{-1}).as<std::int64_t>(), -1);
  EXPECT_EQ(Value(9007199254740993).as<std::int64_t>(), 9007199254740993);
  EXPECT_EQ(Value(true).as<int>(), 1);
  EXPECT_EQ(Value(0.1).as<double>(), 0.1);
  EXPECT_EQ(Value("x").as<std::string>(), "x");
  EXPECT_EQ(Value(std::string_view("a\0b", 3)).as<std::string>().size(), 3U);
  const Blob blob{std::byte{0}, std::byte{255}};
  EXPECT_EQ(Value(blob).as<Blob>(), blob);
  EXPECT_EQ(Value(blob).as<std::span<const std::byte>>().size(), 2U);
  EXPECT_TRUE(Value(nullptr).is_null());
  EXPECT_TRUE(Value(std::optional<int>()).is_null());
  EXPECT_EQ(Value(std::optional<int>(4)).as<std::optional<int>>(), 4);
  EXPECT_EQ(Value().as<std::optional<std::string>>(), std::nullopt);
}

TEST(Value, refuses_to_be_read_as_what_it_is_not) {
  EXPECT_THROW((void)Value("1").as<int>(), Usage);
  EXPECT_THROW((void)Value(1).as<std::string>(), Usage);
  EXPECT_THROW((void)Value().as<int>(), Usage);
  EXPECT_THROW((void)Value(1.5).as<int>(), Usage);
  EXPECT_THROW((void)Value(300).as<std::uint8_t>(), Usage);
  EXPECT_THROW((void)Value(-1).as<unsigned>(), Usage);
  EXPECT_THROW((void)Value(std::uint64_t{1} << 63), Usage);
  EXPECT_EQ(Value(3).as<double>(), 3.0) << "an INTEGER is a number";
}

TEST(Value, survives_the_way_to_the_wire_and_back) {
  for (const Value& value :
       {Value(), Value(7), Value(-0.0), Value("text"), Value(Blob{std::byte{1}, std::byte{128}})})
    EXPECT_EQ(client::from_wire(client::to_wire(value)), value) << value.type_name();
}

Answer people() {
  Answer answer;
  answer.columns = {"id", "name"};
  answer.rows = {{Value(1), Value("Anna")}, {Value(2), Value()}};
  return answer;
}

TEST(Rows, come_apart_in_structured_bindings) {
  std::string all;
  const auto rows = people().as<int, std::optional<std::string>>();
  for (const auto& [id, name] : rows) all += std::to_string(id) + name.value_or("-") + " ";
  EXPECT_EQ(all, "1Anna 2- ");
  EXPECT_EQ(rows.size(), 2U);
  EXPECT_EQ(rows.answer().columns[1], "name");
}

TEST(Rows, of_another_shape_are_refused) {
  EXPECT_THROW((void)people().as<int>(), Usage);
  EXPECT_THROW((void)(people().as<int, std::string>().one()), Usage);
  EXPECT_THROW((void)people().value<int>(), Usage);
  const auto rows = people().as<int, std::string>();
  EXPECT_EQ(std::get<1>(*rows.begin()), "Anna");
  EXPECT_THROW((void)*++rows.begin(), Usage) << "NULL is no string";
}

client::Completion completion(client::Verdict verdict) {
  client::Completion c;
  c.verdict = verdict;
  c.code = "code";
  c.message = "message";
  return c;
}

TEST(Errors, each_verdict_throws_its_own_class) {
  using client::Verdict;
  EXPECT_THROW((void)client::answer_of(completion(Verdict::no_quorum)).value(), NoQuorum);
  EXPECT_THROW((void)client::answer_of(completion(Verdict::outcome_unknown)).value(),
               OutcomeUnknown);
  EXPECT_THROW((void)client::answer_of(completion(Verdict::refused)).value(), Refused);
  auto error = completion(Verdict::answered);
  error.outcome = wire::ErrorReply{{"TWICE"}, {"once only"}, {"vote"}, 3};
  try {
    (void)client::answer_of(error).value();
    FAIL();
  } catch (const ApplicationError& e) {
    EXPECT_EQ(e.code(), "TWICE");
    EXPECT_STREQ(e.what(), "once only");
    EXPECT_EQ(e.procedure(), "vote");
    EXPECT_EQ(e.statement(), 3U);
  }
}

TEST(Errors, an_answer_of_several_statements_is_the_last_with_the_changes_of_all) {
  auto several = completion(client::Verdict::answered);
  wire::ResultSet first;
  first.changes = 2;
  wire::ResultSet last;
  last.changes = 1;
  last.columns.items.push_back({"n"});
  last.rows.items.push_back({{wire::Value{std::int64_t{5}}}});
  several.outcome = wire::ResultSets{{first, last}};
  auto answer = client::answer_of(several);
  EXPECT_EQ(answer->changes, 3);
  EXPECT_EQ(answer->value<int>(), 5);
  EXPECT_EQ(client::answers_of(several)->size(), 2U);
}

TEST(When, combines_conditions_in_postfix_order) {
  using Part = When::Part;
  using Kind = When::Kind;
  const When both = When::changed(0) && !When::error(1);
  EXPECT_THAT(both.parts(), testing::ElementsAre(Part{Kind::changed, 0}, Part{Kind::error, 1},
                                                 Part{Kind::negate, 0}, Part{Kind::all, 2}));
  const When either = When::rows(2) || When::ok(3);
  EXPECT_THAT(either.parts(),
              testing::ElementsAre(Part{Kind::rows, 2}, Part{Kind::ok, 3}, Part{Kind::any, 2}));
}

TEST(When, says_nothing_where_a_step_always_runs) {
  EXPECT_EQ((When() && When::ok(1)).parts(), When::ok(1).parts());
  EXPECT_EQ((When::ok(1) && When()).parts(), When::ok(1).parts());
  EXPECT_TRUE((When() || When::ok(1)).parts().empty());
  EXPECT_TRUE((When::ok(1) || When()).parts().empty());
  EXPECT_THROW((void)!When(), Usage);
}

TEST(Fits, finds_a_broken_bound_wherever_it_is) {
  wire::Execute execute;
  execute.statements.items.resize(1);
  EXPECT_TRUE(client::fits(wire::Operation{execute}));
  execute.statements.items[0].named.items.push_back({{std::string(257, 'n')}, std::int64_t{1}});
  EXPECT_FALSE(client::fits(wire::Operation{execute}));
  execute.statements.items[0].named.items[0].name.text = "n";
  execute.statements.items[0].named.items[0].value =
      wire::BlobValue{Bytes(limits::value_bytes_max + 1)};
  EXPECT_FALSE(client::fits(wire::Operation{execute}));
  execute.statements.items.resize(limits::statements_per_request_max + 1);
  EXPECT_FALSE(client::fits(execute));
}

}  // namespace
}  // namespace prytany
