#include "tests/cluster/test_cluster.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>

#include "server/cli/demo_checks.h"
#include "server/cli/init.h"

namespace prytany::cluster_tests {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t ready_timeout_us = 60'000'000;
constexpr std::chrono::seconds state_timeout{60};

std::string content(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

template <class T>
void must(const Result<T>& result) {
  if (!result) throw std::runtime_error(result.error().message);
}

}  // namespace

TestFolder::TestFolder() : path_((fs::temp_directory_path() / "prytany-test-XXXXXX").string()) {
  if (::mkdtemp(path_.data()) == nullptr) throw std::runtime_error("no temporary folder");
}
TestFolder::~TestFolder() {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

std::string program(const std::string& name) {
  return fs::read_symlink("/proc/self/exe").parent_path() / name;
}

TestCluster::TestCluster(Shape shape) : shape_(std::move(shape)) {
  cli::InitOptions init;
  init.folder = folder();
  init.replicas = shape_.replicas;
  init.faults = shape_.faults;
  init.checkpoint_interval = shape_.checkpoint_interval;
  init.static_clients = shape_.static_clients;
  if (shape_.signed_requests) init.settings.emplace_back("requests=signed");
  base_port_ = cli::free_base_port(22000, shape_.replicas);
  init.base_port = base_port_;
  must(cli::init_cluster(init));
  if (shape_.address) give_addresses();
  auto opened =
      cli::LocalCluster::open({folder(), shape_.settings, "warning", program(shape_.program)});
  must(opened);
  servers_ = std::make_unique<cli::LocalCluster>(std::move(*opened));
  for (unsigned id = 0; id < size(); ++id) start_without_waiting(id);
  must(servers_->wait_until_ready(ready_timeout_us));
}

/// The genesis of a development cluster is signed by nobody, so it may be edited before the start.
void TestCluster::give_addresses() {
  std::string text = content(genesis());
  for (unsigned id = 0; id < shape_.replicas; ++id) {
    for (const unsigned port : {base_port_ + id, base_port_ + 100 + id}) {
      const std::string local = "127.0.0.1:" + std::to_string(port);
      const std::size_t at = text.find(local);
      if (at == std::string::npos) throw std::runtime_error("no " + local + " in genesis.json");
      text.replace(at, local.size(), shape_.address(id) + ":" + std::to_string(port));
    }
  }
  std::ofstream(genesis()) << text;
}

void TestCluster::kill(unsigned replica) { servers_->signal(replica, SIGKILL); }

std::string TestCluster::wait_for_end(unsigned replica) {
  for (int i = 0; i < 6000; ++i) {
    for (const auto& ended : servers_->ended())
      if (ended.id == replica) return ended.how;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return "still running";
}

void TestCluster::start_without_waiting(unsigned replica) {
  const auto start = [&] { must(servers_->start(replica)); };
  if (shape_.inside) {
    shape_.inside(replica, start);
  } else {
    start();
  }
}

void TestCluster::restart(unsigned replica) {
  start_without_waiting(replica);
  must(servers_->wait_until_ready(ready_timeout_us));
}

void TestCluster::lie(unsigned replica, const std::vector<std::string>& lies) {
  servers_->signal(replica, SIGTERM);
  must(servers_->start_lying(replica, lies));
  must(servers_->wait_until_ready(ready_timeout_us));
}

void TestCluster::tell_the_truth(unsigned replica) {
  servers_->signal(replica, SIGTERM);
  restart(replica);
}

Options TestCluster::admin(const std::string& name) const {
  Options options;
  options.genesis = genesis();
  options.credential = Credential::file(admin_key());
  options.name = name;
  options.timeout = std::chrono::seconds(30);
  return options;
}

void TestCluster::expect_one_state(std::uint64_t seq) const {
  Cluster cluster(genesis());
  const auto common = cli::wait_for_common_checkpoint(cluster, seq, state_timeout);
  EXPECT_TRUE(common.ok()) << common.error().message;
}

Ran run(const std::vector<std::string>& arguments, const std::string& input,
        const std::string& program_name) {
  const TestFolder scratch;
  const fs::path folder = scratch.path();
  std::ofstream(folder / "in") << input;
  const pid_t child = ::fork();
  if (child == 0) {
    const auto redirect = [&](const char* name, int flags, int target) {
      const int fd = ::open((folder / name).c_str(), flags, 0600);
      if (fd < 0 || ::dup2(fd, target) < 0) ::_exit(99);
    };
    redirect("in", O_RDONLY, STDIN_FILENO);
    redirect("out", O_WRONLY | O_CREAT, STDOUT_FILENO);
    redirect("err", O_WRONLY | O_CREAT, STDERR_FILENO);
    const std::string path = program(program_name);
    std::vector<const char*> argv = {path.c_str()};
    for (const std::string& argument : arguments) argv.push_back(argument.c_str());
    argv.push_back(nullptr);
    // execv takes what it does not change as if it did.
    ::execv(path.c_str(), const_cast<char* const*>(argv.data()));
    ::_exit(98);
  }
  int status = 0;
  EXPECT_EQ(::waitpid(child, &status, 0), child);
  return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, content(folder / "out"),
          content(folder / "err")};
}

}  // namespace prytany::cluster_tests
