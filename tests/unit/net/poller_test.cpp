#include "server/net/poller.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <array>

namespace prytany::net {
namespace {

class PollerTest : public testing::Test {
 protected:
  PollerTest() : poller_(std::move(*Poller::create())) {
    std::array<int, 2> ends{};
    EXPECT_EQ(::pipe2(ends.data(), O_NONBLOCK), 0);
    read_ = Fd(ends[0]);
    write_ = Fd(ends[1]);
  }
  void make_ready() { ASSERT_EQ(::write(write_.get(), "x", 1), 1); }
  static Time in_us(std::uint64_t us) { return SystemClock().now() + us; }

  Poller poller_;
  Fd read_, write_;
};

TEST_F(PollerTest, wakes_at_the_deadline_to_the_microsecond_not_the_millisecond) {
  const Time before = SystemClock().now();
  for (int i = 0; i < 10; ++i) poller_.wait(in_us(300));
  EXPECT_GE(SystemClock().now() - before, 3'000U);
}

TEST_F(PollerTest, may_wake_early_but_waits_again_when_a_deadline_moves_later) {
  poller_.watch(read_.get(), EPOLLIN, [](std::uint32_t) {});
  make_ready();
  poller_.wait(in_us(2'000));  // arms the timer and returns at once
  char byte = 0;
  ASSERT_EQ(::read(read_.get(), &byte, 1), 1);
  const Time before = SystemClock().now();
  const Time deadline = in_us(20'000);
  while (SystemClock().now() < deadline) poller_.wait(deadline);
  EXPECT_GE(SystemClock().now() - before, 20'000U);
}

TEST_F(PollerTest, returns_at_once_when_the_deadline_has_passed) {
  poller_.wait(Time{0});
  poller_.wait(SystemClock().now());
}

TEST_F(PollerTest, tells_again_while_a_descriptor_stays_ready) {
  int told = 0;
  poller_.watch(read_.get(), EPOLLIN, [&](std::uint32_t) { ++told; });
  make_ready();
  poller_.wait(never);
  poller_.wait(never);
  EXPECT_EQ(told, 2);
}

TEST_F(PollerTest,
       tells_once_that_the_other_end_hung_up_where_nothing_is_asked_and_again_when_it_is) {
  int told = 0;
  poller_.watch(read_.get(), EPOLLIN, [&](std::uint32_t) { ++told; });
  poller_.change(read_.get(), 0);
  write_ = Fd();
  for (int i = 0; i < 5; ++i) poller_.wait(in_us(500));
  EXPECT_EQ(told, 1);
  poller_.change(read_.get(), EPOLLIN);
  for (int i = 0; i < 5; ++i) poller_.wait(in_us(500));
  EXPECT_EQ(told, 6);
}

TEST_F(PollerTest, lets_a_callback_forget_its_own_descriptor_and_another_that_is_ready) {
  const Fd copy(::dup(read_.get()));
  int told = 0;
  const auto forget_both = [&](std::uint32_t) {
    ++told;
    poller_.forget(read_.get());
    poller_.forget(copy.get());
  };
  poller_.watch(read_.get(), EPOLLIN, forget_both);
  poller_.watch(copy.get(), EPOLLIN, forget_both);
  make_ready();
  poller_.wait(never);
  poller_.wait(in_us(1'000));
  EXPECT_EQ(told, 1);
}

TEST_F(PollerTest, does_not_give_an_old_descriptors_event_to_a_new_one_of_the_same_number) {
  int wrong = 0;
  auto second = std::make_unique<Fd>(::dup(read_.get()));
  const int number = second->get();
  const auto swap = [&](std::uint32_t) {
    if (!second) return;
    poller_.forget(number);
    second = nullptr;
    // The same number, never ready.
    std::array<int, 2> ends{};
    ASSERT_EQ(::pipe(ends.data()), 0);
    ASSERT_EQ(ends[0], number);
    poller_.watch(number, EPOLLIN, [&](std::uint32_t) { ++wrong; });
  };
  poller_.watch(read_.get(), EPOLLIN, swap);
  poller_.watch(number, EPOLLIN, swap);
  make_ready();
  poller_.wait(never);
  EXPECT_EQ(wrong, 0);
}

}  // namespace
}  // namespace prytany::net
