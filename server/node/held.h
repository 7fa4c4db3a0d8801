// How much a node keeps for clients, and what of it one alone may hold: what its bounds are about.
#pragma once

#include <cstddef>

#include "server/pbft/replica.h"

namespace prytany::node {

struct Held {
  pbft::Held core;
  std::size_t answers_of_one = 0;        // that one connection waits for
  std::size_t sessions_of_one = 0;       // that one connection may tag for
  std::size_t early = 0;                 // requests of sessions that are not known yet
  std::size_t early_of_one = 0;          // from one connection
  std::size_t reads = 0;                 // that wait, public ones and those of sessions
  std::size_t reads_of_one = 0;          // public ones, from one host
  std::size_t session_reads_of_one = 0;  // of sessions, on one connection
  std::size_t bundles_of_one = 0;        // that are gathered for one connection
  std::size_t gathered = 0;              // bytes of bundles that are not complete
  std::size_t gathered_of_one = 0;       // of replies in them, for one connection
  std::size_t relayed = 0;               // numbers that were passed on and are not executed
  std::size_t relayed_of_one = 0;        // of one session
  std::size_t roads_of_one = 0;          // connections of one gateway's clients
  std::size_t leaves = 0;                // answers to those who left
  std::size_t subscriptions = 0;
  std::size_t subscriptions_of_one = 0;  // on one connection
  std::size_t turns = 0;                 // of those that are to be told something
};

}  // namespace prytany::node
