// As a primary: two proposals for one number, one for each half of the others, and votes that fit
// (R1, R2). As a backup of another Byzantine primary: votes that fit its two proposals. More than f
// of these make the group commit both.
#include <algorithm>

#include "tests/sim/byzantine/stories.h"
#include "tests/sim/byzantine/strategies.h"

namespace prytany::sim {
namespace {

class Equivocation final : public Strategy {
 public:
  Equivocation(Plot& plot, Rng& rng)
      : plot_(plot),
        rate_(plot.relentless ? 1'000'000 : static_cast<Ppm>(rng.between(50'000, 1'000'000))) {}

  void speak(ReplicaId to, Words& words, Mouth& mouth) override {
    for (Word& word : words) {
      if (auto* whole = std::get_if<wire::PrePrepare>(&word.message)) propose(to, *whole, mouth);
      if (auto* named = std::get_if<wire::PrePrepareDigests>(&word.message))
        propose(to, *named, mouth);
      keep_to_story(plot_, to, word, mouth);
    }
  }

 private:
  template <class M>
  void propose(ReplicaId to, M& message, const Mouth& mouth) {
    if (!mouth.leads(message.view)) return;
    const Digest truth = digest_of(message);
    Rng dice = plot_.dice(message.view.value * 1'000'003 + message.seq.value);
    if (!dice.chance(rate_)) return;
    M lie = message;
    auto& requests = requests_of(lie);
    switch (dice.below(4)) {
      case 0: std::reverse(requests.begin(), requests.end()); break;
      case 1:
        if (!requests.empty()) requests.pop_back();
        break;
      case 2: requests.clear(); break;
      default: break;
    }
    if (digest_of(lie) == truth) ++lie.agreed.time.value;
    tell_story(plot_, message.view, truth, digest_of(lie), false);
    if (hears_other(plot_, plot_.stories.at(truth), to) &&
        plot_.stories.at(truth).instead == digest_of(lie))
      message = std::move(lie);
  }

  Plot& plot_;
  Ppm rate_;
};

}  // namespace

std::unique_ptr<Strategy> equivocation(Plot& plot, Rng& rng) {
  return std::make_unique<Equivocation>(plot, rng);
}

}  // namespace prytany::sim
