// Many short plays from seeds: every rate is drawn, messages are lost, replicas are killed and
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
  auto request = request_of(1 + dice.roll(5), step);
  if (group.config().mac_requests && dice.percent(70)) request.proof.signature.reset();
  if (dice.percent(70)) {
    group.submit_to_all(request);
  } else if (group.alive(0)) {
    group.submit(pick(), request);
  }
  if (dice.percent(rates.loss)) group.drop({pick(), pick(), dice.percent(50) ? "" : "commit", {}});
  if (dice.percent(30)) group.clear_rules();
  const unsigned victim = pick();
  if (dice.percent(rates.kill)) {
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

/// Agreement after healing, and then one more request: what is wrong, or nothing.
std::string healed(Group& group) {
  if (std::string why = group.converge(); !why.empty()) return why;
  const auto last = request_of(77, 1);
  group.submit_to_all(last);
  group.advance(1000);
  if (std::string why = group.converge(); !why.empty()) return why;
  return group.executed(last) ? "" : "a new request is not executed";
}

/// How a liar changes what its core would have said. It has no other keys: messages stay its own.
class Liar {
 public:
  Liar(Dice& dice, std::uint64_t percent) : dice_(dice), percent_(percent) {}

  std::optional<wire::PeerMessage> operator()(unsigned, unsigned, wire::PeerMessage message) {
    if (said_.size() < 200) {
      said_.push_back(message);
    } else if (dice_.percent(10)) {
      said_[dice_.roll(said_.size())] = message;
    }
    if (!dice_.percent(percent_)) return message;
    switch (dice_.roll(4)) {
      case 0: return std::nullopt;
      case 1: return said_[dice_.roll(said_.size())];  // something old
      default: std::visit([&](auto& m) { spoil(m); }, message); return message;
    }
  }

 private:
  Digest other() { return digest_of("lie " + std::to_string(dice_.roll(3))); }
  Seq near(Seq seq) {
    return Seq{seq.value + dice_.roll(5) - std::min<std::uint64_t>(seq.value, 2)};
  }

  void spoil(wire::PrePrepare& m) {
    if (dice_.percent(30)) m.seq = near(m.seq);
    // Another batch for this receiver.
    m.agreed.choice.bytes = {static_cast<std::uint8_t>(dice_.roll(3))};
  }
  template <class Vote>
    requires requires(Vote v) {
      v.digest;
      v.seq;
    }
  void spoil(Vote& m) {
    if (dice_.percent(50)) m.seq = near(m.seq);
    if (dice_.percent(50)) m.digest = other();
  }
  void spoil(wire::Signed<wire::Checkpoint>& m) {
    m.message.state = other();
    if (dice_.percent(30)) m.message.seq = Seq{dice_.roll(1000)};
  }
  void spoil(wire::Status& m) {
    m.executed = dice_.percent(50) ? Seq{~std::uint64_t{0}} : Seq{0};
    m.stable = Seq{dice_.roll(1000)};
    for (std::uint64_t i = 0; i < 20; ++i)
      m.slots.items.push_back({Seq{dice_.roll(300)}, true, dice_.percent(50), dice_.percent(50)});
  }
  void spoil(wire::BatchBody& m) { m.agreed.time = AgreedTime{1}; }
  void spoil(std::vector<wire::PreparedEntry>& entries, View below) {
    if (!entries.empty() && dice_.percent(50)) {
      wire::PreparedEntry& entry = entries[dice_.roll(entries.size())];
      if (dice_.percent(50)) entry.digest = other();
      if (dice_.percent(50))
        entry.view = View{dice_.roll(std::min<std::uint64_t>(below.value, 20) + 1)};
    }
    if (!entries.empty() && dice_.percent(30)) entries.pop_back();
    if (dice_.percent(50))
      entries.push_back({Seq{dice_.roll(40)}, other(),
                         View{dice_.roll(std::min<std::uint64_t>(below.value, 20) + 1)}});
    const auto key = [](const auto& e) { return std::tie(e.seq, e.digest); };
    if (dice_.percent(90))
      std::sort(entries.begin(), entries.end(),
                [&](const auto& a, const auto& b) { return key(a) < key(b); });
  }
  void spoil(wire::Signed<wire::ViewChange>& m) {
    if (dice_.percent(20)) m.message.view = View{dice_.roll(20)};
    if (dice_.percent(10)) m.message.view = View{~std::uint64_t{0}};
    spoil(m.message.prepared.items, m.message.view);
    spoil(m.message.pre_prepared.items, m.message.view);
    // (Its checkpoint comes with a proof, which no liar can make.)
    if (dice_.percent(10)) m.message.stable.reset();
  }
  /// Its own: what it quotes is signed by others.
  void spoil(wire::Signed<wire::NewView>& m) {
    if (dice_.percent(10)) m.message.view = View{dice_.roll(20)};
    auto& choices = m.message.choices.items;
    if (!choices.empty() && dice_.percent(40)) choices.pop_back();
    if (!choices.empty() && dice_.percent(40)) choices[dice_.roll(choices.size())].digest.reset();
    if (!choices.empty() && dice_.percent(40)) choices[dice_.roll(choices.size())].digest = other();
    if (dice_.percent(20)) choices.push_back({m.message.start.seq + choices.size() + 1, other()});
    if (dice_.percent(10)) m.message.start.seq = Seq{dice_.roll(40)};
    auto& quoted = m.message.view_changes.items;
    if (!quoted.empty() && dice_.percent(30)) quoted.erase(quoted.begin());
  }
  void spoil(auto&) {}

  Dice& dice_;
  std::uint64_t percent_;
  std::vector<wire::PeerMessage> said_;
};

pbft::Config draw_config(Dice& dice, pbft::Group shape) {
  auto config = small_config(shape.n, shape.f, 2 + dice.roll(7), 0);
  config.window = config.checkpoint_interval * (2 + dice.roll(3));
  config.in_flight_max = 1 + dice.roll(8);
  config.batch_requests_max = 1 + dice.roll(4);
  config.early_pre_prepare = dice.percent(50);
  config.boot_question = dice.percent(50);
  config.mac_requests = shape.always_live() && dice.percent(60);
  config.bodies_apart = dice.percent(40);
  return config;
}

void play_seed(std::uint64_t seed, bool traced) {
  Dice dice(seed);
  static constexpr pbft::Group groups[] = {{4, 1}, {4, 1}, {7, 2}, {6, 1}, {1, 0}, {3, 0}, {4, 2}};
  const pbft::Group shape = groups[dice.roll(std::size(groups))];
  const pbft::Config config = draw_config(dice, shape);
  const Rates rates{dice.roll(40), dice.roll(20), dice.roll(20), dice.roll(20)};
  Group group(config, traced);
  for (std::uint64_t step = 1; step <= 60; ++step) act(group, dice, rates, step);
  for (unsigned id = 0; id < group.size(); ++id) group.clock(id).offset_us = 0;
  const std::string disagreement = healed(group);
  for (const std::string& line : group.trace) std::cout << line << "\n";
  ASSERT_EQ(disagreement, "") << "seed " << seed << ", n=" << shape.n << " f=" << shape.f;
}

/// f liars, and nothing else wrong for long. With `primary_too` one of them is the first primary.
void play_liars(std::uint64_t seed, bool primary_too, bool traced = false) {
  Dice dice(seed);
  static constexpr pbft::Group groups[] = {{4, 1}, {7, 2}, {6, 1}};
  const pbft::Group shape = groups[dice.roll(std::size(groups))];
  Group group(draw_config(dice, shape), traced);
  Liar liar(dice, 10 + dice.roll(90));
  group.mangle = std::ref(liar);
  for (unsigned i = 0; i < shape.f; ++i) group.set_faulty(primary_too ? i : shape.n - 1 - i);
  const Rates rates{dice.roll(20), 0, dice.roll(10), 0};
  for (std::uint64_t step = 1; step <= 60; ++step) act(group, dice, rates, step);
  const std::string disagreement = healed(group);
  for (const std::string& line : group.trace) std::cout << line << "\n";
  ASSERT_EQ(disagreement, "") << "seed " << seed << ", n=" << shape.n << " f=" << shape.f;
}

/// PRYTANY_SEED=16 replays one of them with its trace; PRYTANY_SEEDS=100000 tries more.
template <class Play>
void play_seeds(Play play) {
  if (const char* one = std::getenv("PRYTANY_SEED"))
    return play(std::strtoull(one, nullptr, 10), true);
  const char* many = std::getenv("PRYTANY_SEEDS");
  const std::uint64_t last = many == nullptr ? 60 : std::strtoull(many, nullptr, 10);
  for (std::uint64_t seed = 1; seed <= last && !testing::Test::HasFatalFailure(); ++seed)
    play(seed, false);
}

TEST(Swarm, crashes_loss_and_wrong_clocks_end_in_agreement) { play_seeds(play_seed); }

TEST(Swarm, f_lying_backups_cannot_stop_or_split_the_group) {
  play_seeds([](std::uint64_t seed, bool traced) { play_liars(seed, false, traced); });
}

TEST(Swarm, f_liars_of_whom_one_is_the_primary_cannot_stop_or_split_the_group) {
  play_seeds([](std::uint64_t seed, bool traced) { play_liars(seed, true, traced); });
}

}  // namespace
}  // namespace prytany::play
