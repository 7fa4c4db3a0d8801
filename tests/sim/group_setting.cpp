#include "tests/sim/group_setting.h"

namespace prytany::sim {

GroupSetting setting_from(const wire::Genesis& genesis) {
  GroupSetting setting;
  const Digest cluster = wire::genesis_digest(genesis);
  setting.engine = genesis.engine.text;

  pbft::Config& core = setting.pbft;
  core.group = {static_cast<unsigned>(genesis.members.size()), genesis.faults};
  core.cluster = cluster;
  core.checkpoint_interval = genesis.checkpoint_interval;
  core.window = genesis.window;
  core.mac_requests = genesis.mac_requests;
  core.bodies_apart = genesis.bodies_apart;

  wire::Membership& membership = setting.membership;
  membership.cluster = cluster;
  membership.quorum = core.group.quorum();
  membership.mac_requests = genesis.mac_requests;
  membership.signed_votes = genesis.signed_votes;
  for (const wire::Member& member : genesis.members) membership.replica_keys.push_back(member.key);

  app::ExecutorConfig& executor = setting.executor;
  executor.cluster = cluster;
  executor.replica_keys = membership.replica_keys;
  executor.weak_quorum = core.group.weak_quorum();
  executor.development = genesis.development;
  executor.approvals = genesis.approvals;
  executor.administrators = genesis.administrators.items;
  executor.checkpoint_interval = genesis.checkpoint_interval;
  executor.window = genesis.window;
  executor.steps_per_request_max = genesis.steps_per_request_max;
  executor.sessions_max = genesis.sessions_max;
  executor.session_idle_us = genesis.session_idle_us;
  executor.application_pages_max = genesis.application_pages_max;
  for (const wire::StaticClient& client : genesis.clients.list)
    executor.static_sessions.push_back({client.key, client.principal.text, client.role.text});
  return setting;
}

}  // namespace prytany::sim
