#include "server/pbft/view_change.h"

#include <algorithm>

namespace prytany::pbft {
namespace {

/// In (stable, stable + L], and in a view before the one asked for.
bool plausible(const wire::PreparedEntry& entry, const wire::ViewChange& message,
               std::uint64_t window) {
  return entry.seq > message.stable && entry.seq - message.stable <= window &&
         entry.view < message.view;
}

}  // namespace

void ViewChanges::pre_prepared(Seq seq, const Digest& digest, View view) {
  std::vector<wire::PrePreparedEntry>& entries = q_[seq];
  std::erase_if(entries, [&](const auto& entry) { return entry.digest == digest; });
  entries.push_back({seq, digest, view});
  // Votes are cast in ascending views, so the first is the oldest. Leaving it out can only make
  // condition A2 harder to meet for it: a question of liveness, never of safety.
  if (entries.size() > digests_per_number_max) entries.erase(entries.begin());
}

void ViewChanges::prepared(Seq seq, const Digest& digest, View view) {
  wire::PreparedEntry& entry = p_[seq];
  if (view >= entry.view) entry = {seq, digest, view};
}

void ViewChanges::discard(Seq seq) {
  p_.erase(p_.begin(), p_.upper_bound(seq));
  q_.erase(q_.begin(), q_.upper_bound(seq));
}

std::vector<wire::PreparedEntry> ViewChanges::p() const {
  std::vector<wire::PreparedEntry> all;
  for (const auto& [seq, entry] : p_) all.push_back(entry);
  return all;
}

std::vector<wire::PrePreparedEntry> ViewChanges::q() const {
  std::vector<wire::PrePreparedEntry> all;
  for (const auto& [seq, entries] : q_) {
    all.insert(all.end(), entries.begin(), entries.end());
    std::sort(all.end() - static_cast<std::ptrdiff_t>(entries.size()), all.end(),
              [](const auto& a, const auto& b) { return a.digest < b.digest; });
  }
  return all;
}

wire::ViewChange ViewChanges::make(View view, Seq stable, std::vector<wire::Checkpoint> own) const {
  return {view, stable, {std::move(own)}, {p()}, {q()}};
}

std::optional<Refusal> ViewChanges::refuse(const Config& config, const wire::ViewChange& message) {
  constexpr auto malformed = Refusal::view_change_malformed;
  const std::uint64_t k = config.checkpoint_interval;
  if (message.view == View{0} || message.stable.value % k != 0) return malformed;
  const auto& checkpoints = message.checkpoints.items;
  // C begins with the stable one; a correct replica always holds that.
  if (checkpoints.empty() || checkpoints.front().seq != message.stable) return malformed;
  for (std::size_t i = 0; i < checkpoints.size(); ++i) {
    const Seq seq = checkpoints[i].seq;
    if (seq.value % k != 0 || seq - message.stable > config.window) return malformed;
    if (i > 0 && checkpoints[i - 1].seq >= seq) return malformed;
  }
  const auto& p = message.prepared.items;
  for (std::size_t i = 0; i < p.size(); ++i) {
    if (!plausible(p[i], message, config.window)) return malformed;
    if (i > 0 && p[i - 1].seq >= p[i].seq) return malformed;
  }
  const auto& q = message.pre_prepared.items;
  for (std::size_t i = 0; i < q.size(); ++i) {
    if (!plausible(q[i], message, config.window)) return malformed;
    if (i > 0 && std::tie(q[i - 1].seq, q[i - 1].digest) >= std::tie(q[i].seq, q[i].digest))
      return malformed;
    if (i >= digests_per_number_max && q[i - digests_per_number_max].seq == q[i].seq)
      return malformed;
  }
  return std::nullopt;
}

std::optional<Refusal> ViewChanges::store(ReplicaId from, View current,
                                          const wire::Signed<wire::ViewChange>& message) {
  if (message.message.view <= current) return Refusal::stale_view;
  if (auto refusal = refuse(config_, message.message)) return refusal;
  const auto held = stored_.find(from);
  if (held != stored_.end() && held->second.message.view >= message.message.view)
    return Refusal::view_change_old;
  stored_.insert_or_assign(from, message);
  return std::nullopt;
}

std::vector<wire::SignedViewChange> ViewChanges::stored(View view) const {
  std::vector<wire::SignedViewChange> all;
  for (const auto& [from, message] : stored_)
    if (message.message.view == view) all.push_back({from, message});
  return all;
}

}  // namespace prytany::pbft
