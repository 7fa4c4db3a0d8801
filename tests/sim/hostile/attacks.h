// The kinds of hostile clients, by name: what a seed draws from. docs/testing.md says what each
// does and what must hold.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace prytany::sim {

enum class Attack : std::uint8_t {
  inconsistent_proofs,  // tags and signatures that are right for some replicas and wrong for others
  two_stories,          // one number, another operation for each half of the group
  odd_numbers,          // 0, the largest, decreasing, just outside the window
  replays,              // its own old requests and joins, of sessions that are over, too
  few_only,             // to the primary alone, to one backup alone, to all but it
  half_texts,           // messages that end early, or go on too long
  odd_texts,            // deep, huge, no UTF-8, keys twice, numbers that are none
  comings_and_goings,   // connections that say nothing, a wrong hello, two; and end at once
  false_joins,          // tokens too few, forged, of others, old; credentials that signed nothing
  join_races,           // one credential joins under two keys; the session that lost goes on
  false_reads,          // requests that say they read, and write; calls with odd arguments
  others_sessions,      // under the session, number or key of somebody else
  eavesdropping,        // what others sent, again, on its own connections
  hoarding,             // everything it may have outstanding and more, and large
  replica_talk,         // what only replicas say
  bad_signatures,       // bursts of requests that cost a signature check and are nothing
  questions,            // bursts of reads, status, configurations
  fast_reads,           // reads that are not ordered: wrong tags, others' sessions, floods, replays
  errands,              // what a gateway shall pass on: hellos, claims and requests of all kinds
  watching,             // subscriptions: others', again elsewhere, too many; floods of "more"
  whispers,             // to replicas that lie: what others would refuse at the door
  crowds,               // joins from many hosts at once
  signed_together,      // several under one signature, some with a branch that leads elsewhere
};
inline constexpr std::size_t attacks_count = 23;
const char* name_of(Attack attack);

/// One hostile client. Drawn before the run.
struct HostileClient {
  std::vector<Attack> attacks;
  std::uint64_t every_us = 0;  // mean time between two of its acts
};

}  // namespace prytany::sim
