#include "server/node/lanes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <optional>

#include "server/wire/codec.h"
#include "server/wire/operations.h"

namespace prytany::node {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

constexpr std::uint64_t half_a_second = 500'000 * Lanes::steps_per_us;
constexpr std::uint64_t cheap = 20 * Lanes::steps_per_us;

struct LanesTest : testing::Test {
  static wire::Operation sql() {
    wire::Execute execute;
    execute.statements.items.emplace_back();
    return execute;
  }
  static wire::Operation call(const std::string& procedure) {
    wire::Call call;
    call.procedure.text = procedure;
    return call;
  }
  static wire::ClientRequest request(std::uint64_t session, std::uint64_t number,
                                     const wire::Operation& operation) {
    wire::ClientRequest request;
    request.body.session = SessionId{session};
    request.body.number = RequestNumber{number};
    request.body.operation.bytes = wire::encode(operation);
    return request;
  }
  /// Whether it goes at once.
  bool enters(std::uint64_t session, std::uint64_t number, const wire::Operation& operation) {
    return lanes
        .enter(now, leads, {wire::AuthenticForTests::request(request(session, number, operation))})
        .has_value();
  }
  bool passes(std::uint64_t session, std::uint64_t number, const wire::Operation& operation) {
    return lanes.pass(now, request(session, number, operation).body);
  }
  void executed(std::uint64_t session, std::uint64_t number, const wire::Operation& operation,
                std::uint64_t steps) {
    const wire::Batch batch{{std::vector{request(session, number, operation)}}};
    highest[SessionId{session}] = std::max(highest[SessionId{session}], RequestNumber{number});
    lanes.executed(now, took_us, batch, std::vector{steps});
  }
  std::vector<std::uint64_t> due() {
    std::vector<std::uint64_t> numbers;
    for (const pbft::Submitted& each : lanes.due(now, leads))
      numbers.push_back(each.request->body.number.value);
    return numbers;
  }
  /// Sessions 8 and 9 ask for what is cheap, so that nobody is alone.
  void others() {
    executed(8, 1, call("cheap"), cheap);
    enters(8, 2, call("cheap"));
    enters(9, 2, call("cheap"));
  }

