#include "server/node/outbox.h"

#include <span>

namespace prytany::node {
namespace {

// Well below limits::frame_bytes_max, so that one message more always fits.
constexpr std::size_t frame_bytes_soft_max = 1 << 20;

}  // namespace

void Outbox::up(ReplicaId peer, wire::LinkKeys keys) {
  peers_.erase(peer);
  peers_.emplace(peer, Peer{std::move(keys), {}});
}

void Outbox::down(ReplicaId peer) { peers_.erase(peer); }

void Outbox::add(std::optional<ReplicaId> to, const wire::PeerMessage& message) {
  if (to) {
    const auto found = peers_.find(*to);
    if (found == peers_.end()) return;
    found->second.waiting.push_back(encode(message));
    return;
  }
  if (peers_.empty()) return;
  const auto encoded = encode(message);
  for (auto& [id, peer] : peers_) peer.waiting.push_back(encoded);
}

std::shared_ptr<const wire::EncodedMessage> Outbox::encode(const wire::PeerMessage& message) const {
  const auto signed_vote = [&](const auto& vote) {
    const VoteSigning& by = *vote_signing_;
    return wire::PeerMessage(wire::sign(by.membership, by.self, by.signer, vote));
  };
  if (vote_signing_) {
    if (const auto* prepare = std::get_if<wire::Prepare>(&message))
      return std::make_shared<const wire::EncodedMessage>(
          wire::encode_message(signed_vote(*prepare)));
    if (const auto* commit = std::get_if<wire::Commit>(&message))
      return std::make_shared<const wire::EncodedMessage>(
          wire::encode_message(signed_vote(*commit)));
  }
  return std::make_shared<const wire::EncodedMessage>(wire::encode_message(message));
}

void Outbox::flush() {
  for (auto& [id, peer] : peers_)
    if (!peer.waiting.empty()) flush(id, peer);
}

void Outbox::flush(ReplicaId id, Peer& peer) {
  const std::span<const std::shared_ptr<const wire::EncodedMessage>> all(peer.waiting);
  std::size_t first = 0;
  std::size_t bytes = 0;
  std::size_t signatures = 0;
  for (std::size_t i = 0; i < all.size(); ++i) {
    bytes += all[i]->bytes.size();
    signatures += all[i]->signatures;
    const bool full = bytes > frame_bytes_soft_max || i - first == limits::frame_messages_max ||
                      signatures > limits::frame_signatures_max;
    if (i == first || !full) continue;
    transport_.send(id, wire::seal(config_, peer.keys.send, all.subspan(first, i - first)));
    first = i;
    bytes = all[i]->bytes.size();
    signatures = all[i]->signatures;
  }
  transport_.send(id, wire::seal(config_, peer.keys.send, all.subspan(first)));
  peer.waiting.clear();
}

}  // namespace prytany::node
