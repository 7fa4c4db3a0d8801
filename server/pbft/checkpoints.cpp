#include "server/pbft/checkpoints.h"

#include <algorithm>

namespace prytany::pbft {
namespace {

wire::CheckpointProof proof_of(const wire::Checkpoint& checkpoint,
                               std::vector<wire::SignerAndSignature> signatures) {
  std::sort(signatures.begin(), signatures.end(),
            [](const auto& a, const auto& b) { return a.signer < b.signer; });
  return {checkpoint, {std::move(signatures)}};
}

}  // namespace

void Checkpoints::take(ReplicaId self, const wire::Signed<wire::Checkpoint>& mine) {
  const Seq seq = mine.message.seq;
  const auto known = mine_.find(seq);
  ENSURE(known == mine_.end() || known->second.message == mine.message);
  mine_.insert_or_assign(seq, mine);
  votes_[seq].add(self, {mine.message, mine.signature});
}

Added Checkpoints::add(ReplicaId from, const wire::Signed<wire::Checkpoint>& vote) {
  return votes_[vote.message.seq].add(from, {vote.message, vote.signature});
}

Added Checkpoints::add_above(ReplicaId from, const wire::Signed<wire::Checkpoint>& vote) {
  const auto known = above_.find(from);
  if (known != above_.end()) {
    const wire::Checkpoint& before = known->second.checkpoint;
    if (before == vote.message) return Added::repeated;
    if (before.seq == vote.message.seq) return Added::conflicting;
    if (before.seq > vote.message.seq) return Added::repeated;
  }
  above_.insert_or_assign(from, Vote{vote.message, vote.signature});
  return Added::counted;
}

std::optional<wire::CheckpointProof> Checkpoints::proof(Seq seq) const {
  const auto it = votes_.find(seq);
  if (it == votes_.end()) return std::nullopt;
  const auto winner = it->second.winner(group_.quorum());
  if (!winner) return std::nullopt;
  std::vector<wire::SignerAndSignature> signatures;
  for (const auto& vote : it->second)
    if (vote.value == *winner) signatures.push_back({vote.from, vote.value.signature});
  return proof_of(winner->checkpoint, std::move(signatures));
}

std::optional<wire::CheckpointProof> Checkpoints::proof_above() const {
  for (const auto& [from, candidate] : above_) {
    std::vector<wire::SignerAndSignature> signatures;
    for (const auto& [signer, vote] : above_)
      if (vote.checkpoint == candidate.checkpoint) signatures.push_back({signer, vote.signature});
    if (signatures.size() >= group_.quorum())
      return proof_of(candidate.checkpoint, std::move(signatures));
  }
  return std::nullopt;
}

std::optional<Digest> Checkpoints::mine(Seq seq) const {
  const auto it = mine_.find(seq);
  if (it == mine_.end()) return std::nullopt;
  return it->second.message.state;
}

std::vector<wire::Signed<wire::Checkpoint>> Checkpoints::mine_above(Seq seq) const {
  std::vector<wire::Signed<wire::Checkpoint>> all;
  for (auto it = mine_.upper_bound(seq); it != mine_.end(); ++it) all.push_back(it->second);
  return all;
}

unsigned Checkpoints::differing(Seq seq) const {
  const auto own = mine(seq);
  const auto it = votes_.find(seq);
  if (!own || it == votes_.end()) return 0;
  return static_cast<unsigned>(
      std::count_if(it->second.begin(), it->second.end(),
                    [&](const auto& vote) { return vote.value.checkpoint.state != *own; }));
}

void Checkpoints::forget_mine(ReplicaId self) {
  mine_.clear();
  for (auto& [seq, votes] : votes_) votes.erase(self);
}

void Checkpoints::discard(Seq seq) {
  votes_.erase(votes_.begin(), votes_.upper_bound(seq));
  mine_.erase(mine_.begin(), mine_.upper_bound(seq));
  std::erase_if(above_, [&](const auto& entry) { return entry.second.checkpoint.seq <= seq; });
}

}  // namespace prytany::pbft
