#include "server/cli/replica_process.h"

#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <memory>
#include <optional>
#include <thread>

#include "server/base/log.h"
#include "server/cli/chain_file.h"
#include "server/cli/files.h"
#include "server/cli/genesis.h"
#include "server/cli/pid_file.h"
#include "server/cli/replica_world.h"
#include "server/cli/settings.h"
#include "server/crypto/agree.h"
#include "server/crypto/key_file.h"
#include "server/store/journal_file.h"
#include "vfs/slot_file.h"
#include "vfs/state_file.h"

namespace prytany::cli {
namespace {

constexpr rlim_t descriptors_wanted = 65'536;
constexpr rlim_t descriptors_reserved = 256;

Failure no_start(const std::string& code, const Error& error) {
  if (error.disk_loss) return {ExitCode::disk_loss, "disk_loss", error.message};
  return failure(code, error);
}

// ---- What the files say -------------------------------------------------------------------------

struct Identity {
  wire::GenesisFile file;
  std::string genesis_json;
  crypto::Signer signer;
  wire::Chain chain;
  ReplicaId id;
};

constexpr std::uint64_t changes_timeout_us = 2'000'000;
constexpr auto ask_again = std::chrono::seconds(1);

std::optional<ReplicaId> member_with(const wire::Configuration& configuration,
                                     const crypto::PublicKey& key) {
  const auto found = std::ranges::find(configuration.keys.items, key);
  if (found == configuration.keys.items.end()) return std::nullopt;
  return ReplicaId{static_cast<std::uint16_t>(found - configuration.keys.items.begin())};
}

/// The key of a newer incarnation may be here long before it is a member's, and sockets and state
/// are for members. Until a signal ends us.
Status await_membership(const std::string& folder, const wire::Genesis& genesis,
                        const crypto::PublicKey& key, wire::Chain& chain) {
  auto trust = crypto::TlsTrust::create("");
  if (!trust) return no_start("tls", trust.error());
  log::info("this key is not a member yet: " + key.hex() +
            " -> ask the members every second whether it is (docs/how-to/operate.md, disk loss)");
  while (true) {
    const ConfigNumber before = chain.newest().number;
    ask_for_configurations(chain, genesis, changes_timeout_us, *trust);
    if (chain.newest().number > before) {
      if (auto saved = replace_chain(folder, chain); !saved) return no_start("disk", saved.error());
    }
    if (member_with(chain.newest(), key)) return {};
    std::this_thread::sleep_for(ask_again);
  }
}

Result<Identity, Failure> read_identity(const ReplicaOptions& options) {
  const std::string path = options.genesis.empty()
                               ? (std::filesystem::path(options.folder) / ".." / "genesis.json")
                                     .lexically_normal()
                                     .string()
                               : options.genesis;
  auto file = read_genesis(path);
  if (!file) return no_start("genesis", file.error());
  if (file->genesis.engine.text != engine()) {
    return Failure{ExitCode::failed, "engine",
                   path + " is for SQLite " + file->genesis.engine.text + ", this program has " +
                       engine() + ": replicas must all run the same engine"};
  }
  const std::string key_path = options.folder + "/replica.key";
  auto signer = crypto::read_key_file(key_path);
  if (!signer) return no_start("key", signer.error());
  auto chain = read_chain(options.folder, file->genesis);
  if (!chain) return no_start("configurations", chain.error());
  const crypto::PublicKey& key = signer->public_key();
  for (ConfigNumber i; !member_with(chain->newest(), key) && i < chain->newest().number; ++i) {
    if (!member_with(chain->at(i), key)) continue;
    return Failure{ExitCode::disk_loss, "replaced",
                   key_path +
                       " is the key of an older incarnation: its member has another one "
                       "since configuration " +
                       std::to_string(chain->newest().number.value)};
  }
  if (!member_with(chain->newest(), key)) {
    if (auto came = await_membership(options.folder, file->genesis, key, *chain); !came)
      return came.error();
  }
  const ReplicaId id = *member_with(chain->newest(), key);
  std::string json = wire::to_json(*file);
  return Identity{std::move(*file), std::move(json), *signer, *std::move(chain), id};
}

// ---- Sockets ------------------------------------------------------------------------------------

Result<wire::HostPort> listen_address(const std::string& explicit_bind, const std::string& bind,
                                      const wire::HostPort& announced) {
  if (!explicit_bind.empty()) {
    auto given = wire::address_from(explicit_bind);
    if (!given) return Error{explicit_bind + " is not HOST:PORT"};
    return *given;
  }
  if (!bind.empty()) return wire::HostPort{bind, announced.port};
  // A name may be that of a machine in front of us; a number is ours, or we could not listen on it.
  const bool numeric = net::numeric_address(announced.host, announced.port).ok();
  return wire::HostPort{numeric ? announced.host : "", announced.port};
}

struct Listeners {
  net::Fd clients;
  net::Fd peers;
};

Result<Listeners> listen(const ReplicaOptions& options, const wire::Member& self) {
  const auto client = listen_address(options.client_bind, options.bind,
                                     *wire::client_address_from(self.client_url.text));
  if (!client) return client.error();
  const auto peer =
      listen_address(options.peer_bind, options.bind, {self.peer_host.text, self.peer_port});
  if (!peer) return peer.error();
  auto clients = net::listen_on(client->host, client->port);
  if (!clients) return Error{"clients: " + clients.error().message};
  auto peers = net::listen_on(peer->host, peer->port);
  if (!peers) return Error{"replicas: " + peers.error().message};
  return Listeners{std::move(*clients), std::move(*peers)};
}

/// Of each of the four kinds of those who call at the peer port and have proven nothing. All of
/// them have an eighth of the descriptors at most, so that they cannot take those for our own
/// files.
std::size_t places_for_callers(rlim_t descriptors) {
  return std::clamp<std::size_t>(descriptors / 32, 1, net::LinksConfig{}.caller_places_max);
}

net::LinksConfig links_config(const Identity& identity, const wire::Chain& chain,
                              const app::Application* application) {
  net::LinksConfig config;
  config.self = identity.id;
  config.membership = chain.membership(chain.newest());
  config.chain = &chain;
  config.engine = engine();
  if (application != nullptr) config.engine += ", " + application->version();
  for (const wire::Member& member : identity.file.genesis.members) {
    config.peers.push_back({member.peer_host.text, member.peer_port});
  }
  rlimit limit = {};
  if (::getrlimit(RLIMIT_NOFILE, &limit) == 0) {
    config.caller_places_max = places_for_callers(limit.rlim_cur);
  }
  return config;
}

/// How many clients may be connected: what the system allows, less what we need for ourselves, so
/// that no client can keep us from opening our own files.
std::size_t places_for_clients() {
  rlimit limit = {};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return descriptors_reserved;
  // Not to the maximum: libwebsockets' tables have that many entries, and some systems allow 10^9.
  const rlim_t wanted = std::min(limit.rlim_max, descriptors_wanted);
  limit.rlim_cur = wanted;
  static_cast<void>(::setrlimit(RLIMIT_NOFILE, &limit));
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return descriptors_reserved;
  const rlim_t reserved = descriptors_reserved + 4 * places_for_callers(limit.rlim_cur);
  const rlim_t left =
      limit.rlim_cur > 2 * reserved ? limit.rlim_cur - reserved : limit.rlim_cur / 2;
  const std::size_t places = std::min<std::size_t>(left, limits::client_connections_max);
  if (places < limits::client_connections_max) {
    log::info("at most " + std::to_string(places) + " clients at a time: " +
              std::to_string(limit.rlim_cur) + " files may be open (ulimit -n)");
  }
  return places;
}

// ---- Signals ------------------------------------------------------------------------------------

/// SIGTERM and SIGINT as a descriptor. Made before any thread, so that all threads leave them to
/// it.
net::Fd stop_signals() {
  ::signal(SIGPIPE, SIG_IGN);
  sigset_t set;
  ::sigemptyset(&set);
  ::sigaddset(&set, SIGTERM);
  ::sigaddset(&set, SIGINT);
  ENSURE(::pthread_sigmask(SIG_BLOCK, &set, nullptr) == 0);
  return net::Fd(::signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC));
}

/// state.db is mapped: a page of it that the disk cannot give, or that another program cut off,
/// comes as a signal in the middle of anything. Only what POSIX allows there is done here.
void stop_on_unreadable_page() {
  struct sigaction action = {};
  action.sa_handler = [](int) {
    static constexpr std::string_view message =
        "prytany: local fault: a page of state.db cannot be read: the disk fails, or another "
        "program has cut the file; stopping\n";
    static_cast<void>(!::write(STDERR_FILENO, message.data(), message.size()));
    ::_exit(static_cast<int>(ExitCode::local_fault));
  };
  ::sigaction(SIGBUS, &action, nullptr);
}

// ---- The state ----------------------------------------------------------------------------------

/// What the disk holds, opened in the order in which it must be: members are destroyed in the
/// reverse order.
struct State {
  std::unique_ptr<node::Journal> journal;
  std::unique_ptr<vfs::StateFile> disk;
  std::unique_ptr<vfs::PageStore> store;
  std::unique_ptr<vfs::SlotFile> fetched;
  std::unique_ptr<app::Executor> executor;
  pbft::Recovered recovered;
};

/// A journal is one member's, with one key, in one cluster.
Digest owner_of(const wire::Genesis& genesis, const crypto::PublicKey& key) {
  Bytes who = to_bytes(wire::genesis_digest(genesis).view());
  who.insert(who.end(), key.bytes.begin(), key.bytes.end());
  return crypto::sha256("prytany journal of", who);
}

Result<std::unique_ptr<node::Journal>> open_journal(const std::string& folder, const Digest& owner,
                                                    pbft::Recovery& recovery) {
  const std::string path = folder + "/journal";
  if (std::filesystem::exists(folder + "/state.db") && !std::filesystem::exists(path)) {
    return Error{
        path + " is missing although " + folder +
            "/state.db exists. What this replica voted is forgotten, so it must not vote again "
            "under its key: see \"Disk loss\" in docs/how-to/operate.md",
        true};
  }
  auto disk = store::open_folder(path);
  if (!disk) return disk.error();
  auto journal = store::JournalFile::open(
      std::move(*disk), [](std::span<std::uint8_t> out) { crypto::random_bytes(out); },
      [&](pbft::JournalRecord record) { recovery.add(std::move(record)); }, owner);
  if (!journal) return journal.error();
  const store::JournalFile::Found& found = (*journal)->found();
  log::info("journal: " + std::to_string(found.records) + " records in " +
            std::to_string(found.segments) + " segments" +
            (found.bytes_cut > 0
                 ? ", " + std::to_string(found.bytes_cut) + " bytes of a torn tail cut off"
                 : ""));
  return std::unique_ptr<node::Journal>(std::move(*journal));
}

/// Without a journal, nothing tells after a restart what was voted: the folder serves one start
/// only.
Result<std::unique_ptr<node::Journal>> open_no_journal(const std::string& folder) {
  auto marked = write_new_file(folder + "/started-without-journal", "", 0644);
  if (!marked || std::filesystem::exists(folder + "/journal")) {
    return Error{folder +
                     " has been used before. With durability=none a restart counts as loss of "
                     "the disk: the member needs a new folder and a new key, see \"Disk loss\" in "
                     "docs/how-to/operate.md",
                 true};
  }
  log::warning("durability=none: a restart of this replica counts as loss of its disk");
  return std::unique_ptr<node::Journal>(std::make_unique<store::NoJournal>());
}

Result<State> open_state(const std::string& folder, const wire::Genesis& genesis,
                         const crypto::PublicKey& key, const Settings& settings, wire::Chain& chain,
                         app::Application* application) {
  State state;
  pbft::Recovery recovery;
  const bool forgot = std::filesystem::exists(folder + "/started-without-journal");
  if (settings.durability == Durability::log && forgot) {
    return Error{folder + " ran with durability=none, and a restart counts as loss of the disk",
                 true};
  }
  auto journal = settings.durability == Durability::none
                     ? open_no_journal(folder)
                     : open_journal(folder, owner_of(genesis, key), recovery);
  if (!journal) return journal.error();
  state.journal = std::move(*journal);
  auto disk = vfs::StateFile::open(folder);
  if (!disk) return disk.error();
  state.disk = std::move(*disk);
  auto store = vfs::PageStore::open(*state.disk);
  if (!store) return store.error();
  state.store = std::move(*store);
  state.fetched = std::make_unique<vfs::SlotFile>(folder);
  const Digest image = state.store->root();  // before the executor writes the genesis state
  // Before SQLite opens it: a file that was cut or changed is no database that we know.
  if (state.store->size() > 0 && !recovery.vouches_for(image)) {
    return Error{
        folder + "/state.db has digest " + image.brief() +
            ", which no certificate in the journal vouches for: the file or the journal was "
            "changed, cut or replaced. Treat this as loss of the disk: see \"Disk loss\" in "
            "docs/how-to/operate.md",
        true};
  }
  state.executor =
      std::make_unique<app::Executor>(executor_config_of(genesis), *state.store, application);
  const Seq executed = state.executor->executed();
  auto recovered = std::move(recovery).finish(
      executed, image, node::first_view(*state.executor, executed, group_of(genesis)));
  if (!recovered) return recovered.error();
  const auto completed = node::complete_chain(chain, *state.executor, *recovered);
  if (!completed) return Error{folder + ": " + completed.error().message};
  if (*completed)
    if (auto saved = replace_chain(folder, chain); !saved) return saved.error();
  state.recovered = std::move(*recovered);
  return state;
}

// ---- The loop -----------------------------------------------------------------------------------

class ReplicaProcess {
 public:
  ReplicaProcess(const std::string& folder, Identity identity, node::NodeConfig config, State state,
                 net::Poller& poller, const ReplicaOptions& options)
      : identity_(std::move(identity)),
        between_(options.between),
        application_(options.application),
        chain_file_(folder,
                    [this](const wire::Chain& chain) {
                      if (links_) links_->reconfigure(chain.membership(chain.newest()));
                    }),
        state_(std::move(state)),
        poller_(poller),
        journal_(*state_.journal, transport_),
        node_(std::move(config), identity_.signer, std::move(state_.recovered), world()),
        upstream_(node_, transport_, wire::genesis_digest(identity_.file.genesis),
                  identity_.genesis_json),
        inward_(between_ == nullptr ? static_cast<net::Upstream&>(upstream_)
                                    : between_->before(upstream_)) {
    if (const int fd = state_.store->ready_descriptor(); fd >= 0) {
      // turn() collects what it waits for; the rest is news too, and would keep us awake.
      poller_.watch(fd, EPOLLIN, [this](std::uint32_t) { disk_ = state_.store->poll_disk(); });
    }
  }
  ~ReplicaProcess() {
    transport_.unbind();
    if (const int fd = state_.store->ready_descriptor(); fd >= 0) poller_.forget(fd);
  }
  ReplicaProcess(const ReplicaProcess&) = delete;
  ReplicaProcess& operator=(const ReplicaProcess&) = delete;

