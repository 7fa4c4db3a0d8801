#include "tests/sim/byzantine/twins.h"

#include <utility>

namespace prytany::sim {

Twins::Twins(Run run, const std::deque<Machine>& machines, Outside& outside,
             const MakeApplication& application)
    : run_(run), rng_(run.parameters.options.seed, 24), outside_(outside) {
  for (const ReplicaId id : run.parameters.twins) {
    const Machine& first = machines[id.value];
    Second& second = seconds_.try_emplace(id, first, Rng(rng_.next())).first->second;
    second.machine.may_find = {Finding::votes};
    second.machine.uptime_us = first.uptime_us;
    second.application = application();
  }
}

void Twins::start(const GroupSetting& setting, Links& links) {
  links_ = &links;
  for (auto& [id, second] : seconds_) {
    second.process =
        std::make_unique<Process>(run_, second.machine, outside_, second.application.get());
    ENSURE(second.process->start(setting));
    for (std::uint16_t i = 0; i < setting.pbft.group.n; ++i)
      if (const ReplicaId peer{i}; peer != id) give(second, peer, rng_.chance(500'000));
    turn_later(second);
  }
}

Process* Twins::of(ReplicaId id) {
  const auto found = seconds_.find(id);
  return found == seconds_.end() ? nullptr : found->second.process.get();
}

Process* Twins::for_peer(ReplicaId id, ReplicaId peer) {
  const auto found = seconds_.find(id);
  if (found == seconds_.end() || !found->second.peers.contains(peer)) return nullptr;
  return found->second.process.get();
}

void Twins::bury() {
  for (auto& [id, second] : seconds_) {
    if (second.process == nullptr || !second.process->stopped()) continue;
    run_.trace.add(run_.queue.now(), replica_name(id),
                   "loses its twin: " + second.process->why_stopped().message);
    for (const ReplicaId peer : std::set<ReplicaId>(second.peers)) give(second, peer, false);
    second.process.reset();
  }
}

void Twins::give(Second& second, ReplicaId peer, bool to_second) {
  if (second.peers.contains(peer) == to_second) return;
  const ReplicaId id = second.machine.id;
  links_->hang_up(id, peer);
  if (to_second) {
    second.peers.insert(peer);
  } else {
    second.peers.erase(peer);
  }
  links_->call(id, peer);
  ++turns_;
  run_.trace.add(
      run_.queue.now(), replica_name(id),
      (to_second ? "turns its other face to " : "turns its first face to ") + replica_name(peer));
}

/// One is given the other, or all are divided anew, or all see the same one.
void Twins::turn(Second& second) {
  const std::uint64_t how = rng_.below(10);
  const bool same = rng_.chance(500'000);
  const std::uint64_t one = rng_.below(run_.parameters.options.replicas);
  for (std::uint16_t i = 0; i < run_.parameters.options.replicas; ++i) {
    const ReplicaId peer{i};
    if (peer == second.machine.id || (how < 4 && i != one)) continue;
    give(second, peer, how < 8 ? rng_.chance(500'000) : same);
  }
}

void Twins::turn_later(Second& second) {
  run_.queue.after(1 + rng_.exponential(run_.parameters.twins_turn_every_us), [this, &second] {
    if (second.process == nullptr) return;
    turn(second);
    turn_later(second);
  });
}

}  // namespace prytany::sim
