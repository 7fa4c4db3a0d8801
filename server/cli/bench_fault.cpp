#include "server/cli/bench_fault.h"

#include <nlohmann/json.hpp>

#include <csignal>

#include <chrono>
#include <thread>

#include "server/cli/http_get.h"

namespace prytany::cli {
namespace {

using FaultClock = std::chrono::steady_clock;
constexpr std::uint64_t told_timeout_us = 2'000'000;
constexpr auto poll_pause = std::chrono::milliseconds(5);

void sit(double seconds) {
  if (seconds > 0) std::this_thread::sleep_for(std::chrono::duration<double>(seconds));
}

}  // namespace

std::vector<std::string> bench_fault_names() {
  return {"kill-primary", "kill-backup", "mute-backup", "restart-backup"};
}

Result<std::uint64_t> BenchFault::told(unsigned replica, const char* counter) const {
  const auto page = http_get(cluster_.client_address(replica), "/status", told_timeout_us);
  if (!page) return page.error();
  const auto status = nlohmann::json::parse(*page, nullptr, false);
  if (!status.is_object() || !status.contains(counter)) return Error{"/status is not as expected"};
  return status[counter].get<std::uint64_t>();
}

Result<void> BenchFault::choose() {
  const auto primary = told(0, "primary");
  if (!primary) return primary.error();
  const auto first = static_cast<unsigned>(*primary);
  const unsigned next = (first + 1) % cluster_.size();
  victim_ = name_ == "kill-primary" ? first : next;
  witness_ = name_ == "kill-primary" ? next : first;
  return {};
}

Result<void> BenchFault::restart_and_wait(double seconds) {
  const auto begin = FaultClock::now();
  const auto end = begin + std::chrono::duration<double>(seconds);
  if (auto started = cluster_.start(victim_); !started) return started;
  while (FaultClock::now() < end) {
    // What the others had executed a moment ago; a replica that keeps up has it as well.
    const auto theirs = told(witness_, "last_executed");
    const auto its = told(victim_, "last_executed");
    if (theirs && its && *its >= *theirs) {
      caught_up_ms_ = std::chrono::duration<double, std::milli>(FaultClock::now() - begin).count();
      sit(std::chrono::duration<double>(end - FaultClock::now()).count());
      return {};
    }
    std::this_thread::sleep_for(poll_pause);
  }
  return {};
}

Result<void> BenchFault::sit_through(double seconds) {
  if (auto chosen = choose(); !chosen) return chosen;
  const auto begin = FaultClock::now();
  const auto until = [&](double moment) {
    sit(moment - std::chrono::duration<double>(FaultClock::now() - begin).count());
  };
  until(seconds / 3);
  cluster_.signal(victim_, name_ == "mute-backup" ? SIGSTOP : SIGKILL);
  if (name_ == "restart-backup") {
    until(seconds * 2 / 3);
    if (auto back = restart_and_wait(seconds / 3); !back) return back;
  }
  until(seconds);
  return {};
}

Result<void> BenchFault::mend() {
  if (name_ == "mute-backup") cluster_.signal(victim_, SIGCONT);
  if (auto started = cluster_.start(victim_); !started) return started;
  return cluster_.wait_until_ready(ready_timeout_us);
}

}  // namespace prytany::cli
