#include "bench/delay_process.h"

#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <string>

namespace prytany::bench {

Result<DelayProcess> DelayProcess::start(const std::vector<DelayRoute>& routes) {
  std::error_code failed;
  const auto here = std::filesystem::read_symlink("/proc/self/exe", failed);
  std::vector<std::string> words = {here.parent_path() / "prytany-bench-delay", "--with-parent"};
  for (const DelayRoute& route : routes) words.push_back(to_text(route));
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  pid_t process = 0;
  if (::posix_spawn(&process, arguments[0], nullptr, nullptr, arguments.data(), environ) != 0)
    return Error{"there is no " + words[0]};
  return DelayProcess(process);
}

DelayProcess::~DelayProcess() {
  if (process_ == 0) return;
  ::kill(process_, SIGTERM);
  ::waitpid(process_, nullptr, 0);
}

}  // namespace prytany::bench
