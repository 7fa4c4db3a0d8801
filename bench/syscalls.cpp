#include "bench/syscalls.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <sstream>

namespace prytany::bench {

SyscallCount::SyscallCount(const std::vector<pid_t>& processes, const std::string& folder)
    : path_(folder + "/perf.csv") {
  std::string list;
  for (const pid_t process : processes) list += (list.empty() ? "" : ",") + std::to_string(process);
  std::vector<std::string> words = {"perf", "stat", "-x,", "-e", "raw_syscalls:sys_enter",
                                    "-o",   path_,  "-p",  list};
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  posix_spawn_file_actions_t files;
  ::posix_spawn_file_actions_init(&files);
  ::posix_spawn_file_actions_addopen(&files, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
  if (::posix_spawnp(&perf_, "perf", &files, nullptr, arguments.data(), environ) != 0) perf_ = 0;
  ::posix_spawn_file_actions_destroy(&files);
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
