// Primaries that serve everybody late and hide it (R6): all ways of docs/decisions/0025 but mere
// lateness and a clock that is ahead. In the first view such a one proposes by itself, with numbers
// of its own, what its process would, and votes for nothing: a quorum does without it. Its process
// learns what was agreed on from the others.
#include <deque>
#include <map>
#include <set>

#include "tests/sim/byzantine/mouth.h"
#include "tests/sim/byzantine/strategies.h"

namespace prytany::sim {
namespace {

/// The only view in which they do this.
constexpr View reign{0};
constexpr SessionId who_joins{0};

using Requests = std::vector<wire::ClientRequest>;

class Sly : public Strategy {
 public:
  Sly(const Plot& plot, Rng& rng)
      : plot_(plot), late_us_(plot.patience_us * rng.between(60, 85) / 100) {}

  void speak(ReplicaId, Words& words, Mouth& mouth) final {
    std::erase_if(words, [&](const Word& word) {
      return std::visit([&](const auto& message) { return kept_back(message, mouth); },
                        word.message);
    });
  }
  /// Who lacks a proposal gets it, as from any primary.
  void hear(ReplicaId from, const wire::PeerMessage& message, Mouth& mouth) override {
    const auto* status = std::get_if<wire::Status>(&message);
    if (status == nullptr || mouth.view() != reign) return;
    for (auto it = said_.upper_bound(status->executed); it != said_.end(); ++it)
      mouth.say(from, it->second);
  }
  /// It needs nobody's word for what is signed.
  void requested(const wire::ClientRequest& request, Mouth& mouth) override {
    if (request.proof.signature) take(request, mouth);
  }

 protected:
  struct Waiting {
    wire::ClientRequest request;
    Time since;
  };

  /// Asked every millisecond while its view lasts.
  virtual void act(Mouth& mouth) = 0;

  [[nodiscard]] bool unheard_of(const wire::ClientRequest& request) {
    return seen_.insert(wire::request_digest(request.body)).second;
  }
  /// Those of the line for which `is` holds.
  template <class Predicate>
  [[nodiscard]] Requests taken(Predicate is) {
    Requests all;
    std::erase_if(line_, [&](Waiting& each) {
      if (!is(each)) return false;
      all.push_back(std::move(each.request));
      return true;
    });
    return all;
  }
  [[nodiscard]] Requests all_that_wait() {
    return taken([](const Waiting&) { return true; });
  }
  void propose(Mouth& mouth, Seq seq, Requests requests) {
    const auto since_us = static_cast<std::int64_t>(mouth.now() - agreed_at_);
    last_time_us_ = std::max(last_time_us_ + 1, agreed_.time.value + since_us);
    wire::PrePrepare proposal{reign, seq, {{std::move(requests)}}, agreed_};
    proposal.agreed.time = AgreedTime{last_time_us_};
    mouth.say_to_all(proposal);
    said_.insert_or_assign(seq, std::move(proposal));
    if (said_.size() > plot_.window) said_.erase(said_.begin());
  }
  /// With the next number, if there is anything to propose.
  void propose(Mouth& mouth, Requests requests) {
    if (requests.empty()) return;
    used_ = used_ + 1;
    propose(mouth, used_, std::move(requests));
  }

  const Plot& plot_;
  const std::uint64_t late_us_;
  std::deque<Waiting> line_;
  Seq used_;

 private:
  void take(const wire::ClientRequest& request, const Mouth& mouth) {
    if (!mouth.leads(reign) || mouth.view() != reign) return;
    if (unheard_of(request)) line_.push_back({request, mouth.now()});
  }

  bool kept_back(const wire::PrePrepare& message, Mouth& mouth) {
    if (!its_own(message, mouth)) return false;
    for (const wire::ClientRequest& request : message.batch.requests) take(request, mouth);
    const auto since_us = static_cast<std::int64_t>(mouth.now() - agreed_at_);
    if (!begun_ || message.agreed.time.value > agreed_.time.value + since_us) {
      agreed_ = message.agreed;
      agreed_at_ = mouth.now();
    }
    if (!std::exchange(begun_, true)) look_later(mouth);
    return true;
  }
  bool kept_back(const wire::PrePrepareDigests& m, Mouth& mouth) { return its_own(m, mouth); }
  bool kept_back(const wire::Prepare& m, Mouth& mouth) { return its_own(m, mouth); }
  bool kept_back(const wire::Commit& m, Mouth& mouth) { return its_own(m, mouth); }
  template <class M>
  bool kept_back(const wire::Signed<M>& m, Mouth& mouth) {
    return kept_back(m.message, mouth);
  }
  template <class M>
  bool kept_back(const M&, Mouth&) {
    return false;
  }
  template <class M>
  static bool its_own(const M& message, const Mouth& mouth) {
    return message.view == reign && mouth.leads(reign);
  }

  void look_later(Mouth& mouth) {
    constexpr std::uint64_t every_us = 1'000;
    mouth.later(every_us, [this, &mouth] {
      if (mouth.view() != reign) return;
      act(mouth);
      look_later(mouth);
    });
  }

  std::set<Digest> seen_;
  std::map<Seq, wire::PrePrepare> said_;
  bool begun_ = false;
  wire::Agreed agreed_;  // of its process's newest proposal
  Time agreed_at_;
  std::int64_t last_time_us_ = 0;
};

/// Before each late proposal the oldest request of everybody once more, as if they were served.
class OldRequests final : public Sly {
 public:
  using Sly::Sly;

