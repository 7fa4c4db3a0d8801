// prytany genesis assemble | sign | verify: how organisations agree on what a cluster is.
#include <cstdio>
#include <memory>

#include <nlohmann/json.hpp>

#include "server/cli/files.h"
#include "server/cli/genesis.h"
#include "server/cli/operator_commands.h"
#include "server/cli/settings.h"
#include "server/crypto/key_file.h"
#include "server/wire/genesis.h"

namespace prytany::cli {
namespace {

// ---- assemble -----------------------------------------------------------------------------------

struct Assemble {
  std::vector<std::string> members;
  unsigned faults = 0;
  std::string name;
  std::string out;
  std::vector<std::string> administrators;
  unsigned approvals = 0;
  std::uint64_t checkpoint_interval = limits::checkpoint_interval_default;
  std::uint64_t window = limits::window_default;
  bool development = false;
  std::vector<std::string> settings;
  std::string static_clients;
};

Result<crypto::PublicKey> key_from_hex(const std::string& hex) {
  const auto bytes = from_hex(hex);
  const auto key = bytes ? crypto::public_key_from(*bytes) : std::nullopt;
  if (!key) return Error{"--administrator " + hex + " is not an Ed25519 public key in hex"};
  return *key;
}

Status assemble(const Assemble& options) {
  std::vector<wire::Member> members;
  for (const std::string& path : options.members) {
    const auto text = read_file(path);
    if (!text) return usage_failure(text.error().message);
    auto member = wire::member_from_json(*text);
    if (!member) return usage_failure(path + ": " + member.error().message);
    members.push_back(std::move(*member));
  }
  wire::GenesisFile file{new_genesis(options.name, options.faults, std::move(members)), {}};
  file.genesis.development = options.development;
  file.genesis.checkpoint_interval = options.checkpoint_interval;
  file.genesis.window = options.window;
  if (options.approvals > 0) file.genesis.approvals = options.approvals;
  for (const std::string& hex : options.administrators) {
    auto key = key_from_hex(hex);
    if (!key) return usage_failure(key.error().message);
    file.genesis.administrators.items.push_back(*key);
  }
  if (auto set = apply_genesis_settings(options.settings, file.genesis); !set) {
    return usage_failure(set.error().message);
  }
  if (!options.static_clients.empty()) {
    auto clients = read_static_clients(options.static_clients);
    if (!clients) return usage_failure(clients.error().message);
    file.genesis.list_clients(std::move(*clients));
  }
  const std::string json = wire::to_json(file);
  if (auto readable = wire::genesis_from_json(json); !readable) {
    return usage_failure(readable.error().message);
  }
  if (auto written = write_new_file(options.out, json, 0644); !written) {
    return usage_failure(written.error().message);
  }
  const Digest digest = wire::genesis_digest(file.genesis);
  std::printf("%s: %s\n", options.out.c_str(), describe(group_of(file.genesis)).c_str());
  std::printf("fingerprint %s\n", wire::fingerprint(digest).c_str());
  if (!options.development) {
    std::printf("Every member now runs: prytany genesis sign --key replica.key %s\n",
                options.out.c_str());
  }
  return {};
}

// ---- sign ---------------------------------------------------------------------------------------

struct Sign {
  std::string key;
  std::string file;
};

Status sign(const Sign& options) {
  const auto text = read_file(options.file);
  if (!text) return usage_failure(text.error().message);
  auto file = wire::genesis_from_json(*text);
  if (!file) return usage_failure(options.file + ": " + file.error().message);
  const auto key = crypto::read_key_file(options.key);
  if (!key) return usage_failure(key.error().message);

  const auto& members = file->genesis.members.items;
  const auto self = std::ranges::find(members, key->public_key(), &wire::Member::key);
  if (self == members.end()) {
    return usage_failure(options.key + " is the key of no member of " + options.file);
  }
  const ReplicaId id{static_cast<std::uint16_t>(self - members.begin())};
  auto& signatures = file->signatures.items;
  std::erase_if(signatures, [&](const wire::SignerAndSignature& s) { return s.signer == id; });
  const Digest digest = wire::genesis_digest(file->genesis);
  signatures.push_back({id, key->sign(wire::genesis_signed_bytes(digest))});
  std::ranges::sort(signatures, {}, &wire::SignerAndSignature::signer);
  if (auto written = replace_file(options.file, wire::to_json(*file)); !written) {
    return failure("write", written.error());
  }
  std::printf("signed as member %u (%s), %zu of %zu signatures\n", id.value,
              self->name.text.c_str(), signatures.size(), members.size());
  std::printf("fingerprint %s\n", wire::fingerprint(digest).c_str());
  std::printf("Compare it with the others by another way than the one this file came by.\n");
  return {};
}

// ---- verify -------------------------------------------------------------------------------------

void print_for_people(const wire::GenesisFile& file) {
  const wire::Genesis& genesis = file.genesis;
  std::printf("cluster     %s%s\n", genesis.name.text.c_str(),
              genesis.development ? " (for development only: one key rules it)" : "");
  std::printf("fingerprint %s\n", wire::fingerprint(wire::genesis_digest(genesis)).c_str());
  std::printf("group       %s\n", describe(group_of(genesis)).c_str());
  if (!genesis.development) {
    std::printf("rules       changed by %u of %zu members\n", genesis.approvals,
                genesis.members.size());
  }
  std::printf("requests    %s\n",
              genesis.mac_requests ? "mac: tagged for each replica, or signed" : "signed");
  std::printf("votes       %s\n", genesis.signed_votes ? "signed" : "mac");
  std::printf("bodies      %s\n", genesis.bodies_apart ? "clients send them to all replicas"
                                                       : "the primary sends them to all");
  std::printf("engine      SQLite %s%s\n", genesis.engine.text.c_str(),
              genesis.engine.text == engine() ? "" : " (NOT this program's: it will not start)");
  for (std::size_t i = 0; i < genesis.members.size(); ++i) {
    const wire::Member& m = genesis.members.items[i];
    std::printf("replica %-3zu %s  peers %s:%u  clients %s  key %s\n", i, m.name.text.c_str(),
                m.peer_host.text.c_str(), m.peer_port, m.client_url.text.c_str(),
                m.key.hex().c_str());
  }
  for (const crypto::PublicKey& key : genesis.administrators) {
    std::printf("administrator %s\n", key.hex().c_str());
  }
  if (genesis.is_static()) std::printf("clients     only these, nobody joins:\n");
  for (const wire::StaticClient& client : genesis.clients.list) {
    std::printf("client      %s  role %s  key %s\n", client.principal.text.c_str(),
                client.role.text.c_str(), client.key.hex().c_str());
  }
}

void print_for_programs(const wire::GenesisFile& file) {
  const wire::Genesis& genesis = file.genesis;
  nlohmann::json members = nlohmann::json::array();
  for (const wire::Member& m : genesis.members.items) {
    members.push_back({{"name", m.name.text},
                       {"key", m.key.hex()},
                       {"peer", m.peer_host.text + ":" + std::to_string(m.peer_port)},
                       {"client", m.client_url.text}});
  }
  nlohmann::json administrators = nlohmann::json::array();
  for (const crypto::PublicKey& key : genesis.administrators) administrators.push_back(key.hex());
  nlohmann::json clients = nlohmann::json::array();
  for (const wire::StaticClient& client : genesis.clients.list)
    clients.push_back({{"principal", client.principal.text},
                       {"role", client.role.text},
                       {"key", client.key.hex()}});
  const nlohmann::json said = {{"cluster", genesis.name.text},
                               {"fingerprint", wire::fingerprint(wire::genesis_digest(genesis))},
                               {"development", genesis.development},
                               {"faults", genesis.faults},
                               {"approvals", genesis.approvals},
                               {"engine", genesis.engine.text},
                               {"requests", genesis.mac_requests ? "mac" : "signed"},
                               {"votes", genesis.signed_votes ? "signed" : "mac"},
                               {"dissemination", genesis.bodies_apart ? "all" : "primary"},
                               {"members", members},
                               {"administrators", administrators},
                               {"clients", clients},
                               {"signatures", file.signatures.size()}};
  std::printf("%s\n", said.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace).c_str());
}

Status verify(const std::string& path, bool json) {
  const auto text = read_file(path);
  if (!text) return usage_failure(text.error().message);
  const auto file = wire::genesis_from_json(*text);
  if (!file) return Failure{ExitCode::failed, "genesis", path + ": " + file.error().message};
  if (!json) print_for_people(*file);
  // What fails is not shown to a program as if it held.
  if (auto verified = wire::verify_genesis(*file); !verified) {
    return Failure{ExitCode::failed, "genesis", path + ": " + verified.error().message};
  }
  if (json) {
    print_for_programs(*file);
  } else {
    std::printf("signatures  %zu of %zu, all good\n", file->signatures.size(),
                file->genesis.members.size());
  }
  return {};
}

void add_assemble(arguments::Command genesis, Chosen& chosen) {
  auto options = std::make_shared<Assemble>();
  arguments::Command command =
      genesis.add_command("assemble", "Make a genesis.json of member.json files");
  command.add_option("MEMBER", options->members, "member.json files, in the order of replica ids")
      .required();
  command.add_option("--faults", options->faults, "f: replicas that may be faulty").required();
  command.add_option("--name", options->name, "The cluster, for people").required();
  command.add_option("--out", options->out, "The file to write").required();
  command.add_option("--administrator", options->administrators,
                     "Public key (hex) of someone who joins with the role admin; repeatable");
  command.add_option("--approvals", options->approvals,
                     "Members whose approval changes the rules (default: a quorum)");
  command.add_option("--checkpoint-interval", options->checkpoint_interval,
                     "Sequence numbers between checkpoints");
  command.add_option("--window", options->window,
                     "Sequence numbers open at a time, at least twice the interval");
  command.add_option("--set", options->settings,
                     "key=value; repeatable: " + describe_genesis_settings());
  command.add_option("--static-clients", options->static_clients,
                     "File of clients that have their sessions from the beginning; nobody joins");
  command.add_flag("--development", options->development,
                   "One key may install applications; no signatures needed");
  command.when_chosen(
      [&chosen, options] { chosen.run = [options] { return assemble(*options); }; });
}

void add_sign(arguments::Command genesis, Chosen& chosen) {
  auto options = std::make_shared<Sign>();
  arguments::Command command =
      genesis.add_command("sign", "Sign a genesis.json as one of its members");
  command.add_option("--key", options->key, "The member's replica.key").required();
  command.add_option("FILE", options->file, "genesis.json, rewritten with the signature")
      .required();
  command.when_chosen([&chosen, options] { chosen.run = [options] { return sign(*options); }; });
}

void add_verify(arguments::Command genesis, Chosen& chosen) {
  auto file = std::make_shared<std::string>();
  arguments::Command command =
      genesis.add_command("verify", "Check a genesis.json and show what it says");
  command.add_option("FILE", *file, "genesis.json").required();
  add_json_flag(command, chosen);
  command.when_chosen(
      [&chosen, file] { chosen.run = [file, &chosen] { return verify(*file, chosen.json); }; });
}

}  // namespace

void add_genesis(arguments::Command app, Chosen& chosen) {
  arguments::Command genesis =
      app.add_command("genesis", "Make, sign and check the file that defines a cluster");
  genesis.requires_command();
  add_assemble(genesis, chosen);
  add_sign(genesis, chosen);
  add_verify(genesis, chosen);
}

}  // namespace prytany::cli