  Result<void> open(Listeners listeners, net::GatewayConfig gateway) {
    links_.emplace(links_config(identity_, node_.chain(), application_), identity_.signer, poller_,
                   std::move(listeners.peers), inward_);
    auto opened =
        net::Gateway::create(std::move(gateway), poller_, std::move(listeners.clients), inward_);
    if (!opened) return opened.error();
    gateway_ = std::move(*opened);
    transport_.bind(*links_, *gateway_);
    return {};
  }

  /// Until `stopped` says so, or the disk fails.
  Result<void> run(const bool& stopped) {
    while (!stopped) {
      if (!disk_) return disk_;
      if (auto turned = node_.turn(); !turned) return turned;
      transport_.flush();
      Time due = std::min({node_.deadline(), links_->deadline(), gateway_->deadline()});
      if (between_ != nullptr) due = std::min(due, between_->deadline());
      poller_.wait(due);
      if (between_ != nullptr) between_->tick(clock_.now());
      links_->tick(clock_.now());
      gateway_->run();
    }
    return state_.journal->sync();  // not owed, but the next start has less to ask others for
  }

 private:
  node::Node::World world() {
    node::Transport& outward = between_ == nullptr ? static_cast<node::Transport&>(transport_)
                                                   : between_->before(transport_);
    return {.store = *state_.store,
            .fetched = *state_.fetched,
            .executor = *state_.executor,
            .application = application_,
            .transport = outward,
            .journal = journal_,
            .chain_file = chain_file_,
            .clock = clock_,
            .random = [](std::span<std::uint8_t> out) { crypto::random_bytes(out); },
            .on_note = [](const std::string& note,
                          bool important) { important ? log::info(note) : log::debug(note); }};
  }

