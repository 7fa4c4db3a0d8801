// Who takes part in half of it: its tags and signatures are right for some and wrong for others
// (R17), or it votes and does nothing of what it votes for (R20): no checkpoints, no answers to
// clients, no states.
#include "tests/sim/byzantine/mouth.h"
#include "tests/sim/byzantine/strategies.h"

namespace prytany::sim {
namespace {

class WrongTags final : public Strategy {
 public:
  WrongTags(const Plot& plot, Rng& rng)
      : plot_(plot), rate_(static_cast<Ppm>(rng.between(100'000, 1'000'000))) {}

  void speak(ReplicaId to, Words& words, Mouth& mouth) override {
    for (Word& word : words) {
      if (!plot_.other_side(to, mouth.view()) || !mouth.rng().chance(rate_)) continue;
      const bool is_signed = std::visit(
          [](auto& message) {
            if constexpr (requires { message.signature; }) message.signature.bytes[9] ^= 4;
            return requires { message.signature; };
          },
          word.message);
      word.apart = is_signed;
      word.mistagged = !is_signed;
    }
  }

 private:
  const Plot& plot_;
  Ppm rate_;
};

class Idleness final : public Strategy {
 public:
  void speak(ReplicaId, Words& words, Mouth&) override {
    std::erase_if(words, [](Word& word) {
      if (auto* part = std::get_if<wire::StatePart>(&word.message)) part->what = wire::NotHeld{};
      return std::holds_alternative<wire::Signed<wire::Checkpoint>>(word.message) ||
             std::holds_alternative<wire::CheckpointProof>(word.message) ||
             std::holds_alternative<wire::Committed>(word.message);
    });
  }
  bool answer(wire::ToClient& message, Mouth&) override {
    return !std::holds_alternative<wire::Reply>(message) &&
           !std::holds_alternative<wire::ReplyDigest>(message);
  }
};

}  // namespace

std::unique_ptr<Strategy> wrong_tags(const Plot& plot, Rng& rng) {
  return std::make_unique<WrongTags>(plot, rng);
}
std::unique_ptr<Strategy> idleness() { return std::make_unique<Idleness>(); }

}  // namespace prytany::sim
