#include "server/pbft/view_change.h"

#include <algorithm>
#include <functional>

namespace prytany::pbft {
namespace {

/// In (h, h + L], and in a view before the one asked for.
bool plausible(const wire::PreparedEntry& entry, const wire::ViewChange& message,
               std::uint64_t window) {
  return entry.seq > message.low() && entry.seq - message.low() <= window &&
         entry.view < message.view;
}

}  // namespace

void ViewChanges::pre_prepared(Seq seq, const Digest& digest, View view) {
  std::vector<wire::PrePreparedEntry>& entries = q_[seq];
  std::erase_if(entries, [&](const auto& entry) { return entry.digest == digest; });
  entries.push_back({seq, digest, view});
  // Votes are cast in ascending views, so the first is the oldest. Leaving it out can only make
  // condition A2 harder to meet for it: a question of liveness, never of safety. It costs liveness
  // only if a correct replica still holds it in P, that is, has neither entered nor heard of any of
  // the later views in which the number was given to four other batches, one after the other; the
  // status exchange tells it of the last of them, and decided() then lets it go
  // (docs/decisions/0011).
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

/// Let the NEW-VIEW for w choose c for n (null where it lists nothing, up to the end of the
/// window), and let (n, d) be prepared in some view before w, d other than c. If d had been
/// committed, or still could be, in a view before w, plan_new_view() would have chosen it. So no
/// later view needs to be told of it by me. What is at or below the start is not decided here: it
/// is in the checkpoint, which a later view may start below.
void ViewChanges::decided(const wire::NewView& message) {
  const auto& choices = message.choices.items;
  std::erase_if(p_, [&](const auto& of_seq) {
    const wire::PreparedEntry& entry = of_seq.second;
    if (entry.seq <= message.start.seq || entry.view >= message.view) return false;
    const std::uint64_t index = entry.seq - message.start.seq - 1;
    return index >= choices.size() || choices[index].digest != entry.digest;
  });
}

bool ViewChanges::pins(Seq seq, const Digest& digest) const {
  if (const auto p = p_.find(seq); p != p_.end() && p->second.digest == digest) return true;
  const auto q = q_.find(seq);
  return q != q_.end() && std::any_of(q->second.begin(), q->second.end(),
                                      [&](const auto& entry) { return entry.digest == digest; });
}

std::vector<wire::PreparedEntry> ViewChanges::p() const {
  std::vector<wire::PreparedEntry> all;
  all.reserve(p_.size());
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

wire::ViewChange ViewChanges::make(View view, std::optional<wire::CheckpointProof> stable) const {
  return {view, std::move(stable), {p()}, {q()}};
}

std::optional<Refusal> ViewChanges::refuse(const Config& config, const wire::ViewChange& message) {
  constexpr auto malformed = Refusal::view_change_malformed;
  if (message.view <= config.first_view) return malformed;
  // Genesis needs no proof, and there is none.
  if (message.stable && message.low() == Seq{0}) return malformed;
  if (message.low().value % config.checkpoint_interval != 0) return malformed;
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

std::optional<Refusal> ViewChanges::store(ReplicaId from, View entered,
                                          const wire::Signed<wire::ViewChange>& message) {
  if (message.message.view <= entered) return Refusal::stale_view;
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

const wire::Signed<wire::ViewChange>* ViewChanges::of(ReplicaId sender) const {
  const auto it = stored_.find(sender);
  return it == stored_.end() ? nullptr : &it->second;
}

unsigned ViewChanges::asking_from(View view) const {
  return static_cast<unsigned>(
      std::count_if(stored_.begin(), stored_.end(),
                    [&](const auto& of_sender) { return of_sender.second.message.view >= view; }));
}

std::optional<View> ViewChanges::wanted_by_some_correct() const {
  std::vector<View> wanted;
  for (const auto& [from, message] : stored_)
    if (from != config_.self) wanted.push_back(message.message.view);
  const std::size_t nth = config_.group.weak_quorum() - 1;
  if (nth >= wanted.size()) return std::nullopt;
  std::sort(wanted.begin(), wanted.end(), std::greater<>());
  return wanted[nth];
}

void ViewChanges::entered(View view) {
  std::erase_if(stored_,
                [&](const auto& of_sender) { return of_sender.second.message.view <= view; });
}

}  // namespace prytany::pbft
