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

}  // namespace

void cast_liars(Rng& dice, Parameters& p) {
  p.liars.clear();
  if (p.options.faults == 0) return;
  const std::uint64_t count = dice.between(1, p.options.faults);
  // Who lies is one of the f; so is who was to lose a disk, or whose clock is wrong.
  if (p.liar && count + 1 > p.options.faults) p.liar.reset();
  const std::uint64_t left = p.options.faults - count - (p.liar ? 1 : 0);
  if (p.plan.size() > left)
    p.plan.erase(p.plan.begin() + static_cast<std::ptrdiff_t>(left), p.plan.end());
  while (p.liars.size() < count) {
    const ReplicaId id{static_cast<std::uint16_t>(dice.below(p.options.replicas))};
    if (p.lies(id) || p.planned(id) || p.liar == id) continue;
    p.liars.push_back({id, draw_lies(dice)});
  }
}

void conspire(Parameters& p) {
  p.liars.clear();
  for (unsigned i = 0; i <= p.options.faults; ++i)
    p.liars.push_back({ReplicaId{static_cast<std::uint16_t>(i)}, {Lie::equivocation}});
}

}  // namespace prytany::sim
