#include "tests/sim/process.h"

#include <algorithm>
#include <utility>

#include "tests/sim/byzantine/mouth.h"
#include "tests/sim/script.h"

namespace prytany::sim {

Process::Process(Run run, Machine& machine, Outside& outside, app::Application* application)
    : ports_{run, machine, outside, {}},
      application_(application),
      state_disk_(ports_, [this](Time due) { disk_news_.insert(due); }),
      fetched_(ports_),
      transport_(ports_),
      chain_file_(ports_) {}

Process::~Process() { *alive_ = false; }

Result<void> Process::open_journal(pbft::Recovery& recovery) {
  if (ports_.run.parameters.no_log) {
    journal_ = std::make_unique<WatchedJournal>(ports_, std::make_unique<store::NoJournal>());
    return {};
  }
  const auto random = [&machine = ports_.machine](std::span<std::uint8_t> out) {
    machine.entropy.fill(out);
  };
  const auto reader = [&recovery](pbft::JournalRecord record) { recovery.add(std::move(record)); };
  // Enough to be written ahead of the records, and to be torn.
  constexpr std::size_t fill_bytes = 8 << 10;
  auto file = store::JournalFile::open(journal_folder(ports_), random, reader,
                                       crypto::sha256(ports_.machine.signer.public_key().bytes),
                                       fill_bytes);
  if (!file) return file.error();
  journal_ = std::make_unique<WatchedJournal>(ports_, std::move(*file));
  return {};
}

Result<void> Process::start(const GroupSetting& setting) {
  Machine& machine = ports_.machine;
  ++machine.lives;
  started_ = ports_.run.queue.now();
  pbft::Recovery recovery;
  const Script* script = ports_.run.parameters.options.script;
  if (script != nullptr && script->has_identities())
    ports_.notary = &notary_.emplace(setting.executor.cluster);
  const auto random = [&machine, notary = ports_.notary](std::span<std::uint8_t> out) {
    machine.entropy.fill(out);
    if (notary != nullptr) notary->drew(out);
    if (machine.mouth != nullptr) machine.mouth->drew(out);
  };
  if (auto opened = open_journal(recovery); !opened) return opened;

  vfs::PageStoreOptions options;
  options.capacity_bytes = std::uint64_t{1} << 30;
  auto store = vfs::PageStore::open(state_disk_, options);
  if (!store) return store.error();
  store_ = std::move(*store);
  const Digest root = store_->root();
  if (store_->size() > 0 && !recovery.vouches_for(root))
    return Error{"state.db has a digest that no certificate in the journal vouches for", true};
  executor_ = std::make_unique<app::Executor>(setting.executor, *store_, application_);
  const Seq image = executor_->executed();
  auto recovered = std::move(recovery).finish(
      image, root, node::first_view(*executor_, image, setting.pbft.group));
  if (!recovered) return recovered.error();
  wire::Chain chain(setting.membership);
  for (const wire::ConfigurationLink& link : machine.configurations)
    if (const char* const reason = chain.extend(link))
      return Error{std::string("configurations.json proves nothing: ") + reason};
  const auto completed = node::complete_chain(chain, *executor_, *recovered);
  if (!completed) return completed.error();
  // A process killed before it could save a link makes it anew, of what its journal proves.
  if (*completed) {
    machine.configurations = chain.links();
    ports_.run.checks.proofs.knows(chain.links());
    for (const wire::ConfigurationLink& link : chain.links())
      ports_.run.checks.configurations.began(machine.id, link.configuration);
  }
  if (ports_.fuse.blown()) return Error{"the process was killed"};
  ports_.run.checks.recovered(machine.id, *recovered, image);
  ports_.expect_commits(*recovered);
  ports_.run.trace.add(ports_.clock.world_now(), ports_.name(),
                       "starts from n" + std::to_string(image.value) + " with " +
                           std::to_string(recovered->slots.size()) + " numbers in the journal",
                       store_->root().view());

  node::NodeConfig config;
  config.pbft = setting.pbft;
  config.pbft.self = machine.id;
  config_ = config.pbft;
  config.membership = setting.membership;
  config.serving.burst_bytes = AnswersChecker::state_burst_bytes;
  config.serving.bytes_per_s = AnswersChecker::state_bytes_per_s;
  config.chain = chain;
  if (ports_.run.parameters.options.plant == Plant::any_time)
    config.clock_ahead_max_us = 36'000'000'000;
  node::Node::World world{*store_,   fetched_,    *executor_,   application_, transport_,
                          *journal_, chain_file_, ports_.clock, random,       nullptr};
  if (ports_.run.trace.has_reader())
    world.on_note = [this](const std::string& note, bool) {
      ports_.run.trace.say(ports_.clock.world_now(), ports_.name(), note);
    };
  node_ = std::make_unique<node::Node>(std::move(config), machine.signer, std::move(*recovered),
                                       std::move(world));
  wake(ports_.run.queue.now());
  return {};
}

std::optional<std::string> Process::vouch(node::ConnectionId to, const wire::Identify& shown,
                                          const wire::Identity& identity) const {
  constexpr std::int64_t token_life_us = 60'000'000;
  if (!notary_ || node_ == nullptr || ports_.run.parameters.lies(id())) return std::nullopt;
  return notary_->vouch(ports_.machine, to, shown, identity, ports_.clock.wall() + token_life_us);
}

During Process::phase() const {
  constexpr std::uint64_t start_us = 100'000;
  if (!active_) return During::view_change;
  if (fetching_) return During::transfer;
  if (ports_.run.queue.now() < started_ + start_us) return During::start;
  return state_disk_.working() ? During::checkpoint : During::normal;
}

void Process::input(std::function<void(node::Node&)> happens) {
  inputs_.push_back(std::move(happens));
  wake(ports_.run.queue.now() + ports_.run.parameters.turn_us);
}

void Process::pause(Time until) {
  busy_until_ = std::max(busy_until_, until);
  if (wakes_at_ != never) wake(wakes_at_);
}

void Process::wake(Time when) {
  when = std::max(when, busy_until_);
  if (wakes_at_ <= when && wakes_at_ >= busy_until_) return;
  wakes_at_ = when;
  ports_.run.queue.at(when, [this, alive = alive_, when] {
    if (*alive && wakes_at_ == when && !stopped_) turn();
  });
}

/// The planted bug: whoever has met its fate stops, for a reason that has nothing to do with it.
bool Process::wrongly_stopped() const {
  return ports_.planted(Plant::wrong_stop) && !ports_.machine.may_find.empty();
}

void Process::turn() {
  wakes_at_ = never;
  ports_.clock.turn_begins();
  for (auto& happens : std::exchange(inputs_, {})) happens(*node_);
  const bool disk_failed = ports_.machine.state_trouble.failed();
  const Result<void> done = wrongly_stopped() ? Error{"something is odd here"} : node_->turn();
  if (done && disk_failed && !ports_.fuse.blown())
    ports_.run.checks.violations.add("fault", ports_.name() + " goes on with a disk that failed");
  busy_until_ = std::max(busy_until_, ports_.clock.world_now());
  ports_.run.checks.missed.turn_took(ports_.clock.world_now() - ports_.run.queue.now() +
                                     ports_.run.parameters.turn_us);
  if (!done || ports_.fuse.blown()) {
    stopped_ = true;
    why_stopped_ = done ? was_killed : done.error();
    return;
  }
  ports_.count_commits();
  if (!ports_.run.parameters.hostiles.empty())
    ports_.run.checks.bounds.after_turn(id(), node_->held(), config_);
  const pbft::ReplicaStatus status = node_->replica_status();
  active_ = status.active;
  fetching_ = status.fetching;
  if (!ports_.run.checks.byzantine.contains(id())) {
    ports_.run.checks.progress.after_turn(id(), status, ports_.run.checks.agreement.contiguous(),
                                          ports_.run.parameters.window);
    ports_.run.checks.leaving.after_turn(id(), status);
    ports_.run.checks.lies.after_turn(id(), status, ports_.run.parameters.window);
    ports_.run.checks.views.after_turn(id(), status);
    ports_.run.checks.refusals.after_turn(id(), status);
  }
  disk_news_.erase(disk_news_.begin(), disk_news_.upper_bound(ports_.run.queue.now()));
  Time due = ports_.clock.to_world(node_->deadline());
  if (!disk_news_.empty()) due = std::min(due, *disk_news_.begin());
  // Not at once again, whatever is asked for: a process that never sleeps would stop the world.
  if (due != never) wake(std::max(due, ports_.run.queue.now() + 1));
}

}  // namespace prytany::sim
