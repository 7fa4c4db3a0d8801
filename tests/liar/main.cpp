// prytany-liar: a Byzantine replica, as far as its clients can see. Only for tests and for showing;
// it is never installed.
#include <sys/epoll.h>
#include <sys/signalfd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <memory>

#include "server/arguments/arguments.h"
#include "server/base/log.h"
#include "server/cli/genesis.h"
#include "server/cli/replica_process.h"
#include "server/cli/settings.h"
#include "server/crypto/key_file.h"
#include "tests/liar/peer_liar.h"
#include "tests/liar/relay.h"
#include "tests/liar/true_replica.h"

namespace prytany::liar {
namespace {

constexpr std::uint64_t ready_timeout_us = 60'000'000;

constexpr const char* purpose =
    "Speaks for one replica with its real key, and lies to clients.\n\n"
    "It is for tests, and to show people what a dishonest server can and cannot do. It runs the\n"
    "true replica (DIR is its folder) on another port and stands in front of it: what goes to\n"
    "clients is altered, signed and tagged rightly, so that only the other replicas' answers can\n"
    "show the lie. Whatever it can make up it says at once, before any honest replica answers.\n"
    "Towards the other replicas the true replica speaks for itself; or else, with the lies that\n"
    "are for replicas, it runs that replica in this process, and changes what leaves it.";

struct Options {
  std::string folder;
  std::string genesis;
  std::string program;
  std::vector<std::string> told;
  std::vector<std::string> procedures;
  std::vector<std::string> columns;
  std::uint64_t every = 1;
  std::string code = "already_voted";
  std::vector<std::string> origins;
  std::vector<std::string> rest;  // for `prytany replica`
  std::uint64_t delay_ms = 350;
  std::uint64_t per_second = 4'000;
};

const std::map<std::string, Lie> names = {
    {"tally", Lie::tally},   {"receipt", Lie::receipt}, {"refusal", Lie::refusal},
    {"join", Lie::join},     {"token", Lie::token},     {"ended", Lie::ended},
    {"status", Lie::status}, {"pages", Lie::pages},     {"silence", Lie::silence}};

const std::map<std::string, PeerLie> peer_names = {{"equivocate", PeerLie::equivocate},
                                                   {"withhold", PeerLie::withhold},
                                                   {"slow", PeerLie::slow},
                                                   {"poison", PeerLie::poison},
                                                   {"view-changes", PeerLie::view_changes},
                                                   {"flood", PeerLie::flood},
                                                   {"checkpoints", PeerLie::checkpoints},
                                                   {"fetches", PeerLie::fetches},
                                                   {"abstain", PeerLie::abstain},
                                                   {"heavy", PeerLie::heavy}};

std::set<std::string> all_names() {
  std::set<std::string> all;
  for (const auto& [name, lie] : names) all.insert(name);
  for (const auto& [name, lie] : peer_names) all.insert(name);
  return all;
}

void add_options(arguments::Command app, Options& options) {
  const std::set<std::string> all = all_names();
  app.add_option("DIR", options.folder, "The replica's folder, with its key").required();
  app.add_option(
         "--lie", options.told,
         "What to lie about; repeatable: tally (numbers in results), receipt (texts in "
         "results), refusal (an error in place of a result), join (another session), token "
         "(join tokens that have expired), ended (the session has ended), status (its own "
         "state), pages (genesis.json and the application's pages), silence (no answers). To "
         "replicas: equivocate (two proposals for one number), withhold (one replica gets "
         "no batches), slow (proposals just before patience ends), poison (parts of "
         "states), view-changes (unasked), flood (small messages), checkpoints (signatures to "
         "check), fetches (questions with large answers), abstain (no votes), heavy (one "
         "replica gets frames that take long to look at)")
      .required()
      .type_name("LIE")
      .one_of({all.begin(), all.end()});
  app.add_option("--procedure", options.procedures, "Only about this procedure; repeatable");
  app.add_option("--column", options.columns, "Only in this column of results; repeatable");
  app.add_option("--every", options.every, "Only about each N-th question").positive();
  app.add_option("--code", options.code, "The error code that `refusal` makes up").shows_default();
  app.add_option("--delay-ms", options.delay_ms, "How late `slow` proposes").shows_default();
  app.add_option("--per-second", options.per_second,
                 "Messages of `flood` and `checkpoints` to each replica")
      .shows_default();
  app.add_option("--genesis", options.genesis, "Default: genesis.json beside DIR");
  app.add_option("--program", options.program, "Default: the `prytany` beside this program");
  app.add_option("--origin", options.origins, "As of prytany replica; repeatable");
  app.add_option("--replica-option", options.rest,
                 "Passed on to prytany replica, word by word; repeatable");
}

int fail(const std::string& why) {
  std::fprintf(stderr, "prytany-liar: %s\n", why.c_str());
  return 1;
}

net::Fd signals() {
  ::signal(SIGPIPE, SIG_IGN);
  sigset_t set;
  ::sigemptyset(&set);
  for (const int signal : {SIGINT, SIGTERM, SIGCHLD}) ::sigaddset(&set, signal);
  ENSURE(::sigprocmask(SIG_BLOCK, &set, nullptr) == 0);
  return net::Fd(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
}

/// A port that was free a moment ago.
Result<std::uint16_t> free_port() {
  const auto listener = net::listen_on("127.0.0.1", 0);
  if (!listener) return listener.error();
  return net::local_port(*listener);
}

Result<Relay::Setting> read_setting(const Options& options) {
  auto genesis = cli::read_genesis(options.genesis);
  if (!genesis) return genesis.error();
  const auto signer = crypto::read_key_file(options.folder + "/replica.key");
  if (!signer) return signer.error();
  const auto& members = genesis->genesis.members.items;
  const auto self = std::ranges::find(members, signer->public_key(), &wire::Member::key);
  if (self == members.end()) return Error{options.folder + " holds the key of no member"};
  const auto port = free_port();
  if (!port) return port.error();
  const ReplicaId id{static_cast<std::uint16_t>(self - members.begin())};
  Lies lies;
  for (const std::string& word : options.told)
    if (names.contains(word)) lies.told.insert(names.at(word));
  lies.procedures.insert(options.procedures.begin(), options.procedures.end());
  lies.columns.insert(options.columns.begin(), options.columns.end());
  lies.every = options.every;
  lies.code = options.code;
  return Relay::Setting{id, *signer, std::move(*genesis), {"127.0.0.1", *port}, std::move(lies)};
}

std::vector<std::string> replica_command(const Options& options, std::uint16_t port) {
  std::vector<std::string> command = {options.program,
                                      "replica",
                                      options.folder,
                                      "--genesis",
                                      options.genesis,
                                      "--client-bind",
                                      "127.0.0.1:" + std::to_string(port)};
  command.insert(command.end(), options.rest.begin(), options.rest.end());
  return command;
}

int serve(const Options& options, Relay::Setting setting) {
  const net::Fd signal_fd = signals();
  const wire::Genesis genesis = setting.genesis.genesis;
  const auto truth = setting.truth;
  const auto address =
      wire::client_address_from(genesis.members.items[setting.self.value].client_url.text);
  ENSURE(address.has_value());
  auto listener = net::listen_on(address->host, address->port);
  if (!listener) return fail(listener.error().message);
  auto replica = TrueReplica::start(replica_command(options, truth.port));
  if (!replica) return fail(replica.error().message);
  if (auto ready = replica->wait_until_ready(truth, ready_timeout_us); !ready)
    return fail("the true replica does not serve: " + ready.error().message);
  auto poller = net::Poller::create();
  if (!poller) return fail(poller.error().message);
  log::set_name("liar " + std::to_string(setting.self.value));
  Relay relay(std::move(setting), *poller);
  net::GatewayConfig config;
  config.origins = cli::origins_of(genesis, options.origins);
  auto gateway = net::Gateway::create(std::move(config), *poller, std::move(*listener), relay);
  if (!gateway) return fail(gateway.error().message);
  relay.bind(**gateway);
  bool stop = false;
  std::optional<int> ended;
  poller->watch(signal_fd.get(), EPOLLIN, [&](std::uint32_t) {
    signalfd_siginfo info = {};
    while (::read(signal_fd.get(), &info, sizeof info) == static_cast<ssize_t>(sizeof info)) {
      if (info.ssi_signo != SIGCHLD) stop = true;
    }
    ended = replica->ended();
  });
  while (!stop && !ended) {
    (*gateway)->flush();
    poller->wait((*gateway)->deadline());
    (*gateway)->run();
  }
  relay.unbind();
  return ended.value_or(0);
}

/// The words that follow `prytany replica DIR`, as far as a test needs them.
Result<cli::ReplicaOptions> replica_options(const Options& options) {
  cli::ReplicaOptions replica;
  replica.folder = options.folder;
  replica.genesis = options.genesis;
  replica.origins = options.origins;
  arguments::Program app("");
  app.add_option("--set", replica.settings);
  app.add_option("--log", replica.log_level);
  if (const auto ended = app.parse(options.rest))
    return Error{"--replica-option: " + ended->reason};
  return replica;
}

/// Lies to replicas: it is the replica itself, with somebody before its mouth.
int serve_peers(const Options& options, const Relay::Setting& setting) {
  auto replica = replica_options(options);
  if (!replica) return fail(replica.error().message);
  const wire::Genesis& genesis = setting.genesis.genesis;
  PeerLiar::Setting how{cli::group_of(genesis), setting.self, wire::genesis_digest(genesis),
                        setting.signer,         {},           options.delay_ms * 1'000,
                        options.per_second};
  for (const std::string& word : options.told) how.lies.insert(peer_names.at(word));
  PeerLiar liar(std::move(how));
  replica->between = &liar;
  const cli::Status ended = cli::run_replica(*replica);
  return ended.ok() ? 0 : fail(ended.error().message);
}

int run(int argc, char** argv) {
  Options options;
  arguments::Program app(purpose, "prytany-liar");
  add_options(app, options);
  if (const auto ended = app.parse(argc, argv)) return print(*ended);
  const std::filesystem::path folder = options.folder;
  if (options.genesis.empty())
    options.genesis = (folder / ".." / "genesis.json").lexically_normal().string();
  if (options.program.empty()) {
    options.program =
        (std::filesystem::read_symlink("/proc/self/exe").parent_path() / "prytany").string();
  }
  auto setting = read_setting(options);
  if (!setting) return fail(setting.error().message);
  const auto to_peers = [](const std::string& word) { return peer_names.contains(word); };
  if (std::ranges::all_of(options.told, to_peers)) return serve_peers(options, *setting);
  if (std::ranges::any_of(options.told, to_peers))
    return fail("one liar lies to clients or to replicas, not to both");
  return serve(options, std::move(*setting));
}

}  // namespace
}  // namespace prytany::liar

int main(int argc, char** argv) { return prytany::liar::run(argc, argv); }
