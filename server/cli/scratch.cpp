#include "server/cli/scratch.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <mutex>
#include <set>

#include "server/base/ensure.h"

namespace prytany::cli {
namespace {

/// Those there are now. Never destroyed: a signal may come at the very end.
struct Folders {
  std::mutex mutex;
  std::set<std::string> paths;
};
Folders& folders() {
  static auto* const all = new Folders;
  return *all;
}

void remove(const std::string& path) {
  std::error_code ignored;
  std::filesystem::remove_all(path, ignored);
}

sigset_t stopping() {
  sigset_t set;
  ::sigemptyset(&set);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) ::sigaddset(&set, signal);
  return set;
}

/// Replicas still write, and end when this process does: what they made meanwhile is removed by
/// the next attempt.
[[noreturn]] void end_by(int signal) {
  constexpr int attempts = 20;
  constexpr useconds_t pause_us = 5'000;
  const std::lock_guard lock(folders().mutex);
  for (int attempt = 0; attempt < attempts; ++attempt) {
    bool left = false;
    for (const std::string& path : folders().paths) {
      remove(path);
      left = left || std::filesystem::exists(path);
    }
    if (!left) break;
    ::usleep(pause_us);
  }
  ::_exit(128 + signal);
}

}  // namespace

Scratch::Scratch(const std::string& parent) {
  const std::string base =
      parent.empty() ? std::filesystem::temp_directory_path().string() : parent;
  std::string pattern = base + "/prytany-bench-XXXXXX";
  const std::lock_guard lock(folders().mutex);
  if (::mkdtemp(pattern.data()) == nullptr) return;
  path_ = pattern;
  folders().paths.insert(path_);
}

Scratch::~Scratch() {
  if (path_.empty()) return;
  remove(path_);
  const std::lock_guard lock(folders().mutex);
  folders().paths.erase(path_);
}

ScratchKeeper::ScratchKeeper() : told_(::eventfd(0, EFD_CLOEXEC)) {
  const sigset_t set = stopping();
  ENSURE(::pthread_sigmask(SIG_BLOCK, &set, nullptr) == 0);
  const int signals = ::signalfd(-1, &set, SFD_CLOEXEC);
  ENSURE(told_ >= 0 && signals >= 0);
  waiter_ = std::thread([told = told_, signals] {
    pollfd both[2] = {{signals, POLLIN, 0}, {told, POLLIN, 0}};
    while (::poll(both, 2, -1) < 0) {
    }
    signalfd_siginfo came{};
    if (both[0].revents != 0 && ::read(signals, &came, sizeof came) == sizeof came)
      end_by(static_cast<int>(came.ssi_signo));
    ::close(signals);
  });
}

ScratchKeeper::~ScratchKeeper() {
  const std::uint64_t one = 1;
  (void)!::write(told_, &one, sizeof one);
  waiter_.join();
  ::close(told_);
  const sigset_t set = stopping();
  (void)::pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
}

}  // namespace prytany::cli