 private:
  void act(Mouth& mouth) override {
    constexpr std::uint64_t before_us = 4'000;
    // Of whom it has no old one yet, nobody may learn how slow it is.
    Requests fresh =
        taken([&](const Waiting& each) { return !old_.contains(each.request.body.session); });
    for (const wire::ClientRequest& request : fresh)
      if (request.body.session != who_joins) old_.try_emplace(request.body.session, request);
    if (old_.size() > sessions_max) old_.erase(old_.begin());
    propose(mouth, std::move(fresh));
    if (line_.empty()) return;
    const Time due = line_.front().since + late_us_;
    if (mouth.now() + before_us >= due && !std::exchange(shown_, true)) {
      Requests again;
      for (const auto& [session, request] : old_) again.push_back(request);
      propose(mouth, std::move(again));
    }
    if (mouth.now() < due) return;
    shown_ = false;
    propose(mouth, taken([&](const Waiting& each) {
              return each.since + late_us_ <= mouth.now() + before_us;
            }));
  }

  static constexpr std::size_t sessions_max = 16;
  std::map<SessionId, wire::ClientRequest> old_;
  bool shown_ = false;
};

/// Its links end, and are there again, before each late proposal.
class HangingUp final : public Sly {
 public:
  using Sly::Sly;

 private:
  void act(Mouth& mouth) override {
    constexpr std::uint64_t before_us = 3'000;
    if (mouth.peers().size() + 1 < plot_.group.n) return;
    propose(mouth,
            taken([](const Waiting& each) { return each.request.body.session == who_joins; }));
    if (line_.empty()) return;
    const Time due = line_.front().since + late_us_;
    if (mouth.now() + before_us < due) return;
    if (!std::exchange(hung_up_, true)) return mouth.hang_up();
    if (mouth.now() < due) return;
    hung_up_ = false;
    propose(mouth, all_that_wait());
  }

  bool hung_up_ = false;
};

/// As many numbers are in use as may be, above one that is left out: each time it fills that gap,
/// and makes the next.
class GapBelow final : public Sly {
 public:
  GapBelow(const Plot& plot, Rng& rng)
      : Sly(plot, rng), ahead_(std::max<std::uint64_t>(plot.in_flight_max, 2)) {}

 private:
  void act(Mouth& mouth) override {
    if (mouth.now() < next_) return;
    const bool first = used_ == Seq{0};
    propose(mouth, used_ + 1, all_that_wait());
    for (std::uint64_t on = 2; on < ahead_ + (first ? 1 : 0); ++on) propose(mouth, used_ + on, {});
    used_ = used_ + ahead_;
    propose(mouth, used_ + ahead_, {});
    next_ = mouth.now() + late_us_;
  }

  const std::uint64_t ahead_;
  Time next_;
};

/// Each batch holds a request that nobody but the primary has yet, and that bears no signature: its
/// client lets the others have it late (Parameters::league).
class League final : public Sly {
 public:
  using Sly::Sly;

  void requested(const wire::ClientRequest&, Mouth&) override {}  // its process has their word
  void confided(const wire::ClientRequest& request, Mouth& mouth) override {
    if (request.body.session == who_joins) return;  // is signed
    met_ = true;
    if (unheard_of(request)) confided_.push_back({{request.body, {}}, mouth.now()});
  }
  void hear(ReplicaId from, const wire::PeerMessage& message, Mouth& mouth) override {
    Sly::hear(from, message, mouth);
    const auto* plain = std::get_if<wire::Commit>(&message);
    const auto* with = std::get_if<wire::Signed<wire::Commit>>(&message);
    if (with != nullptr) plain = &with->message;
    if (plain == nullptr || plain->seq != used_ || !hangs_) return;
    hangs_ = false;
    free_since_ = mouth.now();
  }

 private:
  void act(Mouth& mouth) override {
    constexpr std::uint64_t gather_us = 15'000;
    constexpr std::uint64_t alone_us = 30'000;
    if (hangs_) return;
    if (!confided_.empty()) {
      if (mouth.now() < confided_.front().since + gather_us) return;
      Requests requests = all_that_wait();
      requests.push_back(std::move(confided_.front().request));
      confided_.pop_front();
      hangs_ = true;
      return propose(mouth, std::move(requests));
    }
    // Its friend is not there, or is late itself.
    if (line_.empty()) return;
    const Time waits = std::max(line_.front().since, free_since_);
    if (!met_ || mouth.now() >= waits + alone_us) propose(mouth, all_that_wait());
  }

  std::deque<Waiting> confided_;
  bool met_ = false;
  bool hangs_ = false;
  Time free_since_;
};

/// One session at once, all others late.
class Favourite final : public Sly {
 public:
  using Sly::Sly;

 private:
  void act(Mouth& mouth) override {
    if (favourite_ == who_joins)
      for (const Waiting& each : line_)
        favourite_ = std::max(favourite_, each.request.body.session);
    propose(mouth, taken([&](const Waiting& each) {
              const SessionId session = each.request.body.session;
              return session == who_joins || session == favourite_ ||
                     each.since + late_us_ <= mouth.now();
            }));
  }

  SessionId favourite_ = who_joins;
};

}  // namespace

std::unique_ptr<Strategy> old_requests(const Plot& plot, Rng& rng) {
  return std::make_unique<OldRequests>(plot, rng);
}
std::unique_ptr<Strategy> hanging_up(const Plot& plot, Rng& rng) {
  return std::make_unique<HangingUp>(plot, rng);
}
std::unique_ptr<Strategy> gap_below(const Plot& plot, Rng& rng) {
  return std::make_unique<GapBelow>(plot, rng);
}
std::unique_ptr<Strategy> league(const Plot& plot, Rng& rng) {
  return std::make_unique<League>(plot, rng);
}
std::unique_ptr<Strategy> favourite(const Plot& plot, Rng& rng) {
  return std::make_unique<Favourite>(plot, rng);
}

}  // namespace prytany::sim
