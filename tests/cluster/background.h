// A `prytany` that goes on running while a test looks at it.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <string>
#include <utility>
#include <vector>

#include "server/net/socket.h"
#include "tests/cluster/test_cluster.h"

namespace prytany::cluster_tests {

/// A program that goes on running, with its output.
class Background {
 public:
  explicit Background(std::vector<std::string> arguments) {
    std::array<int, 2> pipe{};
    EXPECT_EQ(::pipe2(pipe.data(), O_CLOEXEC), 0);
    output_ = net::Fd(pipe[0]);
    const net::Fd write_end(pipe[1]);
    arguments.insert(arguments.begin(), program());
    std::vector<char*> words;
    for (std::string& argument : arguments) words.push_back(argument.data());
    words.push_back(nullptr);
    child_ = ::fork();
    if (child_ == 0) {
      ::dup2(write_end.get(), STDOUT_FILENO);
      ::execv(words[0], words.data());
      ::_exit(98);
    }
  }
  ~Background() {
    if (child_ > 0) end(SIGKILL);
  }
  /// Reads lines until one contains `word`; "" if the output ends before, or says nothing for a
  /// minute: a test that waits for ever names nobody.
  std::string line_with(const std::string& word) {
    constexpr int patience_ms = 60'000;
    while (true) {
      const std::size_t end = read_.find('\n');
      if (end != std::string::npos) {
        const std::string line = read_.substr(0, end);
        read_.erase(0, end + 1);
        if (line.find(word) != std::string::npos) return line;
        continue;
      }
      pollfd readable = {output_.get(), POLLIN, 0};
      const int ready = ::poll(&readable, 1, patience_ms);
      if (ready < 0 && errno == EINTR) continue;
      if (ready <= 0) return {};
      std::array<char, 4096> piece{};
      const ssize_t n = ::read(output_.get(), piece.data(), piece.size());
      if (n <= 0) return {};
      read_.append(piece.data(), static_cast<std::size_t>(n));
    }
  }
  /// Its exit code, or minus the signal that ended it.
  int end(int signal) {
    ::kill(child_, signal);
    int status = 0;
    ::waitpid(std::exchange(child_, -1), &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
  }

 private:
  pid_t child_ = -1;
  net::Fd output_;
  std::string read_;
};

}  // namespace prytany::cluster_tests
