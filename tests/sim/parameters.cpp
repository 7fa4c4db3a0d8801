#include "tests/sim/parameters.h"

#include <algorithm>
#include <array>

#include "server/pbft/config.h"
#include "tests/sim/byzantine/casting.h"
#include "tests/sim/hostile/casting.h"
#include "tests/sim/script.h"

namespace prytany::sim {

namespace {

/// Half of the seeds have none of it at all, so that each fault is also seen without the others.
Ppm some_or_none(Rng& rng, Ppm most) {
  return rng.chance(500'000) ? static_cast<Ppm>(rng.between(1, most)) : 0;
}
std::uint64_t sometimes(Rng& rng, Ppm rate, std::uint64_t low, std::uint64_t high) {
  const std::uint64_t drawn = rng.between(low, high);
  return rng.chance(rate) ? drawn : 0;
}

LinkParameters draw_link(Rng& rng) {
  LinkParameters link;
  link.delay_min_us = rng.between(20, 2'000);
  link.delay_mean_us = rng.between(10, 4'000);
  link.tail_rate = some_or_none(rng, 30'000);
  link.tail_us = rng.between(10'000, 300'000);
  link.loss_rate = some_or_none(rng, 100'000);
  link.duplicate_rate = some_or_none(rng, 150'000);
  link.in_order = rng.chance(300'000);
  link.late_replay_rate = some_or_none(rng, 20'000);
  return link;
}

void draw_group(Rng& rng, Parameters& p) {
  p.checkpoint_interval = std::uint64_t{1} << rng.between(2, 5);  // 4 .. 32
  p.window = p.checkpoint_interval * rng.between(2, 4);
  p.in_flight_max = rng.between(1, 8);
  p.batch_requests_max = rng.chance(250'000) ? 1 : rng.between(2, 64);
  p.request_timeout_us = rng.between(100'000, 800'000);
  p.early_pre_prepare = rng.chance(300'000);
}

void draw_processes(Rng& rng, Parameters& p) {
  p.kill_every_us = sometimes(rng, 850'000, 150'000, 1'500'000);
  p.kill_in_turn_rate = static_cast<Ppm>(rng.between(0, 1'000'000));
  p.down_mean_us = rng.between(20'000, 1'500'000);
  p.pause_every_us = sometimes(rng, 400'000, 200'000, 2'000'000);
  p.pause_mean_us = rng.between(5'000, rng.chance(300'000) ? 3'000'000 : 400'000);
  p.partition_every_us = sometimes(rng, 400'000, 300'000, 3'000'000);
  p.partition_mean_us = rng.between(20'000, 2'000'000);
  p.primary_rate = static_cast<Ppm>(rng.between(0, 1'000'000));
  p.turn_us = rng.between(5, 150);
  p.sync_min_us = rng.between(50, 500);
  p.sync_mean_us = rng.between(50, 3'000);
  p.power_failure_rate = static_cast<Ppm>(rng.between(0, 1'000'000));
  p.torn_tail_rate = static_cast<Ppm>(rng.between(0, 1'000'000));
  p.image_commit_us = rng.between(200, 60'000);
  p.skew_max_us = static_cast<std::int64_t>(rng.between(0, 150'000));
  p.drift_max_ppm = static_cast<std::int64_t>(rng.between(0, 500));
}

void without_network_faults(Parameters& p) {
  for (LinkParameters* link : {&p.link, &p.client_link}) {
    link->tail_rate = link->loss_rate = link->duplicate_rate = link->late_replay_rate = 0;
    link->stale_rate = 0;
    link->in_order = true;
  }
  p.reset_every_us = p.partition_every_us = p.type_drop_every_us = 0;
}
void without_process_faults(Parameters& p) {
  p.kill_every_us = p.pause_every_us = p.kill_all_every_us = 0;
  p.kill_in_start_rate = p.kill_in_phase_rate = 0;
}
void without_storage_faults(Parameters& p) {
  p.trouble_every_us = 0;
  p.plan.clear();
}
void without_clock_faults(Parameters& p) {
  p.step_every_us = 0;
  p.liar.reset();
}

/// See Parameters::gentle.
void make_gentle(Parameters& p) {
  p.gentle = true;
  without_network_faults(p);
  without_storage_faults(p);
  without_clock_faults(p);
  p.kill_all_every_us = 0;
  p.kill_in_phase_rate = p.kill_in_start_rate = 0;
  p.heal_only_a_quorum = false;
  p.primary_rate = 0;
  // A quorum's disks must be faster than the primary's time: else there is a cause.
  p.request_timeout_us = 500'000;
  p.image_commit_us = std::min<std::uint64_t>(p.image_commit_us, 20'000);
}

void draw_clients(Rng& rng, Parameters& p) {
  p.clients = static_cast<unsigned>(rng.between(2, 8));
  p.outstanding_max = static_cast<unsigned>(rng.chance(300'000) ? 1 : rng.between(2, 12));
  p.think_mean_us = rng.chance(300'000) ? 0 : rng.between(1'000, 60'000);
  p.requests_min = rng.between(200, 260);
  p.leave_rate = some_or_none(rng, 30'000);
  p.failing_rate = static_cast<Ppm>(rng.between(10'000, 200'000));
  p.read_rate = static_cast<Ppm>(rng.between(50'000, 400'000));
  p.public_read_rate = static_cast<Ppm>(rng.between(0, 300'000));
  p.sql_rate = static_cast<Ppm>(rng.between(50'000, 500'000));
  p.fast_read_rate = rng.chance(600'000) ? static_cast<Ppm>(rng.between(50'000, 500'000)) : 0;
  const std::uint64_t kind = rng.below(5);
  p.application = kind < 2   ? ApplicationKind::native
                  : kind < 4 ? ApplicationKind::installed
                             : ApplicationKind::none;
}

// ---- faults beyond those of the first draw
// -------------------------------------------------------

void draw_more_network(Rng& rng, Parameters& p) {
  p.link.stale_rate = some_or_none(rng, 20'000);
  p.type_drop_every_us = sometimes(rng, 250'000, 300'000, 2'000'000);
  p.type_drop_mean_us = rng.between(20'000, 600'000);
}

void draw_more_processes(Rng& rng, Parameters& p) {
  p.kill_all_every_us = sometimes(rng, 250'000, 500'000, 3'000'000);
  p.kill_in_start_rate = some_or_none(rng, 400'000);
  p.kill_in_phase_rate = some_or_none(rng, 150'000);
  p.heal_only_a_quorum = rng.chance(300'000);
}

void draw_clocks(Rng& rng, Parameters& p) {
  p.step_every_us = sometimes(rng, 250'000, 200'000, 2'000'000);
  p.step_max_us = rng.between(10'000, rng.chance(500'000) ? 5'000'000 : 400'000);
  const auto liar = static_cast<std::uint16_t>(rng.below(p.options.replicas));
  const std::int64_t lie = static_cast<std::int64_t>(rng.between(1, 100)) * 360'000'000;
  const bool ahead = rng.chance(500'000);
  if (rng.chance(120'000) && p.options.faults > 0) {
    p.liar = ReplicaId{liar};
    p.lie_us = ahead ? lie : -lie;
  }
}

/// So many other replicas.
void plan_faults(Rng& rng, Parameters& p, unsigned count, bool must_halt) {
  for (unsigned i = 0; i < count; ++i) {
    PlannedFault fault;
    do {
      fault.replica = ReplicaId{static_cast<std::uint16_t>(rng.below(p.options.replicas))};
    } while (p.planned(fault.replica) || p.liar == fault.replica);
    fault.fate = static_cast<Fate>(rng.below(must_halt ? 2 : fates));
    fault.at_us = rng.between(300'000, 3'000'000);
    p.plan.push_back(fault);
  }
}

void draw_storage(Rng& rng, Parameters& p) {
  p.trouble_every_us = sometimes(rng, 300'000, 200'000, 2'000'000);
  const unsigned left = p.options.faults - (p.liar ? 1 : 0);
  if (left > 0 && rng.chance(350'000))
    plan_faults(rng, p, static_cast<unsigned>(rng.between(1, left)), false);
  // Now and then so many disks are damaged that nobody can promise more than to halt.
  if (rng.chance(3'000)) {
    p.liar.reset();
    p.plan.clear();
    const pbft::Group group{p.options.replicas, p.options.faults};
    plan_faults(rng, p, group.n - group.quorum() + 1, true);
  }
}

/// Who keeps no log and stops has lost its disk, so nothing else may stop one.
void without_log(Rng& rng, Parameters& p) {
  without_process_faults(p);
  p.pause_every_us = rng.between(200'000, 2'000'000);
  p.trouble_every_us = 0;
  p.no_log = true;
  p.heal_only_a_quorum = false;
  if (p.plan.empty()) plan_faults(rng, p, p.options.faults - (p.liar ? 1 : 0), false);
  for (PlannedFault& fault : p.plan) fault.fate = Fate::lost_disk;
}

/// The negative control of `durability: none`: a quorum loses what it knew at once, and asks nobody
/// who could tell.
void lose_a_quorum(Rng& rng, Parameters& p) {
  without_log(rng, p);
  p.plan.clear();
  const pbft::Group group{p.options.replicas, p.options.faults};
  plan_faults(rng, p, group.quorum(), false);
  for (PlannedFault& fault : p.plan) fault = {fault.replica, Fate::lost_disk, 700'000};
}

/// Some plants live in the C++ class, and some need a restart or another fault to be seen.
void suit_the_plant(Parameters& p) {
  p.gentle = false;
  p.application = ApplicationKind::native;
  p.kill_every_us = 400'000;
  without_storage_faults(p);
  without_clock_faults(p);
  if (p.options.plant == Plant::ignored_error) p.trouble_every_us = 50'000;
  if (p.options.plant == Plant::enough_for_all) {
    p.plan.push_back({planted_in(p.options), Fate::lost_disk, 1'000'000, true});
    p.kill_every_us = 0;
  }
  if (p.options.plant == Plant::wrong_stop)
    p.plan.push_back({planted_in(p.options), Fate::damaged_state, 1'000'000});
  if (p.options.plant == Plant::blind_journal)
    p.plan.push_back({planted_in(p.options), Fate::damaged_record, 1'000'000});
  if (p.options.plant == Plant::quorum_lost) {
    Rng dice(p.options.seed, 12);
    lose_a_quorum(dice, p);
  }
  if (p.options.plant == Plant::liars_too_many) conspire(p);
  if (p.options.plant == Plant::any_time) {
    p.liar = ReplicaId{0};
    p.lie_us = 3'600'000'000;
  }
}

// ---- profiles -----------------------------------------------------------------------------------

void only_network(Rng& rng, Parameters& p) {
  without_process_faults(p);
  without_storage_faults(p);
  without_clock_faults(p);
  p.partition_every_us = rng.between(200'000, 1'500'000);
  p.type_drop_every_us = rng.between(200'000, 1'500'000);
  p.reset_every_us = rng.between(100'000, 1'000'000);
  p.link.stale_rate = static_cast<Ppm>(rng.between(0, 30'000));
}
void only_processes(Rng& rng, Parameters& p) {
  without_network_faults(p);
  without_storage_faults(p);
  without_clock_faults(p);
  p.kill_every_us = rng.between(100'000, 800'000);
  p.kill_in_phase_rate = static_cast<Ppm>(rng.between(50'000, 500'000));
  p.kill_in_start_rate = static_cast<Ppm>(rng.between(50'000, 500'000));
}
void kill_all(Rng& rng, Parameters& p) {
  only_processes(rng, p);
  p.kill_all_every_us = rng.between(100'000, 800'000);
  p.power_failure_rate = 900'000;
  p.down_mean_us = rng.between(5'000, 100'000);
}
void only_storage(Rng& rng, Parameters& p) {
  without_network_faults(p);
  without_clock_faults(p);
  p.trouble_every_us = rng.between(100'000, 600'000);
  p.kill_every_us = rng.between(200'000, 800'000);
  p.power_failure_rate = static_cast<Ppm>(rng.between(300'000, 1'000'000));
  if (p.plan.empty()) plan_faults(rng, p, p.options.faults, false);
}
void only_clocks(Rng& rng, Parameters& p) {
  without_network_faults(p);
  without_process_faults(p);
  without_storage_faults(p);
  p.step_every_us = rng.between(100'000, 1'000'000);
  p.drift_max_ppm = 50'000;
  if (!p.liar && p.options.faults > 0 && rng.chance(400'000)) {
    p.liar = ReplicaId{static_cast<std::uint16_t>(rng.below(p.options.replicas))};
    p.lie_us = rng.chance(500'000) ? 3'600'000'000 : -3'600'000'000;
  }
}
/// Whoever is planned for loses all, and is born again, under kills and a bad network.
void only_reincarnation(Rng& rng, Parameters& p) {
  without_clock_faults(p);
  without_storage_faults(p);
  p.liar.reset();
  if (p.options.faults > 0) plan_faults(rng, p, p.options.faults, false);
  for (PlannedFault& fault : p.plan)
    if (rng.chance(700'000)) fault.fate = Fate::lost_disk;
  p.kill_every_us = rng.between(150'000, 1'500'000);
  p.reborn_rate = 1'000'000;
  Rng dice(p.options.seed, 17);
  p.chain_lost_every_us = sometimes(dice, 500'000, 300'000, 2'000'000);
}
/// Somebody always fetches the state, and what it puts aside rots.
void only_transfers(Rng& rng, Parameters& p) {
  without_clock_faults(p);
  without_storage_faults(p);
  p.trouble_every_us = 3'000'000;
  p.checkpoint_interval = rng.chance(500'000) ? 4 : 8;
  p.window = 2 * p.checkpoint_interval;
  p.kill_every_us = rng.between(200'000, 600'000);
  p.down_mean_us = rng.between(300'000, 1'000'000);
  p.think_mean_us = rng.between(5'000, 30'000);
  p.requests_min = rng.between(300, 500);
}
/// Short times on the way, so that the time to make up what was missed is short, too.
void only_missed(Rng& rng, Parameters& p) {
  without_storage_faults(p);
  without_clock_faults(p);
  p.rounds = 12;
  p.checkpoint_interval = 32;
  p.window = 128;
  p.request_timeout_us = 800'000;
  p.link.delay_min_us = rng.between(20, 300);
  p.link.delay_mean_us = rng.between(10, 300);
  p.sync_min_us = rng.between(50, 200);
  p.sync_mean_us = rng.between(50, 300);
  p.image_commit_us = std::min<std::uint64_t>(p.image_commit_us, 5'000);
}
void only_gentle(Rng&, Parameters& p) { make_gentle(p); }
/// Whatever else is drawn, beside replicas that lie.
template <Theme theme>
void byzantine(Rng&, Parameters& p) {
  Rng dice(p.options.seed, 21);
  if (p.excused()) p.plan.clear();
  cast_liars(dice, p, theme);
  // Some have friends among the clients.
  Rng clients(p.options.seed, 31);
  if (theme == Theme::any && clients.chance(250'000)) cast_hostiles(clients, p);
}
/// Nothing else goes wrong: so those who lead stay.
void byzantine_reads(Rng&, Parameters& p) {
  Rng dice(p.options.seed, 21);
  without_network_faults(p);
  without_process_faults(p);
  without_storage_faults(p);
  without_clock_faults(p);
  cast_liars(dice, p, Theme::reads);
}
/// Whoever lies, a correct primary is not to be unseated for it.
void byzantine_backups(Rng&, Parameters& p) {
  Rng dice(p.options.seed, 21);
  make_gentle(p);
  without_process_faults(p);
  cast_liars(dice, p, Theme::backups);
}
/// The first primary serves everybody, always just before the others lose patience, and nothing
/// else goes wrong: it is replaced, before so many requests are served so slowly.
void byzantine_slow(Rng&, Parameters& p) {
  Rng dice(p.options.seed, 21);
  make_gentle(p);
  without_process_faults(p);
  p.gentle = false;
  p.slow_primary = true;
  // Eight round trips of the others, tails included, are what it may take.
  for (LinkParameters* link : {&p.link, &p.client_link}) {
    link->delay_min_us = std::min<std::uint64_t>(link->delay_min_us, 500);
    link->delay_mean_us = std::min<std::uint64_t>(link->delay_mean_us, 1'000);
  }
  p.sync_mean_us = std::min<std::uint64_t>(p.sync_mean_us, 1'000);
  // Requests without signatures tell backups nothing (docs/decisions/0025).
  p.choices.mac_requests = false;
  p.wrong_tag_rate = 0;
  p.liars.push_back({ReplicaId{0}, {Lie::slowness}});
  p.clients = static_cast<unsigned>(dice.between(2, 4));
  p.outstanding_max = static_cast<unsigned>(dice.between(1, 2));
  p.think_mean_us = dice.between(0, 20'000);
  p.fast_read_rate = p.public_read_rate = p.read_rate = 0;
  p.requests_min = 400;
}
/// Whatever else is drawn, beside clients that keep no rules.
void hostile_clients(Rng&, Parameters& p) {
  Rng dice(p.options.seed, 31);
  if (p.excused()) p.plan.clear();
  cast_hostiles(dice, p);
}
/// Nothing else goes wrong: no view may change for such a client, and others hardly notice it.
void hostile_gentle(Rng&, Parameters& p) {
  Rng dice(p.options.seed, 31);
  make_gentle(p);
  cast_hostiles(dice, p);
}
void only_without_log(Rng& rng, Parameters& p) {
  if (p.excused()) p.plan.clear();
  without_log(rng, p);
}
void twins(Rng&, Parameters& p) {
  Rng dice(p.options.seed, 21);
  if (p.excused()) p.plan.clear();
  cast_twins(dice, p);
}
/// Everything, always: what it costs is measured here.
void everything(Rng& rng, Parameters& p) {
  p.request_timeout_us = std::max<std::uint64_t>(p.request_timeout_us, 300'000);
  p.link.loss_rate = static_cast<Ppm>(rng.between(1'000, 30'000));
  p.link.duplicate_rate = static_cast<Ppm>(rng.between(1'000, 30'000));
  p.link.tail_rate = static_cast<Ppm>(rng.between(1'000, 10'000));
  p.link.late_replay_rate = p.link.stale_rate = static_cast<Ppm>(rng.between(1'000, 20'000));
  for (std::uint64_t* every :
       {&p.partition_every_us, &p.type_drop_every_us, &p.kill_every_us, &p.pause_every_us,
        &p.kill_all_every_us, &p.trouble_every_us, &p.step_every_us, &p.reset_every_us})
    *every = rng.between(1'500'000, 6'000'000);
  p.partition_mean_us = rng.between(50'000, 500'000);
  p.type_drop_mean_us = rng.between(50'000, 500'000);
  p.pause_mean_us = rng.between(5'000, 400'000);
  p.down_mean_us = rng.between(20'000, 500'000);
  p.kill_in_phase_rate = p.kill_in_start_rate = 100'000;
  p.step_max_us = 400'000;
  p.liar.reset();
  p.plan.clear();
  plan_faults(rng, p, p.options.faults, false);
  p.checkpoint_interval = std::max<std::uint64_t>(2 * p.checkpoint_interval, 32);
  p.window = std::max(p.window, 2 * p.checkpoint_interval);
  // A little more than twenty commits in a second, for long.
  p.clients = 4;
  p.outstanding_max = 2;
  p.think_mean_us = 250'000;
  p.requests_min = 600;
}

}  // namespace

const std::vector<Profile>& profiles() {
  static const std::vector<Profile> all{
      {"swarm", "every fault in some seeds, each with rates of its own (the default)", nullptr},
      {"network", "loss, tails, partitions, resets, types lost, replays; nobody dies",
       only_network},
      {"processes", "kills and pauses, also of who just started or changes views", only_processes},
      {"kill-all", "all die at once, over and over, most often with their power", kill_all},
      {"storage", "disks that fail, fill up, lie, forget and rot", only_storage},
      {"transfers", "somebody always fetches the state, and what it puts aside rots",
       only_transfers},
      {"clocks", "drift, steps, and a replica whose time is wrong by hours", only_clocks},
      {"missed", "between good replicas much is lost for a moment: they make it up by themselves",
       only_missed},
      {"gentle", "one backup at a time is down or stands still: no view may change", only_gentle},
      {"reincarnation", "disks are lost, and their members come back with other keys",
       only_reincarnation},
      {"no-log", "durability: none, so that who stops has lost its disk; at most f do",
       only_without_log},
      {"byzantine", "replicas that lie, as primaries too, up to f with all other faults",
       byzantine<Theme::any>},
      {"byz-views", "of those, such as make views change, and lie about what was prepared",
       byzantine<Theme::views>},
      {"byz-primaries", "of those, such as lie when they lead", byzantine<Theme::primaries>},
      {"byz-backups", "of those, but none leads and nothing else goes wrong: no view may change",
       byzantine_backups},
      {"byz-slow", "the first primary is as slow as patience allows, and is replaced all the same",
       byzantine_slow},
      {"byz-states", "of those, such as poison what others fetch", byzantine<Theme::states>},
      {"byz-reads", "of those, such as keep some late and tell readers the past", byzantine_reads},
      {"twins", "replicas that are two processes with one key each, up to f with all other faults",
       twins},
      {"hostile-clients", "clients that keep no rules, with all other faults", hostile_clients},
      {"hostile-gentle", "of those, but nothing else goes wrong: no view may change, nobody waits",
       hostile_gentle},
      {"everything", "all faults in every seed, for longer", everything},
  };
  return all;
}

const Profile* profile_named(std::string_view name) {
  for (const Profile& profile : profiles())
    if (profile.name == name) return &profile;
  return nullptr;
}

const char* name_of(Fate fate) {
  static constexpr std::array<const char*, fates> names{
      "damaged record",    "missing segment",  "damaged tail",     "lost write",
      "misdirected write", "lying sync",       "old image",        "lost disk",
      "damaged state",     "lost state write", "misdirected page", "torn page"};
  return names[static_cast<std::size_t>(fate)];
}

bool Parameters::planned(ReplicaId id) const {
  return std::ranges::any_of(plan, [&](const PlannedFault& f) { return f.replica == id; });
}
bool Parameters::lies(ReplicaId id) const {
  return astray == id || std::ranges::find(twins, id) != twins.end() ||
         std::ranges::any_of(liars, [&](const Liar& each) { return each.replica == id; });
}
bool Parameters::forgets(ReplicaId id) const {
  return std::ranges::any_of(
      plan, [&](const PlannedFault& f) { return f.replica == id && forgetful(f.fate); });
}
bool Parameters::reborn(ReplicaId id) const {
  return std::ranges::any_of(plan,
                             [&](const PlannedFault& f) { return f.replica == id && f.reborn; });
}
bool Parameters::excused() const {
  const pbft::Group group{options.replicas, options.faults};
  return group.n - plan.size() < group.quorum();
}

/// Of dice of their own, so that a new choice changes nothing else of a seed.
void draw_rebirths(const Options& options, Parameters& p) {
  if (p.excused() || options.plant != Plant::none) return;
  Rng rng(options.seed, 12);
  for (PlannedFault& fault : p.plan) fault.reborn = rng.chance(p.reborn_rate);
  // With `durability: none` nobody is kept away: it would have lost its disk.
  Rng dice(options.seed, 18);
  for (PlannedFault& fault : p.plan) fault.while_fetching = dice.chance(250'000) && !p.no_log;
}

/// Of dice of their own, so that a new choice changes nothing else of a seed.
Choices draw_choices(const Options& options) {
  Rng rng(options.seed, 11);
  Choices choices;
  choices.mac_requests = rng.chance(700'000) && options.replicas > 3 * options.faults;
  choices.signed_votes = rng.chance(250'000);
  choices.bodies_apart = rng.chance(400'000);
  return choices;
}
Ppm draw_wrong_tags(const Options& options, const Choices& choices) {
  Rng rng(options.seed, 14);
  return choices.mac_requests ? some_or_none(rng, 300'000) : 0;
}

/// Its clients and its application are given. What befalls replicas stays as it was drawn.
void suit_the_script(const Script& script, Parameters& p) {
  p.application = ApplicationKind::installed;
  p.clients = static_cast<unsigned>(script.actors.size());
  p.astray.reset();
  p.hostiles.clear();  // they would join, and ask for what no test knows of
  p.fast_read_rate = 0;
  // Each client still works at its part when the last reply has come, but not for ever at a long
  // one.
  p.restless.reset();
  if (p.gentle) p.gentle = false;   // clocks that are all set are a cause for a view change
  if (p.excused()) p.plan.clear();  // or nothing would be asked of it
}

/// Outside development nobody may install an application or send SQL: so where that is built in.
void draw_approvals(const Options& options, Parameters& p) {
  Rng rng(options.seed, 16);
  const bool wanted = options.plant == Plant::enough_for_all || rng.chance(500'000);
  const auto least = rng.between(1, options.replicas - options.faults);
  if (wanted && p.application == ApplicationKind::native)
    p.choices.approvals = static_cast<std::uint32_t>(std::max<std::uint64_t>(least, 2));
}

/// Of dice of their own, so that a new choice changes nothing else of a seed.
void draw_more_work(const Options& options, Parameters& p) {
  Rng rng(options.seed, 41);
  const bool timed = rng.chance(500'000);
  p.transaction_rate = some_or_none(rng, 400'000);
  const Ppm watch_rate = some_or_none(rng, 600'000);
  if (options.script != nullptr) return;
  // In rounds nothing is to be ordered that nobody asks for.
  p.timed = timed && p.application == ApplicationKind::installed && p.rounds == 0;
  if (p.application != ApplicationKind::none) p.watch_rate = watch_rate;
}

/// Where nobody lies, and not of a clock that lies: a primary is then free to be of no use.
unsigned draw_rounds(const Options& options, const Parameters& p) {
  if (p.excused() || p.liar || p.astray || !p.liars.empty() || !p.twins.empty()) return 0;
  if (p.gentle || options.plant != Plant::none || options.script != nullptr) return 0;
  Rng rng(options.seed, 15);
  return rng.chance(500'000) ? 3 : 0;
}

Parameters draw_parameters(const Options& options) {
  Rng rng(options.seed, 1);
  Parameters p;
  p.options = options;
  p.choices = draw_choices(options);
  p.wrong_tag_rate = draw_wrong_tags(options, p.choices);
  draw_group(rng, p);
  p.link = draw_link(rng);
  p.client_link = draw_link(rng);
  // A WebSocket loses nothing while it lives; it is reset instead.
  p.client_link.in_order = true;
  p.client_link.loss_rate = p.client_link.duplicate_rate = p.client_link.late_replay_rate = 0;
  p.reset_every_us = sometimes(rng, 600'000, 100'000, 2'000'000);
  p.reconnect_us = rng.between(1'000, 100'000);
  draw_processes(rng, p);
  draw_clients(rng, p);
  const bool gentle = rng.chance(80'000);
  // From a stream of its own: what came first keeps its numbers.
  Rng more(options.seed, 6);
  draw_more_network(more, p);
  draw_more_processes(more, p);
  draw_clocks(more, p);
  draw_storage(more, p);
  if (options.profile != nullptr && options.profile->adjust != nullptr) {
    options.profile->adjust(more, p);
  } else if (gentle) {
    make_gentle(p);
  }
  Rng log(options.seed, 13);
  const bool swarm = options.profile == nullptr || options.profile->adjust == nullptr;
  if (swarm && !p.gentle && !p.excused() && log.chance(60'000)) without_log(log, p);
  if (options.plant != Plant::none) suit_the_plant(p);
  if (options.script != nullptr) suit_the_script(*options.script, p);
  draw_rebirths(options, p);
  draw_approvals(options, p);
  if (p.rounds == 0) p.rounds = draw_rounds(options, p);
  draw_more_work(options, p);
  p.faults_until_us = rng.between(2'000'000, 8'000'000);
  // Timers may have doubled to sixteen seconds, and the next view's primary may need one more.
  p.finish_within_us = 120'000'000;
  return p;
}

namespace {

const char* name_of(ApplicationKind kind) {
  switch (kind) {
    case ApplicationKind::native: return " native";
    case ApplicationKind::installed: return " installed";
    case ApplicationKind::none: return " ad-hoc";
  }
  return "";
}

std::string describe_more(const Parameters& p) {
  std::string text = "us";
  const auto every = [&](const char* what, std::uint64_t us) {
    if (us > 0) text += std::string(" ") + what + "=" + std::to_string(us) + "us";
  };
  every("types-lost", p.type_drop_every_us);
  every("kill-all", p.kill_all_every_us);
  every("disk-errors", p.trouble_every_us);
  every("clock-steps", p.step_every_us);
  if (p.liar) text += " r" + std::to_string(p.liar->value) + " lies about the time";
  for (const PlannedFault& fault : p.plan)
    text += " r" + std::to_string(fault.replica.value) + ": " + name_of(fault.fate) +
            (fault.reborn ? ", then reborn" : "");
  for (const Liar& liar : p.liars) {
    text += " r" + std::to_string(liar.replica.value) + " lies:";
    for (const Lie lie : liar.lies) text += std::string(" ") + name_of(lie);
  }
  if (p.astray) text += " r" + std::to_string(p.astray->value) + "'s SQLite goes astray";
  for (const ReplicaId id : p.twins) text += " r" + std::to_string(id.value) + " is twins";
  if (p.restless) text += " c" + std::to_string(*p.restless) + " comes and goes";
  for (const HostileClient& client : p.hostiles) {
    text += " hostile:";
    for (const Attack attack : client.attacks) text += std::string(" ") + name_of(attack) + ",";
    text.back() = ';';
  }
  if (p.timed) text += " timed";
  if (p.watch_rate > 0) text += " watched";
  if (p.transaction_rate > 0) text += " transactions";
  if (p.no_log) text += " no-log";
  if (p.rounds > 0) text += " rounds=" + std::to_string(p.rounds);
  if (p.heal_only_a_quorum) text += " heals a quorum";
  return text + (p.excused() ? " EXCUSED" : "");
}

}  // namespace

std::string describe(const Parameters& p) {
  const auto number = [](auto value) { return std::to_string(value); };
  const auto percent = [&](Ppm rate) {
    const std::string tenths = number(rate / 1'000);
    return (tenths.size() < 2 ? "0" : tenths.substr(0, tenths.size() - 1)) + "." + tenths.back() +
           "%";
  };
  const LinkParameters& link = p.link;
  return "n=" + number(p.options.replicas) + " f=" + number(p.options.faults) +
         " K=" + number(p.checkpoint_interval) + " L=" + number(p.window) +
         " in_flight=" + number(p.in_flight_max) + " batch=" + number(p.batch_requests_max) +
         " patience=" + number(p.request_timeout_us) + (p.early_pre_prepare ? "us early" : "us") +
         " delay=" + number(link.delay_min_us) + "+" + number(link.delay_mean_us) +
         "us tail=" + percent(link.tail_rate) + "x" + number(link.tail_us) +
         "us loss=" + percent(link.loss_rate) + " duplicates=" + percent(link.duplicate_rate) +
         (link.in_order ? " in-order" : " reordering") + " resets=" + number(p.reset_every_us) +
         "us partitions=" + number(p.partition_every_us) + "x" + number(p.partition_mean_us) +
         (p.gentle ? "us gentle kills=" : "us kills=") + number(p.kill_every_us) +
         "us down=" + number(p.down_mean_us) + "us pauses=" + number(p.pause_every_us) + "x" +
         number(p.pause_mean_us) + "us sync=" + number(p.sync_min_us) + "+" +
         number(p.sync_mean_us) + "us skew=" + number(p.skew_max_us) + describe_more(p) +
         " clients=" + number(p.clients) + "x" + number(p.outstanding_max) +
         name_of(p.application) +
         (p.choices.mac_requests ? " mac-requests wrong-tags=" + percent(p.wrong_tag_rate) : "") +
         (p.choices.signed_votes ? " signed-votes" : "") +
         (p.choices.bodies_apart ? " bodies-apart" : "") +
         (p.choices.approvals > 0 ? " approvals=" + number(p.choices.approvals) : "") +
         " faults-until=" + number(p.faults_until_us / 1'000) + "ms";
}

}  // namespace prytany::sim
