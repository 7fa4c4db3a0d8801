#include "server/net/poller.h"

#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <ctime>

namespace prytany::net {
namespace {

std::uint64_t microseconds(clockid_t clock) {
  timespec now = {};
  ENSURE(::clock_gettime(clock, &now) == 0);
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000 +
         static_cast<std::uint64_t>(now.tv_nsec) / 1000;
}

/// A descriptor's number is used again as soon as it is closed; the generation tells an event of
/// the old from one of the new.
std::uint64_t token(int fd, std::uint32_t generation) {
  return (std::uint64_t{generation} << 32) | static_cast<std::uint32_t>(fd);
}

}  // namespace

Time SystemClock::now() const { return Time{microseconds(CLOCK_MONOTONIC)}; }

AgreedTime SystemClock::wall() const {
  return AgreedTime{static_cast<std::int64_t>(microseconds(CLOCK_REALTIME))};
}

Result<Poller> Poller::create() {
  Fd epoll(::epoll_create1(EPOLL_CLOEXEC));
  Fd timer(::timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC));
  if (!epoll || !timer) return Error{std::string("cannot make a poller: ") + std::strerror(errno)};
  epoll_event event = {};
  event.events = EPOLLIN;
  event.data.u64 = token(timer.get(), 0);
  if (::epoll_ctl(epoll.get(), EPOLL_CTL_ADD, timer.get(), &event) != 0) {
    return Error{std::string("cannot watch a timer: ") + std::strerror(errno)};
  }
  return Poller(std::move(epoll), std::move(timer));
}

void Poller::watch(int fd, std::uint32_t events, Ready ready) {
  ENSURE(!watches_.contains(fd));
  auto watch = std::make_shared<Watch>();
  watch->generation = next_generation_++;
  watch->ready = std::move(ready);
  epoll_event event = {};
  event.events = events;
  event.data.u64 = token(fd, watch->generation);
  ENSURE(::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) == 0);
  watches_.emplace(fd, std::move(watch));
}

void Poller::change(int fd, std::uint32_t events) {
  const auto found = watches_.find(fd);
  ENSURE(found != watches_.end());
  epoll_event event = {};
  // The kernel tells of errors and of who has hung up even where nothing is asked for; by edge, so
  // that it does so once.
  event.events = events == 0 ? std::uint32_t{EPOLLET} : events;
  event.data.u64 = token(fd, found->second->generation);
  ENSURE(::epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, fd, &event) == 0);
}

void Poller::forget(int fd) {
  if (watches_.erase(fd) == 0) return;
  epoll_event unused = {};
  ENSURE(::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, &unused) == 0);
}

/// Deadlines mostly move later. A timer that goes off too early costs one wake-up; setting it each
/// time would cost a system call per turn.
void Poller::arm(Time deadline) {
  if (armed_ <= deadline) return;
  armed_ = deadline;
  itimerspec when = {};
  when.it_value.tv_sec = static_cast<time_t>(deadline.value / 1'000'000);
  when.it_value.tv_nsec = static_cast<long>(deadline.value % 1'000'000) * 1000;
  if (when.it_value.tv_sec == 0 && when.it_value.tv_nsec == 0) when.it_value.tv_nsec = 1;
  ENSURE(::timerfd_settime(timer_.get(), TFD_TIMER_ABSTIME, &when, nullptr) == 0);
}

void Poller::wait(Time deadline) {
  const bool overdue = deadline <= SystemClock().now();
  if (!overdue && deadline != never) arm(deadline);
  std::array<epoll_event, 128> events;
  const int n =
      ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), overdue ? 0 : -1);
  ENSURE(n >= 0 || errno == EINTR);
  for (int i = 0; i < n; ++i) {
    const epoll_event& event = events[static_cast<std::size_t>(i)];
    const int fd = static_cast<int>(event.data.u64 & 0xFFFF'FFFF);
    if (fd == timer_.get()) {
      std::uint64_t expirations = 0;
      static_cast<void>(::read(fd, &expirations, sizeof expirations));
      armed_ = never;
      continue;
    }
    const auto found = watches_.find(fd);
    if (found == watches_.end() || token(fd, found->second->generation) != event.data.u64) continue;
    const std::shared_ptr<Watch> watch = found->second;
    watch->ready(event.events);
  }
}

}  // namespace prytany::net
