// What is not so, unasked: that numbers are committed, as what nobody proposed; that it has
// executed and holds stable what does not exist; checkpoints of another state, or of no number that
// has one (R9); and about other replicas' own votes, when they ask after a restart.
#include "tests/sim/byzantine/mouth.h"
#include "tests/sim/byzantine/strategies.h"

namespace prytany::sim {
namespace {

class Claims final : public Strategy {
 public:
  Claims(const Plot& plot, Rng& rng)
      : plot_(plot), rate_(static_cast<Ppm>(rng.between(50'000, 700'000))) {}

  void tick(Mouth& mouth) override {
    Rng& rng = mouth.rng();
    if (!rng.chance(rate_)) return;
    switch (rng.below(4)) {
      case 0: return committed(mouth);
      case 1: return status(mouth);
      case 2: return checkpoint(mouth, checkpoint_near(mouth));
      default: return checkpoint(mouth, near(mouth));
    }
  }

 private:
  Seq near(Mouth& mouth) const {
    const std::uint64_t around = mouth.seq().value + mouth.rng().below(2 * plot_.window);
    return Seq{around > plot_.window ? around - plot_.window + 1 : 1};
  }
  Seq checkpoint_near(Mouth& mouth) const {
    const std::uint64_t k = plot_.checkpoint_interval;
    return Seq{(near(mouth).value + k - 1) / k * k};
  }
  /// The same of each number to all: others may say so, too.
  void committed(Mouth& mouth) const {
    const Seq seq = near(mouth);
    const Digest digest{plot_.dice(seq.value).bytes<32>()};
    mouth.say_to_all(wire::Committed{seq, digest});
  }
  void status(Mouth& mouth) const {
    Rng& rng = mouth.rng();
    wire::Status message;
    const std::uint64_t far = rng.chance(500'000) ? rng.below(20) : rng.next() >> 2;
    message.view = mouth.view() + rng.below(3);
    message.entered = message.view;
    message.stable =
        Seq{mouth.seq().value / plot_.checkpoint_interval * plot_.checkpoint_interval} +
        far / plot_.checkpoint_interval * plot_.checkpoint_interval;
    message.executed = message.stable + rng.below(plot_.window);
    for (std::uint64_t i = rng.below(5); i > 0; --i)
      message.slots.items.push_back(
          {message.executed + (6 - i), rng.chance(500'000), rng.chance(500'000), true});
    mouth.say_to_all(message);
  }
  void checkpoint(Mouth& mouth, Seq seq) const {
    const Digest state{plot_.dice(seq.value + 1'000'000).bytes<32>()};
    mouth.say_to_all(mouth.sign(wire::Checkpoint{seq, state, {}}));
  }

  const Plot& plot_;
  Ppm rate_;
};

class FalseMemory final : public Strategy {
 public:
  FalseMemory(const Plot& plot, Rng& rng)
      : plot_(plot), rate_(static_cast<Ppm>(rng.between(300'000, 1'000'000))) {}

  void speak(ReplicaId, Words& words, Mouth& mouth) override {
    Rng& rng = mouth.rng();
    std::erase_if(words, [&](Word& word) {
      auto* seen = std::get_if<wire::VotesSeen>(&word.message);
      if (seen == nullptr || !rng.chance(rate_)) return false;
      word.apart = true;
      const Seq seq = mouth.seq() + 1;
      switch (rng.below(6)) {
        case 0: return true;
        case 1: *seen = {}; break;
        case 2: seen->view = seen->view + rng.between(1, 1'000); break;
        case 3: seen->prepared = seen->committed = seq + rng.below(plot_.window); break;
        case 4:
          seen->votes.items = {{seq, Digest{rng.bytes<32>()}, Digest{rng.bytes<32>()}}};
          break;
        default:
          for (wire::SeenVote& vote : seen->votes.items) vote.prepare = Digest{rng.bytes<32>()};
      }
      return false;
    });
  }

 private:
  const Plot& plot_;
  Ppm rate_;
};

}  // namespace

std::unique_ptr<Strategy> claims(const Plot& plot, Rng& rng) {
  return std::make_unique<Claims>(plot, rng);
}
std::unique_ptr<Strategy> false_memory(const Plot& plot, Rng& rng) {
  return std::make_unique<FalseMemory>(plot, rng);
}

}  // namespace prytany::sim
