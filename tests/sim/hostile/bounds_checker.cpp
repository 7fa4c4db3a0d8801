#include "tests/sim/hostile/bounds_checker.h"

#include <string>

namespace prytany::sim {

void BoundsChecker::after_turn(ReplicaId by, const node::Held& held, const pbft::Config& config) {
  const auto no_more_than = [&](const char* what, std::size_t is, std::size_t most) {
    if (is > most)
      violations_.add("bounds", "r" + std::to_string(by.value) + " holds " + std::to_string(is) +
                                    " " + what + ", " + std::to_string(most) + " at most");
  };
  const auto within = [&](const char* what, std::size_t is, std::size_t most) {
    if (is == most) ++filled_;
    no_more_than(what, is, most);
  };
  constexpr std::size_t window = 64;
  const pbft::Held& core = held.core;
  within("requests", core.requests, config.backlog_requests_max);
  within("bytes of requests", core.bytes, config.backlog_bytes_max);
  within("requests of one session", core.of_one_session, window);
  within("joins", core.joins, 2 * config.backlog_joins_max);
  within("unproven requests", core.unproven, config.backlog_requests_max + window * config.group.n);
  within("unproven requests of one session", core.unproven_of_one, window);
  within("unproven requests that one peer brought", core.brought_by_one, window);
  within("answers that one connection waits for", held.answers_of_one, 4 * window);
  within("sessions that one connection speaks for", held.sessions_of_one, window);
  within("early requests", held.early, 4096);
  within("early requests of one connection", held.early_of_one, window);
  within("reads", held.reads, 4096);
  within("reads of one host", held.reads_of_one, window);
  within("sessions' reads on one connection", held.session_reads_of_one, 4 * window);
  within("bundles of one connection", held.bundles_of_one, 4 * window);
  within("bytes of bundles", held.gathered, 64 << 20);
  within("bytes of replies in one connection's bundles", held.gathered_of_one, 1 << 20);
  within("numbers passed on", held.relayed, 1 << 18);
  within("numbers passed on of one session", held.relayed_of_one, window);
  within("clients that one gateway brings", held.roads_of_one, 20'000);
  within("answers to those who left", held.leaves, 1024);
  within("subscriptions of one connection", held.subscriptions_of_one, window);
  within("subscriptions", held.subscriptions, 1 << 18);  // each watches a topic at least
  no_more_than("turns of subscriptions", held.turns, held.subscriptions);
}

}  // namespace prytany::sim
