#include "server/cli/init.h"

#include <cstdio>
#include <filesystem>
#include <memory>

#include "server/cli/files.h"
#include "server/cli/genesis.h"
#include "server/cli/operator_commands.h"
#include "server/cli/settings.h"
#include "server/cli/shell_word.h"
#include "server/crypto/key_file.h"

namespace prytany::cli {
namespace {

constexpr unsigned peer_port_offset = 100;

Status run_init(InitOptions options, const std::string& clients_file) {
  if (!clients_file.empty()) {
    auto clients = read_static_clients(clients_file);
    if (!clients) return usage_failure(clients.error().message);
    options.static_clients = std::move(*clients);
  }
  if (auto made = init_cluster(options); !made) return usage_failure(made.error().message);
  const pbft::Group group{options.replicas, options.faults};
  std::printf("%s: a cluster for development only (all its keys are in this folder)\n",
              options.folder.c_str());
  std::printf("%s\n", describe(group).c_str());
  std::printf("Start each replica: prytany replica %s\n",
              shell_word(replica_folder(options.folder, 0)).c_str());
  return {};
}

wire::Member make_member(const InitOptions& options, unsigned id, const crypto::Signer& key) {
  wire::Member member;
  member.name.text = "replica " + std::to_string(id);
  member.key = key.public_key();
  member.peer_host.text = "127.0.0.1";
  member.peer_port = static_cast<std::uint16_t>(options.base_port + peer_port_offset + id);
  member.client_url.text = "ws://127.0.0.1:" + std::to_string(options.base_port + id);
  return member;
}

Result<void> write_keys(const InitOptions& options, const std::vector<crypto::Signer>& replicas,
                        const crypto::Signer& admin) {
  if (auto made = make_folder(options.folder); !made) return made;
  for (unsigned id = 0; id < options.replicas; ++id) {
    const std::string folder = replica_folder(options.folder, id);
    if (auto made = make_folder(folder); !made) return made;
    auto written = crypto::write_key_file(folder + "/replica.key", replicas[id]);
    if (!written) return written;
  }
  return crypto::write_key_file(options.folder + "/admin.key", admin);
}

}  // namespace

std::string replica_folder(const std::string& cluster_folder, unsigned id) {
  return cluster_folder + "/replica-" + std::to_string(id);
}

Result<void> init_cluster(const InitOptions& options) {
  if (options.replicas == 0 || options.replicas > peer_port_offset) {
    return Error{"--replicas must be from 1 to " + std::to_string(peer_port_offset)};
  }
  if (options.faults >= options.replicas) {
    return Error{"--faults must be less than --replicas: otherwise there is no quorum"};
  }
  if (options.base_port == 0 || options.base_port + peer_port_offset + options.replicas > 65536) {
    return Error{"--base-port leaves no room for the ports of all replicas below 65536"};
  }
  const std::string genesis_path = options.folder + "/genesis.json";
  if (std::filesystem::exists(genesis_path)) {
    return Error{genesis_path + " exists already: choose another folder, or remove this one"};
  }
  std::vector<crypto::Signer> keys;
  std::vector<wire::Member> members;
  for (unsigned id = 0; id < options.replicas; ++id) {
    keys.push_back(crypto::Signer::generate());
    members.push_back(make_member(options, id, keys.back()));
  }
  const crypto::Signer admin = crypto::Signer::generate();
  wire::GenesisFile file{new_genesis("development", options.faults, std::move(members)), {}};
  file.genesis.development = true;
  if (options.static_clients.empty()) {
    file.genesis.administrators.items.push_back(admin.public_key());
  } else {
    std::vector<wire::StaticClient> clients = {{{"administrator"}, {"admin"}, admin.public_key()}};
    clients.insert(clients.end(), options.static_clients.begin(), options.static_clients.end());
    file.genesis.list_clients(std::move(clients));
  }
  if (options.checkpoint_interval > 0) {
    file.genesis.checkpoint_interval = options.checkpoint_interval;
    file.genesis.window = 2 * options.checkpoint_interval;
  }
  if (auto set = apply_genesis_settings(options.settings, file.genesis); !set) return set;
  const std::string json = wire::to_json(file);
  // Whatever may be refused is refused before anything is made.
  if (auto readable = wire::genesis_from_json(json); !readable) return readable.error();
  if (auto written = write_keys(options, keys, admin); !written) return written;
  // Last: a folder without it is no cluster, so an interrupted init leaves none.
  return write_new_file(genesis_path, json, 0644);
}

void add_init(arguments::Command app, Chosen& chosen) {
  auto options = std::make_shared<InitOptions>();
  arguments::Command command =
      app.add_command("init", "Make a cluster in one folder on this machine, for development only");
  command.add_option("DIR", options->folder, "The folder to make").required();
  command.add_option("--replicas", options->replicas, "n").required();
  command.add_option("--faults", options->faults, "f: replicas that may be faulty").required();
  command.add_option("--base-port", options->base_port,
                     "P: clients connect to P+i, peers to P+100+i (default 7000)");
  command.add_option("--checkpoint-interval", options->checkpoint_interval,
                     "Sequence numbers between checkpoints; the window is twice as large");
  command.add_option("--set", options->settings,
                     "key=value of genesis.json; repeatable: " + describe_genesis_settings());
  auto clients = std::make_shared<std::string>();
  command.add_option("--static-clients", *clients,
                     "File of clients that have their sessions from the beginning; nobody joins");
  command.when_chosen([&chosen, options, clients] {
    chosen.run = [options, clients] { return run_init(*options, *clients); };
  });
}

}  // namespace prytany::cli
