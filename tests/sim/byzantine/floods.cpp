// What costs others work and tells them nothing (R16, R18, R19, R22; A2, A5): word for requests
// that nobody sent, requests and joins that were executed long ago, questions whose answers are
// large, messages said before, and bytes that are no message under a tag that is right.
#include "tests/sim/byzantine/leaves.h"
#include "tests/sim/byzantine/mouth.h"
#include "tests/sim/byzantine/strategies.h"

namespace prytany::sim {
namespace {

class Vouching final : public Strategy {
 public:
  explicit Vouching(Rng& rng) : rate_(static_cast<Ppm>(rng.between(50'000, 800'000))) {}

  void hear(ReplicaId, const wire::PeerMessage& message, Mouth& mouth) override {
    constexpr std::size_t kept = 32;
    const auto* proposal = std::get_if<wire::PrePrepare>(&message);
    if (proposal == nullptr || proposal->batch.requests.empty()) return;
    for (const wire::ClientRequest& request : proposal->batch.requests)
      if (request.body.session == SessionId{}) joins_.push_back(request);
    if (joins_.size() > kept) joins_.erase(joins_.begin());
    if (old_.size() < kept) {
      old_.push_back(proposal->batch.requests.items.front());
    } else {
      old_[mouth.rng().below(kept)] = proposal->batch.requests.items.front();
    }
  }

