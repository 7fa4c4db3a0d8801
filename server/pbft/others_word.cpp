// What f+1 others' PREPAREs say of a proposal, one of which is a correct replica's (beyond the
// papers; docs/decisions/0031). A primary may keep a PRE-PREPARE from some backups: those who have
// it are one vote short of a quorum then, and wait for the primary's own, which it gives when it
// likes. So whoever lacks what f+1 others vote for asks them for the batch, and votes, too. And who
// was told of another batch, and sees the number hang, knows that the primary lies, and leaves it.
#include "server/pbft/core.h"

namespace prytany::pbft {

/// That weak_quorum() others voted for in this view; not `but`, for which as many may have, where f
/// is two or more.
std::optional<Digest> Replica::Core::others_word(const Slot& slot,
                                                 const std::optional<Digest>& but) const {
  for (const auto& vote : slot.prepares)
    if (vote.value != but &&
        slot.prepares.count_others(vote.value, config_.self) >= config_.group.weak_quorum())
      return vote.value;
  return std::nullopt;
}

/// Another batch than this one.
bool Replica::Core::others_vote_against(const Slot& slot, const Digest& digest) const {
  return !is_primary() && others_word(slot, digest);
}

/// Requires: f+1 others' word, now. A proposal may be longer on its way than a vote for it, and a
/// lie that is outvoted does no harm, for once: so a while later is soon enough.
void Replica::Core::note_others_word(Seq seq, const Slot& slot) {
  if (is_primary() || diverged_ || slot.committed()) return;
  const auto mine = promised(slot);
  if (mine && others_word(slot, mine)) {
    blamed_.try_emplace(primary(), Refusal::conflicting_pre_prepare);
    if (std::exchange(lied_to_, true)) return leave_who_lies(seq);
    lacking_.insert({now_ + config_.retransmit_us, seq});
  } else if (slot.proposed() == nullptr) {
    lacking_.insert({now_ + config_.slow_after_us, seq});
  }
}

/// What this view's primary said of it to me, in whatever form, also before a restart.
std::optional<Digest> Replica::Core::promised(const Slot& slot) const {
  if (slot.proposed() != nullptr) return slot.proposed()->digest;
  if (const Digest* voted = slot.prepares.of(config_.self)) return *voted;
  return slot.chosen() ? slot.chosen() : slot.announced;
}

void Replica::Core::leave_who_lies(Seq seq) {
  say("n", seq, " is another batch for ", config_.group.weak_quorum(),
      " others than for me -> leave view ", view_, ": r", primary(), " lies");
  leave_view(view_ + 1);
}

/// Asks one of those who voted for it at a time, since all but one of them may lie.
void Replica::Core::follow_others(Seq seq) {
  Slot* const slot = window_.find(seq);
  if (slot == nullptr || slot->committed() || diverged_) return;
  const auto mine = promised(*slot);
  if (mine && others_word(*slot, mine)) return leave_who_lies(seq);
  const auto theirs = others_word(*slot);
  if (!theirs || slot->proposed() != nullptr) return;
  trace("n", seq, " has ", config_.group.weak_quorum(),
        " others' votes and no pre-prepare here -> take it from them");
  if (const Body* held = slot->body(*theirs))
    return on(primary(), wire::PrePrepare{view_, seq, held->batch, held->agreed});
  ask_for_body(seq, *slot, *theirs);
  lacking_.insert({now_ + config_.retransmit_us, seq});
}

/// As if the primary had sent its PRE-PREPARE: it did, to one who is correct.
bool Replica::Core::stands_for_pre_prepare(const Slot& slot, const Digest& digest) const {
  if (!active_ || slot.proposed() != nullptr || slot.chosen()) return false;
  if (slot.announced == digest) return true;
  return !slot.committed() && !is_primary() && others_word(slot) == digest;
}

}  // namespace prytany::pbft
