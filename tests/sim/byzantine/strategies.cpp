#include "tests/sim/byzantine/strategies.h"

namespace prytany::sim {

const char* name_of(Lie lie) {
  static constexpr std::array<const char*, lies_count> names{
      "mutations",   "equivocation", "false-proposals", "withheld-bodies",
      "slowness",    "silence",      "view-changes",    "new-views",
      "poison",      "claims",       "false-memory",    "vouching",
      "floods",      "garbage",      "false-replies",   "favours",
      "agitation",   "gaps",         "wrong-tags",      "idleness",
      "stale-reads", "accomplices",  "old-requests",    "hanging-up",
      "gap-below",   "league",       "favourite",       "late-votes",
      "schemes"};
  return names[static_cast<std::size_t>(lie)];
}

std::unique_ptr<Strategy> make_strategy(Lie lie, Plot& plot, Rng& rng) {
  switch (lie) {
    case Lie::mutations: return mutations(rng);
    case Lie::equivocation: return equivocation(plot, rng);
    case Lie::false_proposals: return false_proposals(plot, rng);
    case Lie::withheld_bodies: return withheld_bodies(plot, rng);
    case Lie::slowness: return slowness(plot, rng);
    case Lie::silence: return silence();
    case Lie::view_changes: return view_changes(plot, rng);
    case Lie::new_views: return new_views(plot, rng);
    case Lie::poison: return poison(rng);
    case Lie::claims: return claims(plot, rng);
    case Lie::false_memory: return false_memory(plot, rng);
    case Lie::vouching: return vouching(rng);
    case Lie::floods: return floods(plot, rng);
    case Lie::garbage: return garbage(rng);
    case Lie::false_replies: return false_replies(rng);
    case Lie::favours: return favours(plot, rng);
    case Lie::agitation: return agitation(plot, rng);
    case Lie::gaps: return gaps(plot, rng);
    case Lie::wrong_tags: return wrong_tags(plot, rng);
    case Lie::idleness: return idleness();
    case Lie::stale_reads: return stale_reads(plot, rng);
    case Lie::accomplices: return accomplices(plot, rng);
    case Lie::old_requests: return old_requests(plot, rng);
    case Lie::hanging_up: return hanging_up(plot, rng);
    case Lie::gap_below: return gap_below(plot, rng);
    case Lie::league: return league(plot, rng);
    case Lie::favourite: return favourite(plot, rng);
    case Lie::late_votes: return late_votes(plot, rng);
    case Lie::schemes: return schemes(plot, rng);
  }
  return nullptr;
}

}  // namespace prytany::sim
