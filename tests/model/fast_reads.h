// An exhaustive model of reads that are not ordered (docs/protocol.md, "Reads that are not
// ordered"): three correct replicas and one that may say anything, two views, one or two numbers,
// and one read. Every interleaving of what they may do is looked at.
//
// The fourth replica has every vote for everything at hand, claims what it likes in VIEW-CHANGEs,
// and is the primary of view 0, so correct replicas may accept any proposal there. Whatever was
// sent stays at hand: loss and delay are that nobody has acted on it yet. What is not modelled:
// checkpoints, bodies, and how votes are authenticated.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace prytany::model {

/// How the rule is weakened; each of them must be found out.
enum class Weakness : std::uint8_t {
  none,
  executed_only,      // answers after what it executed; what it prepared does not count
  forgotten_in_view,  // what was prepared in view 0 does not count in view 1
  not_durable,        // a restart forgets what was prepared
  no_forwarding,      // (liveness) batches come from the primary only, and nobody says what is
                      // committed
  weak_quorum,        // f+1 equal answers are believed
  answers_at_once,    // answers without waiting for its number
};

struct Instance {
  unsigned numbers = 1;  // 1 or 2
  /// Batches that the primary of view 0 may propose for a number: 2 lets it contradict itself.
  unsigned batches = 2;
  /// 1: nobody leaves view 0. (Two numbers in two views are more states than memory holds.)
  unsigned views = 2;
  Weakness weakness = Weakness::none;
};

struct Verdict {
  std::uint64_t states = 0;
  /// Correct replicas executed different batches for a number: the model itself would be wrong.
  bool disagreement = false;
  /// An answer that may be believed though no correct replica behind it had executed all that
  /// somebody had been told before the read began; how it came to that, one step a line.
  bool stale = false;
  std::vector<std::string> how;
  /// Only where a view change can end a contradiction of the primary, or there is none: from some
  /// state, though the fourth falls silent and all messages arrive, a number that one
  /// correct replica executed is never executed by another.
  bool stuck = false;
};

/// Looks at every state that can be reached. Stops at the first that is wrong.
Verdict explore(const Instance& instance);

}  // namespace prytany::model
