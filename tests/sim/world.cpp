#include "tests/sim/world.h"

#include <sqlite3.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "tests/sim/account_book.h"
#include "tests/sim/reference.h"

namespace prytany::sim {

namespace {

constexpr std::uint64_t events_max = 5'000'000;

crypto::Signer signer_from(Rng& rng) { return crypto::Signer(rng.bytes<32>()); }

}  // namespace

World::World(const Parameters& parameters, std::ostream* trace_lines)
    : parameters_(parameters), trace_(trace_lines), chaos_(parameters.options.seed, 2) {
  make_group();
}

World::~World() = default;

void World::make_group() {
  const Options& options = parameters_.options;
  Rng rng(options.seed, 3);
  genesis_.name = {"simulated"};
  genesis_.nonce = rng.bytes<16>();
  genesis_.development = true;
  genesis_.faults = options.faults;
  genesis_.checkpoint_interval = parameters_.checkpoint_interval;
  genesis_.window = parameters_.window;
  genesis_.application_pages_max = 10'000;
  genesis_.mac_requests = parameters_.choices.mac_requests;
  genesis_.signed_votes = parameters_.choices.signed_votes;
  genesis_.bodies_apart = parameters_.choices.bodies_apart;
  genesis_.engine = {sqlite3_sourceid()};
  for (unsigned i = 0; i < options.replicas; ++i) {
    const ReplicaId id{static_cast<std::uint16_t>(i)};
    Machine& machine = machines_.emplace_back(id, signer_from(rng), Rng(rng.next()));
    const auto most = static_cast<std::uint64_t>(parameters_.skew_max_us);
    machine.skew_us = static_cast<std::int64_t>(rng.between(0, 2 * most)) - parameters_.skew_max_us;
    machine.drift_ppm = static_cast<std::int64_t>(
        rng.between(0, static_cast<std::uint64_t>(parameters_.drift_max_ppm)));
    machine.uptime_us = rng.between(0, 1'000'000'000);
    machine.planted = i == 1 + options.seed % (options.replicas - 1);
    wire::Member member;
    member.name = {"member-" + std::to_string(i)};
    member.key = machine.signer.public_key();
    member.peer_host = {"sim"};
    member.peer_port = static_cast<std::uint16_t>(1000 + i);
    member.client_url = {"ws://sim:" + std::to_string(2000 + i)};
    genesis_.members.items.push_back(std::move(member));
  }
  for (unsigned i = 0; i < parameters_.clients; ++i) {
    credentials_.push_back(signer_from(rng));
    // Only administrators may send SQL; others need an application that knows them.
    if (i == 0 || parameters_.application == ApplicationKind::none || rng.chance(700'000))
      genesis_.administrators.items.push_back(credentials_.back().public_key());
  }

  const Digest cluster = wire::genesis_digest(genesis_);
  setting_.engine = genesis_.engine.text;
  setting_.pbft.group = {options.replicas, options.faults};
  setting_.pbft.cluster = cluster;
  setting_.pbft.checkpoint_interval = parameters_.checkpoint_interval;
  setting_.pbft.window = parameters_.window;
  setting_.pbft.in_flight_max = parameters_.in_flight_max;
  setting_.pbft.batch_requests_max = parameters_.batch_requests_max;
  setting_.pbft.request_timeout_us = parameters_.request_timeout_us;
  setting_.pbft.early_pre_prepare = parameters_.early_pre_prepare;
  setting_.pbft.notes = trace_.has_reader();
  setting_.pbft.mac_requests = setting_.membership.mac_requests = genesis_.mac_requests;
  setting_.membership.signed_votes = genesis_.signed_votes;
  setting_.pbft.bodies_apart = genesis_.bodies_apart;
  setting_.membership.cluster = cluster;
  setting_.membership.quorum = setting_.pbft.group.quorum();
  for (const Machine& machine : machines_)
    setting_.membership.replica_keys.push_back(machine.signer.public_key());
  app::ExecutorConfig& executor = setting_.executor;
  executor.cluster = cluster;
  executor.replica_keys = setting_.membership.replica_keys;
  executor.weak_quorum = setting_.pbft.group.weak_quorum();
  executor.development = true;
  executor.administrators = genesis_.administrators.items;
  executor.checkpoint_interval = parameters_.checkpoint_interval;
  executor.sessions_max = genesis_.sessions_max;
  executor.session_idle_us = genesis_.session_idle_us;
  executor.application_pages_max = genesis_.application_pages_max;
  checks_ = std::make_unique<Checks>(cluster, setting_.pbft.group.quorum());
}

Process* World::alive(ReplicaId id) {
  Process* process = processes_[id.value].get();
  return process == nullptr || process->stopped() ? nullptr : process;
}

void World::start(ReplicaId id) {
  Machine& machine = machines_[id.value];
  app::Application* application = applications_.empty() ? nullptr : applications_[id.value].get();
  auto process = std::make_unique<Process>(*run_, machine, *this, application);
  if (auto started = process->start(setting_); !started) {
    checks_->violations.add("restart", replica_name(id) + " does not start in its life " +
                                           std::to_string(machine.lives) + ": " +
                                           started.error().message);
    return;
  }
  processes_[id.value] = std::move(process);
  links_->process_started(id);
}

void World::bury(ReplicaId id, Time when) {
  std::unique_ptr<Process> dead = std::move(processes_[id.value]);
  counters_.state_transfers += dead->node().counters().state_transfers;
  counters_.frames_refused += dead->node().counters().frames_refused;
  dead.reset();
  links_->process_ended(id, when);
  clients_->process_ended(id);
  Machine& machine = machines_[id.value];
  const bool power_fails = chaos_.chance(parameters_.power_failure_rate);
  if (power_fails) machine.journal.crash(chaos_, parameters_.torn_tail_rate);
  if (power_fails) machine.fetched.crash(chaos_, parameters_.torn_tail_rate);
  machine.image.crash(when);
  trace_.add(queue_.now(), replica_name(id), power_fails ? "loses power" : "is killed");
  ++counters_.kills;
  const std::uint64_t down_us = chaotic_ ? 1 + chaos_.exponential(parameters_.down_mean_us) : 1;
  queue_.after(down_us, [this, id] {
    if (processes_[id.value] == nullptr) start(id);
  });
}

/// The primary as most advanced replica sees it, or any other.
std::optional<ReplicaId> World::victim(Ppm primary_rate) {
  std::vector<ReplicaId> candidates;
  std::optional<pbft::ReplicaStatus> newest;
  for (const Machine& machine : machines_) {
    const Process* process = alive(machine.id);
    if (process == nullptr) continue;
    candidates.push_back(machine.id);
    const pbft::ReplicaStatus status = process->node().replica_status();
    if (!newest || status.view > newest->view) newest = status;
  }
  if (parameters_.gentle) {
    // One backup at a time, and none while another is down or behind.
    std::erase(candidates, ReplicaId{0});
    if (queue_.now() < stands_still_until_) return std::nullopt;
    if (!newest || candidates.size() + 1 < machines_.size()) return std::nullopt;
  }
  if (candidates.empty()) return std::nullopt;
  if (chaos_.chance(primary_rate) && alive(newest->primary) != nullptr) return newest->primary;
  return candidates[chaos_.below(candidates.size())];
}

void World::kill_one() {
  const auto id = victim(parameters_.primary_rate);
  if (!id) return;
  if (chaos_.chance(parameters_.kill_in_turn_rate)) {
    alive(*id)->kill_within_turn(chaos_.below(30));
    ++counters_.kills_in_turn;
  } else {
    bury(*id, queue_.now());
  }
}

void World::pause_one() {
  const auto id = victim(parameters_.primary_rate);
  if (!id) return;
  const std::uint64_t pause_us = chaos_.exponential(parameters_.pause_mean_us);
  trace_.add(queue_.now(), replica_name(*id), "stands still for " + std::to_string(pause_us));
  stands_still_until_ = std::max(stands_still_until_, queue_.now() + pause_us);
  alive(*id)->pause(queue_.now() + pause_us);
  ++counters_.pauses;
}

/// Some replicas, often the primary alone, cannot speak to the others, or not in one direction.
/// Connections stay up: what is sent is lost.
void World::partition() {
  const auto first = victim(parameters_.primary_rate);
  if (!first) return;
  std::set<ReplicaId> inside{*first};
  for (const Machine& machine : machines_)
    if (chaos_.chance(200'000)) inside.insert(machine.id);
  const std::uint64_t direction = chaos_.below(3);
  links_->partition(inside, direction != 1, direction != 2);
  ++counters_.partitions;
  queue_.after(1 + chaos_.exponential(parameters_.partition_mean_us),
               [this, n = counters_.partitions] {
                 if (n == counters_.partitions) links_->heal();
               });
}

void World::repeatedly(std::uint64_t every_us, std::function<void()> what) {
  if (every_us == 0) return;
  queue_.after(1 + chaos_.exponential(every_us), [this, every_us, what = std::move(what)] {
    if (!chaotic_) return;
    what();
    repeatedly(every_us, what);
  });
}

void World::frame_departs(ReplicaId from, ReplicaId to, Time departs, Bytes frame) {
  links_->carry(from, to, departs, std::move(frame));
}
void World::text_departs(ReplicaId from, node::ConnectionId to, Time departs, std::string text) {
  clients_->carry(from, to, departs, std::move(text));
}
void World::connection_ends(ReplicaId, node::ConnectionId connection) {
  clients_->close(connection);
}

/// One event, and what follows from it. False: a violation, or nothing left to happen.
bool World::step() {
  if (queue_.empty() || !checks_->violations.none()) return false;
  if (queue_.handled() > events_max) {
    checks_->violations.add("liveness", "more than " + std::to_string(events_max) + " events");
    return false;
  }
  queue_.run_one();
  for (const auto& process : processes_) {
    if (process == nullptr || !process->stopped()) continue;
    if (!process->killed()) {
      checks_->violations.add(
          "fault", replica_name(process->id()) + " stopped by itself: " + process->why_stopped());
      return false;
    }
    bury(process->id(), process->stopped_at());
    break;  // at most one process had a turn
  }
  plant();
  return checks_->violations.none();
}

bool World::enough_asked() const {
  return checks_->agreement.requests() >= parameters_.requests_min &&
         checks_->agreement.contiguous().value > 2 * parameters_.checkpoint_interval;
}

void World::chaos() {
  repeatedly(parameters_.kill_every_us, [this] { kill_one(); });
  repeatedly(parameters_.pause_every_us, [this] { pause_one(); });
  repeatedly(parameters_.partition_every_us, [this] { partition(); });
  repeatedly(parameters_.reset_every_us, [this] {
    chaos_.chance(500'000) ? links_->reset_one() : clients_->reset_one();
    ++counters_.resets;
  });
  const Time until = queue_.now() + parameters_.faults_until_us;
  while (!enough_asked() && queue_.now() < until && step()) {
  }
  chaotic_ = false;
}

void World::calm() {
  trace_.add(queue_.now(), "world", "calms down");
  links_->calm();
  clients_->calm();
  for (const Machine& machine : machines_) {
    if (Process* process = alive(machine.id)) {
      process->spare();
    } else {
      start(machine.id);
    }
  }
}

void World::finish() {
  const Time until = queue_.now() + parameters_.finish_within_us;
  std::optional<std::string> missing = "the clients have not asked enough";
  while (queue_.now() < until && step()) {
    if (!enough_asked()) continue;
    clients_->stop();
    if (!clients_->idle()) {
      missing = "these clients still wait:" + clients_->who_waits();
      continue;
    }
    missing = not_converged();
    if (!missing) return;
  }
  if (checks_->violations.none())
    checks_->violations.add("liveness", "after " + std::to_string(parameters_.finish_within_us) +
                                            " us without faults, " + *missing);
}

std::optional<std::string> World::not_converged() {
  const Seq last = checks_->agreement.contiguous();
  std::optional<pbft::ReplicaStatus> first;
  for (const Machine& machine : machines_) {
    const Process* process = alive(machine.id);
    if (process == nullptr) return replica_name(machine.id) + " is down";
    const pbft::ReplicaStatus status = process->node().replica_status();
    if (status.stable < last || status.executed != status.stable)
      return replica_name(machine.id) + " has executed n" + std::to_string(status.executed.value) +
             " and is stable at n" + std::to_string(status.stable.value) + " of n" +
             std::to_string(last.value);
    if (!first) first = status;
    if (status.stable != first->stable || status.stable_state != first->stable_state)
      return replica_name(machine.id) + " has another stable checkpoint than r0";
    const std::optional<vfs::Label> durable = processes_[machine.id.value]->store().durable();
    if (!durable || durable->value != status.stable.value)
      return replica_name(machine.id) + "'s state.db is behind its stable checkpoint";
  }
  return std::nullopt;
}

void World::compare_with_reference() {
  checks_->agreement.finish();
  checks_->views.finish();
  if (parameters_.gentle && checks_->views.entered() > 0)
    checks_->violations.add("liveness", "a view change without a cause");
  // A bug in what all replicas run is in the second executor too: plain SQLite must find it.
  const auto application = native() ? native_application(parameters_.options.plant) : nullptr;
  const Replies replies = replay_by_executor(setting_.executor, application.get(), *checks_);
  std::vector<const ImageDisk::Image*> images;
  for (const Machine& machine : machines_) images.push_back(&machine.image.durable());
  replay_by_sqlite(*checks_, replies, images);
}

/// A byte of memory changes, as soon as there is one that nothing else will change.
void World::plant() {
  if (parameters_.options.plant != Plant::page_byte) return;
  for (const auto& process : processes_) {
    if (process == nullptr || process->stopped() || !machines_[process->id().value].planted)
      continue;
    vfs::PageStore& store = process->store();
    const std::string_view image(reinterpret_cast<const char*>(store.data()), store.size());
    const std::size_t at = image.find(seal_text());
    if (at == std::string_view::npos) continue;
    const Bytes flipped{static_cast<std::uint8_t>(image[at] ^ 1)};
    ENSURE(store.write(at, flipped));
  }
}

RunResult World::run() {
  run_.emplace(Run{parameters_, queue_, trace_, *checks_});
  processes_.resize(machines_.size());
  if (native()) {
    for (std::size_t i = 0; i < machines_.size(); ++i)
      applications_.push_back(native_application(parameters_.options.plant));
  }
  const auto living = [this](ReplicaId id) { return alive(id); };
  links_ =
      std::make_unique<Links>(*run_, setting_, machines_, living, Rng(parameters_.options.seed, 4));
  clients_ = std::make_unique<Clients>(*run_, genesis_, credentials_, living,
                                       Rng(parameters_.options.seed, 5));
  for (const Machine& machine : machines_) start(machine.id);
  clients_->start();
  chaos();
  if (checks_->violations.none()) calm();
  if (checks_->violations.none()) finish();
  if (checks_->violations.none()) compare_with_reference();

  RunResult result;
  result.options = parameters_.options;
  result.parameters = describe(parameters_);
  result.violations = checks_->violations.all();
  result.simulated_us = queue_.now().value;
  for (const auto& process : processes_) {
    if (process == nullptr) continue;
    counters_.state_transfers += process->node().counters().state_transfers;
    counters_.frames_refused += process->node().counters().frames_refused;
  }
  counters_.requests = checks_->agreement.requests();
  counters_.repeated = checks_->agreement.repeated();
  counters_.batches = checks_->agreement.contiguous().value;
  counters_.checkpoints = checks_->state.stable_count();
  counters_.views = checks_->views.entered();
  counters_.events = queue_.handled();
  result.counters = counters_;
  for (const auto& [seq, state] : checks_->state.states())
    trace_.add(queue_.now(), "world", "state of n" + std::to_string(seq.value), state.view());
  result.last_lines.assign(trace_.tail().begin(), trace_.tail().end());
  result.trace_hash = trace_.finish();
  return result;
}

RunResult simulate(const Options& options, std::ostream* trace_lines) {
  return World(draw_parameters(options), trace_lines).run();
}

}  // namespace prytany::sim
