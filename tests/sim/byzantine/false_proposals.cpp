// As a primary: proposals that hold what they must not (R4, R5, R15): a request that was altered,
// or comes twice, or was proposed long ago, or is nobody's; one client left out; a time that is far
// ahead or long past. Mostly the same to everybody, so that nothing but their content speaks
// against them; now and then some hear the truth, whose votes must not count for what the others
// heard. Or the same proposal, whose requests are proven for some and not for others.
#include <algorithm>
#include <array>
#include <iterator>
#include <map>

#include "tests/sim/byzantine/stories.h"
#include "tests/sim/byzantine/strategies.h"

namespace prytany::sim {
namespace {

constexpr std::int64_t hour_us = 3'600'000'000;
constexpr std::size_t old_max = 64;
constexpr std::uint64_t kinds = 7;
constexpr std::uint64_t some_salt = 0xF15EC0DE;

class FalseProposals final : public Strategy {
 public:
  FalseProposals(Plot& plot, Rng& rng)
      : plot_(plot),
        rate_(static_cast<Ppm>(rng.between(20'000, 500'000))),
        kinds_{rng.below(kinds), rng.below(kinds)},
        censored_(rng.below(4)),
        some_rate_(plot.dice(some_salt).chance(500'000) ? 600'000 : 0) {}

  void speak(ReplicaId to, Words& words, Mouth& mouth) override {
    for (Word& word : words) {
      if (auto* whole = std::get_if<wire::PrePrepare>(&word.message)) {
        propose(to, *whole, old_requests_, mouth, word);
        unprove(to, *whole, mouth, word);
      }
      if (auto* named = std::get_if<wire::PrePrepareDigests>(&word.message))
        propose(to, *named, old_digests_, mouth, word);
      keep_to_story(plot_, to, word, mouth);
    }
  }

 private:
  /// This client is never served.
  [[nodiscard]] bool censored(const wire::ClientRequest& request) const {
    return request.body.session.value % 4 == censored_;
  }
  [[nodiscard]] bool censored(const Digest& digest) const {
    return digest.bytes[0] % 4 == censored_;
  }
  static void alter(wire::ClientRequest& request) {
    Bytes& operation = request.body.operation.bytes;
    if (!operation.empty()) operation.back() ^= 1;
  }
  static void alter(Digest& digest) { digest.bytes[5] ^= 1; }

  /// Their digests are of the bodies alone, so that all others' votes are for this proposal.
  void unprove(ReplicaId to, wire::PrePrepare& message, const Mouth& mouth, Word& word) const {
    if (some_rate_ == 0 || !mouth.leads(message.view)) return;
    Rng dice = plot_.dice(message.view.value * 1'000'003 + message.seq.value + 11);
    if (!dice.chance(200'000) || !plot_.other_side(to, message.view)) return;
    const bool without = dice.chance(500'000);
    for (wire::ClientRequest& request : requests_of(message)) {
      auto& signature = request.proof.signature;
      if (!signature) continue;
      if (without) {
        signature.reset();
      } else {
        signature->bytes[3] ^= 1;
      }
      word.apart = true;
    }
  }

  template <class M, class T>
  void propose(ReplicaId to, M& message, std::vector<T>& old, const Mouth& mouth, Word& word) {
    if (!mouth.leads(message.view)) return;
    const Digest truth = digest_of(message);
    for (const T& request : std::as_const(requests_of(message)))
      if (old.size() < old_max && std::ranges::find(old, request) == old.end())
        old.push_back(request);
    const auto told = plot_.stories.find(truth);
    const bool known = told != plot_.stories.end();
    const auto proposed = times_.emplace(message.seq, message.agreed.time.value).first;
    const std::int64_t before =
        proposed == times_.begin() ? proposed->second : std::prev(proposed)->second;
    Rng dice = plot_.dice(message.view.value * 1'000'003 + message.seq.value + 7);
    if (!dice.chance(rate_)) return;
    M lie = message;
    auto& requests = requests_of(lie);
    switch (kinds_[dice.below(kinds_.size())]) {
      case 0:
        if (!requests.empty()) alter(requests[dice.below(requests.size())]);
        break;
      case 1:
        if (!requests.empty() && requests.size() < limits::batch_requests_max)
          requests.push_back(T(requests.front()));
        break;
      case 2:
        if (!old.empty() && requests.size() < limits::batch_requests_max)
          requests.push_back(T(old[dice.below(old.size())]));
        break;
      case 3: std::erase_if(requests, [&](const T& each) { return censored(each); }); break;
      case 4: lie.agreed.time.value += hour_us; break;
      case 5: lie.agreed.time.value -= hour_us; break;
      default: lie.agreed.time.value = before;
    }
    const bool everybody = !dice.chance(some_rate_);
    if (!known) tell_story(plot_, message.view, truth, digest_of(lie), everybody);
    if (digest_of(lie) == truth || plot_.stories.at(truth).instead != digest_of(lie)) return;
    if (hears_other(plot_, plot_.stories.at(truth), to)) {
      message = std::move(lie);
      word.apart = true;
    }
  }

  Plot& plot_;
  Ppm rate_;
  /// Of the lies below: one that unseats it would hide the others.
  std::array<std::uint64_t, 2> kinds_;
  std::uint64_t censored_;
  Ppm some_rate_;                      // so many are for some only
  std::map<Seq, std::int64_t> times_;  // the times that it proposed
  std::vector<wire::ClientRequest> old_requests_;
  std::vector<Digest> old_digests_;
};

}  // namespace

std::unique_ptr<Strategy> false_proposals(Plot& plot, Rng& rng) {
  return std::make_unique<FalseProposals>(plot, rng);
}

}  // namespace prytany::sim
