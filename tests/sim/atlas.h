// The atlas of disk faults at rest: what is damaged, and what the replica must do about it
// (docs/testing.md). Finds the places by reading the journal as it stands.
#pragma once

#include <optional>
#include <set>
#include <string>

#include "server/base/result.h"
#include "tests/sim/machine.h"
#include "tests/sim/parameters.h"

namespace prytany::sim {

/// Damages a journal so that its replica can tell: a record that was durable before later ones were
/// written. Says what was done; nothing if there is no such place.
std::optional<std::string> damage_record(Folder& journal, Rng& rng);
/// Takes away a segment that is not the last.
std::optional<std::string> lose_segment(Folder& journal, Rng& rng);
/// Damages the last record, which a crash could have torn as well.
std::optional<std::string> damage_tail(Folder& journal, Rng& rng);
/// Changes a byte of state.db or of its redo.
std::optional<std::string> damage_state(Folder& state, Rng& rng);

/// What one that has met this fate may find, and halt for. It must, where the table says so.
std::set<Finding> findings_of(Fate fate);
/// What a replica that stops with this has found; nothing if that is no finding.
std::optional<Finding> finding_in(const Error& why);
/// The file of configurations is lost, old or damaged, so that the replica does not start without
/// another's.
bool is_of_a_lost_chain(const Error& why);
/// It is what a disk said that failed.
bool is_of_a_failing_disk(const Error& why);

}  // namespace prytany::sim