  void tick(Mouth& mouth) override {
    Rng& rng = mouth.rng();
    if (!rng.chance(rate_)) return;
    // A join that was good once, after its session ended, and another replaced it.
    if (!joins_.empty() && rng.chance(250'000))
      return mouth.say_to_all(wire::Forward{joins_[rng.below(joins_.size())]});
    wire::Verified word;
    for (std::uint64_t i = rng.between(1, 200); i > 0; --i)
      word.requests.items.push_back(Digest{rng.bytes<32>()});
    if (old_.empty() || rng.chance(500'000)) return mouth.say_to_all(word);
    wire::ClientRequest request = old_[rng.below(old_.size())];
    switch (rng.below(4)) {
      case 0: request.proof.signature.reset(); break;
      case 1: request.body.number = request.body.number + rng.between(1, 64); break;
      case 2:
        // Unsigned, it is no more than this replica's word; and that it gives.
        request.proof.signature.reset();
        request.body.number = request.body.number + rng.between(1, 64);
        word.requests.items.push_back(wire::request_digest(request.body));
        mouth.say_to_all(word);
        break;
      default: break;
    }
    mouth.say_to_all(wire::Forward{request});
  }

 private:
  Ppm rate_;
  std::vector<wire::ClientRequest> old_;
  std::vector<wire::ClientRequest> joins_;
};

class Floods final : public Strategy {
 public:
  Floods(const Plot& plot, Rng& rng)
      : plot_(plot), rate_(static_cast<Ppm>(rng.between(100'000, 1'000'000))) {}

  void speak(ReplicaId, Words& words, Mouth& mouth) override {
    constexpr std::size_t kept = 64;
    for (const Word& word : words) {
      if (old_.size() < kept) {
        old_.push_back(word.message);
      } else if (mouth.rng().chance(20'000)) {
        old_[mouth.rng().below(kept)] = word.message;
      }
    }
  }

  void hear(ReplicaId from, const wire::PeerMessage& message, Mouth&) override {
    constexpr std::size_t kept = 64;
    const auto* relay = std::get_if<wire::Relay>(&message);
    if (relay == nullptr) return;
    for (const wire::Relayed& said : relay->items) roads_.emplace_back(from, said.connection);
    if (roads_.size() > kept) roads_.erase(roads_.begin(), roads_.end() - kept);
  }

  void tick(Mouth& mouth) override {
    Rng& rng = mouth.rng();
    if (!rng.chance(rate_)) return;
    if (rng.chance(100'000)) return read_at_once(mouth);
    if (!roads_.empty() && rng.chance(300'000)) return talk_back(mouth);
    for (std::uint64_t i = rng.between(1, 12); i > 0; --i) mouth.say_to_all(anything(mouth));
  }

 private:
  wire::PeerMessage anything(Mouth& mouth) {
    Rng& rng = mouth.rng();
    const Seq seq{mouth.seq().value + 1 - std::min(mouth.seq().value, rng.below(plot_.window))};
    switch (rng.below(7)) {
      case 0: return wire::FetchBatch{seq, Digest{rng.bytes<32>()}};
      case 1: return wire::AskVotes{Seq{rng.below(seq.value + 1)}};
      case 2: return wire::FetchPart{checkpoint(seq), rng.next(), wire::RootWish{}};
      case 3: return wire::FetchPart{checkpoint(seq), rng.next(), some_pages()};
      case 4: return wire::Status{};
      case 5: return wire::Ping{rng.next()};
      default:
        return old_.empty() ? wire::PeerMessage(wire::Status{}) : old_[rng.below(old_.size())];
    }
  }
  /// The same pages of one peer, over and over.
  void read_at_once(Mouth& mouth) const {
    Rng& rng = mouth.rng();
    const std::vector<ReplicaId> peers = mouth.peers();
    const ReplicaId of = peers[rng.below(peers.size())];
    const Seq held{mouth.seq().value - std::min(mouth.seq().value, rng.below(plot_.window))};
    for (std::uint64_t i = rng.between(1, 80); i > 0; --i)
      mouth.say(of, wire::FetchPart{checkpoint(held), rng.next(), some_pages()});
  }
  static wire::PagesWish some_pages() {
    wire::PagesWish wish;
    for (std::uint32_t page = 0; page < 8; ++page) wish.indexes.items.push_back(page);
    return wish;
  }
  /// To somebody else's clients, which its peer passes on.
  void talk_back(Mouth& mouth) const {
    Rng& rng = mouth.rng();
    const auto& [gateway, connection] = roads_[rng.below(roads_.size())];
    const wire::Refused refused{Digest{rng.bytes<32>()}, {"overloaded"}, {"not now"}};
    wire::RelayBack words;
    for (std::uint64_t i = rng.between(1, 300); i > 0; --i)
      words.items.items.push_back({connection, {refused, std::nullopt}});
    mouth.say(gateway, words);
  }
  [[nodiscard]] Seq checkpoint(Seq seq) const {
    return Seq{seq.value / plot_.checkpoint_interval * plot_.checkpoint_interval};
  }

  const Plot& plot_;
  Ppm rate_;
  std::vector<wire::PeerMessage> old_;
  std::vector<std::pair<ReplicaId, std::uint64_t>> roads_;  // gateways, and their connections
};

class Garbage final : public Strategy {
 public:
  explicit Garbage(Rng& rng) : rate_(static_cast<Ppm>(rng.between(50'000, 800'000))) {}

  void speak(ReplicaId to, Words& words, Mouth& mouth) override {
    Rng& rng = mouth.rng();
    if (words.empty() || !rng.chance(rate_ / 20)) return;
    Bytes bytes = wire::encode(words[rng.below(words.size())].message);
    switch (rng.below(4)) {
      case 0: bytes.resize(1 + rng.below(bytes.size())); break;
      case 1: bytes.push_back(0); break;
      case 2:
        bytes[rng.below(bytes.size())] ^= static_cast<std::uint8_t>(1 + rng.below(255));
        break;
      default:
        // A count that promises more than there is.
        for (std::size_t i = bytes.size() > 8 ? bytes.size() - 8 : 0; i < bytes.size(); ++i)
          bytes[i] = 0xFF;
    }
    mouth.say_bytes(to, std::move(bytes));
  }

 private:
  Ppm rate_;
};

}  // namespace

std::unique_ptr<Strategy> vouching(Rng& rng) { return std::make_unique<Vouching>(rng); }
std::unique_ptr<Strategy> floods(const Plot& plot, Rng& rng) {
  return std::make_unique<Floods>(plot, rng);
}
std::unique_ptr<Strategy> garbage(Rng& rng) { return std::make_unique<Garbage>(rng); }

}  // namespace prytany::sim
