// Whatever can be made of keeping some waiting, or telling them something else, against decisions
// 0025 and 0031: by chance, so that nobody need think of it first. Each peer is treated in a way
// that is drawn once: what it is told late, never, or otherwise than the rest.
#include <map>

#include "server/wire/messages.h"
#include "tests/sim/byzantine/mouth.h"
#include "tests/sim/byzantine/strategies.h"

namespace prytany::sim {
namespace {

enum class When : std::uint8_t { in_time, late, never };

When draw_when(Rng& rng, Ppm late, Ppm never) {
  const std::uint64_t drawn = rng.below(1'000'000);
  if (drawn < late) return When::late;
  return drawn < late + never ? When::never : When::in_time;
}

struct Treatment {
  When proposal = When::in_time;
  When prepare = When::in_time;
  When commit = When::in_time;
  When committed = When::in_time;
  When body = When::in_time;
  When pong = When::in_time;
  bool another = false;        // batch, than its process proposes
  bool fitting_votes = false;  // for that one
  bool as_committed = false;   // a COMMIT comes as COMMITTED
  bool claims = false;         // to have executed much more
  std::uint64_t late_us = 0;
};

/// Votes are late for most: else nobody need wait. Who gets no proposal, or another, is one whose
/// vote others lack.
Treatment draw_treatment(Rng& rng, std::uint64_t patience_us, bool victim) {
  Treatment drawn;
  if (victim || rng.chance(200'000)) drawn.proposal = draw_when(rng, 250'000, 350'000);
  drawn.another = rng.chance(victim ? 500'000 : 50'000);
  drawn.fitting_votes = rng.chance(500'000);
  if (!victim || rng.chance(500'000)) {
    drawn.prepare = draw_when(rng, 400'000, 200'000);
    drawn.commit = draw_when(rng, 550'000, 200'000);
  }
  drawn.committed = draw_when(rng, 400'000, 400'000);
  drawn.body = draw_when(rng, 200'000, 200'000);
  drawn.pong = draw_when(rng, 100'000, 100'000);
  drawn.as_committed = rng.chance(200'000);
  drawn.claims = rng.chance(400'000);
  drawn.late_us =
      rng.chance(750'000) ? patience_us * rng.between(50, 85) / 100 : rng.between(10'000, 100'000);
  return drawn;
}

class Schemes final : public Strategy {
 public:
  Schemes(const Plot& plot, Rng& rng) : plot_(plot) {
    const Treatment most = draw_treatment(rng, plot.patience_us, false);
    const Treatment few = draw_treatment(rng, plot.patience_us, true);
    const bool fair_to_most = rng.chance(100'000);
    const std::uint64_t victims = rng.between(1, plot.group.f);
    const std::uint64_t first = rng.below(plot.group.n);
    for (std::uint16_t id = 0; id < plot.group.n; ++id) {
      Treatment& its = treatments_[ReplicaId{id}];
      const bool victim = (id + plot.group.n - first) % plot.group.n < victims;
      if (victim) {
        its = few;
      } else if (!fair_to_most) {
        its = most;
      }
      if (rng.chance(150'000)) its = draw_treatment(rng, plot.patience_us, victim);
    }
    gap_every_ = rng.chance(150'000) ? rng.between(2, 8) : 0;
    gap_us_ = plot.patience_us * rng.between(50, 85) / 100;
  }

  void speak(ReplicaId to, Words& words, Mouth& mouth) override {
    const Treatment& its = treatments_.at(to);
    std::erase_if(words, [&](Word& word) {
      const std::optional<Said> said = recount(word.message, to, its, mouth);
      if (!said || said->when == When::in_time) return false;
      // What waits on a link would hold up what is said after it.
      if (said->when == When::late)
        mouth.later(said->late_us,
                    [&mouth, to, message = word.message] { mouth.say(to, message); });
      return true;
    });
  }

  void tick(Mouth& mouth) override {
    wire::Status claim;
    claim.view = claim.entered = mouth.view();
    claim.executed = mouth.seq() + 1'000'000;
    for (const ReplicaId peer : mouth.peers())
      if (mouth.seq() > honest_ && treatments_.at(peer).claims) mouth.say(peer, claim);
  }

 private:
  struct Said {
    When when;
    std::uint64_t late_us;
  };

  /// As `to` is to hear it. Nothing: as its process says it.
  std::optional<Said> recount(wire::PeerMessage& message, ReplicaId to, const Treatment& its,
                              Mouth& mouth) {
    if (auto* m = std::get_if<wire::PrePrepare>(&message)) {
      if (m->seq <= honest_) return std::nullopt;
      return propose(*m, its, [&] { return wire::batch_digest(m->batch, m->agreed); });
    }
    if (auto* m = std::get_if<wire::PrePrepareDigests>(&message)) {
      if (m->seq <= honest_) return std::nullopt;
      return propose(*m, its, [&] { return wire::batch_digest(m->requests.items, m->agreed); });
    }
    if (auto* m = std::get_if<wire::Status>(&message)) {
      if (its.claims && mouth.seq() > honest_) m->executed = m->executed + 1'000'000;
      return std::nullopt;
    }
    if (std::holds_alternative<wire::Pong>(message)) return Said{its.pong, its.late_us};
    if (const auto* m = std::get_if<wire::BatchBody>(&message)) {
      if (m->seq <= honest_) return std::nullopt;
      return Said{its.body, its.late_us};
    }
    return recount_vote(message, to, its, mouth);
  }

  template <class M, class F>
  Said propose(M& proposal, const Treatment& its, const F& digest) {
    if (its.another) {
      const Digest true_one = digest();
      ++proposal.agreed.time.value;
      instead_[proposal.seq] = {true_one, digest()};
      while (instead_.size() > plot_.window) instead_.erase(instead_.begin());
    }
    if (gap_every_ > 0 && proposal.seq.value % gap_every_ == 0) return {When::late, gap_us_};
    return {its.proposal, its.late_us};
  }

  std::optional<Said> recount_vote(wire::PeerMessage& message, ReplicaId, const Treatment& its,
                                   Mouth& mouth) {
    const bool signs = std::holds_alternative<wire::Signed<wire::Prepare>>(message) ||
                       std::holds_alternative<wire::Signed<wire::Commit>>(message);
    wire::Prepare* prepare = std::get_if<wire::Prepare>(&message);
    wire::Commit* commit = std::get_if<wire::Commit>(&message);
    if (auto* m = std::get_if<wire::Signed<wire::Prepare>>(&message)) prepare = &m->message;
    if (auto* m = std::get_if<wire::Signed<wire::Commit>>(&message)) commit = &m->message;
    if (const auto* m = std::get_if<wire::Committed>(&message)) {
      if (m->seq <= honest_) return std::nullopt;
      return Said{its.committed, its.late_us};
    }
    if (prepare == nullptr && commit == nullptr) return std::nullopt;
    const Seq seq = prepare != nullptr ? prepare->seq : commit->seq;
    if (seq <= honest_) return std::nullopt;
    Digest& digest = prepare != nullptr ? prepare->digest : commit->digest;
    const auto other = instead_.find(seq);
    if (its.another && its.fitting_votes && other != instead_.end() &&
        digest == other->second.first) {
      digest = other->second.second;
      if (signs) mouth.sign_anew(message);
    }
    if (prepare != nullptr) return Said{its.prepare, its.late_us};
    if (its.as_committed) message = wire::Committed{seq, digest};
    return Said{its.commit, its.late_us};
  }

  /// Up to here clients join, and who is late with that is no measure.
  static constexpr Seq honest_{12};
  const Plot& plot_;
  std::map<ReplicaId, Treatment> treatments_;
  /// The digest that was proposed to the others, and the other one.
  std::map<Seq, std::pair<Digest, Digest>> instead_;
  std::uint64_t gap_every_ = 0;
  std::uint64_t gap_us_ = 0;
};

}  // namespace

std::unique_ptr<Strategy> schemes(const Plot& plot, Rng& rng) {
  return std::make_unique<Schemes>(plot, rng);
}

}  // namespace prytany::sim
