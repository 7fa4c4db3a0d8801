// Rounds between chaos and calm: all replicas that are well run and are linked, something is lost
// among them for some milliseconds, and then nothing is, while clients say nothing. What was missed
// must be made up by the replicas alone, and soon (missed_checker.h).
#include <algorithm>
#include <utility>
#include <variant>

#include "tests/sim/world.h"

namespace prytany::sim {

namespace {

constexpr std::uint64_t settle_within_us = 10'000'000;

}  // namespace

/// What must hold of them is asked of these.
std::vector<Shown> World::shown() {
  std::vector<Shown> all;
  for (const Machine& machine : machines_) {
    if (!well(machine.id)) continue;
    const Process* process = alive(machine.id);
    if (process == nullptr) return {};
    all.push_back({machine.id, process->node().replica_status()});
  }
  return all;
}

/// All run, hear each other, are of one view and have nothing more to do.
bool World::settled(const std::vector<Shown>& all) {
  if (all.empty()) return false;
  for (const auto& [id, s] : all) {
    const pbft::ReplicaStatus& first = all.front().status;
    if (!s.active || !s.voting || s.fetching || s.waiting > 0) return false;
    if (s.view != first.view || s.executed != first.executed || s.proposed > s.executed)
      return false;
    if (s.configuration != first.configuration || alive(id)->busy_until() > queue_.now())
      return false;
    for (const Shown& other : all)
      if (other.id != id && !links_->connected(id, other.id)) return false;
  }
  return well(all.front().status.primary);
}

/// Some of what replicas, or clients, say is lost until the end of the round.
void World::lose_something() {
  const ReplicaId victim = machines_[rounds_.below(machines_.size())].id;
  Links::Pairs pairs;
  for (const Machine& other : machines_) {
    if (other.id == victim) continue;
    pairs.insert({other.id, victim});
  }
  Links::Pairs both = pairs;
  for (const auto& [from, to] : pairs) both.insert({to, from});
  hit(Fault::missed, victim);
  switch (rounds_.below(6)) {
    case 0: links_->partition("does not hear", std::move(pairs), false); break;
    case 1: links_->partition("is cut off", std::move(both), false); break;
    case 2: links_->lose(static_cast<Ppm>(rounds_.between(100'000, 700'000))); break;
    case 3:
      std::erase_if(both, [&](const auto&) { return rounds_.chance(500'000); });
      links_->partition("is half cut off", std::move(both), false);
      break;
    case 4: clients_->pass_over(victim); break;
    default: links_->lose_type(rounds_.below(common_message_types)); break;
  }
}

/// Until everybody has what there is. False: not in time, which is not for this phase to judge.
bool World::settle() {
  clients_->hush(true);
  const Time until = queue_.now() + settle_within_us;
  while (queue_.now() < until && step())
    if (settled(shown())) return true;
  return false;
}

/// Clients ask, something is lost; then all is well but that clients are silent. False: a
/// violation, or nothing left to be shown.
bool World::round() {
  const auto watch_until = [this](Time until) {
    while (queue_.now() < until && step()) checks_->missed.saw(queue_.now(), shown());
    return checks_->violations.none();
  };
  checks_->missed.begins(queue_.now());
  clients_->hush(false);
  if (!watch_until(queue_.now() + rounds_.between(5'000, 40'000))) return false;
  lose_something();
  if (!watch_until(queue_.now() + rounds_.between(5'000, 40'000))) return false;
  links_->calm();
  clients_->pass_over(std::nullopt);
  clients_->hush(true);
  std::vector<Shown> all = shown();
  if (all.empty() || !checks_->missed.quiet(queue_.now(), all, parameters_.request_timeout_us,
                                            setting_.pbft.window))
    return true;
  while (!all.empty() && !checks_->missed.judge(queue_.now(), all)) {
    if (!step()) return false;
    all = shown();
    checks_->missed.saw(queue_.now(), all);
  }
  return checks_->violations.none();
}

/// What a quorum of backups knows to be authentic gets a number, and no client need say it again.
bool World::words_are_heard() {
  while (true) {
    const std::vector<Shown> all = shown();
    if (all.empty()) return true;
    const pbft::ReplicaStatus& first = all.front().status;
    std::set<ReplicaId> backups;
    std::size_t waiting = 0;
    for (const auto& [id, s] : all) {
      if (!s.active || s.fetching || s.view != first.view) return true;
      waiting = std::max(waiting, s.waiting);
      if (id != first.primary) backups.insert(id);
    }
    const auto has_number = [this](const Digest& request) {
      return checks_->agreement.has_number(request);
    };
    checks_->missed.saw(queue_.now(), all);
    if (!well(first.primary)) return true;
    const std::uint64_t round = setting_.pbft.in_flight_max * setting_.pbft.batch_requests_max;
    if (checks_->missed.none_forgotten(queue_.now(), backups, setting_.pbft.group.quorum(),
                                       1 + waiting / round, has_number))
      return true;
    if (!checks_->violations.none() || !step()) return false;
  }
}

void World::rounds() {
  if (parameters_.rounds == 0) return;
  trace_.add(queue_.now(), "world", "is quiet, in rounds");
  quieten();
  for (const Machine& machine : machines_) {
    const ReplicaId id = machine.id;
    if (Process* process = alive(id)) {
      process->spare();
    } else {
      start(id);
    }
  }
  for (unsigned i = 0; i < parameters_.rounds && settle(); ++i) {
    checks_->missed.watch(true);
    if (!round() || !words_are_heard()) break;
    checks_->missed.watch(false);
  }
  checks_->missed.watch(false);
  clients_->hush(false);
}

}  // namespace prytany::sim
