// View changes that have no cause, or lie (R10, R11): VIEW-CHANGEs for the next view and for far
// ones, unasked, other for each peer, with P and Q of the liar's own making; its honest ones with
// entries left out or made up; one that knows nothing, or too much, as soon as anybody asks for a
// view, so that every doubt becomes a view change; NEW-VIEWs that leave out, replace, or are for
// some only, or for nobody, and those that follow from the VIEW-CHANGEs which suit the liar.
#include <algorithm>

#include "server/pbft/new_view.h"
#include "server/pbft/slot.h"
#include "tests/sim/byzantine/hearsay.h"
#include "tests/sim/byzantine/mouth.h"
#include "tests/sim/byzantine/stories.h"
#include "tests/sim/byzantine/strategies.h"

namespace prytany::sim {
namespace {

class ViewChanges final : public Strategy {
 public:
  ViewChanges(const Plot& plot, Rng& rng)
      : plot_(plot),
        spam_(static_cast<Ppm>(rng.between(10'000, 600'000))),
        lies_(static_cast<Ppm>(rng.between(0, 1'000'000))) {}

  void hear(ReplicaId from, const wire::PeerMessage& message, Mouth&) override {
    heard_.hear(from, message);
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
    if (rng.chance(700'000)) message.stable = heard_.stable();
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
      insert(p, {seq, heard_.any_digest(rng), view});
      if (rng.chance(700'000)) insert(q, {seq, heard_.any_digest(rng), view});
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
  Hearsay heard_;
};

/// One correct replica that loses patience is no view change; with f liars who join it, it is one.
class Agitation final : public Strategy {
 public:
  Agitation(const Plot& plot, Rng& rng)
      : plot_(plot), boasts_(static_cast<Ppm>(rng.below(3) * 500'000)) {}

  void hear(ReplicaId from, const wire::PeerMessage& message, Mouth& mouth) override {
    heard_.hear(from, message);
    if (const auto* left = std::get_if<wire::Signed<wire::ViewChange>>(&message)) {
      const View view = left->message.view;
      if (plot_.liars.contains(from) || view <= asked_) return;
      asked_ = view;
      mouth.say_to_all(mouth.sign(mine(view)));
    } else if (const auto* fetch = std::get_if<wire::FetchBatch>(&message)) {
      // What it claims to have prepared it can show.
      const wire::BatchBody* body = heard_.batch(fetch->digest);
      if (body != nullptr) mouth.say(from, wire::BatchBody{fetch->seq, body->batch, body->agreed});
    }
  }

  /// Its process may ask for the same view later, with the truth.
  void speak(ReplicaId, Words& words, Mouth& mouth) override {
    for (Word& word : words)
      if (auto* own = std::get_if<wire::Signed<wire::ViewChange>>(&word.message)) {
        asked_ = std::max(asked_, own->message.view);
        *own = mouth.sign(mine(own->message.view));
      }
  }

 private:
  [[nodiscard]] wire::ViewChange mine(View view) const {
    const bool boasts = plot_.dice(view.value * 29 + 1).chance(boasts_);
    return boasts ? heard_.boastful(view, plot_) : heard_.ignorant(view);
  }

  const Plot& plot_;
  Ppm boasts_;
  View asked_;
  Hearsay heard_;
};

class NewViews final : public Strategy {
 public:
  NewViews(Plot& plot, Rng& rng)
      : plot_(plot), rate_(static_cast<Ppm>(rng.between(200'000, 1'000'000))) {}

  void hear(ReplicaId from, const wire::PeerMessage& message, Mouth&) override {
    heard_.hear(from, message);
  }

  void speak(ReplicaId to, Words& words, Mouth& mouth) override {
    std::erase_if(words, [&](Word& word) {
      auto* entered = std::get_if<wire::Signed<wire::NewView>>(&word.message);
      if (entered == nullptr || !mouth.leads(entered->message.view)) return false;
      return withheld(to, *entered, word, mouth);
    });
    for (Word& word : words) keep_to_story(plot_, to, word, mouth);
  }

  /// Of the next view that it leads, although nobody asked for one: right in what all know, and the
  /// latest numbers forgotten.
  void tick(Mouth& mouth) override {
    Rng& rng = mouth.rng();
    if (!rng.chance(rate_ / 8)) return;
    wire::NewView message;
    message.view = mouth.view() + 1;
    while (!mouth.leads(message.view)) message.view = message.view + 1;
    for (const auto& [from, left] : heard_.view_changes(message.view))
      message.view_changes.items.push_back(left);
    if (heard_.stable()) message.start = heard_.stable()->checkpoint;
    const Seq last{mouth.seq().value - std::min(mouth.seq().value, rng.below(6))};
    for (Seq seq = message.start.seq + 1; seq <= last && message.choices.size() < plot_.window;
         seq = seq + 1)
      message.choices.items.push_back({seq, heard_.voted_for(seq)});
    if (rng.chance(500'000)) found_on_itself(message, mouth);
    mouth.say_to_all(mouth.sign(message));
  }

 private:
  /// One VIEW-CHANGE of its own, as often as a quorum has members, from which just that follows.
  void found_on_itself(wire::NewView& message, const Mouth& mouth) const {
    wire::ViewChange mine = heard_.ignorant(message.view);
    for (const wire::Choice& choice : message.choices)
      if (choice.digest)
        mine.prepared.items.push_back({choice.seq, *choice.digest, View{message.view.value - 1}});
    mine.pre_prepared.items = mine.prepared.items;
    const wire::SignedViewChange one{mouth.self(), mouth.sign(mine)};
    message.view_changes.items.assign(plot_.group.quorum(), one);
    auto plan = pbft::plan_new_view(plot_.group, plot_.window, message.view_changes.items);
    if (plan) message.choices.items = std::move(plan->choices);
  }

  bool withheld(ReplicaId to, wire::Signed<wire::NewView>& entered, Word& word, Mouth& mouth) {
    // The same lie for all, or for some, or another one for each.
    Rng same = plot_.dice(entered.message.view.value * 37 + 11);
    Rng& dice = same.chance(700'000) ? same : mouth.rng();
    if (!dice.chance(rate_)) return false;
    const std::uint64_t audience = dice.below(8);
    if (audience == 0) return true;
    if (audience == 1) return to.value <= plot_.group.f + 1;
    if (audience == 2 && plot_.other_side(to, entered.message.view)) return false;
    const wire::NewView truth = entered.message;
    alter(entered.message, dice, mouth);
    entered = mouth.sign(entered.message);
    word.apart = true;
    if (&dice == &same && audience > 2) vote_accordingly(truth, entered.message);
    return false;
  }

  /// What it says of these numbers afterwards fits what it said that it chose.
  void vote_accordingly(const wire::NewView& truth, const wire::NewView& lie) {
    for (const wire::Choice& choice : truth.choices) {
      const auto other = std::ranges::find(lie.choices.items, choice.seq, &wire::Choice::seq);
      const bool listed = other != lie.choices.items.end() && other->digest;
      const Digest instead = listed ? *other->digest : pbft::null_body().digest;
      if (choice.digest) tell_story(plot_, truth.view, *choice.digest, instead, true);
    }
  }

  void alter(wire::NewView& message, Rng& dice, const Mouth& mouth) const {
    auto& choices = message.choices.items;
    auto& left = message.view_changes.items;
    const std::uint64_t how = dice.below(10);
    if (how < 3) return found_on_others(message, dice, mouth);
    if (how == 3 && !left.empty()) {
      left.erase(left.begin() + static_cast<std::ptrdiff_t>(dice.below(left.size())));
    } else if (how == 4 && left.size() > 1) {
      left.front() = left.back();
    } else if (how == 5) {
      message.start.state = heard_.any_digest(dice);
    } else if (!choices.empty()) {
      // The last ones are those that some may not have committed yet.
      const std::uint64_t last = dice.below(std::min<std::uint64_t>(choices.size(), 8));
      const std::size_t at = choices.size() - 1 - last;
      if (how == 6) {
        choices[at].digest = heard_.any_digest(dice);
      } else if (how == 7) {
        choices[at].digest.reset();
      } else {
        choices.resize(at);
      }
    }
  }

  /// What follows from those VIEW-CHANGEs that suit it, its own among them, which says something
  /// else here than to the others.
  void found_on_others(wire::NewView& message, Rng& dice, const Mouth& mouth) const {
    std::map<ReplicaId, wire::SignedViewChange> all = heard_.view_changes(message.view);
    for (const wire::SignedViewChange& m : message.view_changes) all.insert_or_assign(m.sender, m);
    const wire::ViewChange mine =
        dice.chance(500'000) ? heard_.ignorant(message.view) : heard_.boastful(message.view, plot_);
    all.insert_or_assign(mouth.self(), wire::SignedViewChange{mouth.self(), mouth.sign(mine)});
    while (all.size() > plot_.group.quorum()) {
      const auto one = std::next(all.begin(), static_cast<std::ptrdiff_t>(dice.below(all.size())));
      if (one->first != mouth.self()) all.erase(one);
    }
    std::vector<wire::SignedViewChange> messages;
    for (const auto& [from, m] : all) messages.push_back(m);
    auto plan = pbft::plan_new_view(plot_.group, plot_.window, messages);
    if (!plan) return;
    message.view_changes.items = std::move(messages);
    message.start = plan->start;
    message.choices.items = std::move(plan->choices);
  }

  Plot& plot_;
  Ppm rate_;
  Hearsay heard_;
};

}  // namespace

std::unique_ptr<Strategy> view_changes(const Plot& plot, Rng& rng) {
  return std::make_unique<ViewChanges>(plot, rng);
}
std::unique_ptr<Strategy> agitation(const Plot& plot, Rng& rng) {
  return std::make_unique<Agitation>(plot, rng);
}
std::unique_ptr<Strategy> new_views(Plot& plot, Rng& rng) {
  return std::make_unique<NewViews>(plot, rng);
}

}  // namespace prytany::sim
