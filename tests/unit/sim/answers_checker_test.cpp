#include "tests/sim/answers_checker.h"

#include <gtest/gtest.h>

#include "server/wire/frame.h"

namespace prytany::sim {
namespace {

constexpr ReplicaId server{0};
constexpr ReplicaId reader{1};
constexpr node::ConnectionId one_connection{7};

class AnswersTest : public testing::Test {
 protected:
  /// In parts as large as they may be.
  void pages(Time now, std::size_t bytes, ReplicaId to = reader) {
    const crypto::Mac key{crypto::MacKey{}};
    for (; bytes > 0; bytes -= std::min<std::size_t>(bytes, part_bytes)) {
      wire::StatePages pages;
      pages.bytes.bytes.resize(std::min<std::size_t>(bytes, part_bytes));
      const std::vector messages{std::make_shared<const wire::EncodedMessage>(
          wire::encode_message(wire::PeerMessage(wire::StatePart{Seq{8}, 1, pages})))};
      checker.frame_left(server, to, now, wire::seal(ConfigNumber{0}, key, messages));
    }
  }
  void words(unsigned count) {
    for (; count > 0; --count)
      checker.passed_back(server, one_connection, {reader, {wire::Refused{}, std::nullopt}});
  }
  static constexpr std::size_t part_bytes = limits::state_part_bytes_max;
  static constexpr std::size_t burst = AnswersChecker::state_burst_bytes;
  Violations violations;
  AnswersChecker checker{violations, 4};
};

TEST_F(AnswersTest, of_state_may_be_a_burst_to_each) {
  pages(Time{1}, burst / 2);
  pages(Time{1}, burst / 2);
  pages(Time{1}, burst, ReplicaId{2});
  EXPECT_TRUE(violations.none());
}

TEST_F(AnswersTest, of_state_come_no_faster_than_they_may) {
  pages(Time{1}, burst);
  pages(Time{1 + burst * 1'000'000 / AnswersChecker::state_bytes_per_s}, burst);
  EXPECT_TRUE(violations.none());
  pages(Time{2 + burst * 1'000'000 / AnswersChecker::state_bytes_per_s}, burst / 2);
  EXPECT_FALSE(violations.none());
}

TEST_F(AnswersTest, of_others_are_passed_on_as_far_as_a_client_asked) {
  checker.asked(server, one_connection);
  checker.asked(server, one_connection);
  words(12);
  EXPECT_TRUE(violations.none());
  words(1);
  EXPECT_FALSE(violations.none());
}

}  // namespace
}  // namespace prytany::sim
