#include "tests/sim/adjustments.h"

#include <algorithm>

namespace prytany::sim {

std::uint64_t sometimes(Rng& rng, Ppm rate, std::uint64_t low, std::uint64_t high) {
  const std::uint64_t drawn = rng.between(low, high);
  return rng.chance(rate) ? drawn : 0;
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

void without_log(Rng& rng, Parameters& p) {
  without_process_faults(p);
  p.pause_every_us = rng.between(200'000, 2'000'000);
  p.trouble_every_us = 0;
  p.no_log = true;
  p.heal_only_a_quorum = false;
  if (p.plan.empty()) plan_faults(rng, p, p.options.faults - (p.liar ? 1 : 0), false);
  for (PlannedFault& fault : p.plan) fault.fate = Fate::lost_disk;
}

}  // namespace prytany::sim
