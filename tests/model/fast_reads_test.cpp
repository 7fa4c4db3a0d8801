#include "tests/model/fast_reads.h"

#include <gtest/gtest.h>

namespace prytany::model {
namespace {

std::string told(const Verdict& verdict) {
  std::string text;
  for (const std::string& line : verdict.how) text += line + "\n";
  return text;
}

void expect_sound(const Instance& instance) {
  const Verdict verdict = explore(instance);
  EXPECT_FALSE(verdict.disagreement);
  EXPECT_FALSE(verdict.stale) << told(verdict);
  EXPECT_FALSE(verdict.stuck);
  std::printf("[ MEASURED ] %llu states\n", static_cast<unsigned long long>(verdict.states));
}

void expect_stale(Weakness weakness) {
  const Verdict verdict = explore({1, 2, 2, weakness});
  EXPECT_FALSE(verdict.disagreement);
  EXPECT_TRUE(verdict.stale);
}

TEST(FastReadModel, never_believes_an_answer_that_is_behind_what_somebody_was_told) {
  expect_sound({1, 2, 2, Weakness::none});
}

TEST(FastReadModel, holds_also_for_two_numbers_under_way) {
  expect_sound({2, 2, 1, Weakness::none});
}

// The published flaw of fast reads (arXiv 2107.11144): they seem to make clients wait for 2f+1
// answers to what is ordered, too, and a primary can keep f correct replicas in the dark. Here f+1
// are enough for what is ordered, and nobody is kept in the dark.
TEST(FastReadModel, leaves_nobody_in_the_dark_when_the_primary_falls_silent) {
  expect_sound({1, 1, 1, Weakness::none});
  EXPECT_TRUE(explore({1, 1, 1, Weakness::no_forwarding}).stuck);
}

TEST(FastReadModel, finds_what_is_wrong_with_waiting_only_for_what_was_executed) {
  expect_stale(Weakness::executed_only);
}

TEST(FastReadModel, finds_what_is_wrong_with_forgetting_what_was_prepared_in_an_older_view) {
  expect_stale(Weakness::forgotten_in_view);
}

TEST(FastReadModel, finds_what_is_wrong_with_forgetting_it_in_a_restart) {
  expect_stale(Weakness::not_durable);
}

TEST(FastReadModel, finds_what_is_wrong_with_believing_a_weak_quorum) {
  expect_stale(Weakness::weak_quorum);
}

TEST(FastReadModel, finds_what_is_wrong_with_answering_at_once) {
  expect_stale(Weakness::answers_at_once);
}

}  // namespace
}  // namespace prytany::model
