#include "tests/sim/world.h"

#include <sqlite3.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "tests/sim/account_book.h"
#include "tests/sim/atlas.h"
#include "tests/sim/group_setting.h"
#include "tests/sim/reference.h"
#include "tests/sim/script.h"

namespace prytany::sim {

namespace {

constexpr std::uint64_t events_max = 5'000'000;

crypto::Signer signer_from(Rng& rng) { return crypto::Signer(rng.bytes<32>()); }

}  // namespace

World::World(const Parameters& parameters, std::ostream* trace_lines)
    : parameters_(parameters),
      trace_(trace_lines),
      chaos_(parameters.options.seed, 2),
      rounds_(parameters.options.seed, 15) {
  make_group();
}

World::~World() = default;

void World::make_machines(Rng& rng) {
  const Options& options = parameters_.options;
  for (unsigned i = 0; i < options.replicas; ++i) {
    const ReplicaId id{static_cast<std::uint16_t>(i)};
    Machine& machine = machines_.emplace_back(id, signer_from(rng), Rng(rng.next()));
    const auto most = static_cast<std::uint64_t>(parameters_.skew_max_us);
    machine.true_skew_us =
        static_cast<std::int64_t>(rng.between(0, 2 * most)) - parameters_.skew_max_us;
    machine.drift_ppm = machine.wall_drift_ppm = static_cast<std::int64_t>(
        rng.between(0, static_cast<std::uint64_t>(parameters_.drift_max_ppm)));
    if (parameters_.liar == id) machine.true_skew_us = parameters_.lie_us;
    if (options.script != nullptr)
      machine.true_skew_us += options.script->begin.value - wall_begins_us;
    machine.skew_us = machine.true_skew_us;
    machine.uptime_us = rng.between(0, 1'000'000'000);
    machine.planted = id == planted_in(options);
    wire::Member member;
    member.name = {"member-" + std::to_string(i)};
    member.key = machine.signer.public_key();
    member.peer_host = {"sim"};
    member.peer_port = static_cast<std::uint16_t>(1000 + i);
    member.client_url = {"ws://sim:" + std::to_string(2000 + i)};
    genesis_.members.items.push_back(std::move(member));
  }
}

bool World::well(ReplicaId id) const {
  const Machine& machine = machines_[id.value];
  return (!parameters_.planned(id) || machine.settled) && !parameters_.lies(id) && !machine.halted;
}

bool World::converges(ReplicaId id) const {
  const bool repaired = parameters_.reborn(id) || parameters_.astray == id;
  return well(id) || (repaired && !machines_[id.value].halted);
}

bool World::all_born() const {
  return std::ranges::none_of(machines_, [&](const Machine& machine) {
    return parameters_.reborn(machine.id) && !machine.settled && !machine.halted;
  });
}

void World::make_hostile_credentials() {
  Rng strangers(parameters_.options.seed, 32);
  for (std::size_t i = 0; i < parameters_.hostiles.size(); ++i) {
    hostile_credentials_.push_back(signer_from(strangers));
    if (parameters_.application == ApplicationKind::none || strangers.chance(300'000))
      genesis_.administrators.items.push_back(hostile_credentials_.back().public_key());
  }
}

void World::make_credentials(Rng& rng) {
  const Script* script = parameters_.options.script;
  for (unsigned i = 0; i < parameters_.clients; ++i) {
    credentials_.push_back(script == nullptr ? signer_from(rng)
                                             : crypto::Signer(script->actors[i].key));
    // Only administrators may send SQL; others need an application that knows them.
    if (i == 0 || parameters_.application == ApplicationKind::none ||
        (script == nullptr && rng.chance(700'000)))
      genesis_.administrators.items.push_back(credentials_.back().public_key());
  }
}

void World::make_group() {
  const Options& options = parameters_.options;
  Rng rng(options.seed, 3);
  genesis_.name = {"simulated"};
  genesis_.nonce = rng.bytes<16>();
  genesis_.development = parameters_.choices.approvals == 0;
  if (!genesis_.development) genesis_.approvals = parameters_.choices.approvals;
  genesis_.faults = options.faults;
  genesis_.checkpoint_interval = parameters_.checkpoint_interval;
  genesis_.window = parameters_.window;
  genesis_.application_pages_max = 10'000;
  genesis_.mac_requests = parameters_.choices.mac_requests;
  genesis_.signed_votes = parameters_.choices.signed_votes;
  genesis_.bodies_apart = parameters_.choices.bodies_apart;
  genesis_.engine = {sqlite3_sourceid()};
  make_machines(rng);
  make_credentials(rng);
  make_hostile_credentials();

  setting_ = setting_from(genesis_);
  setting_.pbft.in_flight_max = parameters_.in_flight_max;
  setting_.pbft.batch_requests_max = parameters_.batch_requests_max;
  setting_.pbft.request_timeout_us = parameters_.request_timeout_us;
  setting_.pbft.early_pre_prepare = parameters_.early_pre_prepare;
  setting_.pbft.notes = trace_.has_reader();
  if (parameters_.backlog_requests_max > 0)
    setting_.pbft.backlog_requests_max = parameters_.backlog_requests_max;
  if (parameters_.backlog_joins_max > 0)
    setting_.pbft.backlog_joins_max = parameters_.backlog_joins_max;
  if (options.plant == Plant::enough_for_all) setting_.executor.approvals = 1;
  std::set<ReplicaId> forgets;
  std::set<ReplicaId> damages;
  for (const PlannedFault& fault : parameters_.plan)
    (forgetful(fault.fate) || fault.reborn ? forgets : damages).insert(fault.replica);
  std::set<ReplicaId> liars;
  for (const Machine& machine : machines_)
    if (parameters_.lies(machine.id)) liars.insert(machine.id);
  forgets.insert(liars.begin(), liars.end());
  checks_ = std::make_unique<Checks>(setting_.pbft.cluster, setting_.pbft.group, std::move(forgets),
                                     std::move(damages), std::move(liars));
  checks_->proofs.begins(setting_.membership);
  if (parameters_.wrong_tag_rate > 0) checks_->refusals.expect_wrong_tags();
}

void World::make_liars() {
  Plot plot;
  plot.group = setting_.pbft.group;
  plot.cluster = setting_.pbft.cluster;
  plot.window = parameters_.window;
  plot.checkpoint_interval = parameters_.checkpoint_interval;
  plot.in_flight_max = parameters_.in_flight_max;
  plot.patience_us = parameters_.request_timeout_us;
  plot.salt = Rng(parameters_.options.seed, 23).next();
  plot.relentless =
      parameters_.slow_primary_until_us > 0 || parameters_.options.plant == Plant::liars_too_many;
  plot.even = plot.relentless || plot.salt % 2 == 0;
  mouths_ = std::make_unique<Mouths>(*run_, machines_, *this, plot);
  twins_ = std::make_unique<Twins>(*run_, machines_, *this, [this] {
    return native() ? native_application(parameters_.options.plant) : nullptr;
  });
  for (const ReplicaId id : parameters_.twins) machine(id).may_find = {Finding::votes};
}

/// Twins would find each other out, if they asked what others saw of them.
GroupSetting World::setting_of(ReplicaId id) const {
  GroupSetting setting = setting_;
  const auto& twins = parameters_.twins;
  if (std::ranges::find(twins, id) != twins.end()) setting.pbft.boot_question = false;
  return setting;
}

Process* World::alive(ReplicaId id) {
  Process* process = processes_[id.value].get();
  return process == nullptr || process->stopped() ? nullptr : process;
}

void World::frame_departs(ReplicaId from, ReplicaId to, Time departs, Bytes frame) {
  links_->carry(from, to, departs, std::move(frame));
}
void World::text_departs(ReplicaId from, node::ConnectionId to, Time departs, std::string text) {
  if (Hostiles::owns(to)) return hostiles_->carry(to, departs, std::move(text));
  clients_->carry(from, to, departs, std::move(text));
}
void World::connection_ends(ReplicaId, node::ConnectionId connection) {
  Hostiles::owns(connection) ? hostiles_->close(connection) : clients_->close(connection);
}

void World::configuration_changed(ReplicaId of) { links_->make_anew(of); }
void World::hangs_up(ReplicaId by) { links_->make_anew(by); }

/// One event, and what follows from it. False: a violation, or nothing left to happen.
bool World::step() {
  if (queue_.empty() || !checks_->violations.none()) return false;
  if (queue_.handled() > events_max) {
    checks_->violations.add("liveness", "more than " + std::to_string(events_max) + " events");
    return false;
  }
  queue_.run_one();
  if (checks_->views.entered() > 0) checks_->service.replaced(queue_.now());
  checks_->service.entered(checks_->views.entered(), queue_.now());
  for (const auto& process : processes_) {
    if (process == nullptr) continue;
    if (!process->stopped()) {
      phase_changed(process->id());
      Machine& its = machines_[process->id().value];
      const ConfigNumber known = process->node().chain().newest().number;
      if (its.born && !its.settled)
        its.settled = process->node().replica_status().configuration == known;
      continue;
    }
    if (!process->killed() && !may_stop(machines_[process->id().value], process->why_stopped())) {
      checks_->violations.add("fault", replica_name(process->id()) +
                                           " stopped by itself: " + process->why_stopped().message);
      return false;
    }
    bury(process->id(), process->stopped_at());
    break;  // at most one process had a turn
  }
  twins_->bury();
  plant();
  return checks_->violations.none();
}

/// Whether what befell its disks is a reason to stop with this; then it is counted.
bool World::may_stop(Machine& machine, const Error& why) {
  const std::optional<Finding> finding = finding_in(why);
  if (finding && machine.may_find.contains(*finding)) {
    trace_.add(queue_.now(), replica_name(machine.id), "halts: " + why.message);
    ++counters_.halts;
    machine.halted = true;
    return true;
  }
  const bool failed = machine.journal_trouble.failed() || machine.state_trouble.failed();
  if (!failed || !is_of_a_failing_disk(why)) return false;
  trace_.add(queue_.now(), replica_name(machine.id), "stops: " + why.message);
  ++counters_.disk_stops;
  return true;
}

/// In tests of applications time goes by in leaps: now no honest clock is behind this, and none
/// goes back.
void World::set_clocks(AgreedTime time) {
  const std::int64_t wanted =
      time.value - wall_begins_us - static_cast<std::int64_t>(queue_.now().value);
  std::int64_t leap_us = 0;
  for (const Machine& machine : machines_)
    if (parameters_.liar != machine.id) leap_us = std::max(leap_us, wanted - machine.true_skew_us);
  for (Machine& machine : machines_) {
    machine.true_skew_us += leap_us;
    machine.skew_us += leap_us;
  }
}

bool World::enough_asked() const {
  const std::uint64_t slow_until_us = parameters_.slow_primary_until_us;
  if (slow_until_us > 0 && !checks_->service.judge_primary(queue_.now(), slow_until_us))
    return false;
  if (const auto& bound = parameters_.service;
      bound && !checks_->service.judge_service(queue_.now(), bound->mean_us, bound->within_us))
    return false;
  return clients_->at_work() && checks_->agreement.requests() >= parameters_.requests_min &&
         checks_->agreement.contiguous().value > 2 * parameters_.checkpoint_interval;
}

void World::chaos() {
  unleash();
  const Time until = queue_.now() + parameters_.faults_until_us;
  while (!enough_asked() && queue_.now() < until && step()) {
  }
  // What is planned happens, however soon the clients have asked enough.
  for (const PlannedFault& fault : parameters_.plan)
    while (queue_.now().value < 1'000'000 + fault.at_us + 1'500'000 +
                                    (fault.while_fetching ? 2 * PlannedFault::away_us : 0) &&
           step()) {
    }
  chaotic_ = false;
}

/// Nothing goes wrong any more, but with those that lie or are planned for.
void World::quieten() {
  links_->calm();
  hostiles_->calm();
  for (Machine& machine : machines_) {
    if (parameters_.liar != machine.id) machine.wall_drift_ppm = 0;
    machine.skew_us = machine.true_skew_us;
    for (Trouble* trouble : {&machine.journal_trouble, &machine.state_trouble}) {
      trouble->make_room();
      trouble->disarm();
    }
  }
}

void World::calm() {
  trace_.add(queue_.now(), "world", "calms down");
  astray_ = false;
  quieten();
  clients_->calm();
  // The least that must do: others, the faulty ones too, stay away until it is done.
  std::vector<ReplicaId> well_ones;
  std::vector<ReplicaId> away;
  for (const Machine& machine : machines_)
    if (well(machine.id)) {
      well_ones.push_back(machine.id);
    } else if (parameters_.heal_only_a_quorum && !parameters_.lies(machine.id)) {
      away.push_back(machine.id);
    }
  // A quorum goes on; n-f are needed to begin, when all were killed (docs/decisions/0013).
  const pbft::Group& group = setting_.pbft.group;
  const std::size_t least = std::max(group.quorum(), group.n - group.f);
  while (parameters_.heal_only_a_quorum && well_ones.size() > least) {
    const auto at = static_cast<std::ptrdiff_t>(chaos_.below(well_ones.size()));
    away.push_back(*(well_ones.begin() + at));
    well_ones.erase(well_ones.begin() + at);
  }
  for (const Machine& machine : machines_) {
    const ReplicaId id = machine.id;
    Process* process = alive(id);
    if (std::ranges::find(away, id) != away.end()) {
      held_down_.insert(id);
      if (process != nullptr) bury(id, queue_.now());
    } else if (process != nullptr) {
      process->spare();
    } else {
      start(id);
    }
  }
}

void World::heal_everybody() {
  for (const ReplicaId id : std::exchange(held_down_, {}))
    if (processes_[id.value] == nullptr) start(id);
}

/// Until every request is answered. False: not in time.
bool World::finish_requests(Time until, std::string& missing) {
  missing = "the clients have not asked enough";
  while (queue_.now() < until && step()) {
    if (!enough_asked()) continue;
    clients_->stop();
    if (clients_->idle()) return true;
    missing = "these clients still wait:" + clients_->who_waits();
  }
  return false;
}

void World::finish() {
  const Time began = queue_.now();
  std::string missing;
  bool done = finish_requests(began + parameters_.finish_within_us, missing);
  if (done) {
    hostiles_->stop();
    heal_everybody();
    const Time until = queue_.now() + parameters_.finish_within_us;
    done = false;
    // A primary that lies fills no number up to the next checkpoint, and nobody minds while there
    // is nothing to be ordered: then somebody asks.
    constexpr std::uint64_t ask_every_us = 3'000'000;
    Time ask_at = checks_->byzantine.empty() ? never : queue_.now() + ask_every_us;
    while (!done && queue_.now() < until && step()) {
      auto apart = not_converged();
      if (!apart) apart = not_told();
      done = !apart && clients_->idle();
      if (apart) missing = *apart;
      if (queue_.now() < ask_at) continue;
      ask_at = queue_.now() + ask_every_us;
      clients_->order(wire::Null{});
    }
  }
  if (done || !checks_->violations.none()) return;
  checks_->violations.add("liveness", "after " + std::to_string(queue_.now() - began) +
                                          " us without faults, " + missing);
}

/// Too few disks are left for anything to be done: nothing may be done wrongly.
void World::finish_excused() {
  constexpr std::uint64_t look_us = 5'000'000;
  const Time until = queue_.now() + look_us;
  while (queue_.now() < until && step()) {
  }
}

std::optional<std::string> World::not_converged() {
  if (!all_born()) return "a member is not born again";
  const Seq last = checks_->agreement.contiguous();
  std::optional<pbft::ReplicaStatus> first;
  for (const Machine& machine : machines_) {
    if (!converges(machine.id)) continue;
    const Process* process = alive(machine.id);
    if (process == nullptr) return replica_name(machine.id) + " is down";
    const pbft::ReplicaStatus status = process->node().replica_status();
    if (status.stable < last || status.executed != status.stable)
      return replica_name(machine.id) + " has executed n" + std::to_string(status.executed.value) +
             " and is stable at n" + std::to_string(status.stable.value) + " of n" +
             std::to_string(last.value);
    if (!first) first = status;
    if (status.stable != first->stable || status.stable_state != first->stable_state)
      return replica_name(machine.id) + " has another stable checkpoint than others";
    const std::optional<vfs::Label> durable = processes_[machine.id.value]->store().durable();
    if (!durable || durable->value != status.stable.value)
      return replica_name(machine.id) + "'s state.db is behind its stable checkpoint";
  }
  return std::nullopt;
}

/// Who watches hears of all that there is to be told, also by replicas that fetched it.
std::optional<std::string> World::not_told() {
  for (const Machine& machine : machines_)
    if (converges(machine.id)) return clients_->who_is_not_told(alive(machine.id)->executor());
  return std::nullopt;
}

void World::compare_with_reference() {
  checks_->agreement.finish();
  checks_->views.finish();
  if (parameters_.gentle && checks_->views.entered() > 0)
    checks_->violations.add("liveness", "a view change without a cause");
  if (parameters_.slow_primary_until_us > 0 && parameters_.leave_rate == 0)
    checks_->service.judge_turns(parameters_.league ? std::set<std::size_t>{*parameters_.league}
                                                    : std::set<std::size_t>{});
  // Castro & Liskov TOCS 2002 section 4.5.2 asks that no client can delay another for long.
  constexpr std::uint64_t wait_max_us = 4'000'000;
  const std::uint64_t waited = std::max(clients_->longest_us(), clients_->longest_join_us());
  if (parameters_.gentle && !parameters_.hostiles.empty() && waited > wait_max_us)
    checks_->violations.add("fairness", "a client waited for " + std::to_string(waited) +
                                            " us, though nothing was wrong but other clients");
  // A bug in what all replicas run is in the second executor too: plain SQLite must find it.
  const auto application = native() ? native_application(parameters_.options.plant) : nullptr;
  const Replies replies = replay_by_executor(setting_.executor, application.get(), *checks_);
  for (const auto& [which, reply] : replies) {
    if (!mouths_->was_confided(which.first)) continue;
    const auto* error = std::get_if<wire::ErrorReply>(&reply.outcome);
    ++counters_.confided[error == nullptr ? "done" : error->code.text];
  }
  // Of somebody's own application nobody has shown a proof.
  if (parameters_.options.script == nullptr)
    compare_identities(setting_.executor, *checks_, replies);
  std::map<ReplicaId, Image> images;
  for (const Machine& machine : machines_) {
    if (!converges(machine.id) || parameters_.excused()) continue;
    auto image = image_in(machine.state);
    if (image) {
      images.emplace(machine.id, std::move(*image));
    } else {
      checks_->violations.add("reference",
                              replica_name(machine.id) + "'s state.db: " + image.error().message);
    }
  }
  checks_->configurations.finish();
  // Plain SQLite knows the account book alone.
  if (parameters_.options.script == nullptr)
    replay_by_sqlite(setting_.executor, *checks_, replies, images);
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

/// What processes are connected with.
void World::make_ends() {
  const auto living = [this](ReplicaId id) { return alive(id); };
  const auto second = [this](ReplicaId id) { return twins_->of(id); };
  const auto facing = [this](ReplicaId id, ReplicaId peer) {
    Process* other = twins_->for_peer(id, peer);
    return other != nullptr ? other : alive(id);
  };
  const auto on_fault = [this](Fault fault, ReplicaId id) { hit(fault, id); };
  links_ = std::make_unique<Links>(*run_, setting_, machines_, facing, on_fault,
                                   Rng(parameters_.options.seed, 4));
  clients_ = std::make_unique<Clients>(*run_, genesis_, credentials_, living, second,
                                       Rng(parameters_.options.seed, 5));
  // As whoever has executed most sees it.
  const auto primary = [this] {
    const Process* ahead = nullptr;
    for (const auto& process : processes_)
      if (process != nullptr && !process->stopped() &&
          (ahead == nullptr ||
           process->node().replica_status().executed > ahead->node().replica_status().executed))
        ahead = process.get();
    return ahead == nullptr ? ReplicaId{0} : ahead->node().replica_status().primary;
  };
  const auto confide = [this](const wire::ClientRequest& request) { mouths_->confide(request); };
  hostiles_ =
      std::make_unique<Hostiles>(*run_, genesis_, hostile_credentials_,
                                 Hostiles::World{living, second, primary, on_fault, confide},
                                 Rng(parameters_.options.seed, 33));
  clients_->sets_clocks = [this](AgreedTime time) { set_clocks(time); };
  if (!parameters_.hostiles.empty())
    clients_->overhears = [this](const auto& text) { hostiles_->overheard(text); };
}

RunResult World::run() {
  run_.emplace(Run{parameters_, queue_, trace_, *checks_});
  processes_.resize(machines_.size());
  if (native()) {
    for (const Machine& machine : machines_)
      applications_.push_back(native_application(
          parameters_.options.plant, parameters_.astray == machine.id ? &astray_ : nullptr));
  }
  make_liars();
  make_ends();
  for (const Machine& machine : machines_) start(machine.id);
  if (!parameters_.twins.empty()) twins_->start(setting_of(parameters_.twins.front()), *links_);
  clients_->start();
  mouths_->start();
  hostiles_->start();
  chaos();
  if (checks_->violations.none()) rounds();
  if (checks_->violations.none()) calm();
  if (checks_->violations.none()) parameters_.excused() ? finish_excused() : finish();
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
  counters_.fast_reads = checks_->reads.seen();
  counters_.batches = checks_->agreement.contiguous().value;
  counters_.checkpoints = checks_->state.stable_count();
  counters_.views = checks_->views.entered();
  counters_.judged = checks_->history.judged();
  counters_.made_up = checks_->missed.made_up();
  counters_.lies = mouths_->lies_told();
  counters_.attacks = hostiles_->acts();
  counters_.filled = checks_->bounds.filled();
  counters_.longest_us = clients_->longest_us();
  counters_.slowest_mean_us = checks_->service.longest_mean_us();
  counters_.replaced_us = checks_->service.replaced_after_us().value_or(0);
  counters_.longest_join_us = clients_->longest_join_us();
  counters_.events = queue_.handled();
  result.counters = counters_;
  result.coverage = coverage_;
  result.excused = parameters_.excused();
  result.last_lines.assign(trace_.tail().begin(), trace_.tail().end());
  for (const auto& [seq, state] : checks_->state.states())
    trace_.add(queue_.now(), "world", "state of n" + std::to_string(seq.value), state.view());
  result.trace_hash = trace_.finish();
  return result;
}

RunResult simulate(const Options& options, std::ostream* trace_lines) {
  return World(draw_parameters(options), trace_lines).run();
}

std::vector<std::string> last_notes(const Options& options) {
  std::ostream nobody(nullptr);
  return simulate(options, &nobody).last_lines;
}

}  // namespace prytany::sim
