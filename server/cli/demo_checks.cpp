#include "server/cli/demo_checks.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <map>
#include <sstream>
#include <thread>

#include "server/net/socket.h"

namespace prytany::cli {
namespace {

constexpr auto poll_interval = std::chrono::milliseconds(200);

bool can_bind(std::uint16_t port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return false;
  const int on = 1;
  (void)::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const auto* any = reinterpret_cast<const sockaddr*>(&address);
  const bool free = ::bind(fd, any, sizeof address) == 0;
  ::close(fd);
  return free;
}

/// By a socket's name in the system's abstract namespace, which one process at a time can have, and
/// loses when it ends.
bool claim(unsigned base) {
  static std::map<unsigned, net::Fd> claimed;
  if (claimed.contains(base)) return true;
  net::Fd fd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string name = "prytany ports " + std::to_string(base);
  std::memcpy(address.sun_path + 1, name.data(), name.size());  // behind a zero: no file
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
  if (fd && ::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), size) != 0) return false;
  claimed.emplace(base, std::move(fd));
  return true;
}

std::string replicas_in_words(const std::vector<ReplicaStatus>& all) {
  std::string text;
  for (const ReplicaStatus& r : all) {
    text += (text.empty() ? "" : "; ") + std::string("replica ") + std::to_string(r.id) + " ";
    text += r.reachable ? "checkpoint " + std::to_string(r.stable_checkpoint) + " " +
                              r.state_digest.substr(0, 8)
                        : "unreachable";
  }
  return text;
}

}  // namespace

Result<std::string> output_of(const std::vector<std::string>& command) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return Error{"cannot make a pipe"};
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
  ::posix_spawn_file_actions_adddup2(&actions, ends[1], STDERR_FILENO);
  std::vector<std::string> copy = command;
  std::vector<char*> argv;
  argv.reserve(copy.size() + 1);
  for (std::string& word : copy) argv.push_back(word.data());
  argv.push_back(nullptr);
  pid_t child = 0;
  const int problem = ::posix_spawnp(&child, argv[0], &actions, nullptr, argv.data(), environ);
  ::posix_spawn_file_actions_destroy(&actions);
  ::close(ends[1]);
  std::string output;
  if (problem == 0) {
    std::array<char, 4096> buffer{};
    ssize_t got = 0;
    while ((got = ::read(ends[0], buffer.data(), buffer.size())) > 0)
      output.append(buffer.data(), static_cast<std::size_t>(got));
  }
  ::close(ends[0]);
  if (problem != 0) return Error{"cannot run " + command[0] + ": " + std::strerror(problem)};
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) return Error{command[0] + ": " + output};
  return output;
}

Result<Tally> count_with_sqlite3(const std::string& state_db, std::int64_t question) {
  const std::string sql = "SELECT candidate || ' ' || count(*) FROM choices WHERE question = " +
                          std::to_string(question) + " GROUP BY candidate";
  const auto output = output_of({"sqlite3", "-readonly", "-cmd", ".timeout 2000", state_db, sql});
  if (!output) return output.error();
  Tally tally;
  std::istringstream lines(*output);
  std::int64_t candidate = 0;
  std::int64_t votes = 0;
  while (lines >> candidate >> votes) tally[candidate] = votes;
  if (!lines.eof()) return Error{"sqlite3 printed something else than counts: " + *output};
  return tally;
}

Result<std::vector<ReplicaStatus>> wait_for_common_checkpoint(Cluster& cluster, std::uint64_t seq,
                                                              std::chrono::seconds timeout) {
  const auto until = std::chrono::steady_clock::now() + timeout;
  while (true) {
    auto all = cluster.status();
    const bool common = std::ranges::all_of(all, [&](const ReplicaStatus& r) {
      return r.reachable && r.stable_checkpoint >= seq &&
             r.stable_checkpoint == all[0].stable_checkpoint &&
             r.state_digest == all[0].state_digest;
    });
    if (common) return all;
    if (std::chrono::steady_clock::now() >= until)
      return Error{"no common stable checkpoint at or above " + std::to_string(seq) + " after " +
                   std::to_string(timeout.count()) + " s: " + replicas_in_words(all)};
    std::this_thread::sleep_for(poll_interval);
  }
}

Result<ReplicaStatus> wait_until_executed(Cluster& cluster, unsigned replica, std::uint64_t seq,
                                          std::chrono::seconds timeout) {
  const auto until = std::chrono::steady_clock::now() + timeout;
  while (true) {
    const auto all = cluster.status();
    if (all[replica].reachable && all[replica].last_executed >= seq) return all[replica];
    if (std::chrono::steady_clock::now() >= until)
      return Error{"replica " + std::to_string(replica) + " has not executed " +
                   std::to_string(seq) + " after " + std::to_string(timeout.count()) + " s, but " +
                   std::to_string(all[replica].last_executed)};
    std::this_thread::sleep_for(poll_interval);
  }
}

std::uint16_t free_base_port(std::uint16_t start, unsigned replicas) {
  constexpr unsigned step = 200;
  for (unsigned base = (start + step - 1) / step * step; base + 100 + replicas < 65'000;
       base += step) {
    bool all = true;
    for (unsigned i = 0; i < replicas && all; ++i) {
      all = can_bind(static_cast<std::uint16_t>(base + i)) &&
            can_bind(static_cast<std::uint16_t>(base + 100 + i));
    }
    // Last, since what is claimed is kept: only what is given.
    if (all && claim(base)) return static_cast<std::uint16_t>(base);
  }
  return 0;
}

}  // namespace prytany::cli
