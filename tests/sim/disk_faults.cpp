// What befalls disks: transient errors, after which a replica stops and starts again; and what the
// plan has for one disk, which costs the group one of its f.
#include <algorithm>
#include <array>
#include <tuple>
#include <utility>

#include "tests/sim/atlas.h"
#include "tests/sim/world.h"

namespace prytany::sim {

/// The next operations of some disk go wrong once.
void World::trouble() {
  const auto id = victim(parameters_.primary_rate);
  if (!id) return;
  static constexpr std::array<std::pair<Trouble::Kind, Fault>, 5> kinds{
      {{Trouble::Kind::write_error, Fault::write_error},
       {Trouble::Kind::sync_error, Fault::sync_error},
       {Trouble::Kind::sync_gate, Fault::sync_gate},
       {Trouble::Kind::read_error, Fault::read_error},
       {Trouble::Kind::full, Fault::disk_full}}};
  const auto& [kind, fault] = kinds[chaos_.below(kinds.size())];
  Machine& machine = this->machine(*id);
  Trouble& disk = chaos_.chance(500'000) ? machine.journal_trouble : machine.state_trouble;
  disk.arm(kind, chaos_.below(6));
  hit(fault, *id);
  trace_.add(queue_.now(), replica_name(*id), std::string("is about to have a ") + name_of(fault));
}

/// What it put aside of a state transfer rots: whoever installs it proves it again, and fetches
/// such a page once more.
void World::rot(ReplicaId id) {
  Machine& machine = this->machine(id);
  if (machine.fetched.slots.empty()) {
    // Nothing has come yet: a page rots as soon as there is one.
    const bool fetches = chaotic_ && alive(id) != nullptr && phases_[id] == During::transfer;
    if (fetches) queue_.after(250, [this, id] { rot(id); });
    return;
  }
  Rng dice(parameters_.options.seed ^ queue_.now().value, 23);
  vfs::Page& page = machine.fetched.slots[dice.below(machine.fetched.slots.size())];
  page.bytes[dice.below(page.bytes.size())] ^= 4;
  trace_.add(queue_.now(), replica_name(id), "has a rotten page put aside");
  hit(Fault::damaged_slot, id);
}

/// Somebody's file of configurations is gone, older, or damaged when it starts again. One at a
/// time: it is to be had from another.
void World::lose_configurations() {
  std::vector<ReplicaId> having;
  for (const Machine& machine : machines_) {
    if (machine.chain_lost) return;
    if (!machine.configurations.empty() && !machine.halted && !machine.born && !machine.unborn)
      having.push_back(machine.id);
  }
  if (having.empty()) return;
  const ReplicaId id = having[chaos_.below(having.size())];
  hit(Fault::lost_configurations, id);
  if (processes_[id.value] != nullptr) bury(id, queue_.now());
  Machine& machine = this->machine(id);
  machine.chain_lost = true;
  switch (chaos_.below(3)) {
    case 0: machine.configurations.clear(); break;
    case 1: machine.configurations.pop_back(); break;
    default: machine.configurations.back().configuration.keys.items[0].bytes[0] ^= 1; break;
  }
  trace_.add(queue_.now(), replica_name(id), "has no good file of configurations");
}

namespace {

Fault fault_of(Fate fate) {
  return static_cast<Fault>(static_cast<std::uint8_t>(Fault::damaged_record) +
                            static_cast<std::uint8_t>(fate));
}
static_assert(static_cast<unsigned>(Fault::torn_page) -
                  static_cast<unsigned>(Fault::damaged_record) ==
              static_cast<unsigned>(Fate::torn_page));

}  // namespace

/// It is away for so long that it must fetch state when it is back, and meets its fate while it
/// does; or a while later, if it need not.
void World::await_transfer(const PlannedFault& fault) {
  const ReplicaId id = fault.replica;
  held_down_.insert(id);
  if (processes_[id.value] != nullptr) bury(id, queue_.now());
  queue_.after(PlannedFault::away_us, [this, &fault] {
    awaits_transfer_.emplace(fault.replica, &fault);
    held_down_.erase(fault.replica);
    if (processes_[fault.replica.value] == nullptr) start(fault.replica);
  });
  queue_.after(2 * PlannedFault::away_us, [this, id] { meet_fate(id); });
}

void World::meet_fate(ReplicaId id) {
  if (const auto waited = awaits_transfer_.extract(id)) carry_out(*waited.mapped());
}

/// Now, or armed now and found out at the next start.
void World::carry_out(const PlannedFault& fault) {
  const ReplicaId id = fault.replica;
  Machine& machine = this->machine(id);
  hit(fault_of(fault.fate), id);
  trace_.add(queue_.now(), replica_name(id), std::string("meets its fate: ") + name_of(fault.fate));
  machine.may_find = findings_of(fault.fate);
  std::uint64_t later_us = 1 + chaos_.exponential(300'000);
  switch (fault.fate) {
    case Fate::lost_write:
      machine.journal_trouble.arm(Trouble::Kind::lost_write, chaos_.below(8));
      break;
    case Fate::misdirected:
      machine.journal_trouble.arm(Trouble::Kind::misdirected, chaos_.below(8));
      break;
    case Fate::lost_state_write:
      machine.state_trouble.arm(Trouble::Kind::lost_write, chaos_.below(8));
      break;
    case Fate::misdirected_page:
      machine.state_trouble.arm(Trouble::Kind::misdirected, chaos_.below(16));
      break;
    case Fate::torn_page: machine.state_trouble.arm(Trouble::Kind::torn, chaos_.below(16)); break;
    case Fate::lying_sync:
      machine.journal_trouble.arm(Trouble::Kind::lying_sync, 0);
      machine.state_trouble.arm(Trouble::Kind::lying_sync, 0);
      break;
    case Fate::old_image: {
      // As the disk would be if the power failed now.
      auto& [journal, state, slots] = images_[id];
      journal = machine.journal;
      state = machine.state;
      slots = machine.fetched;
      journal.crash(chaos_, parameters_.torn_tail_rate);
      state.crash(chaos_, parameters_.torn_tail_rate);
      break;
    }
    default: later_us = 1;
  }
  queue_.after(std::min<std::uint64_t>(later_us, 1'000'000), [this, &fault] { at_rest(fault); });
}

/// The disk is thrown away, and the key with it; the member asks to be known by another.
void World::lose_for_good(ReplicaId id) {
  Machine& machine = this->machine(id);
  if (processes_[id.value] != nullptr) bury(id, queue_.now(), true);
  machine.journal = {};
  machine.state = {};
  machine.fetched = {};
  machine.configurations.clear();
  machine.journal_trouble = {};
  machine.state_trouble = {};
  machine.held.clear();
  machine.halted = machine.must_halt = false;
  machine.may_find.clear();
  machine.signer = crypto::Signer(machine.entropy.bytes<32>());
  machine.unborn = true;
  trace_.add(queue_.now(), replica_name(id), "is to be born again");
  await_birth(id);
}

/// With as many members' approvals as are needed. Or else with some that must not do, and then for
/// a key that nobody may ever have: too few, made with other keys, or given for something else.
wire::Reconfigure World::approved(wire::Reconfigure wanted) {
  const Digest& cluster = setting_.pbft.cluster;
  const std::uint64_t trick = chaos_.below(5);
  const crypto::Signer stranger(chaos_.bytes<32>());
  wire::Reconfigure signed_for = wanted;
  if (trick < 3) {
    wanted.key = signed_for.key = stranger.public_key();
    checks_->configurations.never(wanted.key);
  }
  // Given for the member's true wish, or for the configuration before.
  if (trick == 2) signed_for.key = machine(wanted.member).signer.public_key();
  if (trick == 2 && chaos_.chance(500'000)) signed_for.number = signed_for.number + 1;
  const Bytes said = wire::reconfigure_signed_bytes(cluster, signed_for);
  std::size_t wants = parameters_.choices.approvals - (trick == 0 ? 1 : 0);
  for (const Machine& each : machines_) {
    // The member itself is asked, too: by its older key, which it has no more.
    if (each.id == wanted.member || each.unborn || wants == 0) continue;
    --wants;
    const bool false_one = trick == 1 && wants == 0;
    wanted.approvals.items.push_back({each.id, (false_one ? stranger : each.signer).sign(said)});
  }
  return wanted;
}

/// Asks until it is done: an order may come too early, or be lost with a session.
void World::await_birth(ReplicaId id) {
  constexpr std::uint64_t look_again_us = 200'000;
  Machine& machine = this->machine(id);
  const crypto::PublicKey key = machine.signer.public_key();
  ConfigNumber newest;
  for (const Machine& other : machines_) {
    const Process* process = alive(other.id);
    if (process == nullptr) continue;
    const wire::Chain& chain = process->node().chain();
    newest = std::max(newest, chain.newest().number);
    if (chain.newest().keys.items[id.value] != key) continue;
    machine.configurations = chain.links();
    machine.unborn = false;
    machine.born = true;
    checks_->born(id);
    if (processes_[id.value] == nullptr) start(id);
    return;
  }
  clients_->order(parameters_.choices.approvals > 0 ? approved({newest, id, key, {}})
                                                    : wire::Reconfigure{newest, id, key, {}});
  queue_.after(look_again_us, [this, id] { await_birth(id); });
}

/// The machine goes down, and its disk is as the fault has it.
void World::at_rest(const PlannedFault& fault) {
  const ReplicaId id = fault.replica;
  if (fault.reborn) return lose_for_good(id);
  Machine& machine = this->machine(id);
  if (machine.halted) return;
  if (processes_[id.value] != nullptr) bury(id, queue_.now(), true);
  machine.journal.crash(chaos_, parameters_.torn_tail_rate);
  machine.state.crash(chaos_, parameters_.torn_tail_rate);
  std::optional<std::string> done = "its disk is as it is now";
  switch (fault.fate) {
    case Fate::damaged_record: done = damage_record(machine.journal, chaos_); break;
    case Fate::missing_segment: done = lose_segment(machine.journal, chaos_); break;
    case Fate::damaged_tail: done = damage_tail(machine.journal, chaos_); break;
    case Fate::damaged_state: done = damage_state(machine.state, chaos_); break;
    case Fate::old_image:
      std::tie(machine.journal, machine.state, machine.fetched) = images_[id];
      break;
    case Fate::lost_disk:
      machine.journal = {};
      machine.state = {};
      machine.fetched = {};
      break;
    default: break;
  }
  trace_.add(queue_.now(), replica_name(id), done.value_or("has nothing to be damaged"));
  const bool told = fault.fate == Fate::damaged_record || fault.fate == Fate::missing_segment;
  if (told && done) machine.must_halt = true;
}

}  // namespace prytany::sim
