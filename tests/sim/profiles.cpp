// The profiles: which faults a run is about, and how often they come.
#include <algorithm>
#include <array>

#include "server/node/node.h"
#include "tests/sim/adjustments.h"
#include "tests/sim/byzantine/casting.h"
#include "tests/sim/hostile/casting.h"

namespace prytany::sim {

namespace {

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
/// Some groups are oceans apart: there a correct primary takes what would be slow elsewhere, and
/// only what others need tells that it is not.
void only_gentle(Rng&, Parameters& p) {
  make_gentle(p);
  Rng dice(p.options.seed, 44);
  if (!dice.chance(250'000)) return;
  p.link.delay_min_us = dice.between(40'000, 60'000);
  // As those who run such a group would have it: ten times there and back.
  p.request_timeout_us = std::max(p.request_timeout_us, 20 * p.link.delay_min_us);
}
/// Whatever else is drawn, beside replicas that lie.
template <Theme theme>
void byzantine(Rng&, Parameters& p) {
  Rng dice(p.options.seed, 21);
  if (p.excused()) p.plan.clear();
  cast_liars(dice, p, theme);
  // Some have friends among the clients.
  Rng clients(p.options.seed, 31);
  const bool friends = theme == Theme::any && clients.chance(250'000);
  if (friends) cast_hostiles(clients, p);
  Rng league(p.options.seed, 60);
  if (friends && league.chance(500'000)) conspire_with_clients(league, p);
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
/// Of dice of its own: merely late with what it proposes, late only by its clock, so that others
/// hold what it proposes at once, or late and hiding it.
void choose_manner(Parameters& p) {
  Rng manner(p.options.seed, 58);
  if (manner.chance(300'000)) {
    const auto ahead_max_us = static_cast<std::uint64_t>(node::NodeConfig{}.clock_ahead_max_us);
    p.skew_max_us = 0;
    p.liar = ReplicaId{0};
    p.lie_us = static_cast<std::int64_t>(ahead_max_us +
                                         p.request_timeout_us * manner.between(60, 85) / 100);
    return;
  }
  static constexpr std::array manners{Lie::slowness,  Lie::old_requests, Lie::hanging_up,
                                      Lie::gap_below, Lie::league,       Lie::favourite};
  Rng dice(p.options.seed, 59);
  Lie lie = manners[dice.below(manners.size())];
  if (manner.chance(150'000)) lie = Lie::late_votes;
  // Nobody leads with requests that bear no signature where they are not allowed.
  if (lie == Lie::league && p.options.replicas <= 3 * p.options.faults) lie = Lie::slowness;
  p.liars.push_back({ReplicaId{0}, {lie}});
  if (lie == Lie::slowness) return;
  // What it makes up it has whole, and there is always a number for it.
  p.choices.bodies_apart = false;
  p.choices.mac_requests = lie == Lie::league;
  p.wrong_tag_rate = 0;
  p.checkpoint_interval = 16;
  p.window = 64;
  if (lie == Lie::hanging_up) {
    p.reconnect_us = dice.between(500, 3'000);
    p.slow_primary_until_us = 24 * p.request_timeout_us;
  }
  // Its favourite alone fills its batches, and no number is free; few of them make a round.
  if (lie == Lie::favourite && dice.chance(500'000)) {
    p.clients = 2;
    p.outstanding_max = 16;
    p.think_mean_us = 0;
    p.in_flight_max = 2;
    p.batch_requests_max = 1;
  }
  if (lie != Lie::league) return;
  // Nothing is late but by that client: no number is free while one hangs.
  p.in_flight_max = 1;
  p.outstanding_max = 1;
  p.league = 1;
  p.league_late_us = p.request_timeout_us * dice.between(50, 70) / 100;
}
/// Nothing goes wrong but by who lies, and nobody is late but who wants to be.
void let_lateness_show(Rng& dice, Parameters& p) {
  make_gentle(p);
  without_process_faults(p);
  p.gentle = false;
  // Eight round trips of the others, tails included, are what it may take.
  for (LinkParameters* link : {&p.link, &p.client_link}) {
    link->delay_min_us = std::min<std::uint64_t>(link->delay_min_us, 500);
    link->delay_mean_us = std::min<std::uint64_t>(link->delay_mean_us, 1'000);
  }
  p.sync_mean_us = std::min<std::uint64_t>(p.sync_mean_us, 1'000);
  p.clients = static_cast<unsigned>(dice.between(2, 4));
  p.outstanding_max = static_cast<unsigned>(dice.between(1, 2));
  // A primary may take as long again for each round in which it comes by all sessions.
  p.batch_requests_max = std::max<std::size_t>(p.batch_requests_max, p.clients);
  p.think_mean_us = dice.between(0, 20'000);
  p.fast_read_rate = p.public_read_rate = p.read_rate = 0;
  p.requests_min = 400;
}
/// The first primary serves everybody, always just before the others lose patience, and nothing
/// else goes wrong: it is replaced, before so many requests are served so slowly.
void byzantine_slow(Rng&, Parameters& p) {
  Rng dice(p.options.seed, 21);
  let_lateness_show(dice, p);
  p.slow_primary_until_us = 12 * p.request_timeout_us;
  choose_manner(p);
}
/// Up to f, the first primary among them or not, do what chance tells them to make others wait.
void byzantine_schemes(Rng&, Parameters& p) {
  Rng dice(p.options.seed, 61);
  let_lateness_show(dice, p);
  p.wrong_tag_rate = 0;
  p.think_mean_us = dice.between(10'000, 60'000);
  p.service = {.mean_us = 150'000, .within_us = 16 * p.request_timeout_us};
  std::uint16_t id = dice.chance(700'000) ? 0 : 1;
  for (std::uint64_t count = dice.between(1, p.options.faults); count > 0; --count, ++id)
    p.liars.push_back({ReplicaId{id}, {Lie::schemes}});
}
/// Whatever else is drawn, beside clients that keep no rules.
void hostile_clients(Rng&, Parameters& p) {
  Rng dice(p.options.seed, 31);
  if (p.excused()) p.plan.clear();
  cast_hostiles(dice, p);
  // Some have friends among the replicas.
  Rng league(p.options.seed, 60);
  if (league.chance(400'000)) conspire_with_clients(league, p);
}
/// Nothing else goes wrong: no view may change for such a client, and others hardly notice it.
void hostile_gentle(Rng&, Parameters& p) {
  Rng dice(p.options.seed, 31);
  make_gentle(p);
  cast_hostiles(dice, p);
}
/// Whatever else is drawn, and most clients have one connection; half of the seeds have liars, who
/// are gateways, too.
void bundles(Rng&, Parameters& p) {
  Rng dice(p.options.seed, 43);
  p.one_connection = true;
  if (p.excused()) p.plan.clear();
  if (dice.chance(500'000)) cast_liars(dice, p, Theme::any);
  // Others' reads, and reads that are not ordered, need all connections.
  if (dice.chance(700'000)) p.fast_read_rate = p.public_read_rate = 0;
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
      {"byz-schemes", "whatever is late, or told otherwise, to whom chance says: nobody waits long",
       byzantine_schemes},
      {"byz-states", "of those, such as poison what others fetch", byzantine<Theme::states>},
      {"byz-reads", "of those, such as keep some late and tell readers the past", byzantine_reads},
      {"twins", "replicas that are two processes with one key each, up to f with all other faults",
       twins},
      {"hostile-clients", "clients that keep no rules, with all other faults", hostile_clients},
      {"hostile-gentle", "of those, but nothing else goes wrong: no view may change, nobody waits",
       hostile_gentle},
      {"bundles", "most clients keep one connection, with all other faults, also to liars",
       bundles},
      {"everything", "all faults in every seed, for longer", everything},
  };
  return all;
}

const Profile* profile_named(std::string_view name) {
  for (const Profile& profile : profiles())
    if (profile.name == name) return &profile;
  return nullptr;
}

}  // namespace prytany::sim
