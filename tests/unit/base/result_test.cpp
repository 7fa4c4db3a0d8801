#include "server/base/result.h"

#include <gtest/gtest.h>

#include "server/base/strong.h"

namespace prytany {
namespace {

Result<int> half(int n) {
  if (n % 2 != 0) return Error{"odd"};
  return n / 2;
}

TEST(Result, is_a_value_or_a_reason) {
  EXPECT_EQ(half(8).value(), 4);
  EXPECT_EQ(half(7).error().message, "odd");
  EXPECT_FALSE(half(7));
  EXPECT_TRUE(Result<void>{}.ok());
  EXPECT_EQ(Result<void>(Error{"no"}).error(), Error{"no"});
}

TEST(ResultDeathTest, aborts_when_asked_for_what_it_is_not) {
  EXPECT_DEATH((void)half(7).value(), "ENSURE");
  EXPECT_DEATH((void)half(8).error(), "ENSURE");
}

TEST(EnsureDeathTest, says_what_was_false_and_where) {
  EXPECT_DEATH(ENSURE(1 + 1 == 3), "result_test.cpp.*1 \\+ 1 == 3");
}

using Apples = Strong<struct ApplesTag>;
using Pears = Strong<struct PearsTag>;
template <class A, class B>
concept Comparable = requires(A a, B b) { a == b; };

TEST(Strong, numbers_of_two_kinds_do_not_mix) {
  static_assert(Comparable<Apples, Apples>);
  static_assert(!Comparable<Apples, Pears>);
  static_assert(!std::is_convertible_v<std::uint64_t, Apples>);
  EXPECT_EQ(Apples{3} + 4, Apples{7});
  EXPECT_EQ(Apples{7} - Apples{3}, 4U);
  EXPECT_LT(Apples{3}, Apples{7});
}

}  // namespace
}  // namespace prytany
