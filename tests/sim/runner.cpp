#include "tests/sim/runner.h"

#include <poll.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <list>
#include <map>

#include "server/base/ensure.h"

namespace prytany::sim {

std::uint64_t wall_ms() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000 +
         static_cast<std::uint64_t>(now.tv_nsec) / 1'000'000;
}

namespace {

struct Child {
  Outcome outcome;
  pid_t process = 0;
  int output = -1;
  int errors = -1;
  std::uint64_t began_ms = 0;
};

Child begin(std::uint64_t seed, const RunnerOptions& options,
            const std::function<std::string(std::uint64_t)>& work) {
  std::array<int, 2> ends{};
  ENSURE(pipe(ends.data()) == 0);
  // What is buffered would be written twice.
  std::fflush(nullptr);
  Child child;
  child.outcome.seed = seed;
  child.began_ms = wall_ms();
  if (options.keeps_errors) ENSURE((child.errors = memfd_create("errors", MFD_CLOEXEC)) >= 0);
  child.process = fork();
  ENSURE(child.process >= 0);
  if (child.process > 0) {
    close(ends[1]);
    child.output = ends[0];
    return child;
  }
  close(ends[0]);
  if (options.keeps_errors) ENSURE(dup2(child.errors, STDERR_FILENO) >= 0);
  const itimerval limit{{}, {static_cast<time_t>(options.processor_seconds_max), 0}};
  ENSURE(setitimer(ITIMER_PROF, &limit, nullptr) == 0);
  alarm(10 * options.processor_seconds_max);
  const std::string output = work(seed);
  for (std::size_t at = 0; at < output.size();) {
    const ssize_t wrote = write(ends[1], output.data() + at, output.size() - at);
    if (wrote < 0 && errno != EINTR) _exit(1);
    if (wrote > 0) at += static_cast<std::size_t>(wrote);
  }
  std::fflush(nullptr);
  _exit(0);
}

/// Reads what is there. False at the end.
bool drain(Child& child) {
  std::array<char, 65536> buffer;
  const ssize_t got = read(child.output, buffer.data(), buffer.size());
  if (got < 0) return errno == EINTR;
  child.outcome.output.append(buffer.data(), static_cast<std::size_t>(got));
  return got > 0;
}

std::string errors_of(int file) {
  std::string text(static_cast<std::size_t>(lseek(file, 0, SEEK_END)), '\0');
  const ssize_t got = pread(file, text.data(), text.size(), 0);
  text.resize(got < 0 ? 0 : static_cast<std::size_t>(got));
  close(file);
  return text;
}

void end(Child& child, const RunnerOptions& options) {
  close(child.output);
  if (options.keeps_errors) child.outcome.errors = errors_of(child.errors);
  int status = 0;
  rusage used{};
  while (wait4(child.process, &status, 0, &used) < 0) ENSURE(errno == EINTR);
  const auto ms = [](const timeval& t) {
    return static_cast<std::uint64_t>(t.tv_sec) * 1'000 +
           static_cast<std::uint64_t>(t.tv_usec) / 1'000;
  };
  child.outcome.processor_ms = ms(used.ru_utime) + ms(used.ru_stime);
  child.outcome.wall_ms = wall_ms() - child.began_ms;
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return;
  child.outcome.output.clear();
  if (WIFSIGNALED(status) && (WTERMSIG(status) == SIGPROF || WTERMSIG(status) == SIGALRM)) {
    const bool stood = WTERMSIG(status) == SIGALRM;
    child.outcome.hung = true;
    child.outcome.death = "took longer than " +
                          std::to_string((stood ? 10 : 1) * options.processor_seconds_max) +
                          (stood ? " s" : " s of a processor");
  } else if (WIFSIGNALED(status)) {
    child.outcome.death = std::string("died of signal ") + strsignal(WTERMSIG(status));
  } else {
    child.outcome.death = "exited with status " + std::to_string(WEXITSTATUS(status));
  }
}

void abandon(std::list<Child>& running, const RunnerOptions& options) {
  for (Child& child : running) {
    kill(child.process, SIGKILL);
    end(child, options);
  }
}

}  // namespace

void run_seeds(std::uint64_t first, std::uint64_t last, const RunnerOptions& options,
               const std::function<std::string(std::uint64_t seed)>& work,
               const std::function<bool(const Outcome&)>& done) {
  ENSURE(first <= last && options.jobs > 0);
  std::list<Child> running;
  std::map<std::uint64_t, Outcome> ended;  // not yet handed over
  std::uint64_t next = first;
  std::uint64_t left = last - first + 1;
  for (std::uint64_t handed_over = first; handed_over <= last || !running.empty();) {
    for (; left > 0 && running.size() < options.jobs; --left)
      running.push_back(begin(next++, options, work));
    std::vector<pollfd> polled;
    for (const Child& child : running) polled.push_back({child.output, POLLIN, 0});
    if (poll(polled.data(), polled.size(), -1) < 0) ENSURE(errno == EINTR);
    std::size_t i = 0;
    for (auto it = running.begin(); it != running.end(); ++i) {
      if (polled[i].revents == 0 || drain(*it)) {
        ++it;
        continue;
      }
      end(*it, options);
      ended.emplace(it->outcome.seed, std::move(it->outcome));
      it = running.erase(it);
    }
    for (auto it = ended.begin(); it != ended.end() && it->first == handed_over;) {
      if (!done(it->second)) return abandon(running, options);
      it = ended.erase(it);
      if (handed_over++ == last) return;
    }
  }
}

}  // namespace prytany::sim
