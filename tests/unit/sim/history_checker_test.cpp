// Planted anomalies: answers that no one order of all requests explains.
#include "tests/sim/history_checker.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace prytany::sim {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

struct History : testing::Test {
  Violations violations;
  HistoryChecker checker{violations};
};

TEST_F(History, of_requests_that_overlap_may_have_any_order) {
  const auto first = checker.invoked();
  const auto second = checker.invoked();
  checker.answered("c1", second, Seq{7});
  checker.answered("c0", first, Seq{3});
  EXPECT_THAT(violations.all(), IsEmpty());
}

TEST_F(History, of_two_requests_in_one_batch_is_fine_if_they_overlap) {
  const auto first = checker.invoked();
  const auto second = checker.invoked();
  checker.answered("c1", second, Seq{7});
  checker.answered("c0", first, Seq{7});
  EXPECT_THAT(violations.all(), IsEmpty());
}

TEST_F(History, shows_who_asked_later_and_was_executed_earlier) {
  checker.answered("c0", checker.invoked(), Seq{7});
  checker.answered("c1", checker.invoked(), Seq{6});
  EXPECT_THAT(violations.all(), ElementsAre(HasSubstr("c1 was answered as executed at n6")));
}

TEST_F(History, shows_who_was_executed_with_somebody_that_was_answered_before) {
  checker.answered("c0", checker.invoked(), Seq{7});
  checker.answered("c1", checker.invoked(), Seq{7});
  EXPECT_THAT(violations.all(), ElementsAre(HasSubstr("linearizability")));
}

TEST_F(History, is_of_all_clients_and_of_the_highest_answer_not_the_latest) {
  const auto slow = checker.invoked();
  checker.answered("c0", checker.invoked(), Seq{9});
  checker.answered("c2", slow, Seq{2});
  checker.answered("c1", checker.invoked(), Seq{8});
  EXPECT_THAT(violations.all(), ElementsAre(HasSubstr("c1")));
}

}  // namespace
}  // namespace prytany::sim
