// A primary that lets one replica commit what the others can forget: it proposes to as few as a
// quorum needs, sends its votes to one of them alone, then proposes nothing more, and in its
// VIEW-CHANGE knows of nothing. Whoever counts a vote too few somewhere commits what a later view
// leaves out.
#include <algorithm>

#include "tests/sim/byzantine/hearsay.h"
#include "tests/sim/byzantine/mouth.h"
#include "tests/sim/byzantine/strategies.h"

namespace prytany::sim {
namespace {

class Favours final : public Strategy {
 public:
  Favours(const Plot& plot, Rng& rng)
      : plot_(plot), rate_(static_cast<Ppm>(rng.between(300'000, 1'000'000))) {}

  void hear(ReplicaId from, const wire::PeerMessage& message, Mouth&) override {
    hearsay_.hear(from, message);
  }

  void speak(ReplicaId to, Words& words, Mouth& mouth) override {
    std::erase_if(words, [&](Word& word) {
      return std::visit([&](auto& message) { return withheld(to, message, word, mouth); },
                        word.message);
    });
  }

  void tick(Mouth& mouth) override {
    if (!reign_.over) return;
    reign_.over = false;
    mouth.say_to_all(mouth.sign(hearsay_.ignorant(reign_.view + 1)));
  }

 private:
  /// One view that it leads.
  struct Reign {
    View view;
    bool begun = false;
    Seq from{~std::uint64_t{0}};   // the first number that not all are to commit
    Seq until{~std::uint64_t{0}};  // the last; nothing is proposed above
    std::set<ReplicaId> circle;    // who gets the proposals
    ReplicaId favourite;           // who gets the votes
    bool prepares_for_all = false;
    bool over = false;
  };

  void begin(View view, Seq first, Mouth& mouth) {
    reign_ = {};
    reign_.view = view;
    reign_.begun = true;
    Rng dice = plot_.dice(view.value * 17 + 3);
    if (!dice.chance(rate_)) return;
    std::vector<ReplicaId> correct;
    for (std::uint16_t i = 0; i < plot_.group.n; ++i)
      if (!plot_.liars.contains(ReplicaId{i}) && ReplicaId{i} != mouth.self())
        correct.push_back(ReplicaId{i});
    for (std::size_t i = correct.size(); i > 1; --i)
      std::swap(correct[i - 1], correct[dice.below(i)]);
    const std::size_t liars = plot_.group.n - correct.size();
    const std::uint64_t more = dice.below(4) == 0 ? 1 : 0;
    const std::size_t enough =
        std::clamp<std::size_t>(plot_.group.quorum() - liars + more, 1, correct.size());
    reign_.circle.insert(correct.begin(), correct.begin() + static_cast<std::ptrdiff_t>(enough));
    reign_.favourite = correct.front();
    reign_.prepares_for_all = dice.chance(500'000);
    reign_.from = first + dice.below(8);
    reign_.until = reign_.from + dice.below(3);
  }

  [[nodiscard]] bool kept_from(ReplicaId to, Seq seq, bool circle_too) const {
    if (seq < reign_.from || plot_.liars.contains(to)) return false;
    return circle_too ? !reign_.circle.contains(to) : to != reign_.favourite;
  }

  template <class M>
  bool proposal_withheld(ReplicaId to, const M& message, Mouth& mouth) {
    if (!mouth.leads(message.view)) return false;
    if (!reign_.begun || message.view > reign_.view) begin(message.view, message.seq, mouth);
    return message.view == reign_.view &&
           (message.seq > reign_.until || kept_from(to, message.seq, true));
  }
  bool withheld(ReplicaId to, const wire::PrePrepare& m, Word&, Mouth& mouth) {
    return proposal_withheld(to, m, mouth);
  }
  bool withheld(ReplicaId to, const wire::PrePrepareDigests& m, Word&, Mouth& mouth) {
    return proposal_withheld(to, m, mouth);
  }
  bool withheld(ReplicaId to, const wire::Prepare& m, Word&, Mouth&) const {
    return m.view == reign_.view && kept_from(to, m.seq, reign_.prepares_for_all);
  }
  bool withheld(ReplicaId to, const wire::Commit& m, Word&, Mouth&) {
    if (m.view != reign_.view) return false;
    if (to == reign_.favourite && m.seq == reign_.until) reign_.over = true;
    return kept_from(to, m.seq, false);
  }
  bool withheld(ReplicaId to, const wire::Signed<wire::Prepare>& m, Word& word, Mouth& mouth) {
    return withheld(to, m.message, word, mouth);
  }
  bool withheld(ReplicaId to, const wire::Signed<wire::Commit>& m, Word& word, Mouth& mouth) {
    return withheld(to, m.message, word, mouth);
  }
  bool withheld(ReplicaId to, const wire::Committed& m, Word&, Mouth&) const {
    return kept_from(to, m.seq, false);
  }
  bool withheld(ReplicaId to, const wire::BatchBody& m, Word&, Mouth&) const {
    return kept_from(to, m.seq, true);
  }
  bool withheld(ReplicaId to, wire::Status& m, Word&, Mouth&) const {
    if (reign_.circle.empty() || !kept_from(to, reign_.from, false)) return false;
    m.executed = std::min(m.executed, Seq{reign_.from.value - 1});
    m.stable = std::min(m.stable, m.executed);
    std::erase_if(m.slots.items, [&](const auto& slot) { return slot.seq >= reign_.from; });
    return false;
  }
  bool withheld(ReplicaId, wire::Signed<wire::ViewChange>& m, Word&, Mouth& mouth) const {
    const auto forgotten = [&](const auto& entry) { return entry.seq >= reign_.from; };
    std::erase_if(m.message.prepared.items, forgotten);
    std::erase_if(m.message.pre_prepared.items, forgotten);
    m = mouth.sign(m.message);
    return false;
  }
  template <class M>
  bool withheld(ReplicaId, const M&, Word&, Mouth&) const {
    return false;
  }

  const Plot& plot_;
  Ppm rate_;
  Hearsay hearsay_;
  Reign reign_;
};

}  // namespace

std::unique_ptr<Strategy> favours(const Plot& plot, Rng& rng) {
  return std::make_unique<Favours>(plot, rng);
}

}  // namespace prytany::sim
