// prytany dev: a whole cluster on this machine while an application is written.
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>

#include "server/app/folder.h"
#include "server/base/log.h"
#include "server/cli/dev_front.h"
#include "server/cli/dev_watch.h"
#include "server/cli/files.h"
#include "server/cli/genesis.h"
#include "server/cli/http_server.h"
#include "server/cli/init.h"
#include "server/cli/install.h"
#include "server/cli/local_cluster.h"
#include "server/cli/operator_commands.h"
#include "server/cli/shell_word.h"
#include "server/crypto/agree.h"
#include "server/net/poller.h"

namespace prytany::cli {
namespace {

struct DevOptions {
  InitOptions cluster;
  std::string app;
  bool watch = false;
  std::string log_level = "warning";
  std::vector<std::string> settings;
};

/// A folder that goes when we go, when the user named none.
class Folder {
 public:
  static Result<Folder> make(const std::string& wanted) {
    if (!wanted.empty()) return Folder(wanted, false);
    std::string pattern = (std::filesystem::temp_directory_path() / "prytany-dev-XXXXXX").string();
    if (::mkdtemp(pattern.data()) == nullptr) return Error{"cannot make a folder like " + pattern};
    return Folder(pattern, true);
  }
  Folder(Folder&& other) noexcept
      : path_(std::move(other.path_)), temporary_(std::exchange(other.temporary_, false)) {}
  Folder& operator=(Folder&&) = delete;
  ~Folder() {
    std::error_code ignored;
    if (temporary_) std::filesystem::remove_all(path_, ignored);
  }
  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] bool temporary() const { return temporary_; }

 private:
  Folder(std::string path, bool temporary) : path_(std::move(path)), temporary_(temporary) {}
  std::string path_;
  bool temporary_;
};

net::Fd signals() {
  sigset_t set;
  ::sigemptyset(&set);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGCHLD}) ::sigaddset(&set, signal);
  ENSURE(::sigprocmask(SIG_BLOCK, &set, nullptr) == 0);
  return net::Fd(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
}

/// The port of the page for people: beside those of the replicas if it is free.
Result<net::Fd> listen_for_people(const InitOptions& cluster) {
  constexpr unsigned beside = 199;  // peers have P+100 and on
  const unsigned port = cluster.base_port + beside;
  if (cluster.replicas < 100 && port <= 65'535) {
    auto listener = net::listen_on("127.0.0.1", static_cast<std::uint16_t>(port));
    if (listener) return listener;
  }
  return net::listen_on("127.0.0.1", 0);
}

/// Until told to stop, or the last replica has ended by itself. Restarts nothing: to see one
/// missing is what dev is for. `reinstaller` may be null.
Status watch(LocalCluster& cluster, const net::Fd& signal_fd, net::Poller& poller,
             Reinstaller* reinstaller) {
  const net::SystemClock clock;
  bool stop = false;
  poller.watch(signal_fd.get(), EPOLLIN, [&](std::uint32_t) {
    signalfd_siginfo info = {};
    while (::read(signal_fd.get(), &info, sizeof info) == static_cast<ssize_t>(sizeof info)) {
      if (info.ssi_signo != SIGCHLD) stop = true;
    }
  });
  while (!stop) {
    poller.wait(reinstaller == nullptr ? never : clock.now() + Reinstaller::look_every_us);
    const auto said = reinstaller == nullptr ? std::nullopt : reinstaller->look();
    if (said) {
      std::printf("%s\n", said->c_str());
      std::fflush(stdout);
    }
    const auto all_ended = cluster.ended();
    for (const LocalCluster::Ended& ended : all_ended) {
      if (stop) continue;
      std::fprintf(stderr, "replica %u ended (%s); start it again: %s\n", ended.id,
                   ended.how.c_str(), cluster.command(ended.id).c_str());
    }
    if (!stop && cluster.running() == 0 && !all_ended.empty()) {
      return Failure{ExitCode::failed, "ended", "all replicas have ended"};
    }
  }
  return {};
}

/// What to type in another terminal.
void say_what_next(const DevOptions& options, const std::string& folder) {
  const std::string program = shell_word(std::filesystem::read_symlink("/proc/self/exe").string());
  const std::string access = " --cluster " + shell_word(folder + "/genesis.json");
  const std::string key = shell_word(folder + "/admin.key");
  std::printf("Open that address in a browser, or type in another terminal:\n");
  std::printf("  %s status --watch%s\n", program.c_str(), access.c_str());
  std::printf("  %s sql \"SELECT datetime('now'), random()\"%s --key %s\n", program.c_str(),
              access.c_str(), key.c_str());
  if (!options.app.empty()) {
    std::printf("  %s sql %s --key %s   (a shell: .schema, .tables, .quit)\n", program.c_str(),
                access.c_str() + 1, key.c_str());
  }
  std::printf("  kill -9 $(cat %s)   (nothing is lost)\n",
              shell_word(replica_folder(folder, 2) + "/pid").c_str());
  std::printf("  sqlite3 -readonly -cmd '.timeout 2000' %s .tables\n",
              shell_word(replica_folder(folder, 1) + "/state.db").c_str());
  std::printf("Ctrl-C stops all.\n");
}

