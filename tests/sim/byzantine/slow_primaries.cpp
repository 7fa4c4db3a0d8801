// Primaries that hardly can be caught lying (R5, R6, R8): one that proposes just before the others
// lose patience, one whose votes come then, one that proposes nothing and does all else as it
// should, and one that proposes to some only and gives its batches to nobody who asks.
#include "tests/sim/byzantine/mouth.h"
#include "tests/sim/byzantine/strategies.h"

namespace prytany::sim {
namespace {

bool proposes(const wire::PeerMessage& message) {
  return std::holds_alternative<wire::PrePrepare>(message) ||
         std::holds_alternative<wire::PrePrepareDigests>(message);
}

class Slowness final : public Strategy {
 public:
  Slowness(const Plot& plot, Rng& rng)
      : least_us_(plot.patience_us * rng.between(plot.relentless ? 60 : 10, 70) / 100),
        most_us_(plot.patience_us * rng.between(75, plot.relentless ? 85 : 105) / 100) {}

  void speak(ReplicaId, Words& words, Mouth& mouth) override {
    for (Word& word : words)
      if (proposes(word.message)) word.after_us = mouth.rng().between(least_us_, most_us_);
  }

 private:
  std::uint64_t least_us_;
  std::uint64_t most_us_;
};

/// So that nobody waits for a proposal, and every number for its votes: the last f backups are sent
/// another batch than the rest, who are one vote short of a quorum without them.
class LateVotes final : public Strategy {
 public:
  LateVotes(const Plot& plot, Rng& rng)
      : group_(plot.group), late_us_(plot.patience_us * rng.between(60, 85) / 100) {}

  void speak(ReplicaId to, Words& words, Mouth& mouth) override {
    if (mouth.view() != View{0} || !mouth.leads(View{0})) return;
    for (Word& word : words) {
      auto* proposal = std::get_if<wire::PrePrepare>(&word.message);
      const bool other = proposal != nullptr && proposal->seq > honest_;
      if (other && to.value >= group_.n - group_.f) ++proposal->agreed.time.value;
    }
    // What waits on a link would hold up what is said after it.
    std::erase_if(words, [&](const Word& word) {
      const auto seq = voted_for(word.message);
      if (!seq || *seq <= honest_) return false;
      mouth.later(late_us_, [&mouth, to, message = word.message] { mouth.say(to, message); });
      return true;
    });
  }

 private:
  static std::optional<Seq> voted_for(const wire::PeerMessage& message) {
    if (const auto* plain = std::get_if<wire::Prepare>(&message)) return plain->seq;
    if (const auto* plain = std::get_if<wire::Commit>(&message)) return plain->seq;
    if (const auto* m = std::get_if<wire::Signed<wire::Prepare>>(&message)) return m->message.seq;
    if (const auto* m = std::get_if<wire::Signed<wire::Commit>>(&message)) return m->message.seq;
    return std::nullopt;
  }

  /// Up to here clients join, and who is late with that is no measure.
  static constexpr Seq honest_{12};
  const pbft::Group group_;
  const std::uint64_t late_us_;
};

class Silence final : public Strategy {
 public:
  void speak(ReplicaId, Words& words, Mouth&) override {
    std::erase_if(words, [](const Word& word) { return proposes(word.message); });
  }
};

class WithheldBodies final : public Strategy {
 public:
  WithheldBodies(const Plot& plot, Rng& rng)
      : plot_(plot),
        rate_(static_cast<Ppm>(rng.between(100'000, 1'000'000))),
        // A slot needs a quorum of PREPAREs: with fewer who hold the batch nothing happens, with
        // just enough the rest must fetch it.
        withheld_(rng.between(1, plot.group.f + 1)) {}

  void speak(ReplicaId to, Words& words, Mouth& mouth) override {
    std::erase_if(words, [&](const Word& word) {
      if (std::holds_alternative<wire::BatchBody>(word.message)) return true;
      if (!proposes(word.message)) return false;
      Rng dice = plot_.dice(seq_of(word.message).value * 31 + mouth.view().value);
      if (!dice.chance(rate_)) return false;
      const std::uint64_t first = dice.below(plot_.group.n);
      return (to.value + plot_.group.n - first) % plot_.group.n < withheld_;
    });
  }

 private:
  static Seq seq_of(const wire::PeerMessage& message) {
    if (const auto* whole = std::get_if<wire::PrePrepare>(&message)) return whole->seq;
    return std::get<wire::PrePrepareDigests>(message).seq;
  }

  const Plot& plot_;
  Ppm rate_;
  std::uint64_t withheld_;
};

}  // namespace

std::unique_ptr<Strategy> slowness(const Plot& plot, Rng& rng) {
  return std::make_unique<Slowness>(plot, rng);
}
std::unique_ptr<Strategy> late_votes(const Plot& plot, Rng& rng) {
  return std::make_unique<LateVotes>(plot, rng);
}
std::unique_ptr<Strategy> silence() { return std::make_unique<Silence>(); }
std::unique_ptr<Strategy> withheld_bodies(const Plot& plot, Rng& rng) {
  return std::make_unique<WithheldBodies>(plot, rng);
}

}  // namespace prytany::sim