  Identity identity_;
  Interposer* between_;
  app::Application* application_;
  ChainFile chain_file_;
  State state_;
  Result<void> disk_;  // the last news of the commits' thread
  net::Poller& poller_;
  net::SystemClock clock_;
  SocketTransport transport_;
  RepliesFirst journal_;
  node::Node node_;
  NodeUpstream upstream_;
  net::Upstream& inward_;
  std::optional<net::Links> links_;
  std::unique_ptr<net::Gateway> gateway_;
};

log::Level level_from(const std::string& name) {
  if (name == "debug") return log::Level::debug;
  if (name == "warning") return log::Level::warning;
  return name == "error" ? log::Level::error : log::Level::info;
}

void announce(const Identity& identity) {
  const wire::Genesis& genesis = identity.file.genesis;
  const wire::Member& self = genesis.members.items[identity.id.value];
  const pbft::Group group = group_of(genesis);
  log::info("cluster " + genesis.name.text + ", fingerprint " +
            wire::fingerprint(wire::genesis_digest(genesis)) +
            (genesis.development ? " (for development only)" : ""));
  (group.always_live() ? log::info : log::warning)(describe(group));
  log::info("clients: " + self.client_url.text + "; replicas: " + self.peer_host.text + ":" +
            std::to_string(self.peer_port));
}

}  // namespace

