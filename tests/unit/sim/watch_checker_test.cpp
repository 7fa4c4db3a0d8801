// What those who watch must be told, and that the checker notices when they are not.
#include "tests/sim/watch_checker.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace prytany::sim {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

wire::Change watch_change(std::uint64_t position, const std::string& topic) {
  return {position, Seq{position}, AgreedTime{1}, {topic}, std::int64_t{7}};
}

struct Watching : testing::Test {
  std::vector<wire::Change> told = {watch_change(1, "a"), watch_change(2, "b"),
                                    watch_change(3, "a"), watch_change(4, "a")};
  Violations violations;
  WatchChecker checker{violations};

  void hears(std::vector<std::uint64_t> positions, std::uint64_t upto) {
    WatchChecker::Heard heard{false, {}, upto};
    for (const std::uint64_t position : positions) heard.items.push_back(told.at(position - 1));
    checker.heard("c1/0", std::move(heard));
  }
  void expect(const std::string& complaint) {
    checker.compare(told, true);
    EXPECT_THAT(violations.all(),
                Contains(testing::AllOf(StartsWith("subscriptions"), HasSubstr(complaint))));
  }
};

TEST_F(Watching, all_of_a_topic_in_its_order_is_right_from_wherever_it_began) {
  checker.began("c1/0", {"a"}, 0);
  hears({1}, 2);
  hears({3, 4}, 4);
  checker.began("c2/0", {"a"}, std::nullopt);
  checker.heard("c2/0", {false, {told[3]}, 4});
  checker.began("c3/0", {"a"}, std::nullopt);
  checker.heard("c3/0", {false, {told[0]}, 1});
  checker.ended("c3/0");
  checker.began("c4/0", {"a"}, std::nullopt);
  checker.compare(told, true);
  EXPECT_THAT(violations.all(), IsEmpty());
  EXPECT_EQ(checker.changes_heard(), 5U);
}

TEST_F(Watching, a_gap_is_found) {
  checker.began("c1/0", {"a"}, 0);
  hears({1, 4}, 4);
  expect("not told of change 3");
}
TEST_F(Watching, a_position_that_passes_over_a_change_is_found) {
  checker.began("c1/0", {"a"}, 0);
  hears({1}, 3);
  expect("not told of change 3");
}
TEST_F(Watching, a_change_that_comes_twice_is_found) {
  checker.began("c1/0", {"a"}, 0);
  hears({1}, 1);
  hears({1}, 1);
  expect("after 1");
}
TEST_F(Watching, a_change_of_another_topic_is_found) {
  checker.began("c1/0", {"a"}, 0);
  hears({1, 2}, 2);
  expect("does not watch");
}
TEST_F(Watching, a_change_that_was_not_told_is_found) {
  checker.began("c1/0", {"a"}, 0);
  checker.heard("c1/0", {false, {watch_change(1, "c")}, 1});
  expect("does not tell");
}
TEST_F(Watching, what_is_never_told_is_found_at_the_end) {
  checker.began("c1/0", {"a"}, 0);
  hears({1, 3}, 3);
  expect("not told of change 4");
}
TEST_F(Watching, changes_that_were_missed_are_found) {
  checker.began("c1/0", {"a"}, 0);
  checker.heard("c1/0", {true, {told[2]}, 3});
  expect("kept no more");
}

}  // namespace
}  // namespace prytany::sim
