// View changes that have no cause, or lie (R10, R11): VIEW-CHANGEs for the next view and for far
// ones, unasked, other for each peer, with P and Q of the liar's own making; its honest ones with
// entries left out or made up; NEW-VIEWs that leave out, replace, or are for some only.
#include "tests/sim/byzantine/leaves.h"
#include "tests/sim/byzantine/mouth.h"
#include "tests/sim/byzantine/strategies.h"

namespace prytany::sim {
namespace {

/// Digests that were really proposed or voted for, to lie with.
class Heard {
 public:
  void hear(const wire::PeerMessage& message) {
    const auto* prepare = std::get_if<wire::Prepare>(&message);
    const auto* vote = std::get_if<wire::Signed<wire::Prepare>>(&message);
    if (prepare == nullptr && vote == nullptr) return;
    constexpr std::size_t kept = 32;
    digests_.push_back((prepare != nullptr ? *prepare : vote->message).digest);
    if (digests_.size() > kept) digests_.erase(digests_.begin());
  }
  Digest any(Rng& rng) const {
    if (digests_.empty() || rng.chance(300'000)) return Digest{rng.bytes<32>()};
    return digests_[rng.below(digests_.size())];
  }

 private:
  std::vector<Digest> digests_;
};

class ViewChanges final : public Strategy {
 public:
  ViewChanges(const Plot& plot, Rng& rng)
      : plot_(plot),
        spam_(static_cast<Ppm>(rng.between(10'000, 600'000))),
        lies_(static_cast<Ppm>(rng.between(0, 1'000'000))) {}

  void hear(ReplicaId, const wire::PeerMessage& message, Mouth&) override {
    heard_.hear(message);
    if (const auto* proof = std::get_if<wire::CheckpointProof>(&message)) stable_ = *proof;
    if (const auto* left = std::get_if<wire::Signed<wire::ViewChange>>(&message))
      if (left->message.stable) stable_ = left->message.stable;
  }

  void speak(ReplicaId, Words& words, Mouth& mouth) override {
    for (Word& word : words) {
      auto* own = std::get_if<wire::Signed<wire::ViewChange>>(&word.message);
      if (own == nullptr || !mouth.rng().chance(lies_)) continue;
      embellish(own->message, mouth.rng());
      *own = mouth.sign(own->message);
      word.apart = true;
    }
  }

  void tick(Mouth& mouth) override {
    Rng& rng = mouth.rng();
    if (!rng.chance(spam_)) return;
    wire::ViewChange message;
    const std::uint64_t far =
        rng.chance(700'000) ? rng.between(1, 2 * plot_.group.n) : rng.between(1, 1'000'000);
    message.view = mouth.view() + far;
    if (rng.chance(700'000)) message.stable = stable_;
    for (const ReplicaId peer : mouth.peers()) {
      if (rng.chance(300'000)) embellish(message, rng);
      if (rng.chance(800'000)) mouth.say(peer, mouth.sign(message));
    }
  }

 private:
  void embellish(wire::ViewChange& message, Rng& rng) {
    auto& p = message.prepared.items;
    auto& q = message.pre_prepared.items;
    if (rng.chance(300'000)) p.clear();
    if (rng.chance(200'000)) q.clear();
    const std::uint64_t count = rng.below(4);
    for (std::uint64_t i = 0; i < count; ++i) {
      const Seq seq = message.low() + rng.between(1, plot_.window);
      const View view{rng.below(message.view.value + 2)};
      insert(p, {seq, heard_.any(rng), view});
      if (rng.chance(700'000)) insert(q, {seq, heard_.any(rng), view});
    }
    if (rng.chance(100'000)) message.stable.reset();
  }
  /// Where an honest one would stand, so that it is not refused for its order.
  static void insert(std::vector<wire::PreparedEntry>& entries, const wire::PreparedEntry& entry) {
    constexpr std::size_t entries_max = 64;
    if (entries.size() >= entries_max) return;
    auto at = entries.begin();
    while (at != entries.end() && at->seq < entry.seq) ++at;
    if (at != entries.end() && at->seq == entry.seq) {
      *at = entry;
    } else {
      entries.insert(at, entry);
    }
  }

  const Plot& plot_;
  Ppm spam_;
  Ppm lies_;
  Heard heard_;
  std::optional<wire::CheckpointProof> stable_;
};

class NewViews final : public Strategy {
 public:
  NewViews(const Plot& plot, Rng& rng)
      : plot_(plot), rate_(static_cast<Ppm>(rng.between(200'000, 1'000'000))) {}

  void hear(ReplicaId, const wire::PeerMessage& message, Mouth&) override { heard_.hear(message); }

  void speak(ReplicaId to, Words& words, Mouth& mouth) override {
    Rng& rng = mouth.rng();
    std::erase_if(words, [&](Word& word) {
      auto* entered = std::get_if<wire::Signed<wire::NewView>>(&word.message);
      if (entered == nullptr || !mouth.leads(entered->message.view)) return false;
      if (!rng.chance(rate_)) return false;
      if (rng.chance(300'000)) return to.value <= plot_.group.f + 1;  // some never get it
      alter(entered->message, rng);
      *entered = mouth.sign(entered->message);
      word.apart = true;
      return false;
    });
  }

 private:
  void alter(wire::NewView& message, Rng& rng) {
    auto& choices = message.choices.items;
    auto& left = message.view_changes.items;
    const std::uint64_t how = rng.below(6);
    if (how == 0 && !left.empty()) {
      left.erase(left.begin() + static_cast<std::ptrdiff_t>(rng.below(left.size())));
    } else if (how == 1 && left.size() > 1) {
      left.front() = left.back();
    } else if (how == 2) {
      message.start.state = heard_.any(rng);
    } else if (!choices.empty()) {
      wire::Choice& choice = choices[rng.below(choices.size())];
      if (how == 3) {
        choice.digest.reset();
      } else if (how == 4) {
        choice.digest = heard_.any(rng);
      } else {
        choices.pop_back();
      }
    }
  }

  const Plot& plot_;
  Ppm rate_;
  Heard heard_;
};

}  // namespace

std::unique_ptr<Strategy> view_changes(const Plot& plot, Rng& rng) {
  return std::make_unique<ViewChanges>(plot, rng);
}
std::unique_ptr<Strategy> new_views(const Plot& plot, Rng& rng) {
  return std::make_unique<NewViews>(plot, rng);
}

}  // namespace prytany::sim
