// In league with clients (K13, R4, R22): what they gave it, and correct replicas would refuse at
// the door, it proposes among what it was asked; as a backup it passes it on, and vouches for it.
// Their signatures are right, so that every backup accepts the proposal: what a request may do is
// decided when it is executed, everywhere alike. What bears no signature it gives its word for.
#include <algorithm>
#include <map>
#include <optional>

#include "tests/sim/byzantine/stories.h"
#include "tests/sim/byzantine/strategies.h"

namespace prytany::sim {
namespace {

constexpr std::size_t proposals_max = 4'096;
/// What a frame can hold, with room for all else.
constexpr std::size_t bytes_max = limits::frame_bytes_max - (1 << 20);

class Accomplices final : public Strategy {
 public:
  Accomplices(Plot& plot, Rng& rng)
      : plot_(plot), rate_(static_cast<Ppm>(rng.between(200'000, 900'000))) {}

  void speak(ReplicaId to, Words& words, Mouth& mouth) override {
    for (Word& word : words) {
      if (auto* whole = std::get_if<wire::PrePrepare>(&word.message)) {
        propose(to, *whole, whole->batch, rate_, word, mouth);
      } else if (auto* named = std::get_if<wire::PrePrepareDigests>(&word.message)) {
        // It has no bodies to add to: then theirs are all that it proposes, and clients wait.
        propose(to, *named, {}, rate_ / 4, word, mouth);
      }
      keep_to_story(plot_, to, word, mouth);
    }
  }

  void tick(Mouth& mouth) override {
    Rng& rng = mouth.rng();
    if (plot_.confided.empty() || mouth.leads(mouth.view()) || !rng.chance(rate_)) return;
    const wire::ClientRequest request = plot_.confided[rng.below(plot_.confided.size())];
    vouch(request, mouth);
    if (rng.chance(500'000)) return mouth.say_to_all(wire::Forward{request});
    mouth.say(plot_.group.primary_of(mouth.view()), wire::Forward{request});
  }

 private:
  static void vouch(const wire::ClientRequest& request, Mouth& mouth) {
    if (!request.proof.signature)
      mouth.say_to_all(wire::Verified{{{wire::request_digest(request.body)}}});
  }

  /// Mostly a few, now and then all that there is: a session's whole window.
  void add_confided(std::vector<wire::ClientRequest>& requests, Mouth& mouth) {
    Rng& rng = mouth.rng();
    std::size_t bytes = 0;
    for (const wire::ClientRequest& request : requests)
      bytes += request.body.operation.bytes.size();
    std::size_t left = rng.chance(100'000) ? plot_.confided.size() : rng.between(1, 3);
    for (; left > 0 && !plot_.confided.empty(); --left) {
      bytes += plot_.confided.front().body.operation.bytes.size();
      if (requests.size() >= limits::batch_requests_max || bytes > bytes_max) return;
      vouch(plot_.confided.front(), mouth);
      const auto place = static_cast<std::ptrdiff_t>(rng.below(requests.size() + 1));
      requests.insert(requests.begin() + place, std::move(plot_.confided.front()));
      plot_.confided.pop_front();
    }
  }

  /// The same to everybody, however often it says it.
  template <class M>
  void propose(ReplicaId to, const M& message, const wire::Batch& batch, Ppm rate, Word& word,
               Mouth& mouth) {
    if (!mouth.leads(message.view)) return;
    const Digest truth = digest_of(message);
    auto said = said_.find(truth);
    if (said == said_.end()) {
      if (said_.size() >= proposals_max) said_.clear();
      said = said_.emplace(truth, std::nullopt).first;
      // Whoever lies about it already goes on with that.
      if (!plot_.confided.empty() && !plot_.stories.contains(truth) && mouth.rng().chance(rate)) {
        wire::PrePrepare& lie = said->second.emplace();
        lie = {message.view, message.seq, batch, message.agreed};
        add_confided(requests_of(lie), mouth);
        tell_story(plot_, message.view, truth, digest_of(lie), true);
      }
    }
    if (!said->second || plot_.liars.contains(to)) return;
    wire::PrePrepare lie = *said->second;
    lie.view = message.view;
    lie.seq = message.seq;
    word.message = std::move(lie);
    word.apart = true;
  }

  Plot& plot_;
  Ppm rate_;
  /// By what its process proposes, what it says instead; nothing: that.
  std::map<Digest, std::optional<wire::PrePrepare>> said_;
};

}  // namespace

std::unique_ptr<Strategy> accomplices(Plot& plot, Rng& rng) {
  return std::make_unique<Accomplices>(plot, rng);
}

}  // namespace prytany::sim