  std::map<SessionId, RequestNumber> highest;
  Lanes lanes{[this](SessionId session) { return std::optional(highest[session]); }};
  Time now{10'000'000};
  std::uint64_t took_us = 0;
  bool leads = true;
};

TEST_F(LanesTest, let_calls_of_procedures_that_were_cheap_go_however_many_they_are) {
  others();
  for (std::uint64_t number = 1; number <= 64; ++number)
    EXPECT_TRUE(enters(1, number, call("cheap")));
  EXPECT_EQ(lanes.kept(), 0U);
  EXPECT_EQ(lanes.deadline(now, true), never);
}

TEST_F(LanesTest, let_four_in_that_bring_sql_and_another_when_one_was_executed) {
  others();
  for (std::uint64_t number = 1; number <= 4; ++number) EXPECT_TRUE(enters(1, number, sql()));
  for (std::uint64_t number = 8; number >= 5; --number) EXPECT_FALSE(enters(1, number, sql()));
  EXPECT_TRUE(enters(2, 1, sql())) << "another session has a lane of its own";
  EXPECT_THAT(due(), IsEmpty());
  executed(1, 3, sql(), cheap);
  EXPECT_THAT(due(), ElementsAre(5, 6, 7)) << "up to four above the highest, as everywhere";
  EXPECT_TRUE(enters(1, 2, sql())) << "it is said again, and is in the core";
  EXPECT_FALSE(enters(1, 8, sql())) << "it is said again, and waits";
  EXPECT_FALSE(enters(1, 9, call("cheap"))) << "nothing overtakes what waits";
  EXPECT_EQ(lanes.kept(), 2U);
}

TEST_F(LanesTest, take_a_procedure_that_nobody_saw_executed_for_one_that_may_take_long) {
  others();
  for (std::uint64_t number = 1; number <= 4; ++number) EXPECT_TRUE(enters(1, number, call("new")));
  EXPECT_FALSE(enters(1, 5, call("new")));
  executed(1, 1, call("new"), cheap);
  EXPECT_THAT(due(), ElementsAre(5));
  for (std::uint64_t number = 10; number <= 40; ++number)
    EXPECT_TRUE(enters(1, number, call("new")));
  executed(2, 1, call("new"), half_a_second);
  EXPECT_TRUE(enters(3, 1, call("new")));
  for (std::uint64_t number = 2; number <= 4; ++number) enters(3, number, call("new"));
  EXPECT_FALSE(enters(3, 5, call("new"))) << "it took long when somebody else called it";
}

TEST_F(LanesTest, keep_who_took_long_for_eight_times_as_long_while_others_ask) {
  others();
  EXPECT_TRUE(enters(1, 1, sql()));
  executed(1, 1, sql(), half_a_second);
  EXPECT_FALSE(enters(1, 2, call("cheap"))) << "whatever it is";
  EXPECT_FALSE(enters(1, 3, sql()));
  const Time from = now;
  for (now = from; now < from + 4'000'000; now = now + 100'000) {
    EXPECT_TRUE(enters(9, 3, call("cheap")));
    EXPECT_TRUE(enters(8, 3, call("cheap")));
    EXPECT_THAT(due(), IsEmpty()) << now - from;
  }
  EXPECT_EQ(lanes.deadline(now, true), from + 4'000'000);
  EXPECT_THAT(due(), ElementsAre(2)) << "and one at a time from now on";
  EXPECT_EQ(lanes.deadline(now, true), from + Lanes::remembered_us);
  executed(1, 2, call("cheap"), cheap);
  EXPECT_THAT(due(), ElementsAre(3));
}

TEST_F(LanesTest, keep_it_longer_at_a_backup_than_at_the_primary) {
  others();
  executed(1, 1, sql(), half_a_second);
  EXPECT_FALSE(enters(1, 2, sql()));
  const Time from = now;
  now = from + 4'000'000;
  enters(9, 3, call("cheap"));
  enters(8, 3, call("cheap"));
  leads = false;
  EXPECT_THAT(due(), IsEmpty());
  EXPECT_EQ(lanes.deadline(now, false), from + 5'000'000);
  leads = true;
  EXPECT_THAT(due(), ElementsAre(2));
}

TEST_F(LanesTest, let_who_is_alone_wait_for_nobody) {
  for (std::uint64_t number = 1; number <= 64; ++number) EXPECT_TRUE(enters(1, number, sql()));
  executed(1, 1, sql(), half_a_second);
  EXPECT_FALSE(enters(1, 65, sql())) << "one at a time, so that somebody who comes is served";
  for (std::uint64_t number = 2; number <= 64; ++number) executed(1, number, sql(), half_a_second);
  EXPECT_THAT(due(), ElementsAre(65));
}

TEST_F(LanesTest, take_nobody_for_gone_who_waits_for_what_takes_long) {
  others();
  EXPECT_TRUE(enters(1, 1, sql()));
  EXPECT_FALSE(enters(1, 5, sql()) && enters(1, 6, sql()) && enters(1, 7, sql()) &&
               enters(1, 8, sql()));
  now = now + 3'000'000;
  took_us = 3'000'000;
  executed(1, 1, sql(), half_a_second);
  EXPECT_THAT(due(), IsEmpty()) << "the others were not answered in all this time";
  now = now + 500'000;
  took_us = 1'000;
  executed(8, 2, call("cheap"), cheap);
  executed(9, 2, call("cheap"), cheap);
  now = now + 900'000;
  EXPECT_THAT(due(), IsEmpty());
}

TEST_F(LanesTest, let_a_debtor_go_when_the_others_have_gone) {
  others();
  executed(1, 1, sql(), half_a_second);
  EXPECT_FALSE(enters(1, 2, sql()));
  EXPECT_EQ(lanes.deadline(now, true), now + Lanes::others_us);
  now = now + Lanes::others_us;
  EXPECT_THAT(due(), ElementsAre(2));
}

TEST_F(LanesTest, add_up_what_is_owed) {
  others();
  for (std::uint64_t number = 1; number <= 4; ++number) EXPECT_TRUE(enters(1, number, sql()));
  for (std::uint64_t number = 1; number <= 4; ++number) executed(1, number, sql(), half_a_second);
  EXPECT_FALSE(enters(1, 5, sql()));
  const Time from = now;
  for (; now < from + 15'500'000; now = now + 500'000) {
    enters(9, 3, call("cheap"));
    enters(8, 3, call("cheap"));
    EXPECT_THAT(due(), IsEmpty());
  }
  now = from + 16'000'000;
  EXPECT_THAT(due(), ElementsAre(5));
}

TEST_F(LanesTest, let_nothing_past_that_another_replica_brings) {
  others();
  for (std::uint64_t number = 1; number <= 4; ++number) EXPECT_TRUE(passes(1, number, sql()));
  EXPECT_FALSE(passes(1, 9, sql()));
  EXPECT_TRUE(passes(1, 3, sql())) << "it is in the core";
  EXPECT_TRUE(passes(2, 1, call("cheap")));
  executed(1, 1, sql(), half_a_second);
  EXPECT_FALSE(passes(1, 2, call("cheap"))) << "it owes";
  now = now + Lanes::others_us;
  EXPECT_TRUE(passes(1, 2, call("cheap")));
  EXPECT_FALSE(passes(1, 3, sql())) << "one at a time";
}

TEST_F(LanesTest, let_past_what_others_may_have_let_in_because_they_know_otherwise) {
  others();
  for (std::uint64_t number = 1; number <= 5; ++number) enters(1, number, sql());
  EXPECT_FALSE(enters(1, 9, call("cheap"))) << "its client said 5 before it";
  EXPECT_TRUE(passes(1, 9, call("cheap"))) << "perhaps it said that to me alone";
  EXPECT_TRUE(passes(2, 40, call("new"))) << "others may have executed it";
  EXPECT_FALSE(passes(2, 40, sql()));
}

TEST_F(LanesTest, let_joins_and_those_who_leave_go) {
  others();
  executed(1, 1, sql(), half_a_second);
  EXPECT_TRUE(enters(1, 2, wire::Leave{}));
  for (std::uint64_t number = 1; number <= 20; ++number) EXPECT_TRUE(enters(0, number, sql()));
}

TEST_F(LanesTest, forget_what_was_executed_though_it_waits_here) {
  others();
  for (std::uint64_t number = 1; number <= 6; ++number) enters(1, number, sql());
  EXPECT_EQ(lanes.kept(), 2U);
  executed(1, 5, sql(), cheap);
  EXPECT_THAT(due(), ElementsAre(6));
  EXPECT_EQ(lanes.kept(), 0U);
  EXPECT_EQ(lanes.deadline(now, true), never);
}

TEST_F(LanesTest, let_a_client_of_genesis_begin_at_any_number) {
  others();
  constexpr std::uint64_t first = 1'700'000'000;
  EXPECT_TRUE(enters(1, first, sql()));
  for (std::uint64_t more = 1; more <= 3; ++more) EXPECT_TRUE(enters(1, first + more, sql()));
  EXPECT_FALSE(enters(1, first + 4, sql()));
  EXPECT_FALSE(enters(1, first + 1000, sql())) << "and not at one after the other";
  executed(1, first, sql(), cheap);
  EXPECT_THAT(due(), ElementsAre(first + 4));
}

TEST_F(LanesTest, keep_a_bounded_number_and_know_nobody_for_ever) {
  others();
  std::uint64_t kept = 0;
  for (std::uint64_t session = 100; session < 400; ++session) {
    for (std::uint64_t number = 1; number <= 64; ++number) enters(session, number, sql());
    EXPECT_GE(lanes.kept(), kept);
    kept = lanes.kept();
  }
  EXPECT_EQ(kept, 4096U);
  now = now + 2 * Lanes::remembered_us;
  EXPECT_THAT(due(), SizeIs(4096));
  EXPECT_EQ(lanes.kept(), 0U);
}

}  // namespace
}  // namespace prytany::node
