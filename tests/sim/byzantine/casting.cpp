#include "tests/sim/byzantine/casting.h"

#include <algorithm>

namespace prytany::sim {

namespace {

/// Mutations, which are cheap and many, or a few of the others, or both.
std::vector<Lie> draw_lies(Rng& dice) {
  std::vector<Lie> lies;
  if (dice.chance(500'000)) lies.push_back(Lie::mutations);
  const std::uint64_t most = lies.empty() ? 4 : 2;
  const std::uint64_t count = dice.between(lies.empty() ? 1 : 0, most);
  while (lies.size() < count) {
    const Lie lie = static_cast<Lie>(1 + dice.below(lies_count - 1));
    if (std::ranges::find(lies, lie) == lies.end()) lies.push_back(lie);
  }
  return lies;
}

/// How many may be Byzantine: who lies is one of the f; so is who was to lose a disk, or whose
/// clock is wrong, and some of those have to be spared.
std::uint64_t make_room(Rng& dice, Parameters& p) {
  if (p.options.faults == 0) return 0;
  const std::uint64_t count = dice.between(1, p.options.faults);
  if (p.liar && count + 1 > p.options.faults) p.liar.reset();
  const std::uint64_t left = p.options.faults - count - (p.liar ? 1 : 0);
  if (p.plan.size() > left)
    p.plan.erase(p.plan.begin() + static_cast<std::ptrdiff_t>(left), p.plan.end());
  return count;
}

ReplicaId anybody_else(Rng& dice, const Parameters& p) {
  for (;;) {
    const ReplicaId id{static_cast<std::uint16_t>(dice.below(p.options.replicas))};
    if (!p.lies(id) && !p.planned(id) && p.liar != id) return id;
  }
}

}  // namespace

void cast_liars(Rng& dice, Parameters& p) {
  for (std::uint64_t count = make_room(dice, p); count > 0; --count) {
    const ReplicaId id = anybody_else(dice, p);
    p.liars.push_back({id, draw_lies(dice)});
  }
}

void cast_twins(Rng& dice, Parameters& p) {
  for (std::uint64_t count = make_room(dice, p); count > 0; --count)
    p.twins.push_back(anybody_else(dice, p));
  p.twins_turn_every_us = dice.between(50'000, 2'000'000);
}

void conspire(Parameters& p) {
  p.liars.clear();
  for (unsigned i = 0; i <= p.options.faults; ++i)
    p.liars.push_back({ReplicaId{static_cast<std::uint16_t>(i)}, {Lie::equivocation}});
}

}  // namespace prytany::sim
