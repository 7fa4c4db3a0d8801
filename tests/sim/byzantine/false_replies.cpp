// To clients (R14): other results, refusals of what was done, the end of sessions that live, a
// status that is not so, silence.
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
    } else if (auto* token = std::get_if<wire::JoinTokenReply>(&message)) {
      token->token.signature.bytes[7] ^= 1;
    } else if (auto* read = std::get_if<wire::PublicReadReply>(&message)) {
      read->outcome = wire::ErrorReply{{"FAILED"}, {"so it says"}, {}, 0};
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
  SessionId session_;
  Ppm rate_;
};

}  // namespace

std::unique_ptr<Strategy> false_replies(Rng& rng) { return std::make_unique<FalseReplies>(rng); }

}  // namespace prytany::sim
