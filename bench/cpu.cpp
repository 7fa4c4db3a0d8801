#include "bench/cpu.h"

#include <sys/resource.h>
#include <time.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

namespace prytany::bench {
namespace {

/// The number after `key` at the beginning of a line.
Result<std::uint64_t> number_in(const std::string& path, const std::string& key) {
  std::ifstream in(path);
  for (std::string line; std::getline(in, line);) {
    if (!line.starts_with(key)) continue;
    std::istringstream rest(line.substr(key.size()));
    if (std::uint64_t number = 0; rest >> number) return number;
  }
  return Error{path + " has no " + key};
}

}  // namespace

Result<double> cpu_us_of(pid_t process) {
  // To the nanosecond, where /proc counts in ticks of 10 ms.
  clockid_t clock{};
  timespec used{};
  if (process <= 0 || ::clock_getcpuclockid(process, &clock) != 0 ||
      ::clock_gettime(clock, &used) != 0)
    return Error{"the kernel does not tell the time of process " + std::to_string(process)};
  return static_cast<double>(used.tv_sec) * 1e6 + static_cast<double>(used.tv_nsec) / 1e3;
}

double own_cpu_us() {
  rusage usage{};
  (void)::getrusage(RUSAGE_SELF, &usage);
  const auto us = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) * 1e6 + static_cast<double>(t.tv_usec);
  };
  return us(usage.ru_utime) + us(usage.ru_stime);
}

Result<std::uint64_t> disk_bytes_of(pid_t process) {
  return number_in("/proc/" + std::to_string(process) + "/io", "write_bytes:");
}

Result<std::uint64_t> waits_of(pid_t process) {
  std::uint64_t sum = 0;
  std::error_code failed;
  const std::string tasks = "/proc/" + std::to_string(process) + "/task";
  for (const auto& task : std::filesystem::directory_iterator(tasks, failed)) {
    const auto waits = number_in(task.path() / "status", "voluntary_ctxt_switches:");
    if (waits) sum += *waits;  // else the thread has just ended
  }
  if (failed) return Error{"cannot read " + tasks};
  return sum;
}

}  // namespace prytany::bench
