#include "bench/syscalls.h"

#include <signal.h>
#include <sys/wait.h>

#include <fstream>
#include <sstream>

#include "bench/spawn.h"

namespace prytany::bench {

SyscallCount::SyscallCount(const std::vector<pid_t>& processes, const std::string& folder)
    : path_(folder + "/perf.csv") {
  std::string list;
  for (const pid_t process : processes) list += (list.empty() ? "" : ",") + std::to_string(process);
  perf_ =
      spawn({"perf", "stat", "-x,", "-e", "raw_syscalls:sys_enter", "-o", path_, "-p", list}, true);
}

SyscallCount::~SyscallCount() { (void)stop(); }

Result<double> SyscallCount::stop() {
  if (perf_ == 0) return Error{"there is no program perf"};
  ::kill(perf_, SIGINT);
  ::waitpid(perf_, nullptr, 0);
  perf_ = 0;
  std::ifstream in(path_);
  std::ostringstream text;
  text << in.rdbuf();
  return perf_count_in(text.str());
}

Result<double> perf_count_in(const std::string& text) {
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    if (line.find("raw_syscalls:sys_enter") == std::string::npos) continue;
    std::istringstream number(line);
    if (double count = 0; number >> count) return count;
  }
  return Error{"perf may not count system calls here"};
}

}  // namespace prytany::bench
