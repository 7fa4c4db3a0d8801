// Every strategy by its maker; what each does stands at the top of its file.
#pragma once

#include <memory>

#include "tests/sim/byzantine/plot.h"
#include "tests/sim/byzantine/strategy.h"

namespace prytany::sim {

std::unique_ptr<Strategy> mutations(Rng& rng);
std::unique_ptr<Strategy> equivocation(Plot& plot, Rng& rng);
std::unique_ptr<Strategy> false_proposals(Plot& plot, Rng& rng);
std::unique_ptr<Strategy> withheld_bodies(const Plot& plot, Rng& rng);
std::unique_ptr<Strategy> slowness(const Plot& plot, Rng& rng);
std::unique_ptr<Strategy> silence();
std::unique_ptr<Strategy> view_changes(const Plot& plot, Rng& rng);
std::unique_ptr<Strategy> new_views(Plot& plot, Rng& rng);
std::unique_ptr<Strategy> poison(Rng& rng);
std::unique_ptr<Strategy> claims(const Plot& plot, Rng& rng);
std::unique_ptr<Strategy> false_memory(const Plot& plot, Rng& rng);
std::unique_ptr<Strategy> vouching(Rng& rng);
std::unique_ptr<Strategy> floods(const Plot& plot, Rng& rng);
std::unique_ptr<Strategy> garbage(Rng& rng);
std::unique_ptr<Strategy> false_replies(Rng& rng);
std::unique_ptr<Strategy> favours(const Plot& plot, Rng& rng);
std::unique_ptr<Strategy> agitation(const Plot& plot, Rng& rng);
std::unique_ptr<Strategy> gaps(const Plot& plot, Rng& rng);
std::unique_ptr<Strategy> wrong_tags(const Plot& plot, Rng& rng);
std::unique_ptr<Strategy> idleness();
std::unique_ptr<Strategy> stale_reads(const Plot& plot, Rng& rng);
std::unique_ptr<Strategy> accomplices(Plot& plot, Rng& rng);
std::unique_ptr<Strategy> old_requests(const Plot& plot, Rng& rng);
std::unique_ptr<Strategy> hanging_up(const Plot& plot, Rng& rng);
std::unique_ptr<Strategy> gap_below(const Plot& plot, Rng& rng);
std::unique_ptr<Strategy> league(const Plot& plot, Rng& rng);
std::unique_ptr<Strategy> favourite(const Plot& plot, Rng& rng);
std::unique_ptr<Strategy> late_votes(const Plot& plot, Rng& rng);
std::unique_ptr<Strategy> schemes(const Plot& plot, Rng& rng);

}  // namespace prytany::sim
