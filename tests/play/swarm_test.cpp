// Many short plays from seeds: every rate is drawn, messages are lost, backups are killed and
// restarted, links cut, clocks wrong. In the end all faults heal and the group must agree (the
// simulator does this with the real executor, disks and clients; here it takes microseconds and
// shrinks by seed).
#include <gtest/gtest.h>

#include <cstdlib>
#include <iostream>

#include "tests/play/group.h"

namespace prytany::play {
namespace {

/// SplitMix64: small, and the same everywhere.
class Dice {
 public:
  explicit Dice(std::uint64_t seed) : state_(seed) {}
  std::uint64_t roll(std::uint64_t sides) {
    state_ += 0x9E3779B97F4A7C15ULL;
    std::uint64_t z = state_;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
    return (z ^ (z >> 31)) % sides;
  }
  bool percent(std::uint64_t p) { return roll(100) < p; }

 private:
  std::uint64_t state_;
};

struct Rates {
  std::uint64_t loss, kill, cut, clock;
};

void act(Group& group, Dice& dice, const Rates& rates, std::uint64_t step) {
  const auto pick = [&] { return static_cast<unsigned>(dice.roll(group.size())); };
  const auto backup = [&] {
    return group.size() == 1 ? 0U : static_cast<unsigned>(1 + dice.roll(group.size() - 1));
  };
  const auto request = request_of(1 + dice.roll(5), step);
  if (dice.percent(70)) {
    group.submit_to_all(request);
  } else if (group.alive(0)) {
    group.submit(pick(), request);
  }
  if (dice.percent(rates.loss)) group.drop({pick(), pick(), dice.percent(50) ? "" : "commit", {}});
  if (dice.percent(30)) group.clear_rules();
  // Backups only: the primary is not replaced yet.
  const unsigned victim = backup();
  if (dice.percent(rates.kill) && group.size() > 1) {
    if (group.alive(victim)) {
      group.kill(victim);
    } else {
      group.restart(victim);
    }
  }
  if (dice.percent(rates.cut)) group.cut(pick(), backup());
  if (dice.percent(rates.cut)) group.connect(pick(), backup());
  if (dice.percent(rates.clock))
    group.clock(victim).offset_us = static_cast<std::int64_t>(dice.roll(6'000'000)) - 3'000'000;
  group.advance(dice.roll(dice.percent(10) ? 2000 : 60));
}

void play_seed(std::uint64_t seed, bool traced = false) {
  Dice dice(seed);
  static constexpr pbft::Group groups[] = {{4, 1}, {4, 1}, {7, 2}, {6, 1}, {1, 0}, {3, 0}, {4, 2}};
  const pbft::Group shape = groups[dice.roll(std::size(groups))];
  auto config = small_config(shape.n, shape.f, 2 + dice.roll(7), 0);
  config.window = config.checkpoint_interval * (2 + dice.roll(3));
  config.in_flight_max = 1 + dice.roll(8);
  config.batch_requests_max = 1 + dice.roll(4);
  config.early_pre_prepare = dice.percent(50);
  const Rates rates{dice.roll(40), dice.roll(20), dice.roll(20), dice.roll(20)};
  Group group(config, traced);
  for (std::uint64_t step = 1; step <= 60; ++step) act(group, dice, rates, step);
  for (unsigned id = 0; id < group.size(); ++id) group.clock(id).offset_us = 0;
  const std::string disagreement = group.converge();
  for (const std::string& line : group.trace) std::cout << line << "\n";
  ASSERT_EQ(disagreement, "") << "seed " << seed << ", n=" << shape.n << " f=" << shape.f;
  ASSERT_GT(group.executed_requests(), 0U) << "seed " << seed;
}

/// PRYTANY_SEED=16 replays one of them with its trace; PRYTANY_SEEDS=100000 tries more.
TEST(Swarm, every_seed_ends_in_agreement) {
  if (const char* one = std::getenv("PRYTANY_SEED"))
    return play_seed(std::strtoull(one, nullptr, 10), true);
  const char* many = std::getenv("PRYTANY_SEEDS");
  const std::uint64_t last = many == nullptr ? 400 : std::strtoull(many, nullptr, 10);
  for (std::uint64_t seed = 1; seed <= last && !HasFatalFailure(); ++seed) play_seed(seed);
}

}  // namespace
}  // namespace prytany::play
