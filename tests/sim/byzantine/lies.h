// The kinds of Byzantine behaviour, by name: what a seed draws from. docs/testing.md says what each
// does and what must hold.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "server/wire/ids.h"

namespace prytany::sim {

enum class Lie : std::uint8_t {
  mutations,        // small changes of any message
  equivocation,     // as a primary: two batches for one number, and votes that fit each
  false_proposals,  // requests nobody sent, twice, again, left out; false times
  withheld_bodies,  // as a primary: only some get the proposal, and nobody gets the batch
  slowness,         // as a primary: just below the patience of others
  silence,          // as a primary: no proposals; all else as it should be
  view_changes,     // VIEW-CHANGEs for any view, with false P and Q
  new_views,        // NEW-VIEWs that leave out, replace, or differ for each
  poison,           // parts of states that are none
  claims,           // COMMITTED, STATUS and CHECKPOINT of what is not so
  false_memory,     // answers about votes that were never cast
  vouching,         // word for requests that nobody sent
  floods,           // questions, and what was said long ago
  garbage,          // bytes that are no message, under a right tag
  false_replies,    // to clients
  favours,          // as a primary: one replica alone gets what makes it commit
  agitation,        // joins whoever asks for a view, knowing nothing or too much
  gaps,             // as a primary: numbers left out, and beyond the window
  wrong_tags,       // tags and signatures that are right for some only
  idleness,         // votes, and does nothing of what it votes for
  stale_reads,      // keeps some late, and tells readers the past
  accomplices,      // brings what clients gave it that others refuse at the door
  // As the first primary, late with everything, and more (docs/decisions/0025):
  old_requests,  // proposes old ones before each late proposal
  hanging_up,    // ends its links before each late proposal
  gap_below,     // leaves one number out below those that it uses up
  league,        // proposes each time what a friend among the clients lets others have late
  favourite,     // late for all but one session
  late_votes,    // proposes at once, to one something else, and votes late
  schemes,       // leading or not: to each what is drawn for it, late, never or otherwise
};
inline constexpr std::size_t lies_count = 29;
const char* name_of(Lie lie);

/// One replica that lies, and how. Drawn before the run.
struct Liar {
  ReplicaId replica;
  std::vector<Lie> lies;
};

}  // namespace prytany::sim