Status run_dev(DevOptions options) {
  if (options.watch && options.app.empty())
    return usage_failure("--watch needs the folder that is watched: --app DIR");
  if (!options.app.empty()) {
    // Before anything starts: what cannot be installed should not cost the start of a cluster.
    const auto bundle = app::load_application_folder(options.app);
    if (!bundle) return usage_failure(bundle.error().message);
  }
  const auto folder = Folder::make(options.cluster.folder);
  if (!folder) return usage_failure(folder.error().message);
  options.cluster.folder = folder->path();
  if (!std::filesystem::exists(folder->path() + "/genesis.json")) {
    if (auto made = init_cluster(options.cluster); !made) {
      return usage_failure(made.error().message);
    }
  }
  auto listener = listen_for_people(options.cluster);
  if (!listener) return failure("listen", listener.error());
  const std::uint16_t port = net::local_port(*listener);
  auto cluster = LocalCluster::open({folder->path(), options.settings, options.log_level,
                                     std::string(), DevFront::origins(port)});
  if (!cluster) return failure("genesis", cluster.error());
  const auto genesis = read_file(folder->path() + "/genesis.json");
  if (!genesis) return failure("genesis", genesis.error());
  const net::Fd signal_fd = signals();
  if (auto started = cluster->start_all(); !started) return failure("start", started.error());
  if (auto ready = cluster->wait_until_ready(ready_timeout_us); !ready) {
    return failure("start", ready.error());
  }
  // Knows the folder from before it is installed: an edit that comes meanwhile is one, too.
  std::optional<Reinstaller> reinstaller;
  if (options.watch)
    reinstaller.emplace(options.app, folder->path() + "/genesis.json",
                        folder->path() + "/admin.key");
  if (!options.app.empty()) {
    const Status installed = install_application(options.app, folder->path() + "/genesis.json",
                                                 folder->path() + "/admin.key");
    if (!installed) return installed;
  }
  std::printf("%s\n", describe(group_of(cluster->genesis())).c_str());
  std::printf("folder %s%s\n", folder->path().c_str(),
              folder->temporary() ? " (removed at the end; --dir keeps one)" : "");
  auto poller = net::Poller::create();
  if (!poller) return failure("system", poller.error());
  DevFront front(*cluster, {port, to_hex(crypto::random_array<16>()), *genesis});
  const HttpServer server(*poller, std::move(*listener),
                          [&](const HttpRequest& request, std::uint64_t) {
                            return std::optional(front.answer(request));
                          });
  std::printf("replicas %s ... %s\n", cluster->url(0).c_str(),
              cluster->url(cluster->size() - 1).c_str());
  std::printf("READY %s\n", front.url().c_str());
  say_what_next(options, folder->path());
  std::fflush(stdout);
  return watch(*cluster, signal_fd, *poller, reinstaller ? &*reinstaller : nullptr);
}

}  // namespace

void add_dev(arguments::Command app, Chosen& chosen) {
  auto options = std::make_shared<DevOptions>();
  arguments::Command command = app.add_command(
      "dev", "Run a cluster on this machine, with an application, until Ctrl-C; for development");
  command.add_option("--app", options->app, "Folder of the application to install");
  command.add_flag("--watch", options->watch,
                   "Install the application again whenever its folder changes");
  command.add_option("--replicas", options->cluster.replicas, "n (default 4)");
  command.add_option("--faults", options->cluster.faults, "f (default 1)");
  command.add_option(
      "--dir", options->cluster.folder,
      "Folder of the cluster, made if missing, kept at the end (default: a temporary "
      "one)");
  command.add_option("--base-port", options->cluster.base_port,
                     "P: clients connect to P+i, peers to P+100+i (default 7000)");
  command.add_option("--set", options->settings, "key=value for every replica; repeatable");
  command.add_option("--log", options->log_level, "What the replicas log")
      .one_of({"debug", "info", "warning", "error"});
  add_json_flag(command, chosen);
  command.when_chosen([&chosen, options] { chosen.run = [options] { return run_dev(*options); }; });
}

}  // namespace prytany::cli
