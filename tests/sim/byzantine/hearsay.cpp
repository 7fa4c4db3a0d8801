#include "tests/sim/byzantine/hearsay.h"

#include "server/pbft/slot.h"

namespace prytany::sim {

namespace {

constexpr std::size_t digests_max = 32;
constexpr std::size_t batches_max = 64;
constexpr std::size_t numbers_max = 256;
constexpr std::size_t views_max = 16;

}  // namespace

void Hearsay::hear(ReplicaId from, const wire::PeerMessage& message) {
  const auto voted = [&](const wire::Prepare& vote) {
    digests_.push_back(vote.digest);
    if (digests_.size() > digests_max) digests_.erase(digests_.begin());
    voted_.insert_or_assign(vote.seq, vote.digest);
    if (voted_.size() > numbers_max) voted_.erase(voted_.begin());
  };
  const auto proven = [&](const wire::CheckpointProof& proof) {
    if (!stable_ || stable_->checkpoint.seq < proof.checkpoint.seq) stable_ = proof;
  };
  if (const auto* prepare = std::get_if<wire::Prepare>(&message)) voted(*prepare);
  if (const auto* prepare = std::get_if<wire::Signed<wire::Prepare>>(&message))
    voted(prepare->message);
  if (const auto* whole = std::get_if<wire::PrePrepare>(&message))
    keep({whole->seq, whole->batch, whole->agreed});
  if (const auto* body = std::get_if<wire::BatchBody>(&message)) keep(*body);
  if (const auto* proof = std::get_if<wire::CheckpointProof>(&message)) proven(*proof);
  if (const auto* left = std::get_if<wire::Signed<wire::ViewChange>>(&message)) {
    if (left->message.stable) proven(*left->message.stable);
    view_changes_[left->message.view].insert_or_assign(from, wire::SignedViewChange{from, *left});
    if (view_changes_.size() > views_max) view_changes_.erase(view_changes_.begin());
  }
}

void Hearsay::keep(const wire::BatchBody& body) {
  const Digest digest = wire::batch_digest(body.batch, body.agreed);
  if (!batches_.try_emplace(digest, body).second) return;
  order_.push_back(digest);
  if (order_.size() <= batches_max) return;
  batches_.erase(order_.front());
  order_.erase(order_.begin());
}

Digest Hearsay::any_digest(Rng& rng) const {
  if (digests_.empty() || rng.chance(300'000)) return Digest{rng.bytes<32>()};
  return digests_[rng.below(digests_.size())];
}

std::optional<Digest> Hearsay::voted_for(Seq seq) const {
  const auto found = voted_.find(seq);
  if (found == voted_.end()) return std::nullopt;
  return found->second;
}

const wire::BatchBody* Hearsay::batch(const Digest& digest) const {
  const auto found = batches_.find(digest);
  return found == batches_.end() ? nullptr : &found->second;
}

const std::map<ReplicaId, wire::SignedViewChange>& Hearsay::view_changes(View view) const {
  static const std::map<ReplicaId, wire::SignedViewChange> none;
  const auto found = view_changes_.find(view);
  return found == view_changes_.end() ? none : found->second;
}

wire::ViewChange Hearsay::ignorant(View view) const { return {view, stable_, {}, {}}; }

wire::ViewChange Hearsay::boastful(View view, const Plot& plot) const {
  wire::ViewChange message = ignorant(view);
  if (view.value == 0) return message;
  const View before{view.value - 1};
  Rng dice = plot.dice(view.value * 13 + 5);
  const bool all_null = order_.empty() || dice.chance(500'000);
  for (std::uint64_t i = 1; i <= plot.window; ++i) {
    if (dice.chance(200'000)) continue;
    const Digest digest = all_null ? pbft::null_body().digest : order_[dice.below(order_.size())];
    const wire::PreparedEntry entry{message.low() + i, digest, before};
    message.prepared.items.push_back(entry);
    message.pre_prepared.items.push_back(entry);
  }
  return message;
}

}  // namespace prytany::sim
