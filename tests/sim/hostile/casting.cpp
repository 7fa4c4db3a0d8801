#include "tests/sim/hostile/casting.h"

#include <algorithm>

namespace prytany::sim {

const char* name_of(Attack attack) {
  static constexpr std::array<const char*, attacks_count> names{
      "uneven proofs",  "two stories",   "odd numbers",    "replays",     "few only",
      "half texts",     "odd texts",     "comes and goes", "false joins", "join races",
      "false reads",    "others' names", "eavesdropping",  "hoarding",    "replica talk",
      "bad signatures", "questions",     "fast reads",     "errands",     "watching",
      "whispers",       "crowds",        "together"};
  return names[static_cast<std::size_t>(attack)];
}

namespace {

/// Those after it have dice of their own, so that adding one changes nothing else.
constexpr std::size_t drawn_attacks = static_cast<std::size_t>(Attack::fast_reads);

}  // namespace

void cast_hostiles(Rng& dice, Parameters& p) {
  Rng more(p.options.seed, 34);
  Rng still_more(p.options.seed, 55);
  Rng watchers(p.options.seed, 57);
  Rng crowds(p.options.seed, 61);
  Rng together(p.options.seed, 62);
  bool all_wait = false;
  p.hostiles.resize(dice.between(1, 4));
  for (HostileClient& client : p.hostiles) {
    const std::uint64_t kinds = dice.between(1, 5);
    while (client.attacks.size() < kinds) {
      const auto attack = static_cast<Attack>(dice.below(drawn_attacks));
      if (std::ranges::find(client.attacks, attack) == client.attacks.end())
        client.attacks.push_back(attack);
    }
    if (p.choices.mac_requests && more.chance(400'000))
      client.attacks.push_back(Attack::fast_reads);
    if (still_more.chance(300'000)) client.attacks.push_back(Attack::errands);
    if (watchers.chance(300'000)) client.attacks.push_back(Attack::watching);
    if (together.chance(300'000)) client.attacks.push_back(Attack::signed_together);
    client.every_us = dice.between(5'000, 60'000);
    if (!crowds.chance(300'000)) continue;
    client.attacks.push_back(Attack::crowds);
    // Of those in the crowd each has to wait for all others, and the honest are in between; where
    // each session has a number of its own, nobody has more patience for that.
    if (crowds.chance(300'000)) {
      const bool one_each = crowds.chance(600'000);
      p.in_flight_max = one_each ? p.clients + crowds.between(0, 2) : 1;
      p.batch_requests_max = one_each ? 1 : crowds.between(1, 4);
      all_wait = crowds.chance(500'000);
    }
  }
  // Honest clients have at most eight times twelve requests outstanding.
  p.backlog_requests_max = dice.chance(700'000) ? dice.between(150, 600) : 0;
  p.backlog_joins_max = dice.chance(700'000) ? dice.between(16, 64) : 0;
  if (all_wait || crowds.chance(300'000)) p.backlog_joins_max = 0;
  p.think_mean_us = std::max<std::uint64_t>(p.think_mean_us, 5'000);
  p.requests_min = dice.between(400, 600);
}

}  // namespace prytany::sim
