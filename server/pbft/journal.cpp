#include "server/pbft/journal.h"

#include <algorithm>

namespace prytany::pbft {
namespace {

template <class... Fs>
struct Overloaded : Fs... {
  using Fs::operator()...;
};
template <class... Fs>
Overloaded(Fs...) -> Overloaded<Fs...>;

Digest digest_of(const wire::PrePrepare& m) { return wire::batch_digest(m.batch, m.agreed); }

/// The latest one first; of each batch one.
void remember_batch(RecoveredSlot& slot, wire::PrePrepare latest) {
  if (slot.pre_prepare && digest_of(*slot.pre_prepare) != digest_of(latest)) {
    std::erase_if(slot.earlier, [digest = digest_of(latest)](const wire::PrePrepare& m) {
      return digest_of(m) == digest;
    });
    slot.earlier.push_back(*std::move(slot.pre_prepare));
  }
  slot.pre_prepare = std::move(latest);
}

const wire::PrePrepare* find_batch(const RecoveredSlot& slot, const Digest& digest) {
  if (slot.pre_prepare && digest_of(*slot.pre_prepare) == digest) return &*slot.pre_prepare;
  for (const wire::PrePrepare& m : slot.earlier)
    if (digest_of(m) == digest) return &m;
  return nullptr;
}

Error disk_loss(const std::string& what) {
  return Error{what + " Treat this as loss of the disk.", true};
}

void remember_vote(std::vector<wire::PrePreparedEntry>& q, const wire::Prepare& vote) {
  std::erase_if(q, [&](const auto& entry) { return entry.digest == vote.digest; });
  q.push_back({vote.seq, vote.digest, vote.view});
}

}  // namespace

void Recovery::add(JournalRecord record) {
  if (state_.first_boot) {
    const auto* opening = std::get_if<StableRecord>(&record);
    if (opening != nullptr && opening->proof) begins_at_ = opening->proof->checkpoint.seq;
  }
  state_.first_boot = false;
  const auto in_view = [&](View view) { state_.view = std::max(state_.view, view); };
  std::visit(
      Overloaded{[&](StableRecord& r) {
                   in_view(r.view);
                   if (r.proof)
                     proofs_.insert_or_assign(r.proof->checkpoint.seq, *std::move(r.proof));
                 },
                 [&](PrePreparedRecord& r) {
                   in_view(r.pre_prepare.view);
                   RecoveredSlot& slot = state_.slots[r.pre_prepare.seq];
                   remember_batch(slot, std::move(r.pre_prepare));
                 },
                 [&](PreparedVote& r) {
                   in_view(r.vote.view);
                   RecoveredSlot& slot = state_.slots[r.vote.seq];
                   slot.prepare = r.vote;
                   remember_vote(slot.pre_prepared, r.vote);
                 },
                 [&](CommitVote& r) {
                   in_view(r.vote.view);
                   RecoveredSlot& slot = state_.slots[r.vote.seq];
                   slot.commit = r.vote;
                   if (r.prepared) slot.prepared = r.vote;
                 },
                 [&](CommittedRecord& r) {
                   RecoveredSlot& slot = state_.slots[r.committed.seq];
                   if (r.by_reference) {
                     // Without the record it refers to it says nothing that others cannot
                     // tell again.
                     const wire::PrePrepare* held = find_batch(slot, r.committed.digest);
                     if (held == nullptr) return;
                     r.batch = held->batch;
                     r.agreed = held->agreed;
                   }
                   slot.committed = std::move(r);
                 },
                 [&](ViewChangeRecord& r) {
                   in_view(r.sent.view);
                   state_.view_change = std::move(r.sent);
                 },
                 [&](NewViewRecord& r) {
                   const View entered = r.accepted.message.view;
                   in_view(entered);
                   if (state_.view_change && state_.view_change->view <= entered)
                     state_.view_change.reset();
                   state_.new_view = std::move(r.accepted);
                 },
                 [&](const DiscardedRecord& r) { begins_at_ = std::max(begins_at_, r.seq); }},
      record);
}

bool Recovery::vouches_for(const Digest& state) const {
  return std::ranges::any_of(
      proofs_, [&](const auto& entry) { return entry.second.checkpoint.state == state; });
}

Result<Recovered> Recovery::finish(Seq image, const Digest& image_state, View first_view) && {
  state_.image = image;
  if (image < begins_at_)
    return disk_loss(
        "state.db is at " + std::to_string(image.value) + ", but was at " +
        std::to_string(begins_at_.value) +
        " when the journal was shortened: the file was emptied, or replaced by an older "
        "one. What this replica voted since is forgotten.");
  if (image > Seq{0}) {
    const auto proof = proofs_.find(image);
    if (proof == proofs_.end())
      return disk_loss("the journal holds no proof of checkpoint " + std::to_string(image.value) +
                       ", which state.db is at: they are not of one replica and time.");
    if (proof->second.checkpoint.state != image_state)
      return disk_loss("state.db at " + std::to_string(image.value) + " has digest " +
                       image_state.brief() + ", but " + proof->second.checkpoint.state.brief() +
                       " was certified: the file was changed.");
    state_.stable = std::move(proof->second);
  }
  if (!proofs_.empty() && proofs_.rbegin()->first > image)
    state_.certified = std::move(proofs_.rbegin()->second);
  state_.view = std::max(state_.view, first_view);
  if (state_.view_change && state_.view_change->view <= first_view) state_.view_change.reset();
  if (state_.new_view && state_.new_view->message.view <= first_view) state_.new_view.reset();
  state_.slots.erase(state_.slots.begin(), state_.slots.upper_bound(image));
  return std::move(state_);
}

}  // namespace prytany::pbft
