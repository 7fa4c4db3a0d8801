#include "bench/open_loop.h"

#include <sys/prctl.h>

#include <chrono>
#include <cmath>

namespace prytany::bench {

std::uint64_t Schedule::next_us() {
  const auto due = static_cast<std::uint64_t>(due_us_);
  // Poisson: pauses are exponential. 1 - share is never 0.
  due_us_ += arrivals_ == Arrivals::fixed ? pause_us_ : -std::log(1 - dice_.share()) * pause_us_;
  return due;
}

void OpenLoop::start() {
  thread_ = std::thread([this] { run(); });
}

void OpenLoop::run() {
  (void)::prctl(PR_SET_TIMERSLACK, 1UL);  // the kernel's 50 us would be ours
  const std::uint64_t begin_us = now_us();
  unsigned client = 0;
  while (!stopping_ && !crowd_.hopeless()) {
    const std::uint64_t due_us = begin_us + schedule_.next_us();
    std::uint64_t now = now_us();
    if (now < due_us) {
      std::this_thread::sleep_for(std::chrono::microseconds(due_us - now));
      now = now_us();
    }
    lag_.record(now - std::min(now, due_us));
    crowd_.ask(client, due_us, {});
    client = (client + 1) % crowd_.size().clients;
  }
}

void OpenLoop::stop() {
  stopping_ = true;
  if (thread_.joinable()) thread_.join();
  crowd_.drain();
}

}  // namespace prytany::bench
