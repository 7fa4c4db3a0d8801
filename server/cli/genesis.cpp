#include "server/cli/genesis.h"

#include <sqlite3.h>

#include "server/cli/files.h"
#include "server/crypto/agree.h"

namespace prytany::cli {

Result<wire::GenesisFile> read_genesis(const std::string& path) {
  const auto text = read_file(path);
  if (!text) return text.error();
  auto file = wire::genesis_from_json(*text);
  if (!file) return Error{path + ": " + file.error().message};
  if (auto verified = wire::verify_genesis(*file); !verified) {
    return Error{path + ": " + verified.error().message};
  }
  return file;
}

Result<std::vector<wire::StaticClient>> read_static_clients(const std::string& path) {
  const auto text = read_file(path);
  if (!text) return text.error();
  auto clients = wire::static_clients_from_json(*text);
  if (!clients) return Error{path + ": " + clients.error().message};
  return clients;
}

pbft::Group group_of(const wire::Genesis& genesis) {
  return {static_cast<unsigned>(genesis.members.size()), genesis.faults};
}

wire::Membership membership_of(const wire::Genesis& genesis) {
  wire::Membership membership;
  membership.cluster = wire::genesis_digest(genesis);
  membership.quorum = group_of(genesis).quorum();
  membership.mac_requests = genesis.mac_requests;
  membership.signed_votes = genesis.signed_votes;
  for (const wire::Member& member : genesis.members) {
    membership.replica_keys.push_back(member.key);
  }
  return membership;
}

pbft::Config config_of(const wire::Genesis& genesis, ReplicaId self) {
  pbft::Config config;
  config.group = group_of(genesis);
  config.self = self;
  config.cluster = wire::genesis_digest(genesis);
  config.checkpoint_interval = genesis.checkpoint_interval;
  config.window = genesis.window;
  config.mac_requests = genesis.mac_requests;
  config.bodies_apart = genesis.bodies_apart;
  return config;
}

app::ExecutorConfig executor_config_of(const wire::Genesis& genesis) {
  app::ExecutorConfig config;
  config.cluster = wire::genesis_digest(genesis);
  config.replica_keys = membership_of(genesis).replica_keys;
  config.weak_quorum = group_of(genesis).weak_quorum();
  config.development = genesis.development;
  config.administrators = genesis.administrators.items;
  config.approvals = genesis.approvals;
  config.checkpoint_interval = genesis.checkpoint_interval;
  config.window = genesis.window;
  config.steps_per_request_max = genesis.steps_per_request_max;
  config.sessions_max = genesis.sessions_max;
  config.session_idle_us = genesis.session_idle_us;
  config.application_pages_max = genesis.application_pages_max;
  for (const wire::StaticClient& client : genesis.clients.list)
    config.static_sessions.push_back({client.key, client.principal.text, client.role.text});
  return config;
}

std::set<std::string> origins_of(const wire::Genesis& genesis,
                                 const std::vector<std::string>& more) {
  std::set<std::string> origins(more.begin(), more.end());
  for (const wire::Member& member : genesis.members) {
    // "ws://host:port" -> "http://host:port"
    const std::string origin = "http" + member.client_url.text.substr(2);
    origins.insert(origin);
    // On one's own machine people type either name.
    const std::string loopback = "http://127.0.0.1:";
    if (origin.starts_with(loopback)) {
      origins.insert("http://localhost:" + origin.substr(loopback.size()));
    }
  }
  return origins;
}

std::string engine() { return ::sqlite3_sourceid(); }

std::string describe(const pbft::Group& group) {
  std::string text = std::to_string(group.n) + " replicas, up to " + std::to_string(group.f) +
                     " faulty, quorum " + std::to_string(group.quorum());
  if (!group.always_live()) {
    text += ". Fewer than 3f+1: safe, but not always live; the group answers while at most " +
            std::to_string(group.n - group.quorum()) + " replicas are faulty";
  }
  return text;
}

wire::Genesis new_genesis(const std::string& name, unsigned faults,
                          std::vector<wire::Member> members) {
  wire::Genesis genesis;
  genesis.name.text = name;
  genesis.nonce = crypto::random_array<16>();
  genesis.faults = faults;
  genesis.members.items = std::move(members);
  genesis.approvals = group_of(genesis).quorum();
  genesis.engine.text = engine();
  genesis.mac_requests = group_of(genesis).always_live();
  return genesis;
}

}  // namespace prytany::cli
