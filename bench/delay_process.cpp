#include "bench/delay_process.h"

#include <signal.h>
#include <sys/wait.h>

#include <filesystem>
#include <string>

#include "bench/spawn.h"

namespace prytany::bench {

Result<DelayProcess> DelayProcess::start(const std::vector<DelayRoute>& routes) {
  std::error_code failed;
  const auto here = std::filesystem::read_symlink("/proc/self/exe", failed);
  std::vector<std::string> words = {here.parent_path() / "prytany-bench-delay", "--with-parent"};
  for (const DelayRoute& route : routes) words.push_back(to_text(route));
  const pid_t process = spawn(words);
  if (process == 0) return Error{"there is no " + words[0]};
  return DelayProcess(process);
}

DelayProcess::~DelayProcess() {
  if (process_ == 0) return;
  ::kill(process_, SIGTERM);
  ::waitpid(process_, nullptr, 0);
}

}  // namespace prytany::bench
