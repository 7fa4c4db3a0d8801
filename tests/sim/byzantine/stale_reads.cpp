// Whoever reads without ordering is told the past (R14): a primary proposes late to as many as can
// be done without, sends its COMMITs late to all but as few as make a writer believe that its
// request is done, and answers readers what it answered before the last write. So a quorum of
// replicas, those that are late and the liars, give one old outcome, unless one of them waits for
// what it voted for (docs/protocol.md, "Reads that are not ordered").
#include <algorithm>
#include <map>
#include <optional>
#include <set>

#include "tests/sim/byzantine/mouth.h"
#include "tests/sim/byzantine/strategies.h"

namespace prytany::sim {
namespace {

class StaleReads final : public Strategy {
 public:
  StaleReads(const Plot& plot, Rng& rng)
      : plot_(plot),
        late_us_(rng.between(20'000, 70'000)),
        rate_(static_cast<Ppm>(rng.between(500'000, 1'000'000))) {}

  void speak(ReplicaId to, Words& words, Mouth& mouth) override {
    if (!mouth.leads(mouth.view()) || plot_.liars.contains(to)) return;
    const auto [dark, lit] = cast_roles(mouth.view());
    for (Word& word : words) {
      const bool proposal = std::holds_alternative<wire::PrePrepare>(word.message) ||
                            std::holds_alternative<wire::PrePrepareDigests>(word.message) ||
                            std::holds_alternative<wire::BatchBody>(word.message);
      const bool vote = std::holds_alternative<wire::Commit>(word.message) ||
                        std::holds_alternative<wire::Signed<wire::Commit>>(word.message) ||
                        std::holds_alternative<wire::Committed>(word.message);
      if ((proposal && dark.contains(to)) || (vote && !lit.contains(to))) word.after_us = late_us_;
    }
  }

  void asked(const wire::FastRead& read, Mouth&) override {
    if (asked_.size() >= remembered) asked_.clear();
    asked_[wire::fast_read_digest(read.body)] = read.body.operation.bytes;
  }

  bool answer(wire::ToClient& message, Mouth& mouth) override {
    if (auto* whole = std::get_if<wire::FastReadReply>(&message)) {
      Past* past = past_of(whole->question, wire::fast_outcome_digest(whole->outcome));
      if (past == nullptr) return true;
      past->outcomes.insert_or_assign(wire::fast_outcome_digest(whole->outcome), whole->outcome);
      if (!past->before || !mouth.rng().chance(rate_)) return true;
      const auto known = past->outcomes.find(*past->before);
      if (known != past->outcomes.end())
        whole->outcome = known->second;
      else
        message = wire::FastReadDigest{whole->id, whole->question, whole->executed, whole->agreed,
                                       *past->before};
    } else if (auto* digest = std::get_if<wire::FastReadDigest>(&message)) {
      Past* past = past_of(digest->question, digest->outcome);
      if (past != nullptr && past->before && mouth.rng().chance(rate_))
        digest->outcome = *past->before;
    }
    return true;
  }

 private:
  static constexpr std::size_t remembered = 4096;
  /// What its process said to one question.
  struct Past {
    Digest last;
    std::optional<Digest> before;  // the last one that was another
    std::map<Digest, wire::Outcome> outcomes;
  };
  struct Roles {
    std::set<ReplicaId> dark;  // hear of proposals late
    std::set<ReplicaId> lit;   // commit when they would
  };

  [[nodiscard]] Roles cast_roles(View view) const {
    Rng dice = plot_.dice(view.value * 31 + 7);
    std::vector<ReplicaId> correct;
    for (std::uint16_t i = 0; i < plot_.group.n; ++i)
      if (!plot_.liars.contains(ReplicaId{i})) correct.push_back(ReplicaId{i});
    for (std::size_t i = correct.size(); i > 1; --i)
      std::swap(correct[i - 1], correct[dice.below(i)]);
    const std::size_t dark = plot_.group.n - plot_.group.quorum();
    const std::size_t liars = plot_.group.n - correct.size();
    const std::size_t lit =
        plot_.group.weak_quorum() - std::min(liars, plot_.group.weak_quorum() - std::size_t{1});
    const auto at = [&](std::size_t i) {
      return correct.begin() + static_cast<std::ptrdiff_t>(std::min(i, correct.size()));
    };
    return {{at(0), at(dark)}, {at(dark), at(dark + lit)}};
  }

  Past* past_of(const Digest& question, const Digest& outcome) {
    const auto asked = asked_.find(question);
    if (asked == asked_.end()) return nullptr;
    Past& past = pasts_[asked->second];
    if (past.last != outcome) {
      if (past.last != Digest{}) past.before = past.last;
      past.last = outcome;
    }
    if (past.outcomes.size() > 64) past.outcomes.clear();
    return &past;
  }

  const Plot& plot_;
  std::uint64_t late_us_;
  Ppm rate_;
  std::map<Digest, Bytes> asked_;
  std::map<Bytes, Past> pasts_;  // by operation
};

}  // namespace

std::unique_ptr<Strategy> stale_reads(const Plot& plot, Rng& rng) {
  return std::make_unique<StaleReads>(plot, rng);
}

}  // namespace prytany::sim
