#include "tests/sim/read_checker.h"

#include <gtest/gtest.h>

namespace prytany::sim {
namespace {

/// A register that holds the number of the state it is read in, halved.
struct Register {
  static wire::Outcome holds(std::uint64_t value) { return wire::NullReply{{Bytes(value)}}; }
  void read(std::uint64_t value, std::uint64_t began, std::uint64_t ended, std::uint64_t floor,
            std::uint64_t ceiling) {
    checker.saw({"c1",
                 SessionId{1},
                 {},
                 {},
                 holds(value),
                 Time{began},
                 Time{ended},
                 Seq{floor},
                 Seq{ceiling}});
  }
  [[nodiscard]] std::size_t judge() {
    for (std::uint64_t seq = 1; seq <= 10; ++seq)
      checker.state_after(Seq{seq}, [&](const SeenRead&) { return holds(seq / 2); });
    checker.finish();
    return violations.all().size();
  }
  Violations violations;
  ReadChecker checker{violations};
};

TEST(ReadChecker, takes_any_state_that_was_reached_while_it_was_asked) {
  Register memory;
  memory.read(2, 10, 20, 3, 6);
  memory.read(3, 10, 20, 3, 6);
  EXPECT_EQ(memory.judge(), 0U);
}

TEST(ReadChecker, finds_a_state_that_somebody_had_been_told_is_over) {
  Register memory;
  memory.read(1, 10, 20, 4, 8);
  EXPECT_EQ(memory.judge(), 1U);
}

TEST(ReadChecker, finds_a_state_that_nobody_had_reached) {
  Register memory;
  memory.read(4, 10, 20, 2, 7);
  EXPECT_EQ(memory.judge(), 1U);
}

TEST(ReadChecker, finds_two_reads_one_after_the_other_that_go_back) {
  Register memory;
  memory.read(3, 10, 20, 2, 8);
  memory.read(2, 21, 30, 2, 8);
  EXPECT_EQ(memory.judge(), 1U);
}

TEST(ReadChecker, lets_reads_that_overlap_see_states_in_any_order) {
  Register memory;
  memory.read(3, 10, 20, 2, 8);
  memory.read(2, 15, 30, 2, 8);
  EXPECT_EQ(memory.judge(), 0U);
}

TEST(ReadChecker, finds_an_answer_that_no_state_gives) {
  Register memory;
  memory.read(9, 10, 20, 1, 10);
  EXPECT_EQ(memory.judge(), 1U);
}

}  // namespace
}  // namespace prytany::sim