Status run_replica(const ReplicaOptions& options) {
  log::set_level(level_from(options.log_level));
  if (!std::filesystem::is_directory(options.folder)) {
    return usage_failure(options.folder + " is not a folder: see prytany keygen and prytany init");
  }
  auto identity = read_identity(options);
  if (!identity) return identity.error();
  log::set_name("replica " + std::to_string(identity->id.value));
  const wire::Genesis& genesis = identity->file.genesis;

  node::NodeConfig config;
  config.pbft = config_of(genesis, identity->id);
  config.pbft.notes = level_from(options.log_level) == log::Level::debug;
  config.membership = membership_of(genesis);
  const auto settings = apply_settings(options.settings, config);
  if (!settings) return usage_failure(settings.error().message);

  const auto pid = PidFile::take(options.folder + "/pid");
  if (!pid) return no_start("running", pid.error());
  const std::size_t places = places_for_clients();
  const net::Fd signals = stop_signals();
  stop_on_unreadable_page();
  auto listeners = listen(options, genesis.members.items[identity->id.value]);
  if (!listeners) return no_start("listen", listeners.error());
  auto poller = net::Poller::create();
  if (!poller) return no_start("system", poller.error());
  auto state = open_state(options.folder, genesis, identity->signer.public_key(), *settings,
                          identity->chain, options.application);
  if (!state) return no_start("state", state.error());

  announce(*identity);
  const std::string& client_url = genesis.members.items[identity->id.value].client_url.text;
  bool stopped = false;
  poller->watch(signals.get(), EPOLLIN, [&](std::uint32_t) { stopped = true; });
  net::GatewayConfig gateway;
  gateway.connections_max = places;
  gateway.connections_per_host_max = places / 2;
  gateway.origins = origins_of(genesis, options.origins);
  if (!options.tls_certificate.empty()) {
    gateway.tls = net::TlsFiles{options.tls_certificate, options.tls_key};
  } else if (client_url.starts_with("wss:")) {
    log::warning("genesis.json says " + client_url +
                 ", and there is no --tls-cert: clients reach this replica only through a proxy "
                 "that speaks TLS before it");
  }
  config.chain = identity->chain;
  ReplicaProcess process(options.folder, std::move(*identity), std::move(config), std::move(*state),
                         *poller, options);
  if (auto opened = process.open(std::move(*listeners), std::move(gateway)); !opened) {
    return no_start("gateway", opened.error());
  }
  log::info("ready");
  const Result<void> ended = process.run(stopped);
  if (!ended && ended.error().disk_loss) return no_start("", ended.error());
  if (!ended) {
    return Failure{ExitCode::local_fault, "local_fault",
                   "local fault: " + ended.error().message +
                       "; stopping, because a vote that is not on the disk must not be sent. Make "
                       "room on the disk, or mend it, and start again: nothing that was sent is "
                       "forgotten"};
  }
  log::info("stopped");
  return {};
}

}  // namespace prytany::cli
