// To clients (R14): other results, refusals of what was done, the end of sessions that live, a
// status that is not so, silence.
#include <deque>
#include <optional>

#include "tests/sim/byzantine/leaves.h"
#include "tests/sim/byzantine/mouth.h"
#include "tests/sim/byzantine/strategies.h"

namespace prytany::sim {
namespace {

class FalseReplies final : public Strategy {
 public:
  explicit FalseReplies(Rng& rng) : rate_(static_cast<Ppm>(rng.between(100'000, 1'000'000))) {}

  bool answer(wire::ToClient& message, Mouth& mouth) override {
    Rng& rng = mouth.rng();
    if (const auto* reply = std::get_if<wire::Reply>(&message)) session_ = reply->session;
    if (!rng.chance(rate_)) return true;
    if (rng.chance(150'000)) return false;
    if (auto* reply = std::get_if<wire::Reply>(&message)) {
      const std::uint64_t how = rng.below(4);
      if (how == 0) {
        message = wire::Refused{reply->request, {"unknown_session"}, {"so it says"}};
      } else if (how == 1) {
        reply->outcome = wire::ErrorReply{{"FAILED"}, {"so it says"}, {}, 0};
      } else {
        Leaves leaves = leaves_of(reply->outcome);
        if (!leaves.empty()) change(leaves[rng.below(leaves.size())], rng);
      }
    } else if (auto* digest = std::get_if<wire::ReplyDigest>(&message)) {
      digest->reply.bytes[3] ^= 1;
    } else if (auto* bundle = std::get_if<wire::Bundle>(&message)) {
      spoil(*bundle, mouth);
    } else if (auto* passed = std::get_if<wire::PassedBack>(&message)) {
      if (passed->voice.tag) passed->voice.tag->front() ^= 1;
    } else if (auto* token = std::get_if<wire::JoinTokenReply>(&message)) {
      token->token.signature.bytes[7] ^= 1;
    } else if (auto* found = std::get_if<wire::IdentityTokenReply>(&message)) {
      misidentify(*found, mouth);
    } else if (auto* read = std::get_if<wire::PublicReadReply>(&message)) {
      read->outcome = wire::ErrorReply{{"FAILED"}, {"so it says"}, {}, 0};
    } else if (auto* fast = std::get_if<wire::FastReadReply>(&message)) {
      remember(wire::fast_outcome_digest(fast->outcome), fast->outcome);
      Leaves leaves = leaves_of(fast->outcome);
      if (rng.chance(800'000)) {
        fast->outcome = outcomes_[rng.below(outcomes_.size())];
      } else if (!leaves.empty()) {
        change(leaves[rng.below(leaves.size())], rng);
      }
    } else if (auto* said = std::get_if<wire::FastReadDigest>(&message)) {
      remember(said->outcome, std::nullopt);
      said->outcome = digests_[rng.below(digests_.size())];
    }
    return true;
  }

  void tick(Mouth& mouth) override {
    Rng& rng = mouth.rng();
    if (!rng.chance(rate_ / 10)) return;
    for (const node::ConnectionId client : mouth.clients())
      if (rng.chance(300'000)) mouth.tell(client, wire::SessionEnded{session_, {"replaced"}});
  }

 private:
  /// Whoever lies finds the same, under a name of its own that is right.
  static void misidentify(wire::IdentityTokenReply& found, Mouth& mouth) {
    if (mouth.rng().chance(300'000)) found.token.signature.bytes[7] ^= 1;
    found.identity.subject.text = "somebody else";
    if (mouth.rng().chance(300'000)) return;
    found.token.signature = mouth.sign_bytes(
        wire::identity_token_signed_bytes(mouth.plot().cluster, found.join, found.identity,
                                          found.token.address, found.token.expires));
  }

  /// As a gateway: another result, with tags of the true one, with its own for another's, forged or
  /// left out.
  static void spoil(wire::Bundle& bundle, Mouth& mouth) {
    Rng& rng = mouth.rng();
    Leaves leaves = leaves_of(bundle.reply.outcome);
    if (!leaves.empty() && rng.chance(800'000)) change(leaves[rng.below(leaves.size())], rng);
    const std::uint64_t how = rng.below(4);
    if (how == 0) bundle.others.items.clear();
    for (wire::OtherTag& other : bundle.others.items) {
      if (how == 1) other.tag.front() ^= 1;
      if (how == 2) other.replica = mouth.self();
    }
  }

  /// What it said a while ago is what somebody who is behind says now: beside those its lie counts.
  void remember(const Digest& digest, std::optional<wire::Outcome> outcome) {
    constexpr std::size_t remembered = 4;
    digests_.push_front(digest);
    if (digests_.size() > remembered) digests_.pop_back();
    if (!outcome) return;
    outcomes_.push_front(*std::move(outcome));
    if (outcomes_.size() > remembered) outcomes_.pop_back();
  }

  std::deque<Digest> digests_;
  std::deque<wire::Outcome> outcomes_;
  SessionId session_;
  Ppm rate_;
};

}  // namespace

std::unique_ptr<Strategy> false_replies(Rng& rng) { return std::make_unique<FalseReplies>(rng); }

}  // namespace prytany::sim
