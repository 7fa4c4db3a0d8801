#include "tests/sim/parameters.h"

#include <algorithm>

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

/// See Parameters::gentle.
void make_gentle(Parameters& p) {
  p.gentle = true;
  for (LinkParameters* link : {&p.link, &p.client_link}) {
    link->tail_rate = link->loss_rate = link->duplicate_rate = link->late_replay_rate = 0;
    link->in_order = true;
  }
  p.reset_every_us = p.partition_every_us = 0;
  p.primary_rate = 0;
  p.request_timeout_us = 500'000;
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
  const std::uint64_t kind = rng.below(5);
  p.application = kind < 2   ? ApplicationKind::native
                  : kind < 4 ? ApplicationKind::installed
                             : ApplicationKind::none;
}

}  // namespace

/// Of dice of their own, so that a new choice changes nothing else of a seed.
Choices draw_choices(const Options& options) {
  Rng rng(options.seed, 11);
  Choices choices;
  choices.mac_requests = rng.chance(700'000) && options.replicas > 3 * options.faults;
  choices.signed_votes = rng.chance(250'000);
  choices.bodies_apart = rng.chance(400'000);
  return choices;
}

Parameters draw_parameters(const Options& options) {
  Rng rng(options.seed, 1);
  Parameters p;
  p.options = options;
  p.choices = draw_choices(options);
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
  if (rng.chance(80'000)) make_gentle(p);
  // Some plants live in the C++ class, and some need a restart to be seen.
  if (options.plant != Plant::none) {
    p.application = ApplicationKind::native;
    p.kill_every_us = 400'000;
  }
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
         number(p.sync_mean_us) + "us skew=" + number(p.skew_max_us) +
         "us clients=" + number(p.clients) + "x" + number(p.outstanding_max) +
         name_of(p.application) + (p.choices.mac_requests ? " mac-requests" : "") +
         (p.choices.signed_votes ? " signed-votes" : "") +
         (p.choices.bodies_apart ? " bodies-apart" : "") +
         " faults-until=" + number(p.faults_until_us / 1'000) + "ms";
}

}  // namespace prytany::sim
