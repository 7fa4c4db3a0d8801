// To those who fetch a state (R12, R13): pages and nodes with another byte, other sizes, an answer
// to another question, none at all, or one that comes so late that it hardly helps.
#include "tests/sim/byzantine/leaves.h"
#include "tests/sim/byzantine/mouth.h"
#include "tests/sim/byzantine/strategies.h"

namespace prytany::sim {
namespace {

class Poison final : public Strategy {
 public:
  explicit Poison(Rng& rng) : rate_(static_cast<Ppm>(rng.between(200'000, 1'000'000))) {}

  void speak(ReplicaId, Words& words, Mouth& mouth) override {
    Rng& rng = mouth.rng();
    std::erase_if(words, [&](Word& word) {
      auto* part = std::get_if<wire::StatePart>(&word.message);
      if (part == nullptr || !rng.chance(rate_)) return false;
      word.apart = true;
      switch (rng.below(6)) {
        case 0: return true;
        case 1: word.after_us = rng.exponential(500'000); return false;
        case 2: part->what = wire::NotHeld{}; return false;
        case 3: part->what = wire::AskLater{}; return false;
        default: break;
      }
      Leaves leaves = leaves_of(*part);
      // Not the number or the question: what is said of them is what counts.
      const std::size_t first = leaves.size() > 2 ? 2 : 0;
      change(leaves[first + rng.below(leaves.size() - first)], rng);
      return false;
    });
  }

 private:
  Ppm rate_;
};

}  // namespace

std::unique_ptr<Strategy> poison(Rng& rng) { return std::make_unique<Poison>(rng); }

}  // namespace prytany::sim
