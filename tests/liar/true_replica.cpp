#include "tests/liar/true_replica.h"

#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <utility>

#include "server/cli/http_get.h"
#include "server/net/poller.h"

namespace prytany::liar {
namespace {

constexpr std::uint64_t ask_timeout_us = 500'000;
constexpr useconds_t ask_again_us = 20'000;

pid_t wait_for(pid_t process, int& status, int flags) {
  pid_t got = 0;
  do {
    got = ::waitpid(process, &status, flags);
  } while (got < 0 && errno == EINTR);
  return got;
}

}  // namespace

Result<TrueReplica> TrueReplica::start(const std::vector<std::string>& command) {
  std::vector<std::string> words = command;
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  const pid_t parent = ::getpid();
  const pid_t child = ::fork();
  if (child < 0) return Error{std::string("cannot start a process: ") + std::strerror(errno)};
  if (child == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != parent) ::_exit(1);
    sigset_t none;
    ::sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    ::execv(arguments[0], arguments.data());
    ::_exit(127);
  }
  return TrueReplica(child);
}

TrueReplica::TrueReplica(TrueReplica&& other) noexcept
    : process_(std::exchange(other.process_, 0)) {}

TrueReplica::~TrueReplica() {
  if (process_ == 0) return;
  ::kill(process_, SIGTERM);
  ::kill(process_, SIGCONT);
  int status = 0;
  wait_for(process_, status, 0);
}

std::optional<int> TrueReplica::ended() {
  int status = 0;
  if (process_ == 0 || wait_for(process_, status, WNOHANG) != process_) return std::nullopt;
  process_ = 0;
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

Result<void> TrueReplica::wait_until_ready(const wire::HostPort& address,
                                           std::uint64_t timeout_us) {
  const Time deadline = net::SystemClock().now() + timeout_us;
  while (true) {
    const auto answer = cli::http_get(address, "/status", ask_timeout_us);
    if (answer) return {};
    if (const auto code = ended()) return Error{"it ended with code " + std::to_string(*code)};
    if (net::SystemClock().now() >= deadline) return answer.error();
    ::usleep(ask_again_us);
  }
}

}  // namespace prytany::liar
