#include "server/cli/local_cluster.h"

#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <filesystem>

#include "server/cli/genesis.h"
#include "server/cli/http_get.h"
#include "server/cli/init.h"
#include "server/cli/pid_file.h"
#include "server/cli/shell_word.h"
#include "server/net/poller.h"

namespace prytany::cli {
namespace {

constexpr std::uint64_t stop_patience_us = 5'000'000;
constexpr std::uint64_t status_timeout_us = 1'000'000;
constexpr useconds_t ask_again_us = 20'000;

std::uint64_t now_us() { return net::SystemClock().now().value; }

/// Between fork and exec: only what is safe there.
[[noreturn]] void become(char* const* arguments, char* const* environment, pid_t parent) {
  ::prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (::getppid() != parent) ::_exit(1);  // it died before we asked to be told
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::execve(arguments[0], arguments, environment);
  ::_exit(127);
}

Error ended_at_once(const std::string& who, const std::string& how) {
  return Error{who + " ended at once (" + how + ")"};
}

std::string how_it_ended(int status) {
  if (WIFSIGNALED(status)) return "signal " + std::to_string(WTERMSIG(status));
  return "exit code " + std::to_string(WEXITSTATUS(status));
}

}  // namespace

LocalCluster::LocalCluster(Options options, wire::Genesis genesis)
    : options_(std::move(options)),
      genesis_(std::move(genesis)),
      children_(genesis_.members.size(), 0),
      lying_(genesis_.members.size(), false) {
  // Its name, not /proc/self/exe itself, so that `ps` tells people what runs.
  if (options_.program.empty()) {
    options_.program = std::filesystem::read_symlink("/proc/self/exe").string();
  }
}

Result<LocalCluster> LocalCluster::open(Options options) {
  auto file = read_genesis(options.folder + "/genesis.json");
  if (!file) return file.error();
  return LocalCluster(std::move(options), std::move(file->genesis));
}

LocalCluster::~LocalCluster() { stop(); }

Result<void> LocalCluster::start(unsigned id) {
  if (children_[id] != 0) return {};
  lying_[id] = false;
  return run(id, words(id));
}

std::vector<std::string> LocalCluster::words(unsigned id) const {
  std::vector<std::string> words = {options_.program, "replica",
                                    replica_folder(options_.folder, id), "--log",
                                    options_.log_level};
  for (const std::string& setting : options_.settings) words.push_back("--set=" + setting);
  for (const std::string& origin : options_.origins) words.push_back("--origin=" + origin);
  if (!options_.bind.empty()) words.push_back("--bind=" + options_.bind);
  return words;
}

std::string LocalCluster::command(unsigned id) const {
  std::string command;
  for (const std::string& word : words(id))
    command.append(command.empty() ? "" : " ").append(shell_word(word));
  return command;
}

Result<void> LocalCluster::start_lying(unsigned id, const std::vector<std::string>& lies) {
  ENSURE(can_lie() && children_[id] == 0);
  lying_[id] = true;
  std::vector<std::string> words = {liar_program(), replica_folder(options_.folder, id),
                                    "--program=" + options_.program, "--replica-option=--log",
                                    "--replica-option=" + options_.log_level};
  for (const std::string& setting : options_.settings) {
    words.push_back("--replica-option=--set=" + setting);
  }
  for (const std::string& origin : options_.origins) words.push_back("--origin=" + origin);
  words.insert(words.end(), lies.begin(), lies.end());
  return run(id, std::move(words));
}

std::string LocalCluster::liar_program() const {
  return std::filesystem::path(options_.program).parent_path() / "prytany-liar";
}

bool LocalCluster::can_lie() const { return ::access(liar_program().c_str(), X_OK) == 0; }

Result<void> LocalCluster::run(unsigned id, std::vector<std::string> words) {
  std::vector<char*> arguments;
  arguments.reserve(words.size() + 1);
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  std::vector<char*> environment;
  for (std::string& variable : options_.environment) environment.push_back(variable.data());
  for (char** ours = environ; *ours != nullptr; ++ours) environment.push_back(*ours);
  environment.push_back(nullptr);
  const pid_t parent = ::getpid();
  const pid_t child = ::fork();
  if (child < 0) return Error{std::string("cannot start a process: ") + std::strerror(errno)};
  if (child == 0) become(arguments.data(), environment.data(), parent);
  children_[id] = child;
  return {};
}

Result<void> LocalCluster::start_all() {
  for (unsigned id = 0; id < size(); ++id) {
    if (auto started = start(id); !started) return started;
  }
  return {};
}

Result<void> LocalCluster::wait_until_ready(std::uint64_t timeout_us) {
  const std::uint64_t deadline_us = now_us() + timeout_us;
  for (unsigned id = 0; id < size(); ++id) {
    if (children_[id] == 0) continue;
    if (auto ready = wait_for(id, deadline_us); !ready) return ready;
  }
  return {};
}

Result<void> LocalCluster::wait_for(unsigned id, std::uint64_t deadline_us) {
  const wire::HostPort address = client_address(id);
  const std::string who = "replica " + std::to_string(id);
  const std::string ours = "{\"id\":" + std::to_string(id) + ",\"cluster\":\"" +
                           wire::genesis_digest(genesis_).hex() + "\",";
  while (true) {
    const auto answer = http_get(address, "/status", status_timeout_us);
    // Another cluster on the port may answer while ours is about to end for want of it.
    std::string how;
    if (collect(id, false, &how)) return ended_at_once(who, how);
    if (answer && answer->starts_with(ours)) return {};
    if (now_us() >= deadline_us) {
      return Error{who + " does not answer at " + url(id) + ": " +
                   (answer ? "another program does" : answer.error().message)};
    }
    ::usleep(ask_again_us);
  }
}

bool LocalCluster::collect(unsigned id, bool wait, std::string* how) {
  int status = 0;
  const pid_t child = children_[id];
  if (child == 0) return false;
  pid_t got = 0;
  do {
    got = ::waitpid(child, &status, wait ? 0 : WNOHANG);
  } while (got < 0 && errno == EINTR);
  if (got != child) return false;
  children_[id] = 0;
  if (how != nullptr) *how = how_it_ended(status);
  return true;
}

void LocalCluster::signal(unsigned id, int signal) {
  if (children_[id] == 0) return;
  ::kill(children_[id], signal);
  if (signal != SIGKILL && signal != SIGTERM) return;
  collect(id, true, nullptr);
  if (lying_[id]) wait_until_folder_is_free(id);
}

/// A liar that is killed takes its replica with it, but nobody tells us when that has gone.
void LocalCluster::wait_until_folder_is_free(unsigned id) const {
  const std::string file = replica_folder(options_.folder, id) + "/pid";
  const std::uint64_t deadline_us = now_us() + stop_patience_us;
  while (!PidFile::take(file) && now_us() < deadline_us) ::usleep(ask_again_us);
}

void LocalCluster::stop() {
  for (const pid_t child : children_) {
    if (child == 0) continue;
    ::kill(child, SIGTERM);
    ::kill(child, SIGCONT);  // a paused one hears nothing
  }
  const std::uint64_t deadline_us = now_us() + stop_patience_us;
  while (running() > 0 && now_us() < deadline_us) {
    for (unsigned id = 0; id < size(); ++id) collect(id, false, nullptr);
    if (running() > 0) ::usleep(ask_again_us);
  }
  for (unsigned id = 0; id < size(); ++id) signal(id, SIGKILL);
}

std::vector<LocalCluster::Ended> LocalCluster::ended() {
  std::vector<Ended> ended;
  for (unsigned id = 0; id < size(); ++id) {
    std::string how;
    if (collect(id, false, &how)) ended.push_back({id, how});
  }
  return ended;
}

unsigned LocalCluster::running() const {
  return static_cast<unsigned>(
      std::ranges::count_if(children_, [](pid_t child) { return child != 0; }));
}

wire::HostPort LocalCluster::client_address(unsigned id) const {
  auto address = wire::client_address_from(genesis_.members.items[id].client_url.text);
  ENSURE(address.has_value());
  if (!options_.bind.empty()) address->host = options_.bind;
  return *address;
}

std::string LocalCluster::url(unsigned id) const {
  return "http" + genesis_.members.items[id].client_url.text.substr(2);
}

}  // namespace prytany::cli
