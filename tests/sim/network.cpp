#include "tests/sim/network.h"

#include <algorithm>

namespace prytany::sim {

namespace {

/// Between half and twice.
std::uint64_t around(std::uint64_t value, Rng& rng) {
  return value == 0 ? 0 : rng.between(value - value / 2, value * 2);
}
Ppm rate_around(Ppm rate, Rng& rng) {
  return static_cast<Ppm>(std::min<std::uint64_t>(around(rate, rng), 500'000));
}

}  // namespace

Path::Path(const LinkParameters& p, Rng& rng) : own_(p) {
  own_.delay_min_us = around(p.delay_min_us, rng);
  own_.delay_mean_us = around(p.delay_mean_us, rng);
  own_.tail_rate = rate_around(p.tail_rate, rng);
  own_.tail_us = around(p.tail_us, rng);
  own_.loss_rate = rate_around(p.loss_rate, rng);
  own_.duplicate_rate = rate_around(p.duplicate_rate, rng);
}

Time Path::arrival(Time sent, Rng& rng) {
  std::uint64_t delay = own_.delay_min_us + rng.exponential(own_.delay_mean_us);
  if (rng.chance(own_.tail_rate)) delay += rng.exponential(own_.tail_us);
  Time when = sent + delay;
  if (own_.in_order) when = std::max(when, last_arrival_);
  last_arrival_ = std::max(when, last_arrival_);
  return when;
}

Path::Fate Path::arrivals(Time sent, Rng& rng) {
  constexpr std::uint64_t stale_max_us = 3'000'000;
  Fate fate;
  fate.lost = rng.chance(own_.loss_rate);
  if (fate.lost) return fate;
  fate.times.push_back(arrival(sent, rng));
  fate.duplicated = rng.chance(own_.duplicate_rate);
  if (fate.duplicated) fate.times.push_back(arrival(sent, rng));
  fate.stale = own_.stale_rate > 0 && rng.chance(own_.stale_rate);
  if (fate.stale) fate.times.push_back(sent + rng.between(100'000, stale_max_us));
  return fate;
}

void Path::calm() {
  own_.loss_rate = own_.duplicate_rate = own_.tail_rate = own_.late_replay_rate = 0;
  own_.stale_rate = 0;
}

}  // namespace prytany::sim
