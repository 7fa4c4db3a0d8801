// As a primary: two proposals for one number, one for each half of the others, and votes that fit
// (R1, R2); later views are told that the other one was prepared. As a backup of another Byzantine
// primary: votes that fit its two proposals. More than f of these make the group commit both.
#include <algorithm>
#include <optional>

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
    std::erase_if(words, [&](const Word& word) { return says_no_more(word.message); });
    for (Word& word : words) {
      if (auto* whole = std::get_if<wire::PrePrepare>(&word.message)) propose(to, *whole, mouth);
      if (auto* named = std::get_if<wire::PrePrepareDigests>(&word.message))
        propose(to, *named, mouth);
      auto* left = std::get_if<wire::Signed<wire::ViewChange>>(&word.message);
      if (left != nullptr && plot_.dice(left->message.view.value * 53).chance(600'000)) {
        retell(plot_, left->message);
        *left = mouth.sign(left->message);
      }
      keep_to_story(plot_, to, word, mouth);
    }
  }

 private:
  /// Now and then it leaves it at that, so that a later view has to choose between the two.
  [[nodiscard]] bool says_no_more(const wire::PeerMessage& message) const {
    const auto after = [&](const auto* proposal) {
      return proposal != nullptr && proposal->view == last_view_ && proposal->seq > last_;
    };
    return after(std::get_if<wire::PrePrepare>(&message)) ||
           after(std::get_if<wire::PrePrepareDigests>(&message));
  }

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
    if (!plot_.relentless && last_view_ != message.view && dice.chance(300'000)) {
      last_view_ = message.view;
      last_ = message.seq + dice.below(4);
    }
    if (hears_other(plot_, plot_.stories.at(truth), to) &&
        plot_.stories.at(truth).instead == digest_of(lie))
      message = std::move(lie);
  }

  Plot& plot_;
  Ppm rate_;
  std::optional<View> last_view_;
  Seq last_;  // that is proposed in it
};

}  // namespace

std::unique_ptr<Strategy> equivocation(Plot& plot, Rng& rng) {
  return std::make_unique<Equivocation>(plot, rng);
}

}  // namespace prytany::sim
