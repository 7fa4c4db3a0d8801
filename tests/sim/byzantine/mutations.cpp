// Small changes of whatever is said (after the small-scope mutations of ByzzFuzz): a field one more
// or less, two values swapped, one taken from an earlier message, a word dropped for one peer only,
// repeated, late, or followed by one that contradicts it. Signed again with the real key, mostly.
#include <map>

#include "tests/sim/byzantine/leaves.h"
#include "tests/sim/byzantine/mouth.h"
#include "tests/sim/byzantine/strategies.h"
#include "tests/sim/links.h"

namespace prytany::sim {
namespace {

constexpr std::size_t remembered = 8;  // messages of each type

class Mutations final : public Strategy {
 public:
  /// Each type has a rate of its own; most are never changed in a run, so that one lie is seen
  /// without the others.
  explicit Mutations(Rng& rng) {
    for (std::size_t type = 0; type < rates_.size(); ++type)
      rates_[type] = type >= common_message_types ? rates_[type - common_message_types]
                     : rng.chance(600'000)        ? 0
                                                  : static_cast<Ppm>(rng.between(2'000, 250'000));
  }

  void speak(ReplicaId, Words& words, Mouth& mouth) override {
    Words changed;
    for (Word& word : words) {
      const std::size_t type = word.message.index();
      remember(word.message, mouth.rng());
      if (mouth.rng().chance(rates_[type])) {
        mutate(std::move(word), changed, mouth);
      } else {
        changed.push_back(std::move(word));
      }
    }
    words = std::move(changed);
  }

  bool answer(wire::ToClient& message, Mouth& mouth) override {
    if (!mouth.rng().chance(rates_[0])) return true;
    Leaves leaves = leaves_of(message);
    if (!leaves.empty()) change(leaves[mouth.rng().below(leaves.size())], mouth.rng());
    return true;
  }

 private:
  void remember(const wire::PeerMessage& message, Rng& rng) {
    auto& earlier = earlier_[message.index()];
    if (earlier.size() < remembered) {
      earlier.push_back(message);
    } else if (rng.chance(50'000)) {
      earlier[rng.below(remembered)] = message;
    }
  }

  void mutate(Word word, Words& out, Mouth& mouth) {
    Rng& rng = mouth.rng();
    const auto& earlier = earlier_[word.message.index()];
    Word other = word;
    other.apart = true;
    switch (rng.below(9)) {
      case 0: return;  // this peer never hears it
      case 1:
        other.after_us = rng.exponential(200'000);
        out.push_back(std::move(word));
        return out.push_back(std::move(other));
      case 2: other.after_us = rng.exponential(300'000); return out.push_back(std::move(other));
      case 3:
        other.message = earlier[rng.below(earlier.size())];
        if (rng.chance(500'000)) out.push_back(std::move(word));
        return out.push_back(std::move(other));
      default: break;
    }
    change_content(other.message, earlier[rng.below(earlier.size())], rng);
    if (!rng.chance(100'000)) mouth.sign_anew(other.message);
    // Two that contradict each other, in either order, or only the false one.
    const std::uint64_t order = rng.below(4);
    if (order == 0) out.push_back(word);
    out.push_back(std::move(other));
    if (order == 1) out.push_back(std::move(word));
  }

  static void change_content(wire::PeerMessage& message, wire::PeerMessage earlier, Rng& rng) {
    Leaves leaves = leaves_of(message);
    if (leaves.empty()) return;
    const std::uint64_t how = rng.below(4);
    if (how == 0 && swap_two(leaves, rng)) return;
    if (how == 1) {
      Leaves others = leaves_of(earlier);
      if (take_from(leaves, others, rng)) return;
    }
    // The first fields are those that every message of its kind is judged by.
    const std::size_t among =
        rng.chance(500'000) ? std::min<std::size_t>(leaves.size(), 4) : leaves.size();
    change(leaves[rng.below(among)], rng);
  }

  std::array<Ppm, std::variant_size_v<wire::PeerMessage>> rates_{};
  std::map<std::size_t, std::vector<wire::PeerMessage>> earlier_;
};

}  // namespace

std::unique_ptr<Strategy> mutations(Rng& rng) { return std::make_unique<Mutations>(rng); }

}  // namespace prytany::sim
