#include "tests/sim/parameters.h"

#include <algorithm>
#include <array>

#include "server/pbft/config.h"
#include "tests/sim/adjustments.h"
#include "tests/sim/byzantine/casting.h"
#include "tests/sim/hostile/casting.h"
#include "tests/sim/script.h"

namespace prytany::sim {

namespace {

/// Half of the seeds have none of it at all, so that each fault is also seen without the others.
Ppm some_or_none(Rng& rng, Ppm most) {
  return rng.chance(500'000) ? static_cast<Ppm>(rng.between(1, most)) : 0;
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

}  // namespace

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

/// Of dice of their own, so that a new client changes nothing else of most seeds.
void draw_eager(const Options& options, Parameters& p) {
  Rng rng(options.seed, 45);
  if (!rng.chance(250'000) || options.plant != Plant::none || options.script != nullptr) return;
  // Where reads are measured, or how slow a primary is, one client's load would cover them.
  if (p.fast_read_rate < 400'000 && p.slow_primary_until_us == 0 && !p.service) p.eager = 1;
}

/// Likewise. As many numbers under way as the window has, with one request each: so that views are
/// left while its last number is prepared.
void draw_brimful(const Options& options, Parameters& p) {
  Rng rng(options.seed, 56);
  if (!rng.chance(150'000) || options.plant != Plant::none || options.script != nullptr) return;
  if (p.gentle || p.slow_primary_until_us > 0 || p.service) return;
  p.in_flight_max = p.window;
  p.batch_requests_max = 1;
  p.outstanding_max = std::max(p.outstanding_max, 8U);
}

/// Likewise. A class in C++ is not explained (docs/decisions/0029-calls-are-explained-in-order.md).
void draw_explaining(const Options& options, Parameters& p) {
  Rng rng(options.seed, 50);
  const Ppm rate = some_or_none(rng, 200'000);
  if (options.script != nullptr || options.plant != Plant::none) return;
  if (p.application != ApplicationKind::native) p.explain_rate = rate;
}

/// Likewise. Only the book as it is installed says whose proofs are believed.
void draw_passports(const Options& options, Parameters& p) {
  Rng rng(options.seed, 54);
  const Ppm rate = rng.chance(400'000) ? static_cast<Ppm>(rng.between(300'000, 1'000'000)) : 0;
  if (options.script != nullptr || options.plant != Plant::none) return;
  if (p.application == ApplicationKind::installed) p.passport_rate = rate;
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
  draw_eager(options, p);
  draw_brimful(options, p);
  draw_explaining(options, p);
  draw_passports(options, p);
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
  if (p.eager) text += " c" + std::to_string(*p.eager) + " asks all at once";
  if (p.league) text += " c" + std::to_string(*p.league) + " is in league with r0";
  for (const HostileClient& client : p.hostiles) {
    text += " hostile:";
    for (const Attack attack : client.attacks) text += std::string(" ") + name_of(attack) + ",";
    text.back() = ';';
  }
  if (p.timed) text += " timed";
  if (p.watch_rate > 0) text += " watched";
  if (p.transaction_rate > 0) text += " transactions";
  if (p.passport_rate > 0) text += " passports";
  if (p.explain_rate > 0) text += " explained";
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
