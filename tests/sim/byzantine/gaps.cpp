// A primary that spends numbers (R7): it leaves one out and gives away those above, all of the
// window at once and some beyond it, for nothing; so that nothing can be executed although every
// number has a proposal.
#include "tests/sim/byzantine/mouth.h"
#include "tests/sim/byzantine/strategies.h"

namespace prytany::sim {
namespace {

class Gaps final : public Strategy {
 public:
  Gaps(const Plot& plot, Rng& rng)
      : plot_(plot), rate_(static_cast<Ppm>(rng.between(50'000, 500'000))) {}

  void speak(ReplicaId, Words& words, Mouth& mouth) override {
    std::erase_if(words, [&](const Word& word) {
      const auto* whole = std::get_if<wire::PrePrepare>(&word.message);
      const auto* named = std::get_if<wire::PrePrepareDigests>(&word.message);
      if (whole != nullptr) time_ = whole->agreed.time;
      if (named != nullptr) time_ = named->agreed.time;
      return (whole != nullptr && left_out(whole->view, whole->seq, mouth)) ||
             (named != nullptr && left_out(named->view, named->seq, mouth));
    });
  }

  void tick(Mouth& mouth) override {
    if (!mouth.leads(mouth.view()) || !mouth.rng().chance(rate_)) return;
    Rng& rng = mouth.rng();
    const std::uint64_t first = rng.between(1, 4);
    const std::uint64_t count = rng.chance(300'000) ? 2 * plot_.window : rng.between(1, 8);
    for (std::uint64_t i = 0; i < count; ++i) {
      wire::PrePrepare proposal;
      proposal.view = mouth.view();
      proposal.seq = mouth.seq() + (first + i);
      proposal.agreed.time = time_;
      mouth.say_to_all(proposal);
    }
  }

 private:
  [[nodiscard]] bool left_out(View view, Seq seq, const Mouth& mouth) const {
    return mouth.leads(view) && plot_.dice(view.value * 41 + seq.value * 43).chance(rate_ / 4);
  }

  const Plot& plot_;
  Ppm rate_;
  AgreedTime time_;
};

}  // namespace

std::unique_ptr<Strategy> gaps(const Plot& plot, Rng& rng) {
  return std::make_unique<Gaps>(plot, rng);
}

}  // namespace prytany::sim
