// What befalls processes, network and clocks while chaos lasts.
#include <algorithm>
#include <array>
#include <limits>
#include <utility>
#include <variant>

#include "tests/sim/atlas.h"
#include "tests/sim/world.h"

namespace prytany::sim {

namespace {

constexpr std::size_t message_types = std::variant_size_v<wire::PeerMessage>;
static_assert(message_types == common_message_types + 2);

}  // namespace

void World::unleash() {
  repeatedly(parameters_.kill_every_us, [this] { kill_one(); });
  repeatedly(parameters_.kill_all_every_us, [this] { kill_all(); });
  repeatedly(parameters_.pause_every_us, [this] { pause_one(); });
  repeatedly(parameters_.partition_every_us, [this] { partition(); });
  repeatedly(parameters_.type_drop_every_us, [this] { lose_a_type(); });
  repeatedly(parameters_.step_every_us, [this] { step_clock(); });
  repeatedly(parameters_.trouble_every_us, [this] { trouble(); });
  repeatedly(parameters_.chain_lost_every_us, [this] { lose_configurations(); });
  repeatedly(parameters_.reset_every_us, [this] {
    if (chaos_.chance(500'000)) {
      if (const auto at = links_->reset_one()) hit(Fault::reset, *at);
    } else {
      clients_->reset_one();
      coverage_.hit(Fault::client_reset, phase_of_all());
    }
  });
  for (const PlannedFault& fault : parameters_.plan)
    queue_.after(fault.at_us, [this, &fault] {
      fault.while_fetching ? await_transfer(fault) : carry_out(fault);
    });
  if (parameters_.liar) coverage_.hit(Fault::clock_lie, During::start);
}

void World::repeatedly(std::uint64_t every_us, std::function<void()> what) {
  if (every_us == 0) return;
  queue_.after(1 + chaos_.exponential(every_us), [this, every_us, what = std::move(what)] {
    if (!chaotic_) return;
    what();
    repeatedly(every_us, what);
  });
}

void World::hit(Fault fault, ReplicaId victim) {
  const Process* process = processes_[victim.value].get();
  coverage_.hit(fault, process == nullptr ? During::start : process->phase());
}

During World::phase_of_all() {
  During most = During::normal;
  for (const Machine& machine : machines_) {
    const Process* process = alive(machine.id);
    const During phase = process == nullptr ? During::normal : process->phase();
    constexpr std::array rising{During::normal, During::checkpoint, During::start, During::transfer,
                                During::view_change};
    most = *std::max(std::ranges::find(rising, phase), std::ranges::find(rising, most));
  }
  return most;
}

// ---- processes ----------------------------------------------------------------------------------

void World::start(ReplicaId id) {
  Machine& machine = this->machine(id);
  if (machine.halted || machine.unborn || held_down_.contains(id)) return;
  machine.journal_trouble.new_life();
  machine.state_trouble.new_life();
  if (parameters_.options.plant == Plant::blind_journal && machine.must_halt) {
    machine.journal = {};
    machine.state = {};
  }
  app::Application* application = applications_.empty() ? nullptr : applications_[id.value].get();
  auto process = std::make_unique<Process>(*run_, machine, *this, application);
  const bool killed = chaotic_ && chaos_.chance(parameters_.kill_in_start_rate);
  if (killed) process->kill_within_turn(chaos_.below(12));
  const auto started = process->start(setting_of(id));
  if (!started) {
    process->killed_at(queue_.now());
    return does_not_start(id, process->killed(), started.error());
  }
  process->spare();
  machine.chain_lost = false;
  if (machine.must_halt)
    checks_->violations.add("atlas", replica_name(id) + " starts with a journal that is damaged");
  processes_[id.value] = std::move(process);
  phases_[id] = During::start;
  links_->process_started(id);
}

void World::does_not_start(ReplicaId id, bool killed, const Error& why) {
  Machine& machine = this->machine(id);
  trace_.add(queue_.now(), replica_name(id), "does not start: " + why.message);
  if (killed) {
    coverage_.hit(Fault::kill_in_start, During::start);
  } else if (machine.chain_lost && is_of_a_lost_chain(why)) {
    // What docs/how-to/operate.md says is to be done: any other replica has the file.
    for (const Machine& other : machines_)
      if (const Process* process = alive(other.id)) {
        machine.configurations = process->node().chain().links();
        machine.chain_lost = false;
      }
  } else if (may_stop(machine, why)) {
    if (machine.halted) return;
    machine.journal_trouble.make_room();
    machine.state_trouble.make_room();
  } else {
    checks_->violations.add("restart", replica_name(id) + " does not start in its life " +
                                           std::to_string(machine.lives) + ": " + why.message);
    return;
  }
  if (power_fails()) {
    machine.journal.crash(chaos_, parameters_.torn_tail_rate);
    machine.state.crash(chaos_, parameters_.torn_tail_rate);
  }
  start_later(id);
}

void World::start_later(ReplicaId id) {
  const std::uint64_t down_us = chaotic_ ? 1 + chaos_.exponential(parameters_.down_mean_us) : 1;
  queue_.after(down_us, [this, id] {
    if (processes_[id.value] == nullptr) start(id);
  });
}

void World::bury(ReplicaId id, Time when, bool power_fails) {
  hit(Fault::kill, id);
  if (power_fails) hit(Fault::power_failure, id);
  std::unique_ptr<Process> dead = std::move(processes_[id.value]);
  counters_.state_transfers += dead->node().counters().state_transfers;
  counters_.frames_refused += dead->node().counters().frames_refused;
  dead->killed_at(when);
  if (dead->mouth() != nullptr) dead->mouth()->died();
  dead.reset();
  links_->process_ended(id, when);
  clients_->process_ended(id);
  hostiles_->process_ended(id);
  Machine& machine = this->machine(id);
  // Who ran out of room gets some before the next start, or the one after it.
  if (chaos_.chance(500'000)) machine.journal_trouble.make_room();
  if (chaos_.chance(500'000)) machine.state_trouble.make_room();
  if (power_fails) {
    machine.journal.crash(chaos_, parameters_.torn_tail_rate);
    machine.state.crash(chaos_, parameters_.torn_tail_rate);
    machine.fetched.crash(chaos_, parameters_.torn_tail_rate);
  }
  trace_.add(queue_.now(), replica_name(id), power_fails ? "loses power" : "is killed");
  ++counters_.kills;
  start_later(id);
}

/// The primary as most advanced replica sees it, or any other.
std::optional<ReplicaId> World::victim(Ppm primary_rate) {
  std::vector<ReplicaId> candidates;
  std::optional<pbft::ReplicaStatus> newest;
  Seq first{std::numeric_limits<std::uint64_t>::max()};
  Seq last{0};
  for (const Machine& machine : machines_) {
    const Process* process = alive(machine.id);
    if (process == nullptr) continue;
    candidates.push_back(machine.id);
    const pbft::ReplicaStatus status = process->node().replica_status();
    if (!newest || status.view > newest->view) newest = status;
    last = std::max(last, status.executed);
    first = std::min(first, status.fetching || !status.voting ? Seq{0} : status.executed);
  }
  if (parameters_.gentle) {
    // One backup at a time, and none while another is down or behind.
    std::erase(candidates, ReplicaId{0});
    if (queue_.now() < stands_still_until_) return std::nullopt;
    if (!newest || candidates.size() + 1 < machines_.size()) return std::nullopt;
    if (first + parameters_.in_flight_max < last) return std::nullopt;
  }
  if (candidates.empty()) return std::nullopt;
  // A liar that leads is not disturbed: what it does then is what is looked for.
  if (parameters_.lies(newest->primary)) primary_rate = 0;
  if (chaos_.chance(primary_rate) && alive(newest->primary) != nullptr) return newest->primary;
  return candidates[chaos_.below(candidates.size())];
}

void World::kill_one() {
  const auto id = victim(parameters_.primary_rate);
  if (!id) return;
  // Within a turn may be much later, when another one is down.
  if (chaos_.chance(parameters_.kill_in_turn_rate) && !parameters_.gentle) {
    alive(*id)->kill_within_turn(chaos_.below(30));
    hit(Fault::kill_in_turn, *id);
  } else {
    bury(*id, queue_.now());
  }
}

/// The lights go out: most often for all with their power, else for each on its own.
void World::kill_all() {
  const bool power = power_fails();
  trace_.add(queue_.now(), "world", "kills all");
  for (const Machine& machine : machines_) {
    if (alive(machine.id) == nullptr) continue;
    hit(Fault::kill_all, machine.id);
    bury(machine.id, queue_.now(), power);
  }
}

/// Who begins to leave a view, to fetch state, or to live again, may be killed in the midst of it.
void World::phase_changed(ReplicaId id) {
  During& known = phases_[id];
  const During phase = processes_[id.value]->phase();
  if (std::exchange(known, phase) == phase || !chaotic_) return;
  if (phase == During::transfer && awaits_transfer_.contains(id))
    queue_.after(chaos_.below(5'000), [this, id] { meet_fate(id); });
  if (phase == During::transfer && parameters_.trouble_every_us != 0) {
    Rng dice(parameters_.options.seed ^ queue_.now().value, 22);
    if (dice.chance(500'000))
      queue_.after(dice.below(std::uint64_t{1} << dice.between(8, 16)), [this, id] { rot(id); });
  }
  if (phase == During::normal || parameters_.kill_in_phase_rate == 0) return;
  if (!chaos_.chance(parameters_.kill_in_phase_rate)) return;
  processes_[id.value]->kill_within_turn(chaos_.below(60));
  hit(Fault::kill_in_turn, id);
}

void World::pause_one() {
  const auto id = victim(parameters_.primary_rate);
  if (!id) return;
  const std::uint64_t pause_us = chaos_.exponential(parameters_.pause_mean_us);
  trace_.add(queue_.now(), replica_name(*id), "stands still for " + std::to_string(pause_us));
  hit(Fault::pause, *id);
  stands_still_until_ = std::max(stands_still_until_, queue_.now() + pause_us);
  alive(*id)->pause(queue_.now() + pause_us);
}

// ---- network ------------------------------------------------------------------------------------

Links::Pairs World::some_pairs(ReplicaId first, Fault kind) {
  Links::Pairs pairs;
  std::set<ReplicaId> inside{first};
  for (const Machine& machine : machines_)
    if (chaos_.chance(200'000)) inside.insert(machine.id);
  const bool outward = chaos_.chance(500'000);
  for (const Machine& a : machines_) {
    for (const Machine& b : machines_) {
      if (a.id == b.id) continue;
      if (kind == Fault::partial) {
        if (chaos_.chance(250'000)) pairs.insert({a.id, b.id});
      } else if (inside.contains(a.id) != inside.contains(b.id)) {
        const bool leaves = inside.contains(a.id);
        if (kind != Fault::one_way || leaves == outward) pairs.insert({a.id, b.id});
      }
    }
  }
  return pairs;
}

/// Some replicas, often the primary alone, cannot speak to the others, or not in one direction, or
/// some cannot to some; or what they say is held back.
void World::partition() {
  const auto first = victim(parameters_.primary_rate);
  if (!first) return;
  const auto kind = static_cast<Fault>(static_cast<std::uint64_t>(Fault::split) + chaos_.below(4));
  coverage_.hit(kind, phase_of_all());
  const std::uint64_t number =
      links_->partition(name_of(kind), some_pairs(*first, kind), kind == Fault::clog);
  queue_.after(1 + chaos_.exponential(parameters_.partition_mean_us),
               [this, number] { links_->heal(number); });
}

void World::lose_a_type() {
  coverage_.hit(Fault::type_lost, phase_of_all());
  links_->lose_type(
      chaos_.below(parameters_.one_connection ? message_types : common_message_types));
  queue_.after(1 + chaos_.exponential(parameters_.type_drop_mean_us),
               [this] { links_->lose_type(std::nullopt); });
}

// ---- clocks -------------------------------------------------------------------------------------

/// Somebody sets a clock, wrongly; or rightly.
void World::step_clock() {
  Machine& machine = machines_[chaos_.below(machines_.size())];
  const auto most = static_cast<std::int64_t>(parameters_.step_max_us);
  const auto step =
      static_cast<std::int64_t>(chaos_.between(0, 2 * parameters_.step_max_us)) - most;
  machine.skew_us = machine.true_skew_us + (chaos_.chance(200'000) ? 0 : step);
  hit(Fault::clock_step, machine.id);
  trace_.add(queue_.now(), replica_name(machine.id),
             "has its clock set to be wrong by " + std::to_string(machine.skew_us));
}

}  // namespace prytany::sim
